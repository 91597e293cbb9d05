from dataclasses import replace

import numpy as np
import pytest

from echoseg.cardiac import lv_ef
from echoseg.datasets.case import Case
from echoseg.evaluation.scores import summarise
from echoseg.evaluation.short_axis import expert_ejection, phases
from echoseg.evaluation.studies import FRAMES, score_study, simulated_studies
from echoseg.model import load_model
from echoseg.simulate import EchoOptions
from echoseg.simulate.heart import random_heart
from echoseg.simulate.pose import labels, locate, pose_heart


def test_a_study_is_one_heart_in_two_views_the_same_every_time():
    (first,), (again,) = (list(simulated_studies(1, start=3)) for _ in range(2))
    assert set(first.clips) == {"A4C", "A2C"}
    assert first.clips["A4C"].truth.edv_ml == first.clips["A2C"].truth.edv_ml
    assert len(first.clips["A4C"].frames) == FRAMES
    np.testing.assert_array_equal(first.clips["A2C"].frames, again.clips["A2C"].frames)
    assert first.kind in ("plain", "foreshortened", "aneurysmal")


def on_ideal_planes(heart, size=160):
    """True LV masks at ED and ES on two planes through the long axis, square to each other."""
    phases_of = []
    for ejected in (0.0, 1.0):
        pose = pose_heart(heart, ejected, 0.0)
        pixel = 1.6 * heart.length / size
        rows, columns = np.mgrid[:size, :size].astype(np.float32) + 0.5
        across, up = (columns - size / 2) * pixel, 1.15 * heart.length - rows * pixel
        views = {}
        for view, azimuth in (("A4C", 0.0), ("A2C", np.pi / 2)):
            points = (across * np.cos(azimuth), across * np.sin(azimuth), up)
            found = labels(heart, locate(heart, pose, *(np.ascontiguousarray(axis, np.float32) for axis in points)))
            views[view] = (found == 1, (pixel, pixel))
        phases_of.append(views)
    return phases_of


def test_the_method_itself_is_exact_to_a_point_where_the_planes_hold_the_axis():
    for seed in range(6):
        heart = replace(random_heart(np.random.default_rng(seed), EchoOptions()), bend=(0.0, 0.0))
        found = lv_ef(*on_ideal_planes(heart))
        assert found.ef == pytest.approx(100 * heart.ef, abs=1.0)
        assert found.edv_ml == pytest.approx(heart.edv_ml, rel=0.05)
        assert found.esv_ml == pytest.approx(heart.esv_ml, rel=0.06)


@pytest.mark.slow
def test_true_masks_of_plain_hearts_give_the_ef_within_a_point_and_a_half():
    scores = [score for study in simulated_studies(10, foreshortening=0) for score in score_study(study)]
    (plain,) = [summary for summary in summarise(scores) if (summary.setting, summary.label) == ("truth, plain", "biplane")]
    assert plain.means["measured"].value == 1
    assert plain.means["ef_abs_error"].value <= 1.5
    assert abs(plain.means["ef_error"].value) <= 1.5
    for summary in summarise(scores):
        if summary.setting == "truth, plain" and summary.label in ("A4C", "A2C"):
            assert summary.means["ed_error_ms"].value < 40 and summary.means["es_error_ms"].value < 40


@pytest.fixture(scope="module")
def ten_by_auto():
    model = load_model("compact-sim", device="cpu")
    scores = [score for study in simulated_studies(10) for score in score_study(study, model)]
    return [score.measures for score in scores if score.label == "biplane"]


@pytest.mark.slow
def test_ten_studies_go_through_the_whole_pipeline_and_nearly_all_get_a_biplane_ef(ten_by_auto):
    assert len(ten_by_auto) == 10
    assert sum(measures["measured"] for measures in ten_by_auto) >= 9


@pytest.mark.slow
def test_ten_studies_through_the_whole_pipeline_are_what_the_gate_of_two_hundred_lets_ten_be(ten_by_auto):
    """On 200 studies the mean absolute error must be at most 4 points and the bias within 1.5; errors scatter by 5.1 points, their sizes by
    3.3 (docs/evidence/ejection-fraction.md). Of means over ten that leaves 39 in 40 below these bounds; the gate itself is
    `echoseg eval study`'s to show.
    """
    errors = np.array([measures["ef_error"] for measures in ten_by_auto if measures["measured"]])
    assert np.abs(errors).mean() <= 4 + 1.96 * 3.3 / np.sqrt(10)
    assert abs(errors.mean()) <= 1.5 + 1.96 * 5.1 / np.sqrt(10)


def stack(radii_ed, radii_es, slice_mm=8.0):
    y, x = np.mgrid[:64, :64] + 0.5
    cines = []
    for number, (large, small) in enumerate(zip(radii_ed, radii_es, strict=True)):
        masks = np.zeros((6, 64, 64), bool)
        known = np.zeros(6, bool)
        for frame, radius in ((1, large), (4, small)):
            masks[frame] = np.hypot(x - 32, y - 32) < radius
            known[frame] = radius > 0
        cines.append(
            Case(f"s{number}", "p", np.zeros((6, 64, 64), np.uint8), masks.astype(np.uint8), {1: "LV"}, known, "cine", (1.5, 1.5), slice_mm)
        )
    return cines


def test_expert_contours_of_a_stack_give_its_volumes_by_slice_summation():
    slices = stack((20, 22, 18), (14, 16, 0))
    assert phases(slices) == (1, 4)
    found = expert_ejection(slices)
    ed, es = (sum(float(cine.truth["LV"][frame].sum()) for cine in slices) * 1.5**2 * 8 / 1000 for frame in (1, 4))
    assert (found.edv_ml, found.esv_ml) == pytest.approx((ed, es))
    assert found.ef == pytest.approx(100 * (1 - es / ed))
