"""Volumes and diameters of shapes whose true measures are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.errors import MeasureError
from echoseg.types import Geometry
from echoseg.volumetry import longest_diameters, volume_ml, voxel_ml

PIXEL_MM = 0.5


def ellipse(size, centre, radii, turn=0.0, spacing=(PIXEL_MM, PIXEL_MM)):
    """``(H, W)`` bool: pixels whose centre lies in a turned ellipse; centre and radii in mm, x then y."""
    ys, xs = np.indices(size) + 0.5
    x, y = xs * spacing[1] - centre[0], ys * spacing[0] - centre[1]
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    return (u / radii[0]) ** 2 + (v / radii[1]) ** 2 <= 1


def ball(radius, spacing, size):
    """``(T, H, W)``: a ball of ``radius`` mm in the middle of a grid with ``spacing`` (slice, row, column) mm."""
    z, y, x = (np.indices(size).T + 0.5).T * np.reshape(spacing, (3, 1, 1, 1))
    middle = np.multiply(size, spacing) / 2
    return (z - middle[0]) ** 2 + (y - middle[1]) ** 2 + (x - middle[2]) ** 2 <= radius**2


def test_a_voxel_block_has_exactly_its_volume():
    mask = np.zeros((9, 20, 20), bool)
    mask[2:6, 3:13, 5:15] = True  # 4 x 10 x 10 voxels of 5 x 0.5 x 2 mm
    assert volume_ml(mask, Geometry((0.5, 2.0), 5.0)) == pytest.approx(2.0, abs=1e-12)


def test_the_affine_counts_also_when_it_is_sheared():
    tilted = np.diag([2.0, 0.5, 5.0, 1.0])
    tilted[1, 2] = 3.0  # slices shifted against each other: the same volume
    assert voxel_ml(Geometry((0.5, 2.0), 5.83, tilted)) == pytest.approx(0.005, abs=1e-12)


@pytest.mark.parametrize("geometry", [Geometry(), Geometry((1.0, 1.0)), Geometry(None, 3.0)])
def test_without_spacing_there_are_no_millilitres(geometry):
    assert volume_ml(np.ones((2, 2, 2), bool), geometry) is None


def test_a_ball_on_an_anisotropic_grid():
    spacing = (2.5, 0.8, 0.6)
    mask = ball(20.0, spacing, (21, 64, 84))
    assert volume_ml(mask, Geometry(spacing[1:], spacing[0])) == pytest.approx(4 / 3 * np.pi * 8.0, rel=0.01)
    found = longest_diameters(mask, spacing[1:])
    assert found.slice == 10  # the middle one
    assert found.long.mm == pytest.approx(40.0, abs=0.8)
    assert found.short.mm == pytest.approx(40.0, abs=0.8)


@pytest.mark.parametrize("turn", [0.0, 0.3, np.pi / 4, 1.2, np.pi / 2, 2.5])
def test_a_turned_ellipse_shows_its_axes(turn):
    mask = ellipse((120, 120), (30, 30), (24, 9), turn)
    found = longest_diameters(mask[None], (PIXEL_MM, PIXEL_MM))
    assert found.long.mm == pytest.approx(48, abs=PIXEL_MM)
    assert found.short.mm == pytest.approx(18, abs=PIXEL_MM)
    x, y = np.subtract(found.long.end, found.long.start) * PIXEL_MM
    # An ellipse is flat at its tips: the farthest pair of border points may sit a few pixels beside them.
    assert abs(x * np.sin(turn) - y * np.cos(turn)) / found.long.mm < 0.1
    assert found.product_mm2 == pytest.approx(48 * 18, rel=0.03)


def test_a_tilted_ellipsoid_is_measured_on_its_widest_slice():
    # Tilted about y by `a`: the slice through the centre cuts it in an ellipse whose half axis along x follows from
    # (x cos a)² / A² + (x sin a)² / C² = 1.
    a, radii = 0.5, (20.0, 8.0, 12.0)
    z, y, x = np.indices((41, 80, 120)) + 0.5
    z, y, x = (z - 20.5) * 1.5, (y - 40) * 0.5, (x - 60) * 0.5
    u, w = np.cos(a) * x + np.sin(a) * z, np.cos(a) * z - np.sin(a) * x
    mask = (u / radii[0]) ** 2 + (y / radii[1]) ** 2 + (w / radii[2]) ** 2 <= 1
    half = 1 / np.sqrt((np.cos(a) / radii[0]) ** 2 + (np.sin(a) / radii[2]) ** 2)
    found = longest_diameters(mask, (0.5, 0.5))
    assert found.slice == 20
    assert found.long.mm == pytest.approx(2 * half, abs=0.5)
    assert found.short.mm == pytest.approx(16, abs=0.5)
    assert volume_ml(mask, Geometry((0.5, 0.5), 1.5)) == pytest.approx(4 / 3 * np.pi * np.prod(radii) / 1000, rel=0.01)


def test_a_box_by_hand():
    mask = np.zeros((1, 20, 30), bool)
    mask[0, 4:10, 5:25] = True  # 6 rows, 20 columns
    found = longest_diameters(mask, (1.0, 1.0))
    # from the middle of one end pixel's outer side to that of the opposite corner
    assert found.long.mm == pytest.approx(np.hypot(20, 5))
    assert {found.long.start, found.long.end} in ({(5.0, 4.5), (25.0, 9.5)}, {(5.0, 9.5), (25.0, 4.5)})


def test_one_pixel_is_one_pixel_long():
    mask = np.zeros((3, 5, 5), bool)
    mask[1, 2, 3] = True
    found = longest_diameters(mask, (0.5, 2.0))
    assert (found.slice, found.long.mm, found.short.mm) == (1, 2.0, 0.5)


def test_anisotropic_pixels_decide_which_axis_is_longest():
    mask = np.zeros((1, 40, 40), bool)
    mask[0, 10:30, 15:25] = True  # more rows than columns, but columns are wider
    found = longest_diameters(mask, (0.2, 4.0))
    assert abs(found.long.end[0] - found.long.start[0]) == 10


def test_of_equal_slices_the_first_is_named():
    assert longest_diameters(np.ones((4, 6, 6), bool), (1.0, 1.0)).slice == 0


def test_nothing_to_measure_gives_nothing():
    assert longest_diameters(np.zeros((2, 4, 4), bool), (1.0, 1.0)) is None
    assert longest_diameters(np.ones((2, 4, 4), bool), None) is None
    with pytest.raises(MeasureError, match="T, H, W"):
        longest_diameters(np.ones((4, 4), bool), (1.0, 1.0))


@settings(max_examples=60)
@given(
    mask=st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=7, max_size=7).map(np.array).filter(np.any),
    spacing=st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)),
)
def test_the_axes_are_perpendicular_and_the_short_one_is_shorter(mask, spacing):
    found = longest_diameters(mask[None], spacing)
    scale = np.array([spacing[1], spacing[0]])
    long, short = (np.subtract(axis.end, axis.start) * scale for axis in (found.long, found.short))
    assert abs(long @ short) <= 1e-6 * max(1.0, found.long.mm * found.short.mm)
    assert found.short.mm <= found.long.mm * (1 + 1e-9)
    # no two pixels of the mask are farther apart than the longest diameter
    centres = np.argwhere(mask) * np.array(spacing)
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2).max()
    assert apart <= found.long.mm + 1e-9
