"""Sets of volumes from a YAML file, their labels by name; and clicks that correct what a box gave."""

from types import SimpleNamespace

import nibabel
import numpy as np
import pytest

from echoseg.datasets.case import Case
from echoseg.datasets.volume_sets import VolumeSet, read_volume_sets
from echoseg.errors import SourceError
from echoseg.evaluation import volume_clicks, volume_sets
from echoseg.evaluation.volume_clicks import dice_by_correction
from echoseg.evaluation.volume_sets import score_in_set
from echoseg.types import Box, MaskPrompt, Points


@pytest.fixture
def ball():
    z, y, x = np.indices((12, 48, 48))
    truth = (x - 20) ** 2 + (y - 24) ** 2 + 9 * (z - 6) ** 2 <= 100
    return Case("ball", "ball", np.where(truth, 200, 30).astype(np.uint8), truth.astype(np.uint8), {1: "1"}, np.ones(12, bool), "volume")


def answering(masks, asked=None):
    """A stand-in for ``segment`` that finds ``masks``, one answer a call, and the last one from then on."""
    answers = list(masks)

    def segment(source, prompt, model, **options):
        if asked is not None:
            asked.append(prompt)
        return SimpleNamespace(masks=(answers.pop(0) if len(answers) > 1 else answers[0]).astype(np.uint8))

    return segment


def test_labels_mean_what_the_set_says_and_others_are_left_out(tmp_path, monkeypatch):
    labels = np.zeros((3, 20, 30), np.uint8)
    labels[1, 5:12, 8:20], labels[1, 14:18, 3:9], labels[1, 1:3, 1:3] = 1, 3, 7
    for name, array in (("images", labels * 30), ("masks", labels)):
        (tmp_path / "set" / name).mkdir(parents=True)
        nibabel.save(nibabel.Nifti1Image(array.T, np.diag([-1.0, -1.0, 2.0, 1.0])), tmp_path / "set" / name / "a.nii.gz")
    monkeypatch.setenv("ECHOSEG_TRAIN", str(tmp_path))
    (tmp_path / "sets.yaml").write_text("- {name: hearts, cases: $ECHOSEG_TRAIN/set, labels: {1: RV, 2: MYO, 3: LV}}\n")
    (one,) = read_volume_sets(tmp_path / "sets.yaml")
    (case,) = one.read()
    assert {name: int(mask.sum()) for name, mask in case.truth.items()} == {"RV": 84, "MYO": 0, "LV": 24}


def test_faulty_files_of_sets_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    path = tmp_path / "sets.yaml"
    for text, said in (
        ("- {name: a}", "cases"),
        ("- {name: a, cases: b, colour: red}", "colour"),
        ("- {name: a, cases: $NOWHERE/x}", "NOWHERE"),
    ):
        path.write_text(text)
        with pytest.raises(SourceError, match=said):
            read_volume_sets(path)
    with pytest.raises(SourceError, match="cannot read"):
        read_volume_sets(tmp_path / "none.yaml")


def test_a_volume_is_scored_beside_the_ellipse(ball, monkeypatch):
    monkeypatch.setattr(volume_sets, "segment", answering([ball.truth["1"]]))
    (score,) = score_in_set(VolumeSet(name="balls", cases="x"), ball, None)
    assert (score.setting, score.label, score.measures["dice"]) == ("balls", "object", 1.0)
    assert 0.7 < score.measures["ellipse"] < 0.95


def test_a_cine_is_scored_at_end_systole(monkeypatch):
    labels = np.zeros((3, 30, 30), np.uint8)
    labels[0, 5:25, 5:25] = labels[2, 10:20, 10:20] = 1
    cine = Case("c", "c", labels * 200, labels, {1: "LV"}, np.array([True, False, True]), "cine")
    found = np.zeros((3, 30, 30), bool)
    found[2, 10:20, 10:15] = True
    monkeypatch.setattr(volume_sets, "segment", answering([found]))
    (score,) = score_in_set(VolumeSet(name="cine", cases="x"), cine, None)
    assert score.measures["dice"] == pytest.approx(2 * 50 / 150)


def test_clicks_fall_where_the_error_is_largest_and_correct_the_mask_there(ball, monkeypatch):
    truth = ball.truth["1"]
    leaked, half = truth.copy(), truth.copy()
    leaked[10, 30:46, 20:40] = True  # beyond the object's end
    half[6, :, :20] = False
    asked = []
    monkeypatch.setattr(volume_clicks, "segment", answering([leaked, half, truth], asked))
    reached = dice_by_correction(ball, "1", None)
    assert reached[0] < 0.97 and reached[2:] == [1.0, 1.0]
    first, second, third = (asked_of[1] for asked_of in asked)
    assert list(first) == [6] and isinstance(first[6][0], Box)
    mask, click = second[10]
    assert isinstance(mask, MaskPrompt) and np.array_equal(mask.mask, leaked[10]) and click.labels.tolist() == [0]
    box, click = third[6]
    assert isinstance(box, Box) and isinstance(click, Points) and click.labels.tolist() == [1]
    assert third[10] == second[10], "what was said stays said"
