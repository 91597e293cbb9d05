"""Measures of clips and volumes: units in the names, frames without an object, movement."""

import math

import numpy as np
import pytest

from echoseg.errors import MeasureError
from echoseg.evaluation.baselines import copied, ellipse_in, ellipse_in_every_box, filled
from echoseg.metrics.compare import compare_clips, compare_volumes
from echoseg.metrics.motion import area_correlation, matched, phase_error_ms, phases, temporal_consistency
from echoseg.metrics.overlap import dice
from echoseg.types import Box


def boxes(*corners, size=(30, 30)):
    """A clip of 10 x 10 squares; None is an empty frame."""
    masks = np.zeros((len(corners), *size), bool)
    for mask, corner in zip(masks, corners, strict=True):
        if corner is not None:
            mask[corner[0] : corner[0] + 10, corner[1] : corner[1] + 10] = True
    return masks


def test_units_stand_in_the_names():
    masks = boxes((5, 5))[0]
    assert list(compare_volumes(masks, masks, (1, 1))) == ["dice", "iou", "nsd_2mm", "hd95_mm", "assd_mm"]
    assert list(compare_volumes(masks, masks, None, 1.5)) == ["dice", "iou", "nsd_1.5px", "hd95_px", "assd_px"]


def test_a_clip_is_the_mean_of_its_frames():
    measures = compare_clips(boxes((5, 5), (5, 10)), boxes((5, 5), (5, 5)), (1, 1))
    assert measures["dice"] == pytest.approx((1 + 0.5) / 2)
    assert measures["consistency"] == pytest.approx(0.5)
    assert measures["consistency_truth"] == 1


def test_frames_without_the_object_do_not_count_unless_one_was_found_there():
    truth = boxes((5, 5), None, None)
    assert compare_clips(boxes((5, 5), None, None), truth, None)["dice"] == 1
    assert compare_clips(boxes((5, 5), (5, 5), None), truth, None)["dice"] == pytest.approx(1 / 2)


def test_only_frames_with_truth_count():
    known = np.array([True, False, True])
    measures = compare_clips(boxes((5, 5), (20, 20), (5, 10)), boxes((5, 5), None, (5, 5)), None, known=known)
    assert measures["dice"] == pytest.approx(0.75)
    assert "consistency_truth" not in measures


def test_shapes_must_agree():
    with pytest.raises(MeasureError, match=r"\(1, 30, 30\).*\(1, 20, 20\)"):
        compare_volumes(boxes((5, 5)), boxes((5, 5), size=(20, 20)), None)


def test_consistency_is_the_dice_of_neighbours():
    assert temporal_consistency(boxes((5, 5), (5, 10), (5, 10))) == pytest.approx(0.75)
    assert temporal_consistency(boxes((5, 5), None, None)) == 0  # it vanished once; two empty frames say nothing
    assert math.isnan(temporal_consistency(boxes((5, 5))))


def test_area_curves_that_are_multiples_correlate_fully():
    areas = np.array([9, 6, 3, 6, 9, 7])
    truth = np.arange(10)[None, :, None] < areas[:, None, None]
    assert area_correlation(np.repeat(truth, 2, axis=2), truth) == pytest.approx(1)
    assert area_correlation(truth[::-1, ::-1], 1 - truth > 0) < 0
    assert math.isnan(area_correlation(truth, np.ones_like(truth)))


def test_phases_of_a_late_curve_are_late_by_that_much():
    times = np.arange(90) / 30.0
    true = phases(100 + 30 * np.cos(2 * np.pi * times), times)
    late = phases(100 + 30 * np.cos(2 * np.pi * (times - 0.1)), times)
    assert true[1] == (15, 45, 75)
    assert phase_error_ms(matched(late[1], true[1]), times) == pytest.approx(100, abs=1)
    assert phase_error_ms(matched(true[1], true[1]), times) == 0


def test_a_phase_pairs_with_its_nearest_once():
    assert matched((18, 48), (15, 45, 75)) == [(18, 15), (48, 45)]
    assert matched((18, 20, 48), (15, 45)) == [(18, 15), (48, 45)]


def test_phases_not_found_have_no_error_to_state():
    assert matched((), (3,)) == matched((3,), ()) == []
    assert math.isnan(phase_error_ms([], np.arange(5.0)))


def test_an_ellipse_fills_pi_quarters_of_its_box_and_touches_its_sides():
    box = Box(10, 20, 90, 60)
    mask = ellipse_in(box, (100, 100))
    assert mask.sum() == pytest.approx(np.pi / 4 * 80 * 40, rel=0.005)
    assert Box.around(mask) == box
    assert filled(box, (100, 100)).sum() == 80 * 40


def test_the_ellipse_baseline_is_right_about_ellipses_and_silent_on_empty_frames():
    truth = np.stack([ellipse_in(Box(5, 5, 25, 17), (30, 30)), np.zeros((30, 30), bool)])
    assert dice(ellipse_in_every_box(truth), truth) == 1


def test_a_copied_mask_covers_the_objects_extent():
    truth = boxes(None, (5, 5), (6, 5), None)
    assert copied(truth[1], truth).sum(axis=(1, 2)).tolist() == [0, 100, 100, 0]
