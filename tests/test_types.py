"""Value types: what they refuse, and when two are equal."""

import numpy as np
import pytest

from echoseg.errors import PromptError
from echoseg.types import Box, Geometry, MaskPrompt, Points, Timing, as_prompts, whole_number


@pytest.mark.parametrize(
    "make",
    [
        lambda: Box("a", 0, 1, 1),
        lambda: Box(None, 0, 1, 1),
        lambda: Box(0, 0, float("nan"), 1),
        lambda: Box(3, 0, 3, 1),
        lambda: Points("ab", [1]),
        lambda: Points([[1, 2], [3]], [1, 1]),
        lambda: Points([[1, 2]], [1.7]),
        lambda: Points([[1, 2]], [2]),
        lambda: Points([], []),
        lambda: MaskPrompt(np.array([["a"]])),
        lambda: MaskPrompt(np.full((2, 2), np.nan)),
        lambda: MaskPrompt(np.zeros((2, 2))),
        lambda: MaskPrompt(np.ones(4)),
    ],
)
def test_a_malformed_prompt_is_refused(make):
    with pytest.raises(PromptError):
        make()


def test_one_click_may_be_given_flat():
    assert Points([3, 4], 1) == Points([[3, 4]], [1])


def test_prompts_are_equal_by_value():
    assert Points([[1, 2]], [1]) == Points(np.array([[1.0, 2.0]]), [1])
    assert Points([[1, 2]], [1]) != Points([[1, 2]], [0])
    assert MaskPrompt(np.eye(3)) == MaskPrompt(np.eye(3) * 7)
    assert Points([[1, 2]], [1]) != Box(0, 0, 1, 2)


def test_geometry_and_timing_are_equal_by_value():
    assert Geometry((1.0, 2.0), affine=np.eye(4)) == Geometry((1.0, 2.0), affine=np.eye(4))
    assert Geometry((1.0, 2.0)) != Geometry((2.0, 1.0))
    assert Timing(fps=3, times=np.arange(3.0)) == Timing(fps=3, times=np.arange(3.0))
    assert Timing(fps=3) != Timing(fps=3, times=np.arange(3.0))


def test_values_do_not_follow_the_callers_array():
    mask = np.eye(3)
    prompt = MaskPrompt(mask)
    mask[:] = 0
    assert prompt.mask.sum() == 3


@pytest.mark.parametrize("given", ["box", (1, 2, 3, 4), [], None, [Box(0, 0, 1, 1), 3]])
def test_what_is_no_prompt_is_named(given):
    with pytest.raises(PromptError):
        as_prompts(given)


@pytest.mark.parametrize("value", [1.5, "1", None, True])
def test_an_index_is_a_whole_number(value):
    with pytest.raises(PromptError, match="whole number"):
        whole_number(value, "frame index")
    assert whole_number(np.int64(3), "frame index") == 3
