"""A model on a reference set: what it is asked, and how its answer is scored."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from echoseg.datasets.camus import camus_stills
from echoseg.datasets.case import Case
from echoseg.datasets.medsam2 import npz_volumes
from echoseg.evaluation import dataset
from echoseg.evaluation.dataset import box_frame, score_reference
from echoseg.metrics.overlap import dice
from echoseg.pipeline import segment
from echoseg.types import Box
from tests.evaluation.reference_folders import write_camus, write_lesion

FPS = 12.0


def beating(frames=36, known=None):
    """A disk of an LV that beats once a second, with a disk of an LA below it."""
    y, x = np.indices((80, 64))
    radii = 16 + 5 * np.cos(2 * np.pi * np.arange(frames) / FPS)
    lv = (y - 28) ** 2 + (x - 32) ** 2 <= radii[:, None, None] ** 2
    la = np.broadcast_to((y - 64) ** 2 + (x - 32) ** 2 <= 9**2, lv.shape)
    pictures = np.where(lv | la, 30, 150).astype(np.uint8)
    known = np.ones(frames, bool) if known is None else known
    labels = np.where(lv & known[:, None, None], 1, np.where(la, 3, 0)).astype(np.uint8)
    return Case("clip", "patient", pictures, labels, {1: "LV", 3: "LA"}, known, spacing=(1.0, 1.0), fps=FPS)


@pytest.fixture
def oracle(monkeypatch):
    """Stands in for the model: answers each question with ``answer(label)``, and notes what it was asked."""

    def install(answer):
        asked = []

        def ask(source, prompt, model, frame_index=None):
            asked.append((prompt, frame_index))
            if isinstance(prompt, str):
                labels = prompt.partition(":")[2].split(",")
                masks = sum(i * answer(label).astype(np.uint8) for i, label in enumerate(labels, start=1))
                return SimpleNamespace(masks=masks, names=dict(enumerate(labels, start=1)))
            return SimpleNamespace(masks=answer("LV").astype(np.uint8), names={1: "LV"})

        monkeypatch.setattr(dataset, "segment", ask)
        return asked

    return install


def test_a_clip_is_asked_for_the_lv_by_box_and_for_all_by_name(oracle):
    clip = beating()
    asked = oracle(clip.truth.__getitem__)
    scores = score_reference(clip, None)
    assert asked == [(Box(11, 7, 54, 50), 0), ("auto:LV,LA", None)]
    assert [(s.setting, s.label) for s in scores] == [("box", "LV"), ("auto", "LV"), ("auto", "LA"), ("ellipse in the true box", "LV")]
    assert {(s.case, s.subject) for s in scores} == {("clip", "patient")}


def test_a_perfect_answer_gets_perfect_scores(oracle):
    clip = beating()
    oracle(clip.truth.__getitem__)
    box = score_reference(clip, None, ("box",))[0].measures
    assert (box["dice"], box["nsd_2mm"], box["hd95_mm"]) == (1, 1, 0)
    assert box["area_correlation"] == pytest.approx(1)
    assert (box["ed_error_ms"], box["es_error_ms"], box["phases_found"]) == (0, 0, 1)
    assert box["consistency"] == box["consistency_truth"] < 1


def test_an_answer_that_is_late_is_wrong_by_the_delay(oracle):
    clip = beating()
    oracle(lambda label: np.roll(clip.truth[label], 1, axis=0))
    measures = score_reference(clip, None, ("box",))[0].measures
    assert measures["es_error_ms"] == pytest.approx(1000 / FPS)
    assert measures["area_correlation"] == pytest.approx(np.cos(2 * np.pi / FPS), abs=0.02)


def test_with_two_traced_frames_the_larger_is_ed(oracle):
    whole = beating()
    known = np.zeros(36, bool)
    known[[12, 19]] = True  # the true ES is frame 18
    oracle(whole.truth.__getitem__)
    measures = score_reference(beating(known=known), None, ("box",))[0].measures
    assert measures["dice"] == 1
    assert (measures["ed_error_ms"], measures["es_error_ms"]) == (0, pytest.approx(1000 / FPS))
    assert "consistency_truth" not in measures


def test_a_baseline_drawn_from_two_traced_frames_is_not_judged_by_its_movement(oracle):
    known = np.zeros(36, bool)
    known[[12, 18]] = True
    oracle(beating().truth.__getitem__)
    box, ellipse = score_reference(beating(known=known), None, ("box",))
    assert ellipse.setting == "ellipse in the true box" and ellipse.measures["dice"] > 0.9
    assert {"consistency", "ed_error_ms"} <= set(box.measures) - set(ellipse.measures)


def test_a_still_has_no_movement_and_every_structure_a_box(oracle, tmp_path):
    native = next(camus_stills(write_camus(tmp_path)))
    asked = oracle(native.truth.__getitem__)
    scores = score_reference(native, None)
    assert [(s.setting, s.label) for s in scores[:6]] == [
        ("native, box", "LV"),
        ("native, box", "MYO"),
        ("native, box", "LA"),
        ("native, auto", "LV"),
        ("native, auto", "LA"),
        ("native, auto", "MYO"),
    ]
    assert asked[1] == (Box.around(native.truth["MYO"][0]), 0)
    assert list(scores[3].measures.values()) == [1, 1, 1, 0, 0]


def test_a_volume_is_asked_on_its_largest_slice_and_scored_in_3d_beside_the_copied_box(oracle, tmp_path):
    (volume,) = npz_volumes(write_lesion(tmp_path))
    asked = oracle(lambda label: volume.truth["1"])
    model, ellipse, box = score_reference(volume, None)
    assert asked == [(Box.around(volume.truth["1"][2]), 2)]
    assert box_frame(volume, "1") == 2
    assert (model.setting, model.measures["dice"], model.measures["hd95_mm"]) == ("box", 1, 0)
    assert (ellipse.setting, box.setting) == ("ellipse, copied", "box, copied")
    areas = volume.truth["1"].sum(axis=(1, 2))
    side = np.ptp(np.flatnonzero(volume.truth["1"][2].any(axis=0))) + 1
    assert box.measures["dice"] == pytest.approx(2 * areas.sum() / (areas.sum() + 5 * side**2))
    assert ellipse.measures["dice"] == pytest.approx(2 * areas.sum() / (areas.sum() + 5 * np.pi / 4 * side**2), abs=0.01)


def test_a_cine_is_prompted_at_ed_and_scored_at_es_beside_the_ellipse_of_ed(oracle):
    known = np.zeros(12, bool)
    known[[6, 0]] = True  # ED first, ES half a beat later
    cine = replace(beating(12, known), kind="cine", names={1: "LV"})
    late = np.flatnonzero(known)[1]
    asked = oracle(lambda label: np.where(np.arange(12)[:, None, None] == late, False, cine.truth[label]))
    model, ellipse, box = score_reference(cine, None)
    assert asked == [(Box.around(cine.truth["LV"][0]), 0)]
    assert (model.measures["dice"], model.measures["dice_es"]) == (0.5, 0)
    assert "ed_error_ms" not in model.measures
    assert (ellipse.setting, box.setting) == ("ellipse, copied", "box, copied")
    es, ellipse_of_ed = cine.truth["LV"][6].sum(), np.pi / 4 * 43**2
    assert ellipse.measures["dice_es"] == pytest.approx(2 * es / (es + ellipse_of_ed), abs=0.005)


def test_without_slice_spacing_a_volume_is_measured_in_pixels(oracle, tmp_path):
    (volume,) = npz_volumes(write_lesion(tmp_path))
    oracle(lambda label: volume.truth["1"])
    assert "hd95_px" in score_reference(replace(volume, slice_mm=None), None)[0].measures


def test_the_models_own_masks_are_what_is_scored(micro_model):
    clip = beating(6)
    box, auto = score_reference(clip, micro_model)[:2]
    with clip.source() as source:
        by_box = segment(source, Box.around(clip.truth["LV"][0]), micro_model).masks == 1
    with clip.source() as source:
        by_name = segment(source, "auto:LV,LA", micro_model).masks == 1
    for score, masks in ((box, by_box), (auto, by_name)):
        assert score.measures["dice"] == pytest.approx(np.mean([dice(m, t) for m, t in zip(masks, clip.truth["LV"], strict=True)]))
