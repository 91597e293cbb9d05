"""Tracings as prompts: which frames are given, and which stay to compare with."""

import numpy as np
import pytest

from echoseg.errors import PromptError
from echoseg.prompting.tracings import tracing_choice, tracings_plan
from echoseg.types import MaskPrompt

TRACED = {7: np.eye(6, dtype=bool), 2: np.tri(6, dtype=bool), 4: np.ones((6, 6), bool)}


@pytest.mark.parametrize(
    ("prompt", "choice"),
    [
        ("tracings", "ED"),
        ("Tracings:ed", "ED"),
        ("tracings:ES", "ES"),
        ("tracings:all", "all"),
        ("auto", None),
        ("box:1,2,3,4", None),
        (MaskPrompt(TRACED[4]), None),
    ],
)
def test_choice_is_read_from_the_prompt(prompt, choice):
    assert tracing_choice(prompt) == choice


def test_another_choice_is_an_error_that_names_those_there_are():
    with pytest.raises(PromptError, match="give tracings .* tracings:ES or tracings:all"):
        tracing_choice("tracings:first")


@pytest.mark.parametrize(("which", "frames"), [("ED", [4]), ("ES", [7]), ("all", [2, 4, 7])])
def test_the_lv_is_given_by_its_mask_on_the_frames_with_the_largest_cavity_the_smallest_or_on_all(which, frames):
    plan = tracings_plan(TRACED, which)
    assert plan.prompts == {1: {frame: [MaskPrompt(TRACED[frame])] for frame in frames}}
    assert plan.names == {1: "LV"}


@pytest.mark.parametrize("traced", [{}, {3: np.zeros((6, 6), bool)}])
def test_no_tracing_and_an_empty_one_are_prompt_errors(traced):
    with pytest.raises(PromptError):
        tracings_plan(traced)
