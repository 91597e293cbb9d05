"""The part of the frame that the network sees: coordinates and masks go in and out without a shift."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import echoseg
from echoseg import Box, MaskPrompt, Points
from echoseg.errors import PromptError
from echoseg.tracking import Window
from echoseg.types import ABSENT_LOGIT, Structure

TOP, LEFT, BOTTOM, RIGHT = 13, 7, 5, 22


@pytest.fixture(scope="module")
def framed(clip):
    """The clip inside a black margin, and the window that shows it alone."""
    height, width = clip.shape[1:]
    frames = np.pad(clip, ((0, 0), (TOP, BOTTOM), (LEFT, RIGHT)))
    return frames, Window(LEFT, TOP, LEFT + width, TOP + height)


def moved(prompt):
    if isinstance(prompt, Box):
        return Box(prompt.x0 + LEFT, prompt.y0 + TOP, prompt.x1 + LEFT, prompt.y1 + TOP)
    if isinstance(prompt, Points):
        return Points(prompt.xy + np.float32([LEFT, TOP]), prompt.labels)
    if isinstance(prompt, MaskPrompt):
        return MaskPrompt(np.pad(prompt.mask, ((TOP, BOTTOM), (LEFT, RIGHT))))
    return prompt


@pytest.mark.parametrize(
    "prompt",
    [
        Box(6, 8, 26, 28),
        Points([[16, 18], [50, 2]], [1, 0]),
        MaskPrompt(np.pad(np.ones((20, 20)), ((8, 12), (6, 30)))),
        Structure("LV"),
    ],
    ids=["box", "points", "mask", "structure"],
)
def test_a_clip_in_a_margin_seen_through_a_window_equals_the_clip_alone(session_over, clip, framed, prompt):
    frames, window = framed
    through, alone = session_over(frames, window=window), session_over(clip)
    through.prompt(1, 3, moved(prompt))
    alone.prompt(1, 3, prompt)
    for a, b in zip(through.propagate("both"), alone.propagate("both"), strict=True):
        logits = a.logits[1]
        assert logits.shape == frames.shape[1:]
        np.testing.assert_array_equal(logits[window.slices], b.logits[1])
        outside = np.ones(logits.shape, dtype=bool)
        outside[window.slices] = False
        assert (logits[outside] == ABSENT_LOGIT).all()
        assert not a.masks[1][outside].any()


def test_the_margin_matters_without_a_window(session_over, clip, framed):
    whole, alone = session_over(framed[0]), session_over(clip)
    seen = whole.prompt(1, 0, moved(Box(6, 8, 26, 28))).logits[1][framed[1].slices]
    assert np.abs(seen - alone.prompt(1, 0, Box(6, 8, 26, 28)).logits[1]).max() > 1e-4


def test_a_correction_goes_through_the_window_too(session_over, clip, framed):
    frames, window = framed
    through, alone = session_over(frames, window=window), session_over(clip)
    through.prompt(1, 0, moved(Box(6, 8, 26, 28)))
    alone.prompt(1, 0, Box(6, 8, 26, 28))
    click = Points([[30, 20]], [1])
    np.testing.assert_array_equal(through.correct(1, 4, moved(click)).logits[1][window.slices], alone.correct(1, 4, click).logits[1])


@settings(max_examples=40)
@given(data=st.data(), height=st.integers(20, 200), width=st.integers(20, 200))
def test_a_window_holds_its_mask_and_stays_in_the_frame(data, height, width):
    y0, x0 = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    y1, x1 = data.draw(st.integers(y0 + 1, height)), data.draw(st.integers(x0 + 1, width))
    mask = np.zeros((height, width), dtype=bool)
    mask[y0:y1, x0:x1] = True
    window = Window.around(mask, (height, width))
    assert 0 <= window.x0 <= x0 and x1 <= window.x1 <= width
    assert 0 <= window.y0 <= y0 and y1 <= window.y1 <= height
    assert mask[window.slices].sum() == mask.sum()
    assert window.size == mask[window.slices].shape
    if window != Window.whole((height, width)):
        margin = round(0.05 * max(height, width))
        assert window.x1 - window.x0 <= x1 - x0 + 2 * margin and window.y1 - window.y0 <= y1 - y0 + 2 * margin


@pytest.mark.parametrize(
    "mask", [None, np.zeros((30, 40), dtype=bool), np.pad(np.ones((28, 38), dtype=bool), 1)], ids=["none", "empty", "nearly all"]
)
def test_without_a_sector_or_with_little_to_gain_the_whole_frame_is_seen(mask):
    assert Window.around(mask, (30, 40)) == Window(0, 0, 40, 30)


def test_prompts_beyond_the_window_widen_it_before_anything_is_remembered(session_over, clip, framed):
    frames, window = framed
    session = session_over(frames, window=window)
    corner = Box(0, 0, LEFT + 10, TOP + 10)
    result = session.prompt(1, 0, corner)
    assert session.tracker.window == Window(0, 0, window.x1, window.y1)
    wide = session_over(frames, window=session.tracker.window)
    np.testing.assert_array_equal(result.logits[1], wide.prompt(1, 0, corner).logits[1])


def test_a_later_prompt_beyond_the_window_is_refused(session_over, framed):
    frames, window = framed
    session = session_over(frames, window=window)
    session.prompt(1, 0, moved(Box(6, 8, 26, 28)))
    with pytest.raises(PromptError, match="larger window"):
        session.prompt(2, 0, Points([[1, 1]], [1]))


def test_a_stream_of_a_model_that_sees_the_sector_equals_the_whole_clip(micro_model):
    rng = np.random.default_rng(0)
    frames = np.zeros((24, 96, 128), dtype=np.uint8)
    frames[:, 20:80, 30:100] = rng.integers(20, 200, (24, 60, 70))
    model = replace(micro_model, network=copy(micro_model.network))
    model.network.config = replace(model.config, crop_to_sector=True)
    box = Box(50, 35, 80, 60)
    streamed = list(echoseg.stream(iter(frames), box, model, direction="forward", length=len(frames)))
    whole = list(echoseg.stream(frames, box, model, direction="forward"))
    assert (whole[0].logits[1][:10] == ABSENT_LOGIT).all()  # outside the sector nothing is looked at
    for a, b in zip(streamed, whole, strict=True):
        np.testing.assert_array_equal(a.logits[1], b.logits[1])


@settings(max_examples=60)
@given(data=st.data(), height=st.integers(20, 300), width=st.integers(20, 300))
def test_a_zoomed_window_is_a_square_around_the_prompts_that_stays_in_the_frame(data, height, width):
    x0, y0 = data.draw(st.integers(0, width - 2)), data.draw(st.integers(0, height - 2))
    box = Box(x0, y0, data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height)))
    window = Window.zoomed([box], (height, width))
    side = max(2.5 * max(box.x1 - box.x0, box.y1 - box.y0), 48)
    assert window.size == (min(round(side), height), min(round(side), width))
    assert 0 <= window.x0 <= box.x0 and box.x1 <= window.x1 <= width
    assert 0 <= window.y0 <= box.y0 and box.y1 <= window.y1 <= height


@pytest.mark.parametrize("prompts", [[], [Points([[5, 5]], [1])], [Box(2, 2, 8, 8), Points([[5, 5]], [1])]], ids=["none", "points", "both"])
def test_there_is_no_zoom_without_an_extent(prompts):
    assert Window.zoomed(prompts, (100, 120)) == Window.whole((100, 120))


def test_a_zooming_model_looks_at_a_window_around_its_first_prompt(micro_model):
    frames = np.random.default_rng(0).integers(0, 255, (4, 160, 200), dtype=np.uint8)
    model = replace(micro_model, network=copy(micro_model.network))
    model.network.config = replace(model.config, zoom_to_prompt=True)
    box = Box(100, 60, 130, 90)
    session = echoseg.Session(frames, model)
    zoomed = session.prompt(1, 0, box)
    assert session.tracker.window == Window.zoomed([box], (160, 200))
    pipeline = next(iter(echoseg.stream(frames, box, model)))
    np.testing.assert_array_equal(pipeline.logits[1], zoomed.logits[1])
    assert (zoomed.logits[1][:20] == ABSENT_LOGIT).all()
