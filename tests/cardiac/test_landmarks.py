import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ventricle_shapes import Ventricle, rough

from echoseg.cardiac import endocardial_contour, measure_frames, measure_view
from echoseg.cardiac.landmarks import upside_down

CUTS = [0.0, 0.3, 0.6]


def errors_mm(shape, spacing, mask=None):
    found = measure_view(shape.mask(spacing) if mask is None else mask, spacing).landmarks
    return (
        np.hypot(*(found.hinges - shape.hinges).T).max(),
        np.hypot(*(found.base - shape.base)),
        abs(found.length - shape.length),
    )


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("tilt", [-45, -20, 0, 20, 45])
def test_hinges_and_long_axis_of_a_cut_ellipse(cut, tilt):
    hinge, base, length = errors_mm(Ventricle(cut=cut, tilt=tilt), (0.5, 0.5))
    assert hinge < 1.5
    assert base < 1.0
    assert length < 1.0


@pytest.mark.parametrize("spacing", [(0.308, 0.154), (0.4, 0.8), (1.5, 1.0)])
def test_anisotropic_pixels_change_nothing_in_millimetres(spacing):
    hinge, base, length = errors_mm(Ventricle(tilt=25), spacing)
    coarse = max(spacing)
    assert hinge < 1 + 1.5 * coarse
    assert base < 0.5 + coarse
    assert length < 0.5 + coarse


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("tilt", [-45, 0, 30])
def test_one_pixel_noise_moves_the_long_axis_by_less_than_a_millimetre_and_a_half(cut, tilt):
    shape = Ventricle(cut=cut, tilt=tilt)
    hinge, _, length = errors_mm(shape, (0.5, 0.5), rough(shape.mask(), seed=tilt + 50))
    assert hinge < 2.5
    assert length < 1.5


def test_a_mirrored_mask_has_mirrored_landmarks():
    mask = rough(Ventricle(tilt=15).mask())
    found, mirrored = (measure_view(m).landmarks for m in (mask, mask[:, ::-1]))
    flipped = mirrored.hinges[::-1] * (-1, 1) + (mask.shape[1], 0)
    np.testing.assert_allclose(found.hinges, flipped, atol=1.5)
    assert found.length == pytest.approx(mirrored.length, rel=0.01)


@pytest.mark.parametrize("radius", [3, 8])
def test_rounded_corners_do_not_hide_the_base(radius):
    shape = Ventricle(cut=0.5, tilt=20)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    rounded = cv2.morphologyEx(shape.mask().astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    _, base, length = errors_mm(shape, (0.5, 0.5), rounded)
    assert base < 2
    assert length < 2


@settings(max_examples=30)
@given(
    long=st.floats(35, 65),
    slender=st.floats(1.5, 2.6),
    cut=st.floats(0.0, 0.7),
    tilt=st.floats(-45, 45),
    pixel=st.floats(0.6, 1.2),
    seed=st.integers(0, 99),
)
def test_the_apex_is_never_taken_for_the_base(long, slender, cut, tilt, pixel, seed):
    shape = Ventricle(long, long / slender, cut, tilt)
    spacing = (pixel, pixel)
    found = measure_view(rough(shape.mask(spacing), seed), spacing).landmarks
    assert np.hypot(*(found.base - shape.base)) < 6
    assert found.length == pytest.approx(shape.length, rel=0.06)


def test_steady_landmarks_ignore_one_odd_frame_and_leave_a_still_ventricle_alone():
    plain = Ventricle(tilt=10).mask((1.0, 1.0))
    odd = plain.copy()
    odd[100:120, 65:87] = True  # a leak through the mitral valve
    still = np.repeat(plain[None], 9, axis=0)
    flawed = still.copy()
    flawed[4] = odd
    normal = measure_frames(still, (1.0, 1.0))
    np.testing.assert_allclose(measure_frames(still, (1.0, 1.0), steady=True).volume_ml, normal.volume_ml)
    alone, held = (measure_frames(flawed, (1.0, 1.0), steady=steady).length_mm[4] for steady in (False, True))
    assert alone > normal.length_mm[4] + 6
    assert held == pytest.approx(normal.length_mm[4], abs=2)


@pytest.mark.parametrize("tilt", [-40, 0, 40])
def test_the_side_of_the_apex_is_seen(tilt):
    mask = Ventricle(60, 25, 0.3, tilt=tilt).mask((0.5, 0.5))
    upright, turned = (upside_down(endocardial_contour(one, (0.5, 0.5))) for one in (mask, mask[::-1]))
    assert upright < 0.5 and turned == pytest.approx(1 / upright, rel=0.02)
