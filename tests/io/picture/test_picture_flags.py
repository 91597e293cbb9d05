"""Pictures in which no ventricle is measured are told by their pixels; clean clips get no flag."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speckled_sector import coloured, sector_clip

from echoseg import open_source
from echoseg.io.picture.flags import picture_flags

CLIP = sector_clip()


def codes(frames):
    return [flag.code for flag in picture_flags(open_source(frames))]


def scrolling(step, height=120, width=160, count=24, low=False):
    strip = np.random.default_rng(1).uniform(0, 255, (height, width + step * count)).astype(np.uint8)
    if low:
        strip[: height // 2] = 20
    return np.stack([strip[:, step * t : step * t + width] for t in range(count)])


def sweeping(count=24, height=120, width=160):
    strip = np.random.default_rng(2).uniform(0, 255, (2, height, width)).astype(np.uint8)
    return np.stack([np.where(np.arange(width) < 40 + 4 * t, strip[0], strip[1]) for t in range(count)])


@pytest.mark.parametrize("clip", [CLIP, coloured(CLIP), sector_clip(seed=5), sector_clip(count=60)], ids=["grey", "rgb", "other", "long"])
def test_a_clean_clip_gets_no_flag(clip):
    assert codes(clip) == []


def test_a_tinted_clip_and_coloured_text_are_no_colour_doppler():
    tinted = np.stack([CLIP, (0.8 * CLIP).astype(np.uint8), (0.55 * CLIP).astype(np.uint8)], axis=-1)
    tinted[:, 60:64, 70:110] = (0, 255, 0)
    assert codes(tinted) == []


def test_colour_that_comes_and_goes_in_the_sector_is_named():
    flow = coloured(CLIP)
    for t in range(0, len(flow), 2):
        flow[t, 50:75, 70:95] = (200, 40, 0) if t % 4 else (0, 60, 210)
    assert codes(flow) == ["colour_doppler"]


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 12), st.booleans())
def test_a_trace_that_scrolls_is_named(step, low):
    assert codes(scrolling(step, low=low)) == ["trace_picture"]


def test_a_trace_that_is_written_anew_column_by_column_is_named():
    assert codes(sweeping()) == ["trace_picture"]


@pytest.mark.parametrize("trace", [sweeping(), scrolling(4)], ids=["sweeps", "scrolls"])
def test_a_trace_below_a_moving_picture_is_named_and_an_ecg_is_not(trace):
    assert codes(np.concatenate([CLIP[:, ::2], trace[:, :80]], axis=1)) == ["trace_picture"]
    assert codes(np.concatenate([CLIP, trace[:, :20]], axis=1)) == []


def test_an_ecg_that_scrolls_below_the_sector_is_no_trace_picture():
    clip = np.pad(CLIP, ((0, 0), (0, 20), (0, 0)))
    for t, frame in enumerate(clip):
        beat = 130 - 8 * (np.arange(160) + 4 * t) // 20 % 8 // 7 * 8
        frame[np.clip(beat, 121, 139), np.arange(160)] = 255
    assert codes(clip) == []


@pytest.mark.parametrize("columns", [2, 3])
def test_sectors_side_by_side_are_named(columns):
    assert codes(np.concatenate([sector_clip(seed=k) for k in range(columns)], axis=2)) == ["several_sectors"]


def test_a_sector_that_hangs_or_lies_is_named():
    assert codes(CLIP[:, ::-1]) == ["upside_down"]


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_a_picture_of_one_grey_is_named(grey):
    assert codes(np.full_like(CLIP, grey)) == ["no_picture"]


def test_a_frozen_picture_is_named_though_an_ecg_runs_beside_it():
    frozen = np.repeat(CLIP[:1], 24, axis=0)
    frozen[np.arange(24), 110:118, 4:6] = np.arange(24)[:, None, None] * 10
    assert codes(frozen) == ["frozen_picture"]


def title(count):
    card = np.zeros((count, *CLIP.shape[1:]), np.uint8)
    card[:, 20:30, 10:150:3] = 220
    return card


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.sampled_from(["title", "black"]))
def test_other_pictures_at_the_ends_are_left_out_and_said(before, after, what):
    make = title if what == "title" else lambda count: np.zeros((count, *CLIP.shape[1:]), np.uint8)
    source = open_source(np.concatenate([make(before), CLIP, make(after)]))
    flags = picture_flags(source)
    assert source.moving() == (before, before + len(CLIP))
    assert [flag.code for flag in flags] == (["ends_left_out"] if before or after else [])
    assert all(f"{count} at the {end}" in flags[0].message for count, end in ((before, "beginning"), (after, "end")) if count)


def test_the_sector_is_that_of_the_clip_behind_a_title_card():
    source = open_source(np.concatenate([title(20), CLIP]))
    assert np.array_equal(source.sector(), open_source(CLIP).sector())


def test_frozen_frames_at_the_end_are_left_out():
    source = open_source(np.concatenate([CLIP, np.repeat(CLIP[-1:], 12, axis=0)]))
    assert source.moving() == (0, len(CLIP))


def test_volumes_and_single_images_are_not_looked_at():
    assert picture_flags(open_source(np.zeros((9, 64, 64), np.uint8), kind="volume")) == ()
    assert codes(np.zeros((64, 64), np.uint8)) == []
