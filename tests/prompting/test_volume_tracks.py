"""How prompts are followed through a volume, with a tracker that finds all that is bright: what it finds is known exactly."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from echoseg.errors import PromptError
from echoseg.io import open_source
from echoseg.options import StopRules, VolumeOptions
from echoseg.prompting import volume
from echoseg.prompting.plan import manual_plan
from echoseg.prompting.stop_rules import SliceState, has_ended
from echoseg.prompting.volume import VolumeTracks, volume_tracks
from echoseg.tracking.cache import LRUCache
from echoseg.types import ABSENT_LOGIT, Box, Box3D, FrameResult, MaskPrompt

SLICES, SIDE = 16, 40
MODEL = SimpleNamespace(config=SimpleNamespace(zoom_to_prompt=False, crop_to_sector=False))
AS_USUAL = VolumeOptions()
NO_STOP = VolumeOptions(stop=None)


class BrightSession:
    """Answers a prompt with the bright pixels inside it, and tracks by marking all bright pixels: over-propagates as much as can be."""

    made: ClassVar[list] = []

    def __init__(self, source, model, *, cache, history, window, memory_selection):
        self.source, self.cache, self.window = source, cache, window
        self.prompts: dict[int, list] = {}
        self.masks: dict[int, np.ndarray] = {}
        BrightSession.made.append(self)

    def prompt(self, object_id, frame, prompts):
        prompts = prompts if isinstance(prompts, list) else [prompts]
        self.object_id = object_id
        self.prompts.setdefault(frame, []).extend(prompts)
        (prompt,) = prompts
        if isinstance(prompt, MaskPrompt):
            self.masks[frame] = prompt.mask
        else:
            inside = np.zeros(self.source.size, bool)
            inside[int(prompt.y0) : int(prompt.y1), int(prompt.x0) : int(prompt.x1)] = True
            self.masks[frame] = inside & (self.source.frame(frame) > 128)
        return self._result(frame, self.masks[frame])

    def propagate(self, direction, start=None):
        first = start if start is not None else min(self.masks)
        for index in range(first, SLICES) if direction == "forward" else range(first, -1, -1):
            yield self._result(index, self.masks.get(index, self.source.frame(index) > 128))

    def _result(self, index, mask):
        logits = np.where(mask, np.float32(8), np.float32(-8))
        return FrameResult(index, {self.object_id: logits}, {self.object_id: 0.9}, {self.object_id: 5.0 if mask.any() else -5.0})


@pytest.fixture(autouse=True)
def bright(monkeypatch):
    BrightSession.made = []
    monkeypatch.setattr(volume, "Session", BrightSession)
    monkeypatch.setattr(volume, "features_cache", lambda: LRUCache(1, lambda _: 1))


def ball(centre, radius):
    z, y, x = np.indices((SLICES, SIDE, SIDE)) - np.reshape(centre, (3, 1, 1, 1))
    return x**2 + y**2 + z**2 <= radius**2


BALL, OTHER = ball((7, 15, 15), 4.5), ball((14, 30, 30), 1.5)


def followed(truth, prompt, options=AS_USUAL, direction="both"):
    """``{object_id: (T, H, W) bool}`` and the frames in the order they came."""
    source = open_source(np.where(truth, 200, 20).astype(np.uint8), kind="volume")
    frames = list(VolumeTracks(source, MODEL, manual_plan(prompt), options).propagate(direction))
    masks = {}
    for object_id in frames[0].logits:
        masks[object_id] = np.zeros(truth.shape, bool)
        for frame in frames:
            masks[object_id][frame.index] = frame.masks[object_id]
    return masks, frames


def box_on(truth, index):
    return {1: {index: Box.around(truth[index])}}


@pytest.mark.parametrize("recipe", ["mask", "box"])
def test_a_lone_ball_is_found_whole_from_one_box(recipe):
    masks, frames = followed(BALL, box_on(BALL, 7), VolumeOptions(recipe=recipe))
    np.testing.assert_array_equal(masks[1], BALL)
    assert [frame.index for frame in frames] == [*range(7, SLICES), *range(6, -1, -1)]


def test_what_lies_beyond_the_end_is_not_the_object_unless_the_rules_are_off():
    with_rules, _ = followed(BALL | OTHER, box_on(BALL, 7))
    without, _ = followed(BALL | OTHER, box_on(BALL, 7), NO_STOP)
    np.testing.assert_array_equal(with_rules[1], BALL)
    np.testing.assert_array_equal(without[1], BALL | OTHER)


def test_of_the_box_recipe_the_largest_part_stays():
    masks, _ = followed(BALL | OTHER, box_on(BALL, 7), VolumeOptions("box", stop=None))
    np.testing.assert_array_equal(masks[1], BALL)


def test_beyond_its_end_an_object_is_absent_and_has_no_scores():
    _, frames = followed(BALL, box_on(BALL, 7))
    by_index = {frame.index: frame for frame in frames}
    assert (by_index[0].logits[1] == ABSENT_LOGIT).all()
    assert np.isnan(by_index[0].scores[1]) and np.isnan(by_index[0].object_scores[1])
    assert by_index[7].scores[1] == 0.9


@pytest.mark.parametrize("options", [VolumeOptions(), NO_STOP])
def test_a_3d_box_ends_its_object(options):
    masks, _ = followed(BALL, Box3D(10, 10, 5, 21, 21, 9), options)
    expected = BALL.copy()
    expected[:5] = expected[9:] = False
    np.testing.assert_array_equal(masks[1], expected)


def test_the_mask_recipe_propagates_the_key_slices_mask_and_the_box_recipe_the_box():
    followed(BALL, box_on(BALL, 7))
    followed(BALL, box_on(BALL, 7), VolumeOptions("box"))
    by_mask, by_box = BrightSession.made
    np.testing.assert_array_equal(by_mask.prompts[7][-1].mask, BALL[7])
    assert by_box.prompts[7] == [Box.around(BALL[7])]


def test_each_object_goes_both_ways_from_its_own_slice():
    truth = BALL | OTHER
    masks, frames = followed(truth, {1: {7: Box.around(BALL[7])}, 5: {14: Box.around(OTHER[14])}})
    np.testing.assert_array_equal(masks[1], BALL)
    assert masks[5][OTHER].all()
    assert [frame.index for frame in frames] == [*range(7, SLICES), *range(6, -1, -1)]


def test_where_objects_overlap_the_higher_logit_wins():
    _, frames = followed(BALL, {1: {7: Box.around(BALL[7])}, 2: {7: Box.around(BALL[7])}})
    frame = frames[0]
    frame.logits[2][BALL[7]] = 9.0
    assert set(np.unique(frame.label_map())) == {0, 2}


def test_between_two_prompted_slices_no_rule_ends_an_object():
    hourglass = ball((3, 15, 15), 3.5) | ball((12, 15, 15), 3.5)  # nothing at all in between
    masks, _ = followed(hourglass, {1: {3: Box.around(hourglass[3]), 12: Box.around(hourglass[12])}})
    np.testing.assert_array_equal(masks[1], hourglass)


def test_a_slice_is_found_by_the_memory_of_the_prompted_slices_next_to_it():
    followed(BALL, {1: {index: Box.around(BALL[index]) for index in (5, 7, 10)}})
    remembered = [(set(made.prompts), *made.masks) for made in BrightSession.made[1:]]
    assert remembered == [({5, 7}, 5, 7), ({7, 10}, 7, 10), ({10}, 10), ({5}, 5)]


def test_what_is_prompted_on_one_side_does_not_change_the_other_side():
    alone, _ = followed(BALL, box_on(BALL, 7))
    leaked = np.zeros((SIDE, SIDE), bool)
    leaked[:30] = True
    both, _ = followed(BALL, {1: {7: Box.around(BALL[7]), 11: MaskPrompt(leaked)}})
    np.testing.assert_array_equal(both[1][:8], alone[1][:8])


def test_a_slice_that_is_said_to_hold_none_of_the_object_ends_it():
    neck = ball((5, 15, 15), 4.5) | ball((12, 15, 15), 3.5)
    nothing_there = Box(30, 30, 34, 34)
    masks, _ = followed(neck, {1: {5: Box.around(neck[5]), 9: nothing_there}}, NO_STOP)
    np.testing.assert_array_equal(masks[1][:9], neck[:9])
    assert not masks[1][9:].any()


@pytest.mark.parametrize(("direction", "kept"), [("forward", slice(7, None)), ("backward", slice(None, 8))])
def test_one_direction_leaves_the_other_side_alone(direction, kept):
    masks, frames = followed(BALL, box_on(BALL, 7), direction=direction)
    expected = np.zeros_like(BALL)
    expected[kept] = BALL[kept]
    np.testing.assert_array_equal(masks[1], expected)
    assert sorted(frame.index for frame in frames) == list(range(SLICES))[kept]


def test_a_box_is_clipped_to_the_image():
    followed(BALL, {1: {7: Box(-30, -20, 22, 22)}})
    assert BrightSession.made[0].prompts[7][0] == Box(0, 0, 22, 22)


def test_zoom_shows_a_square_around_each_object():
    followed(BALL | OTHER, {1: {7: Box.around(BALL[7])}, 2: {14: Box.around(OTHER[14])}}, VolumeOptions(zoom=False))
    assert {session.window.size for session in BrightSession.made} == {(SIDE, SIDE)}
    big = np.zeros((SLICES, 200, 200), bool)
    big[5:9, 20:30, 40:50] = True
    followed(big, box_on(big, 6), VolumeOptions(zoom=True))
    window = BrightSession.made[-1].window
    assert window.size == (48, 48)
    assert (window.x0 + window.x1, window.y0 + window.y1) == (90, 50)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (Box3D(1, 1, 3, 5, 5, 17), "ends with slice 16, but .* has 16 slices"),
        ({1: {16: Box(1, 1, 5, 5)}}, "object 1 is prompted on slice 16, outside"),
    ],
)
def test_prompts_outside_the_volume_are_refused_before_anything_is_tracked(prompt, reason):
    source = open_source(np.zeros((SLICES, SIDE, SIDE), np.uint8), kind="volume")
    with pytest.raises(PromptError, match=reason):
        VolumeTracks(source, MODEL, manual_plan(prompt), VolumeOptions())


def test_other_sources_are_left_to_a_session_and_take_no_3d_prompts():
    clip = open_source(np.zeros((4, 32, 32), np.uint8), kind="clip")
    assert volume_tracks(clip, MODEL, manual_plan(Box(1, 1, 5, 5)), VolumeOptions(), None) is None
    with pytest.raises(PromptError, match="3D boxes and 3D points are for volumes"):
        volume_tracks(clip, MODEL, manual_plan(Box3D(1, 1, 0, 5, 5, 2)), VolumeOptions(), None)


def test_progress_counts_up_to_all_slices_of_all_objects():
    seen = []
    source = open_source(np.where(BALL, 200, 20).astype(np.uint8), kind="volume")
    plan = manual_plan({1: {7: Box.around(BALL[7])}, 2: {7: Box.around(BALL[7])}})
    list(VolumeTracks(source, MODEL, plan, VolumeOptions(), lambda done, total: seen.append((done, total))).propagate())
    assert seen[-1] == (2 * SLICES, 2 * SLICES)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_unknown_recipe_is_refused():
    with pytest.raises(PromptError, match="'mask' or 'box'"):
        VolumeOptions("both")


@pytest.mark.parametrize(
    ("now", "ended"),
    [
        (SliceState(90, 0.8, 5.0), False),
        (SliceState(0, 0.8, 5.0), True),  # nothing there
        (SliceState(90, 0.8, -0.1), True),  # absent
        (SliceState(90, 0.29, 5.0), True),  # the model does not trust its mask
        (SliceState(19, 0.8, 5.0), True),  # collapsed
        (SliceState(21, 0.8, 5.0), False),
        (SliceState(201, 0.8, 5.0), True),  # leaked
    ],
)
def test_each_rule_ends_an_object(now, ended):
    rules = StopRules(object_score=0.0, iou=0.3, collapse=0.2, explosion=2.0, swelling=0.0)
    assert has_ended(now, SliceState(100, 0.9, 9.0), 150, rules) is ended


@pytest.mark.parametrize(("now", "ended"), [(7.9, False), (8.1, True)])
def test_a_leak_must_swell_by_pixels_too(now, ended):
    before, rules = round(np.pi * 5**2), StopRules(explosion=1.5, swelling=3.0)
    assert has_ended(SliceState(round(np.pi * now**2), 0.9, 5.0), SliceState(before, 0.9, 5.0), before, rules) is ended


def test_slow_growth_ends_at_a_multiple_of_the_prompted_slice():
    rules = StopRules(explosion=2.0, swelling=0.0)
    assert not has_ended(SliceState(290, 0.9, 5.0), SliceState(200, 0.9, 5.0), 150, rules)
    assert has_ended(SliceState(301, 0.9, 5.0), SliceState(200, 0.9, 5.0), 150, rules)
