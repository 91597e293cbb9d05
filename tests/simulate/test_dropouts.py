"""Dropouts: what happens on the lost frames, and that nothing happens elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from echoseg.simulate import SimulationError, random_clip
from echoseg.simulate.dropouts import KINDS, beams, drop_out

LOST = slice(2, 5)


@pytest.fixture(scope="module")
def clip():
    return random_clip(3, 96, frames=6)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_lost_frames_change_and_the_clip_itself_does_not(clip, kind):
    before = clip.frames.copy()
    dropped = drop_out(clip, kind, 2, 3, seed=0)
    assert np.array_equal(clip.frames, before)
    assert dropped.frames.dtype == np.uint8 and dropped.frames.shape == clip.frames.shape
    for index in (0, 1, 5):
        assert np.array_equal(dropped.frames[index], clip.frames[index]) and np.array_equal(dropped.masks[index], clip.masks[index])
    for index in range(2, 5):
        assert not np.array_equal(dropped.frames[index], clip.frames[index])
    if kind != "frozen":
        assert np.array_equal(dropped.masks, clip.masks)


def test_black_shows_nothing(clip):
    assert not drop_out(clip, "black", 2, 3, seed=0).frames[LOST].any()


def test_frozen_shows_the_frame_before_and_its_masks(clip):
    dropped = drop_out(clip, "frozen", 2, 3, seed=0)
    for index in range(2, 5):
        assert np.array_equal(dropped.frames[index], clip.frames[1]) and np.array_equal(dropped.masks[index], clip.masks[1])


def test_noise_has_the_pixels_of_the_sector_in_an_order_of_its_own(clip):
    dropped, same, other = (drop_out(clip, "noise", 2, 3, seed=seed).frames for seed in (0, 0, 1))
    assert np.array_equal(dropped, same) and not np.array_equal(dropped[2], other[2])
    for index in range(2, 5):
        assert np.array_equal(np.sort(dropped[index][clip.sector], axis=0), np.sort(clip.frames[index][clip.sector], axis=0))
        assert np.array_equal(dropped[index][~clip.sector], clip.frames[index][~clip.sector])


def test_a_shadow_darkens_the_ventricle_and_a_base_shadow_its_base_alone(clip):
    ventricle = clip.masks[2] == 1
    rows = np.flatnonzero(ventricle.any(axis=1))
    apex, base = ventricle.copy(), ventricle.copy()
    apex[rows[len(rows) // 3] :], base[: rows[-len(rows) // 6]] = False, False

    def left(kind, where):
        return drop_out(clip, kind, 2, 3, seed=0).frames[2][where].sum() / clip.frames[2][where].sum()

    assert left("shadow", ventricle) < 0.5
    assert left("base shadow", base) < 0.2
    assert left("base shadow", apex) > 0.95


def test_a_lifted_probe_loses_the_picture_and_finds_it_again():
    clip = random_clip(3, 96, frames=12)
    dropped = drop_out(clip, "lift", 2, 8, seed=0)
    deep = clip.sector & (beams(clip)[1] > 60)
    left = dropped.frames[2:10][:, deep].sum(axis=1) / clip.frames[2:10][:, deep].sum(axis=1)
    assert left[0] > 0.4 and left[-1] > 0.4
    assert left[2:6].max() < 0.15


def test_shadows_of_a_colour_clip_keep_its_colours(clip):
    grey = clip.frames if clip.frames.ndim == 3 else clip.frames[..., 0]
    colour = np.repeat(grey[..., None], 3, axis=3)
    single, triple = (drop_out(replace(clip, frames=frames), "shadow", 2, 3, seed=0).frames for frames in (grey, colour))
    assert np.array_equal(triple, np.repeat(single[..., None], 3, axis=3))


def test_beams_meet_where_the_sides_of_the_sector_do(clip):
    y, x = np.indices((200, 240)) + 0.5
    sector = (np.abs(np.arctan2((x - 110) * 0.4, (y - 12) * 0.5)) < 0.6) & (np.hypot((x - 110) * 0.4, (y - 12) * 0.5) < 90)
    angle, depth = beams(replace(clip, sector=sector, spacing=(0.5, 0.4)))
    assert np.abs(angle - np.arctan2((x - 110) * 0.4, (y - 12) * 0.5))[sector & (y > 30)].max() < 0.05
    assert depth[sector].min() == 0 and depth[sector].max() == pytest.approx(90, abs=2)


@pytest.mark.parametrize(("first", "count"), [(0, 2), (2, 0), (4, 3), (6, 1)])
def test_a_dropout_lies_within_the_clip(clip, first, count):
    with pytest.raises(SimulationError, match="does not fit into frames 1 to 5"):
        drop_out(clip, "black", first, count, seed=0)


def test_a_shadow_needs_a_ventricle(clip):
    with pytest.raises(SimulationError, match="no left ventricle"):
        drop_out(replace(clip, masks=np.zeros_like(clip.masks)), "shadow", 2, 3, seed=0)
