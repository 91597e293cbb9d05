"""Prompted frames looked at in mirror image as well."""

import dataclasses

import numpy as np
import pytest

from echoseg import Box, MaskPrompt, Points, Session
from echoseg.model import Model, build_model
from echoseg.types import Structure

BOX = Box(6, 8, 26, 28)


@pytest.fixture(scope="module")
def mirroring_model(micro_model):
    network = build_model(dataclasses.replace(micro_model.config, mirror_prompted=True)).requires_grad_(False)
    network.load_state_dict(micro_model.network.state_dict())
    return Model(network, micro_model.execution, micro_model.weights)


def answer(model, frame, *prompts):
    return Session(frame[None], model).prompt(1, 0, list(prompts)).logits[1]


def flipped(prompt, width):
    if isinstance(prompt, Box):
        return Box(width - prompt.x1, prompt.y0, width - prompt.x0, prompt.y1)
    if isinstance(prompt, Points):
        return Points(np.stack([width - prompt.xy[:, 0], prompt.xy[:, 1]], axis=1), prompt.labels)
    if isinstance(prompt, MaskPrompt):
        return MaskPrompt(prompt.mask[:, ::-1].copy())
    return prompt


@pytest.mark.parametrize(
    "prompts",
    [
        [BOX],
        [Points([[12, 20]], [1])],
        [BOX, Points([[12, 20], [40, 9]], [1, 0])],
        [Structure("LV")],
        [MaskPrompt(np.arange(64)[None] * np.ones((48, 1)) > 30), Points([[12, 20]], [1])],
    ],
    ids=["box", "click", "box and clicks", "structure", "mask and click"],
)
def test_the_mirror_image_has_the_mirror_image_of_the_answer(mirroring_model, micro_model, prompts):
    frame = np.random.default_rng(3).integers(0, 255, (48, 64), np.uint8)
    turned, given = np.ascontiguousarray(frame[:, ::-1]), [flipped(prompt, 64) for prompt in prompts]
    here, there = answer(mirroring_model, frame, *prompts), answer(mirroring_model, turned, *given)[:, ::-1]
    spread = np.ptp(here)
    assert np.abs(here - there).max() < 1e-4 * spread
    assert np.abs(answer(micro_model, frame, *prompts) - answer(micro_model, turned, *given)[:, ::-1]).max() > 1e-3 * spread


def test_a_mask_alone_is_taken_as_it_is(mirroring_model, micro_model):
    frame = np.random.default_rng(3).integers(0, 255, (48, 64), np.uint8)
    mask = MaskPrompt(np.eye(48, 64, dtype=bool))
    np.testing.assert_array_equal(answer(mirroring_model, frame, mask), answer(micro_model, frame, mask))


def test_a_mirror_image_is_encoded_once_for_all_objects_and_not_for_a_mask(mirroring_model, monkeypatch):
    session = Session(np.random.default_rng(3).integers(0, 255, (2, 48, 64), np.uint8), mirroring_model)
    encode, mirrored = session.tracker.encode, []

    def counted(frame, mirror=False):
        mirrored.append(mirror)
        return encode(frame, mirror)

    monkeypatch.setattr(session.tracker, "encode", counted)
    session.prompt(1, 0, MaskPrompt(np.eye(48, 64, dtype=bool)))
    assert sum(mirrored) == 0
    session.prompt(2, 0, BOX)
    session.prompt(3, 0, Structure("LV"))
    assert sum(mirrored) == 1


def test_a_live_frame_that_has_passed_is_still_answered(mirroring_model):
    frames = np.random.default_rng(3).integers(0, 255, (4, 48, 64), np.uint8)
    session = Session(iter(frames), mirroring_model)
    first = session.prompt(1, 0, BOX)
    for frame in session.propagate("forward"):
        assert frame.masks[1].shape == (48, 64)
    assert session.correct(1, 0, Points([[12, 20]], [1])).logits[1].shape == first.logits[1].shape
