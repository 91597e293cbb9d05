"""Greys through random curves."""

import numpy as np

from echoseg.training.augment import change_greys
from echoseg.training.config import AugmentConfig

RAMP = np.arange(256, dtype=np.uint8)[None, None]
STILL = AugmentConfig(gamma=0, contrast=0, brightness=0, noise=0, blur=0, cutout=0, invert=0)


def test_a_curve_is_smooth_and_sometimes_falls():
    falls = 0
    for seed in range(20):
        curve = change_greys(RAMP, STILL.model_copy(update={"remap": 1.0}), np.random.default_rng(seed))[0, 0].astype(int)
        assert np.abs(np.diff(curve)).max() <= 12 and np.ptp(curve) > 60
        falls += bool((np.diff(curve) < 0).any())
    assert 4 <= falls <= 19


def test_without_it_greys_stay():
    assert np.array_equal(change_greys(RAMP, STILL, np.random.default_rng(0)), RAMP)
