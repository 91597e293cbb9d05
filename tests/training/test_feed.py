from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from beating_ellipses import Ellipses, tiny_config

from echoseg.errors import SourceError
from echoseg.training.config import StageConfig
from echoseg.training.dataset import UNNAMED, Sample
from echoseg.training.feed import Batch, Feed, choose_frames, loader
from echoseg.training.trainer import architecture


def equal(a: Batch, b: Batch) -> bool:
    pairs = ((getattr(a, f.name), getattr(b, f.name)) for f in fields(Batch))
    return all(torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y for x, y in pairs)


class OneSample:
    """A set of one given sample."""

    def __init__(self, sample: Sample) -> None:
        self.only = sample

    def __len__(self) -> int:
        return 1

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        return self.only


def feed(config=None, data=None, rank=0, **model) -> Feed:
    config = config or tiny_config()
    return Feed(config, [(data or Ellipses(), 1.0)], replace(architecture(config), **model), rank)


def test_batch_depends_on_the_step_alone():
    one, other = feed(), feed()
    forward = [one[step] for step in range(6)]
    backward = [other[step] for step in reversed(range(6))][::-1]
    assert all(map(equal, forward, backward))
    assert not equal(forward[0], forward[1])


def test_two_processes_share_out_the_slots_of_one_with_twice_the_batch():
    stage = {"name": "clips", "steps": 3, "frames": 3, "objects": 2}
    whole = feed(tiny_config(stages=[{**stage, "batch": 4}]))
    halves = [feed(tiny_config(stages=[{**stage, "batch": 2}]), rank=rank) for rank in (0, 1)]
    for step in range(3):
        parts, (a, b) = whole[step].parts(2), (half[step] for half in halves)
        assert torch.equal(parts[0].frames, a.frames) and torch.equal(parts[1].frames, b.frames)
        assert torch.equal(parts[0].masks, a.masks) and torch.equal(parts[1].masks, b.masks)


def test_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="2 clips cannot be split into 3"):
        feed()[0].parts(3)


def test_model_without_structure_prompts_is_never_asked_by_name():
    config = tiny_config(prompts={"structure": 1.0, "box": 0.1, "points": 0.1, "absent": 1.0})
    assert all((feed(config, structures=())[step].structure == UNNAMED).all() for step in range(6))
    assert any((feed(config)[step].structure != UNNAMED).all() for step in range(6))


def unnamed_square(first: int, last: int) -> Sample:
    masks = np.zeros((1, 1, 64, 64), bool)
    masks[..., first:last, first:last] = True
    return Sample(np.full((1, 64, 64), 90, np.uint8), masks, np.array([UNNAMED]), np.ones(1, bool))


def test_unnamed_object_stays_in_view_however_far_the_picture_is_shifted():
    batches = feed(tiny_config(augment={"shift": 0.9}), OneSample(unnamed_square(0, 8)))
    assert all(batches[step].masks.flatten(2).any(2).any(1).all() for step in range(3))


def test_sample_without_any_object_is_an_error():
    with pytest.raises(SourceError, match="no object of at least one pixel"):
        feed(data=OneSample(unnamed_square(5, 5)))[0]


def test_frames_begin_with_a_known_one_and_a_short_sample_is_walked_to_and_fro():
    known = np.array([False, True, True])
    sample = Sample(np.zeros((3, 8, 8), np.uint8), np.ones((3, 1, 8, 8), bool), np.array([0]), known)
    stage = StageConfig(name="clips", steps=1, batch=1, frames=5)
    walks = {tuple(choose_frames(sample, stage, np.random.default_rng(seed)).tolist()) for seed in range(20)}
    assert walks == {(1, 2, 1, 0, 1), (2, 1, 0, 1, 2)}


def test_batches_prepared_in_another_process_are_the_same():
    own = feed()
    assert all(equal(batch, own[step]) for step, batch in enumerate(loader(feed(), 2, 5, workers=1), start=2))


def test_a_plain_clip_is_spared_every_change_of_its_picture():
    """Constant greys in, the same constants out, whatever the ranges are."""
    frames = np.repeat(np.arange(10, 70, 10, dtype=np.uint8), 64 * 64).reshape(6, 64, 64)
    masks = np.zeros((6, 1, 64, 64), bool)
    masks[:, :, 20:40, 20:40] = True
    clip = OneSample(Sample(frames, masks, np.array([0]), np.ones(6, bool)))

    def greys(plain):
        batches = feed(tiny_config(augment={"plain": plain, "noise": 30.0, "reverse": 1.0}), clip)
        return {int(grey) for step in range(6) for grey in np.unique(batches[step].frames.numpy())}

    assert greys(1.0) == {10, 20, 30, 40, 50, 60}
    assert len(greys(0.0)) > 20
