"""A draft is told by what drew it."""

from dataclasses import replace

import nibabel
import numpy as np
import pytest

from echoseg.annotate.draft_task import DraftTask
from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.rle import decode
from echoseg.archive.item import Item
from echoseg.archive.settings import Settings
from echoseg.errors import PromptError
from echoseg.model.build import WeightsInfo
from echoseg.model.volumetric_head import CLASSES
from echoseg.prompting.plan import Plan
from echoseg.types import MaskPrompt


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_drafts_name_the_runtime_that_drew_them(tmp_path, runtime):
    settings = replace(Settings(), device="cpu", runtime=runtime)
    assert DraftTask(settings, str(tmp_path), "rows").fingerprint()["runtime"] == runtime


def test_a_short_axis_stack_is_drafted_by_the_masks_that_its_tracks_kept(tmp_path, monkeypatch):
    labels = np.zeros((4, 64, 64), np.uint8)
    labels[:, 16:48, 16:48], labels[:, 22:42, 22:42], labels[:, 22:42, 48:58] = 2, 1, 3

    def plan(source, model, structures):
        seeds = {n: {z: [MaskPrompt(labels[z] == CLASSES.index(name))] for z in range(4)} for n, name in enumerate(structures, 1)}
        return Plan(
            seeds, dict(enumerate(structures, 1)), dict.fromkeys(seeds, (0, 4)), found_by={"head": WeightsInfo("head", "0" * 64, None, "")}
        )

    monkeypatch.setattr("echoseg.prompting.short_axis.head_ships", lambda encoder: True)
    monkeypatch.setattr("echoseg.pipeline.short_axis_plan", plan)
    task = DraftTask(replace(Settings(), device="cpu"), str(tmp_path), "rows")
    path = tmp_path / "stack.nii"
    nibabel.save(nibabel.Nifti1Image((labels * 60).astype(np.uint8).transpose(2, 1, 0), np.diag([1, 1, 8, 1])), path)
    drafted = task.process(Item("stack.nii"), str(path), "stack").clip
    prompts, rows = drafted["body"]["prompts"], drafted["masks"]
    assert [one["name"] for one in prompts if one["frame"] == 2] == ["LV", "MYO", "RV"]
    assert {(one["kind"], one["mode"]) for one in prompts} == {("mask", "prompt")}
    for one in prompts:
        kept = FrameMask.stored(next(row for row in rows if row[:2] == [one["frame"], one["object"]]))
        assert one["data"]["rle"] == {"size": [64, 64], "counts": kept.counts}
        assert decode(kept.counts, (64, 64)).any()


def test_a_volume_that_is_no_short_axis_stack_waits_for_a_prompt(tmp_path, monkeypatch):
    def refuse(source, model, structures):
        raise PromptError("it does not look like one")

    monkeypatch.setattr("echoseg.prompting.short_axis.head_ships", lambda encoder: True)
    monkeypatch.setattr("echoseg.pipeline.short_axis_plan", refuse)
    path = tmp_path / "brain.nii"
    nibabel.save(nibabel.Nifti1Image(np.random.default_rng(0).integers(0, 255, (40, 40, 6), np.uint8), np.eye(4)), path)
    drafted = DraftTask(replace(Settings(), device="cpu"), str(tmp_path), "rows").process(Item("brain.nii"), str(path), "brain")
    assert drafted.clip == {"off": True, "kind": "volume"}
