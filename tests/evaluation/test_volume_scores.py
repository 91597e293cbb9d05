"""Volumes scored in every way they can be prompted; with a stand-in for the model, so that the scores are known."""

import numpy as np
import pytest
import SimpleITK as sitk

from echoseg.datasets.case import Case
from echoseg.datasets.volume_sets import volume_references
from echoseg.errors import MeasureError, SourceError
from echoseg.evaluation import volumes
from echoseg.evaluation.volumes import score_volume
from echoseg.prompting.plan import manual_plan
from echoseg.types import Points


@pytest.fixture
def ball():
    z, y, x = np.indices((12, 48, 48))
    truth = (x - 20) ** 2 + (y - 24) ** 2 + 9 * (z - 6) ** 2 <= 100
    frames = np.where(truth, 200, 30).astype(np.uint8)
    return Case("ball", "ball", frames, truth.astype(np.uint8), {1: "1", 2: "2"}, np.ones(12, bool), "volume", (1.0, 1.0), 3.0)


def test_every_setting_is_prompted_as_it_says_and_scored(ball, monkeypatch):
    asked = []

    def segment(source, prompt, model, *, volume):
        asked.append((manual_plan(prompt), volume))

        class Found:
            masks = ball.truth["1"].astype(np.uint8)

        return Found

    monkeypatch.setattr(volumes, "segment", segment)
    scores = {score.setting: score.measures["dice"] for score in score_volume(ball, None, every_prompt=True)}
    assert [setting for setting, dice in scores.items() if dice == 1.0] == [
        *("mask recipe", "mask recipe, no stop rules", "box recipe", "box recipe, no stop rules"),
        *("3D box", "RECIST line", "RECIST points", "3D point"),
    ]
    assert 0.7 < scores["ellipse, copied"] < 0.95, "a ball is not a cylinder"
    assert [(options.recipe, options.stop is None) for _, options in asked[:4]] == [
        *(("mask", False), ("mask", True), ("box", False), ("box", True)),
    ]
    box3d, line, points, click = (plan for plan, _ in asked[4:])
    assert box3d.extents == {1: (3, 10)}
    assert list(line.prompts[1]) == list(points.prompts[1]) == list(click.prompts[1]) == [6]
    assert isinstance(points.prompts[1][6][0], Points) and len(points.prompts[1][6][0].xy) == 5
    assert click.prompts[1][6] == [Points([[20.5, 24.5]], [1])], "where the object is thickest"


def test_an_image_and_its_labels_are_a_case_in_any_orientation(tmp_path):
    # Stored sagittally: slices are axial all the same, in image and labels alike.
    image = sitk.GetImageFromArray(np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, 1, 0))
    image.SetSpacing((1.0, 2.0, 3.0))
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[2, 3, 4] = 9
    label_image = sitk.GetImageFromArray(labels)
    label_image.CopyInformation(image)
    for name, written in (("image", image), ("labels", label_image), ("other", label_image[::2])):
        sitk.WriteImage(written, str(tmp_path / f"{name}.nii.gz"))
    (case,) = volume_references([f"{tmp_path}/image.nii.gz={tmp_path}/labels.nii.gz"])
    assert list(case.truth) == ["9"] and case.truth["9"].shape == case.frames.shape
    assert case.truth["9"].sum() == 1
    assert (case.frames.shape, case.name) == ((6, 5, 7), "image")
    with pytest.raises(SourceError, match="do not lie on the grid"):
        list(volume_references([f"{tmp_path}/image.nii.gz={tmp_path}/other.nii.gz"]))


def test_only_volumes_are_scored(ball):
    with pytest.raises(MeasureError, match="not a volume"):
        score_volume(Case("clip", "clip", ball.frames, ball.labels, ball.names, ball.known), None)
