"""Overlap and border distances on shapes whose answers are known exactly."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from echoseg.metrics.overlap import dice, iou
from echoseg.metrics.surface import assd, hd95, nsd, surface_distances


def square(row, col, side=10, size=(40, 50)):
    mask = np.zeros(size, bool)
    mask[row : row + side, col : col + side] = True
    return mask


def disk(radius, size=121):
    y, x = np.indices((size, size)) - size // 2
    return x**2 + y**2 <= radius**2


def test_overlap_of_squares_that_share_half_their_area():
    assert dice(square(5, 5), square(5, 10)) == 0.5
    assert iou(square(5, 5), square(5, 10)) == pytest.approx(1 / 3)


def test_equal_masks_are_perfect():
    mask = disk(20)
    distances = surface_distances(mask, mask, (1, 1))
    assert (dice(mask, mask), iou(mask, mask)) == (1, 1)
    assert (hd95(distances), assd(distances), nsd(distances, 0)) == (0, 0, 1)


@pytest.mark.parametrize(("rows", "cols", "expected"), [(3, 0, 3 * 0.5), (0, 3, 3 * 2.0), (-2, 0, 2 * 0.5)])
def test_hd95_of_a_shifted_square_is_the_shift_in_millimetres(rows, cols, expected):
    distances = surface_distances(square(15 + rows, 20 + cols), square(15, 20), (0.5, 2.0))
    assert hd95(distances) == pytest.approx(expected)


def test_assd_and_nsd_of_a_shifted_square_count_each_border_pixel():
    # Side 10, moved down by 2 rows; 36 border pixels. The leading row stands off by 2 (10 pixels). The trailing row lies in the other
    # square: 0 at its two ends, 1 next to them, 2 at the six between. Of the sides, 14 pixels lie on the other's, 2 stick out by 1.
    distances = surface_distances(square(12, 20), square(10, 20), (1, 1))
    by_hand = [0.0] * 16 + [1.0] * 4 + [2.0] * 16
    assert sorted(distances.to_truth) == sorted(distances.to_predicted) == by_hand
    assert assd(distances) == pytest.approx(1)
    assert nsd(distances, 1) == pytest.approx(20 / 36)
    assert nsd(distances, 2) == 1


def test_concentric_disks_are_as_far_apart_as_their_radii():
    distances = surface_distances(disk(30), disk(25), (1, 1))
    assert hd95(distances) == pytest.approx(5, abs=0.5)
    assert assd(distances) == pytest.approx(5, abs=0.25)
    assert nsd(distances, 4) == 0
    assert nsd(distances, 6) == 1


def test_a_volume_shifted_by_a_slice_is_off_by_the_slice_spacing():
    a = np.zeros((12, 20, 20), bool)
    a[3:9, 5:15, 5:15] = True
    assert hd95(surface_distances(np.roll(a, 1, axis=0), a, (5.0, 0.8, 0.8))) == pytest.approx(5.0)


def test_a_border_at_the_edge_of_the_image_counts():
    whole = np.ones((10, 10), bool)
    assert len(surface_distances(whole, whole, (1, 1)).to_truth) == 36


def test_both_empty_is_nothing_to_measure():
    empty = np.zeros((8, 8), bool)
    distances = surface_distances(empty, empty, (1, 1))
    assert all(math.isnan(value) for value in (dice(empty, empty), iou(empty, empty), hd95(distances), assd(distances), nsd(distances, 2)))


@pytest.mark.parametrize("swap", [False, True])
def test_a_missed_object_is_as_wrong_as_can_be(swap):
    masks = (np.zeros((30, 40), bool), square(5, 5, size=(30, 40)))
    found, truth = reversed(masks) if swap else masks
    distances = surface_distances(found, truth, (2, 2))
    assert (dice(found, truth), iou(found, truth)) == (0, 0)
    assert (hd95(distances), assd(distances)) == (100, 100)  # the diagonal of 60 x 80 mm
    assert nsd(distances, 1000) == 0


masks_2d = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((2, 9, 11)) < 0.4)


@settings(max_examples=40)
@given(masks_2d, st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)))
def test_distances_are_those_between_all_pairs_of_border_pixels(pair, spacing):
    a, b = pair
    a[0, 0] = b[-1, -1] = True
    distances = surface_distances(a, b, spacing)
    ours, theirs = (np.array(border_pixels(mask)) * spacing for mask in (a, b))
    pairs = cdist(ours, theirs)
    assert np.allclose(np.sort(distances.to_truth), np.sort(pairs.min(axis=1)), rtol=1e-5, atol=1e-5)
    assert np.allclose(np.sort(distances.to_predicted), np.sort(pairs.min(axis=0)), rtol=1e-5, atol=1e-5)


def border_pixels(mask):
    wide = np.pad(mask, 1)
    return [(y, x) for y, x in np.argwhere(mask) if not all(wide[y + 1 + dy, x + 1 + dx] for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)))]


def test_largest_distance_is_the_hausdorff_distance_of_an_independent_filter():
    small = np.roll(disk(14, 61), (4, -7), axis=(0, 1))
    both = disk(20, 61) | small
    judge = sitk.HausdorffDistanceImageFilter()  # measures to the nearest pixel of the other mask: from a larger mask, that is its border
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (both, small)]
    for image in images:
        image.SetSpacing((0.6, 1.5))
    judge.Execute(*images)
    assert surface_distances(both, small, (1.5, 0.6)).to_truth.max() == pytest.approx(judge.GetHausdorffDistance(), rel=1e-5)
