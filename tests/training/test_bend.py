"""Clips whose shapes are bent: the mask goes where the picture goes, and nothing folds over."""

import cv2
import numpy as np
import pytest

from echoseg.training.augment import bent, bent_mask, random_bend
from echoseg.training.config import AugmentConfig

BENT = AugmentConfig(bend=0.05)


def drawn(side: int = 64, config: AugmentConfig = BENT):
    """The first bend that bends."""
    rng = np.random.default_rng(0)
    return next(bend for bend in (random_bend(side, config, rng) for _ in range(50)) if bend is not None)


def test_half_the_clips_stay_as_they_are():
    rng = np.random.default_rng(1)
    assert np.mean([random_bend(16, BENT, rng) is None for _ in range(400)]) == pytest.approx(0.5, abs=0.08)
    assert all(random_bend(16, AugmentConfig(), rng) is None for _ in range(20))


def test_the_mask_goes_where_the_picture_goes():
    y, x = np.mgrid[:64, :64]
    mask = (x - 30) ** 2 + (y - 34) ** 2 < 200
    bend = drawn()
    picture = bent(mask.astype(np.uint8) * 255, bend)
    np.testing.assert_array_equal(bent_mask(mask, bend), picture >= 128)
    assert (bent_mask(mask, bend) != mask).any()


@pytest.mark.parametrize("strength", [0.02, 0.05])
def test_no_bend_folds_over_or_moves_further_than_said(strength):
    rng = np.random.default_rng(2)
    for bend in (random_bend(64, AugmentConfig(bend=strength), rng) for _ in range(100)):
        if bend is None:
            continue
        assert (np.diff(bend[..., 0], axis=1) > 0).all() and (np.diff(bend[..., 1], axis=0) > 0).all()
        y, x = np.mgrid[:64, :64]
        assert np.abs(bend - np.stack([x, y], axis=-1)).max() <= 1.5 * strength * 64  # cubic interpolation overshoots a little


def test_colour_bends_as_grey_does():
    grey = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 255, (64, 64), np.uint8), (0, 0), 2)
    bend = drawn()
    np.testing.assert_array_equal(bent(np.repeat(grey[..., None], 3, axis=-1), bend)[..., 1], bent(grey, bend))
