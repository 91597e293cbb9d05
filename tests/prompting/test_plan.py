"""Whatever a caller may give as a prompt becomes one plan."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoseg.errors import PromptError
from echoseg.prompting.plan import auto_structures, manual_plan
from echoseg.prompting.recist import recist_box
from echoseg.types import Box, MaskPrompt, Points, Structure

BOX = Box(1, 2, 3, 4)
POINTS = Points([[1, 2]], [1])
MASK = MaskPrompt(np.ones((3, 3)))


@pytest.mark.parametrize("prompt", [BOX, POINTS, MASK, Structure("LV")])
def test_a_bare_prompt_is_object_1(prompt):
    assert manual_plan(prompt).prompts == {1: {0: [prompt]}}
    assert manual_plan(prompt, 7).prompts == {1: {7: [prompt]}}


def test_several_bare_prompts_are_one_object():
    assert manual_plan([BOX, POINTS], 2).prompts == {1: {2: [BOX, POINTS]}}
    assert manual_plan((BOX, POINTS), 2).prompts == {1: {2: [BOX, POINTS]}}


def test_a_mapping_is_taken_as_it_is_and_numpy_integers_become_plain():
    given_plan = {np.int64(2): {np.uint8(3): BOX, 4: (POINTS,)}}
    plan = manual_plan(given_plan).prompts
    assert plan == {2: {3: [BOX], 4: [POINTS]}}
    assert [type(key) for key in (*plan, *plan[2])] == [int, int, int]


@pytest.mark.parametrize(
    ("prompt", "frame_index", "reason"),
    [
        ("box", None, "unknown prompt 'box'"),
        (None, None, "got NoneType"),
        ((1, 2, 3, 4), None, "got int"),
        ([], None, "no prompt was given"),
        ({}, None, "names no object"),
        ({1: {}}, None, "an object without prompts"),
        ({1: {0: []}}, None, "no prompt was given"),
        ({1: [BOX]}, None, "an object id must lead to frames"),
        ({1: BOX}, None, "an object id must lead to frames"),
        ({"1": {0: BOX}}, None, "object id must be a whole number; got '1'"),
        ({1.0: {0: BOX}}, None, "object id must be a whole number"),
        ({True: {0: BOX}}, None, "object id must be a whole number"),
        ({1: {"0": BOX}}, None, "frame index must be a whole number"),
        ({1: {0: BOX}}, 0, "frame_index goes with a bare prompt"),
    ],
)
def test_what_is_no_prompt_is_refused(prompt, frame_index, reason):
    with pytest.raises(PromptError, match=reason):
        manual_plan(prompt, frame_index)


@pytest.mark.parametrize(
    ("prompt", "structures"),
    [
        ("auto", ("LV",)),
        ("AUTO", ("LV",)),
        ("auto:LV,LA,MYO", ("LV", "LA", "MYO")),
        ("auto: lv , la", ("LV", "LA")),
        ("automatic", None),
        ("box:1,2,3,4", None),
        (BOX, None),
        (None, None),
    ],
)
def test_structures_of_auto(prompt, structures):
    assert auto_structures(prompt) == structures


@pytest.mark.parametrize("prompt", ["auto:", "auto:LV,", "auto:LV,lv", "auto:,LA"])
def test_auto_names_each_structure_once(prompt):
    with pytest.raises(PromptError, match="each structure once"):
        auto_structures(prompt)


@given(st.tuples(*[st.floats(-1e3, 1e3)] * 4).filter(lambda line: math.dist(line[:2], line[2:]) > 1e-3))
def test_a_recist_box_is_the_square_centred_on_the_line_with_its_length_as_side(line):
    box = recist_box(*line)
    length = math.dist(line[:2], line[2:])
    assert box.x1 - box.x0 == pytest.approx(length)
    assert box.y1 - box.y0 == pytest.approx(length)
    assert ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) == pytest.approx(((line[0] + line[2]) / 2, (line[1] + line[3]) / 2), abs=1e-9)
    assert recist_box(*line[2:], *line[:2]) == box
