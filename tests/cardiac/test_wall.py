import cv2
import numpy as np
import pytest
from ventricle_shapes import Ventricle

from echoseg.cardiac import lv_mass, wall_thickness
from echoseg.errors import MeasureError


def ring(inner_mm, outer_mm, spacing):
    y, x = np.mgrid[: round(100 / spacing[0]), : round(100 / spacing[1])] + 0.5
    radius = np.hypot(x * spacing[1] - 50, y * spacing[0] - 50)
    return radius < inner_mm, (radius >= inner_mm) & (radius < outer_mm)


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.308, 0.154)])
def test_a_rings_wall_and_mass(spacing):
    cavity, wall = ring(20, 30, spacing)
    thickness = wall_thickness(cavity, wall, spacing, "short-axis")
    assert thickness == pytest.approx(np.full(len(thickness), 10.0), abs=0.25)
    a1, a2 = np.pi * 30**2, np.pi * 20**2
    assert lv_mass(cavity, wall, spacing, 80) == pytest.approx(1.05 * 5 / 6 * (a1 * 90 - a2 * 80) / 1000, rel=0.005)


def test_a_wall_that_does_not_go_round_has_no_mass():
    cavity, wall = ring(20, 30, (0.5, 0.5))
    half = wall.copy()
    half[:100] = False
    speck = np.zeros_like(wall)
    speck[:3, :3] = True
    _, apart = ring(21.5, 30, (0.5, 0.5))  # beside the cavity, and open: the cavity is not within it
    apart[:100, 98:102] = False
    for part in (half, speck, apart):
        with pytest.raises(MeasureError, match="surround|gap"):
            lv_mass(cavity, part, (0.5, 0.5), 80)
    with pytest.raises(MeasureError, match="gap"):
        wall_thickness(cavity, apart, (0.5, 0.5), "short-axis")


@pytest.mark.parametrize("tilt", [0, 25])
def test_an_apical_wall_is_as_thick_as_it_was_made_and_the_mitral_side_has_none(tilt):
    shape = Ventricle(60, 25, 0.3, tilt=tilt)
    cavity = shape.mask((0.5, 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (33, 33))
    y, x = np.mgrid[: cavity.shape[0], : cavity.shape[1]] + 0.5
    above = (np.stack([x / 2, y / 2], axis=-1) - shape.base) @ shape.along > 0
    wall = (cv2.dilate(cavity.astype(np.uint8), kernel) > 0) & ~cavity & above
    thickness = wall_thickness(cavity, wall, (0.5, 0.5), "apical")
    assert np.median(thickness) == pytest.approx(8, abs=0.3)
    assert thickness.min() > 6.5


def test_without_wall_spacing_length_or_view_nothing_is_measured():
    cavity, wall = ring(20, 30, (0.5, 0.5))
    for call in (
        lambda: wall_thickness(cavity, wall & False, (0.5, 0.5), "apical"),
        lambda: wall_thickness(cavity, wall, None, "apical"),
        lambda: wall_thickness(cavity, wall, (0.5, 0.5), "A4C"),
        lambda: lv_mass(cavity, wall[1:], (0.5, 0.5), 80),
        lambda: lv_mass(cavity, wall, (0.5, 0.5), 0),
    ):
        with pytest.raises(MeasureError):
            call()
