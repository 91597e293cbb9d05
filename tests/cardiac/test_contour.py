import numpy as np
import pytest
from ventricle_shapes import Ventricle, rough

from echoseg.cardiac import endocardial_contour
from echoseg.errors import MeasureError

SPACINGS = [(0.5, 0.5), (0.308, 0.154), (1.0, 0.6)]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_area_equals_the_shapes_area(spacing):
    shape = Ventricle(tilt=20)
    assert endocardial_contour(shape.mask(spacing), spacing).area / 100 == pytest.approx(shape.area_cm2, rel=0.004)


def test_points_lie_on_the_border_to_a_part_of_a_pixel():
    y, x = np.mgrid[:200, :200] + 0.5
    contour = endocardial_contour(np.hypot(x - 100.3, y - 99.1) < 60)
    radius = np.hypot(*(contour.points - (100.3, 99.1)).T)
    assert np.abs(radius - 60).max() < 0.4
    assert radius.mean() == pytest.approx(60, abs=0.03)


def test_points_run_anticlockwise_on_the_screen_and_are_equidistant():
    points = endocardial_contour(Ventricle().mask()).points
    x, y = points.T
    assert np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)) < 0
    steps = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    assert steps.max() < 1.1 * steps.mean()


def test_one_pixel_noise_is_smoothed_away():
    shape = Ventricle()
    clean, noisy = (endocardial_contour(mask, (0.5, 0.5)) for mask in (shape.mask(), rough(shape.mask())))
    nearest = np.hypot(*(noisy.points[:, None] - clean.points).transpose(2, 0, 1)).min(axis=1)
    assert nearest.max() < 0.75  # 1.5 pixels
    assert noisy.area == pytest.approx(clean.area, rel=0.02)


def test_holes_are_filled_and_islands_dropped_and_both_are_told():
    mask = Ventricle().mask()
    dirty = mask.copy()
    dirty[120:140, 150:170] = False
    dirty[5:25, 5:25] = True
    contour, clean = endocardial_contour(dirty), endocardial_contour(mask)
    np.testing.assert_allclose(contour.points, clean.points, atol=1e-3)
    assert contour.area_px == mask.sum()
    assert contour.filled == pytest.approx(400 / mask.sum())
    assert contour.kept == pytest.approx((mask.sum() - 400) / dirty.sum())


def test_a_mask_at_the_images_corner_is_measured_whole():
    mask = np.zeros((50, 40), bool)
    mask[:30, :20] = True
    contour = endocardial_contour(mask)
    assert contour.area == pytest.approx(600, rel=0.01)
    assert contour.points.min() == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    ("mask", "spacing", "says"),
    [
        (np.zeros((9, 9), bool), None, "empty"),
        (np.eye(3, dtype=bool), None, "3 pixels"),
        (np.ones((2, 9, 9), bool), None, "shape"),
        (np.full((9, 9), np.nan), None, "finite"),
        (np.ones((9, 9), bool), (0.5,), "spacing"),
        (np.ones((9, 9), bool), (0.5, 0.0), "spacing"),
        (np.ones((9, 9), bool), (0.5, np.nan), "spacing"),
        (np.ones((9, 9), bool), "0.5 mm", "spacing"),
    ],
)
def test_unusable_input_is_refused_with_its_reason(mask, spacing, says):
    with pytest.raises(MeasureError, match=says):
        endocardial_contour(mask, spacing)


@pytest.mark.parametrize("side", [6, 8, 12])
def test_very_small_masks_still_have_a_contour(side):
    mask = np.zeros((20, 20), bool)
    mask[4 : 4 + side, 4 : 4 + side] = True
    assert endocardial_contour(mask).area == pytest.approx(side**2, rel=0.1)
