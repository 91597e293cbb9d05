import numpy as np
import pytest

from echoseg.evaluation.reference import Reference
from echoseg.evaluation.scores import summarise
from echoseg.evaluation.short_axis import expert_ejection, phases
from echoseg.evaluation.studies import FRAMES, score_study, simulated_studies


def test_a_study_is_one_heart_in_two_views_the_same_every_time():
    (first,), (again,) = (list(simulated_studies(1, start=3)) for _ in range(2))
    assert set(first.clips) == {"A4C", "A2C"}
    assert first.clips["A4C"].truth.edv_ml == first.clips["A2C"].truth.edv_ml
    assert len(first.clips["A4C"].frames) == FRAMES
    np.testing.assert_array_equal(first.clips["A2C"].frames, again.clips["A2C"].frames)
    assert first.kind in ("plain", "foreshortened", "aneurysmal")


@pytest.mark.slow
def test_true_masks_of_plain_hearts_give_the_ef_within_a_point_and_a_half():
    scores = [score for study in simulated_studies(10, foreshortening=0) for score in score_study(study)]
    (plain,) = [summary for summary in summarise(scores) if (summary.setting, summary.label) == ("truth, plain", "biplane")]
    assert plain.means["measured"].value == 1
    assert plain.means["ef_abs_error"].value <= 1.5
    assert abs(plain.means["ef_error"].value) <= 1.5
    for summary in summarise(scores):
        if summary.label in ("A4C", "A2C"):
            assert summary.means["ed_error_ms"].value < 40 and summary.means["es_error_ms"].value < 40


def stack(radii_ed, radii_es, slice_mm=8.0):
    y, x = np.mgrid[:64, :64] + 0.5
    cines = []
    for number, (large, small) in enumerate(zip(radii_ed, radii_es, strict=True)):
        masks = np.zeros((6, 64, 64), bool)
        known = np.zeros(6, bool)
        for frame, radius in ((1, large), (4, small)):
            masks[frame] = np.hypot(x - 32, y - 32) < radius
            known[frame] = radius > 0
        cines.append(Reference(f"s{number}", "p", np.zeros((6, 64, 64), np.uint8), {"LV": masks}, known, "cine", (1.5, 1.5), slice_mm))
    return cines


def test_expert_contours_of_a_stack_give_its_volumes_by_slice_summation():
    slices = stack((20, 22, 18), (14, 16, 0))
    assert phases(slices) == (1, 4)
    found = expert_ejection(slices)
    ed, es = (sum(float(cine.truth["LV"][frame].sum()) for cine in slices) * 1.5**2 * 8 / 1000 for frame in (1, 4))
    assert (found.edv_ml, found.esv_ml) == pytest.approx((ed, es))
    assert found.ef == pytest.approx(100 * (1 - es / ed))
