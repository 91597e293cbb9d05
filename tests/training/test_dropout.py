"""Frames that lose part of the picture: the first never does, the others do on their own."""

import numpy as np

from echoseg.training.augment import change_greys
from echoseg.training.config import AugmentConfig

STILL = AugmentConfig(gamma=0, contrast=0, brightness=0, noise=0, blur=0, cutout=0, invert=0, dropout=1.0)


def test_every_later_frame_loses_another_part_and_the_first_none():
    frames = np.full((4, 64, 64), 120, np.uint8)
    out = change_greys(frames, STILL, np.random.default_rng(3))
    np.testing.assert_array_equal(out[0], frames[0])
    lost = [frame < 100 for frame in out[1:]]
    assert all(0 < part.mean() < 0.6 for part in lost)
    assert not np.array_equal(lost[0], lost[1]) and not np.array_equal(lost[1], lost[2])
    assert (out <= frames).all()


def test_without_dropout_nothing_is_lost():
    frames = np.full((3, 32, 32, 3), 90, np.uint8)
    np.testing.assert_array_equal(change_greys(frames, STILL.model_copy(update={"dropout": 0.0}), np.random.default_rng(0)), frames)
