"""Prompts as a user writes them on the command line, down to the masks in the file."""

import json

import nibabel
import numpy as np
import pytest
from PIL import Image

import echoseg
from echoseg import Box, MaskPrompt, Points


@pytest.fixture(scope="module")
def ventricle(frames, compact):
    """The LV on frame 5 as ``auto`` sees it: mask, box, a point inside."""
    mask = echoseg.segment(frames[:8], model=compact, frame_index=5).masks[5] == 1
    box = Box.around(mask)
    y, x = np.argwhere(mask)[mask.sum() // 2]
    return mask, box, (float(x) + 0.5, float(y) + 0.5)


def written(out):
    (folder,) = (path for path in out.iterdir() if path.is_dir())
    labels = np.asarray(nibabel.load(folder / "masks.nii.gz").dataobj).transpose(2, 1, 0)
    return labels, json.loads((folder / "measurements.json").read_text())


def prompt_text(kind, ventricle, folder):
    mask, box, (x, y) = ventricle
    if kind == "auto":
        return "auto"
    if kind == "box":
        return f"box:{box.x0:g},{box.y0:g},{box.x1:g},{box.y1:g}@5"
    if kind == "points":
        return f"points:{x:g},{y:g},+;2,2,-@5"
    if kind == "mask":
        Image.fromarray((mask * 255).astype(np.uint8)).save(folder / "lv.png")
        return f"mask:{folder / 'lv.png'}@5"
    entry = {"frame": 5, "box": [box.x0, box.y0, box.x1, box.y1]}
    (folder / "prompts.json").write_text(json.dumps({"objects": [{"id": 3, "name": "LV", "prompts": [entry]}]}))
    return str(folder / "prompts.json")


def python_prompt(kind, ventricle):
    mask, box, point = ventricle
    if kind == "auto":
        return "auto", None
    if kind == "json":
        return {3: {5: [box]}}, None
    return {"box": box, "points": Points([point, (2, 2)], [1, 0]), "mask": MaskPrompt(mask)}[kind], 5


@pytest.mark.parametrize("kind", ["auto", "box", "points", "mask", "json"])
def test_a_prompt_on_the_command_line_equals_the_prompt_in_python(command, inputs, frames, compact, ventricle, tmp_path, kind):
    done = command(inputs.short, "--prompt", prompt_text(kind, ventricle, tmp_path))
    assert done.exit_code == 0, done.output
    labels, record = written(done.out)
    prompt, frame_index = python_prompt(kind, ventricle)
    wanted = echoseg.segment(frames[:8], prompt, compact, frame_index=frame_index)
    np.testing.assert_array_equal(labels, wanted.masks)
    (entry,) = record["objects"]
    assert entry["name"] == "LV" and entry["id"] == (3 if kind == "json" else 1)
    if kind != "auto":
        assert entry["seed_frames"] == [5]
    if kind in ("box", "mask", "json"):
        seen = labels[5] > 0
        assert (seen & ventricle[0]).sum() / (seen | ventricle[0]).sum() > 0.5


def test_several_structures_are_objects_in_their_order(command, inputs):
    done = command(inputs.short, "--prompt", "auto:LV,LA")
    assert done.exit_code == 0, done.output
    _, record = written(done.out)
    assert [(entry["id"], entry["name"]) for entry in record["objects"]] == [(1, "LV"), (2, "LA")]
    assert record["measures"]["ef"]["unit"] == "%"


def test_the_frame_index_option_places_a_prompt_that_names_no_frame(command, inputs, ventricle):
    _, box, _ = ventricle
    done = command(inputs.short, "--prompt", f"box:{box.x0},{box.y0},{box.x1},{box.y1}", "--frame-index", 7, "--direction", "forward")
    assert done.exit_code == 0, done.output
    labels, record = written(done.out)
    assert record["objects"][0]["seed_frames"] == [7]
    assert not labels[:7].any() and labels[7].any()


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [("box:1,2,3,4@8", "no frame 8"), ("box:400,10,420,30", "outside the 320 x 240 frame")],
)
def test_a_prompt_that_does_not_fit_the_clip_fails_with_a_reason(command, inputs, prompt, reason):
    done = command(inputs.short, "--prompt", prompt)
    assert done.exit_code == 1
    assert reason in done.stderr
    assert [path.name for path in done.out.iterdir()] == ["errors.csv"]


def test_a_structure_that_the_model_does_not_know_is_refused_before_anything_is_written(command, inputs):
    done = command(inputs.short, "--prompt", "auto:LV,AORTA")
    assert done.exit_code == 2
    assert "no structure AORTA; it knows: LV" in done.stderr
    assert not done.out.exists()


def test_memory_selection_reaches_the_tracker_and_the_provenance(command, inputs, frames, compact):
    done = command(inputs.short, "--memory-selection", "1")  # admits nothing: only the prompted frame is remembered
    assert done.exit_code == 0, done.output
    labels, record = written(done.out)
    assert record["provenance"]["options"]["memory_selection"] == {"min_iou": 1.0, "min_object_score": 0.0}
    wanted = echoseg.segment(frames[:8], model=compact, memory_selection=echoseg.MemorySelection(1.0))
    np.testing.assert_array_equal(labels, wanted.masks)
    assert not np.array_equal(labels, echoseg.segment(frames[:8], model=compact).masks)


def test_an_object_that_is_not_the_ventricle_gets_no_cardiac_measures(inputs, frames, compact, tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"objects": [{"id": 1, "name": "valve", "prompts": [{"box": [100, 60, 180, 140]}]}]}))
    result = echoseg.run(inputs.short, tmp_path / "out", str(path), compact)
    assert result.measurements["measures"] == {} and result.measurements["beats"] == []
    assert result.segmentation.names == {1: "valve"}


def test_only_one_object_is_called_lv(inputs, compact, tmp_path):
    path = tmp_path / "p.json"
    prompts = [{"box": [100, 60, 180, 140]}]
    path.write_text(json.dumps({"objects": [{"id": 1, "prompts": prompts}, {"id": 2, "name": "LV", "prompts": prompts}]}))
    result = echoseg.run(inputs.short, tmp_path / "out", str(path), compact)
    assert result.segmentation.names == {1: "object 1", 2: "LV"}
