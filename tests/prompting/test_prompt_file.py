"""Prompt files in JSON."""

import json

import numpy as np
import pytest
from PIL import Image

from echoseg.errors import EchosegError, PromptError
from echoseg.io import open_source
from echoseg.prompting.mask_file import with_masks
from echoseg.prompting.parse import parse_prompt, read_prompt_file
from echoseg.types import Box


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "prompts.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def one(**entry):
    return {"objects": [{"id": 1, "prompts": [entry]}]}


def test_several_objects_frames_and_kinds(write, tmp_path):
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[1:3, 2:5] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    plan = read_prompt_file(
        write(
            {
                "objects": [
                    {"id": 1, "name": "LV", "prompts": [{"frame": 3, "box": [1, 2, 3, 4]}, {"frame": 3, "points": [[5, 6, 1], [7, 8, 0]]}]},
                    {"id": 4, "prompts": [{"mask": "mask.png"}, {"frame": 9, "recist": [0, 0, 0, 10]}]},
                ]
            }
        )
    )
    assert plan.names == {1: "LV"}
    box, points = plan.prompts[1][3]
    assert box == Box(1, 2, 3, 4)
    assert points.xy.tolist() == [[5, 6], [7, 8]] and points.labels.tolist() == [1, 0]
    assert plan.prompts[4][9] == [Box(-5, 0, 5, 10)]
    with open_source(np.zeros((12, *mask.shape), np.uint8)) as source:
        np.testing.assert_array_equal(with_masks(plan, source).prompts[4][0][0].mask, mask > 0)


def test_the_command_line_takes_the_file_by_its_name(write):
    path = write(one(box=[1, 2, 3, 4]))
    assert parse_prompt(str(path)) == read_prompt_file(path)


def test_a_prompt_without_a_frame_sits_on_the_given_one(write):
    path = write({"objects": [{"id": 1, "prompts": [{"box": [1, 2, 3, 4]}, {"frame": 0, "box": [5, 6, 7, 8]}]}]})
    assert parse_prompt(str(path), frame_index=7).prompts == {1: {7: [Box(1, 2, 3, 4)], 0: [Box(5, 6, 7, 8)]}}
    assert parse_prompt(str(path)).prompts == {1: {0: [Box(1, 2, 3, 4), Box(5, 6, 7, 8)]}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "prompts.json: the file: "),
        ({}, "objects: Field required"),
        (one(), "exactly one of box, recist, recist_points, points, point, mask"),
        (one(box=[1, 2, 3, 4], points=[[1, 2, 1]]), "exactly one of"),
        (one(box=[1, 2, 3]), "objects.0.prompts.0.box"),
        (one(frame="first", box=[1, 2, 3, 4]), "objects.0.prompts.0.frame"),
        (one(box=[1, 2, 3, 4], colour="red"), "objects.0.prompts.0.colour"),
        (one(points=[]), "N >= 1"),
        (one(points=[[1, 2, 3]]), "labels are 1 .inside. or 0"),
        (one(box=[4, 2, 3, 4]), "is empty"),
        ({"objects": [{"id": 1, "prompts": [{"box": [1, 2, 3, 4]}]}] * 2}, "object 1 is given twice"),
        ({"objects": [{"id": i, "name": "LV", "prompts": [{"box": [1, 2, 3, 4]}]} for i in (1, 2)]}, "two objects are named LV"),
        ({"objects": []}, "objects: .*at least 1 item"),
        ({"objects": [{"id": 1, "prompts": []}]}, "objects.0.prompts: .*at least 1 item"),
    ],
)
def test_what_is_wrong_is_said(write, content, reason):
    with pytest.raises(PromptError, match=reason):
        read_prompt_file(write(content))


def test_a_mask_beside_the_file_that_is_missing_is_named(write):
    with pytest.raises(EchosegError, match="gone.png"):
        read_prompt_file(write(one(mask="gone.png")))
