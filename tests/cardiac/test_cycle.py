from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_beats import SYSTOLE, regular, volume_curve

from echoseg.cardiac import find_beats
from echoseg.errors import MeasureError


def assert_times(beats, times, r_times, tolerance):
    for beat in beats:
        nearest = np.abs(r_times - times[beat.ed]).argmin()
        end_systole = r_times[nearest] + SYSTOLE * (r_times[nearest + 1] - r_times[nearest])
        assert times[beat.ed] == pytest.approx(r_times[nearest], abs=tolerance)
        assert times[beat.next_ed] == pytest.approx(r_times[nearest + 1], abs=tolerance)
        assert times[beat.es] == pytest.approx(end_systole, abs=tolerance)


def test_four_beats_with_diastasis_and_atrial_kick():
    times, curve, r_times = regular(66, beats=5.2, fps=50, offset=0.5)
    beats = find_beats(curve, times)
    assert len(beats) == 4
    assert not any(beat.partial for beat in beats)
    assert_times(beats, times, r_times, 0.02)
    assert np.mean([beat.hr_bpm for beat in beats]) == pytest.approx(66, abs=1)


@settings(max_examples=60)
@given(
    heart_rate=st.floats(30, 200),
    frames_a_beat=st.floats(9, 60),
    offset=st.floats(0, 1),
    kick=st.floats(0.15, 0.35),
    ef=st.floats(0.2, 0.75),
    noise=st.floats(0, 0.01),
    seed=st.integers(0, 999),
)
def test_every_whole_beat_is_found_at_any_rate(heart_rate, frames_a_beat, offset, kick, ef, noise, seed):
    fps = np.clip(heart_rate / 60 * frames_a_beat, 15, 100)
    times, curve, r_times = regular(heart_rate, 4.6, fps, offset, ef=ef, kick=kick)
    curve = curve + noise * np.ptp(curve) * np.random.default_rng(seed).standard_normal(len(curve))
    beats = find_beats(curve, times)
    whole = sum(times[0] <= first and last <= times[-1] for first, last in pairwise(r_times))
    assert not any(beat.partial for beat in beats)
    assert whole <= len(beats) <= whole + 2  # a beat at either end that lacks a frame or two may count as whole
    inner = [beat for beat in beats if beat.ed > 1 and beat.next_ed < len(times) - 2]
    assert_times(inner, times, r_times, max(0.06 * 60 / heart_rate, 1.5 / fps))


def test_the_kick_is_end_diastole_not_the_plateau_before_it():
    times, curve, _ = regular(50, beats=3, fps=60, kick=0.08)
    assert [times[beat.ed] for beat in find_beats(curve, times)] == pytest.approx([0, 1.2, 2.4], abs=0.025)


def test_noise_and_failed_frames_do_not_move_the_beats():
    times, curve, r_times = regular(72, beats=5, fps=40, offset=0.4)
    noisy = curve + 3 * np.random.default_rng(3).standard_normal(len(curve))
    noisy[[20, 77]] *= 0.2
    noisy[[50, 121]] *= 1.9
    noisy[[33, 34, 90]] = np.nan
    beats = find_beats(noisy, times)
    assert len(beats) == 4
    assert_times(beats, times, r_times, 0.06)
    used = {frame for beat in beats for frame in (beat.ed, beat.es, beat.next_ed)}
    assert not used & {20, 77, 50, 121, 33, 34, 90}


def test_a_clip_from_r_wave_to_r_wave_is_one_whole_beat():
    times, curve, _ = regular(60, beats=1, fps=30)
    (beat,) = find_beats(curve, times)
    assert not beat.partial
    assert (beat.ed, beat.next_ed) == (pytest.approx(0, abs=1), pytest.approx(len(times) - 1, abs=1))
    assert times[beat.es] == pytest.approx(SYSTOLE, abs=0.034)


def test_partial_beats_at_the_ends_are_dropped_when_a_whole_one_exists():
    times, curve, _ = regular(60, beats=1.9, fps=50, offset=0.2)
    (beat,) = find_beats(curve, times)
    assert not beat.partial
    assert times[beat.ed] == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("offset", "beats"), [(0.0, 0.4), (0.2, 0.7), (0.5, 0.45)])
def test_without_a_whole_beat_the_largest_and_smallest_frames_serve(offset, beats):
    times, curve, _ = regular(60, beats, fps=50, offset=offset)
    (beat,) = find_beats(curve, times)
    assert beat.partial and beat.next_ed is None and beat.hr_bpm is None
    assert curve[beat.ed] == pytest.approx(curve.max(), rel=0.02)
    assert curve[beat.es] == pytest.approx(curve.min(), rel=0.05)


def test_a_partial_beat_keeps_to_one_systole():
    times, curve, _ = regular(60, beats=1.15, fps=50, offset=0.3)  # from one end-systole to the next
    drifting = curve * np.linspace(0.8, 1.2, len(curve))  # breathing moves the plane: the first end-systole looks smaller
    (beat,) = find_beats(drifting, times)
    assert beat.partial
    assert times[beat.ed] == pytest.approx(0.7, abs=0.03)
    assert times[beat.es] == pytest.approx(0.7 + SYSTOLE, abs=0.03)


def test_an_end_systole_before_the_only_end_diastole_serves():
    times, curve, _ = regular(60, beats=0.75, fps=50, offset=0.3)
    (beat,) = find_beats(curve, times)
    assert beat.partial and beat.es < beat.ed and times[beat.es] == pytest.approx(SYSTOLE - 0.3, abs=0.03)


def test_r_waves_place_end_diastole_where_there_is_no_kick():
    r_times = np.array([0.3, 1.4, 2.0, 3.3, 4.1])
    times = np.arange(0, 4.4, 0.02)
    curve = volume_curve(np.array([-0.9, *r_times, 5.2]), times, kick=0.0)
    beats = find_beats(curve, times, r_waves=r_times)
    assert len(beats) == 4
    assert [times[beat.ed] for beat in beats] == pytest.approx(r_times[:-1], abs=0.16)
    assert [times[beat.es] for beat in beats] == pytest.approx(r_times[:-1] + SYSTOLE * np.diff(r_times), abs=0.04)


def test_a_wrong_heart_rate_tag_does_not_lose_beats():
    times, curve, _ = regular(80, beats=4.2, fps=30)
    for told in (40, 80, 160):
        assert len(find_beats(curve, times, heart_rate=told)) == 4


def test_t_waves_taken_for_r_waves_begin_no_beat():
    times, curve, r_times = regular(75, beats=3, fps=50)
    inside = r_times[(r_times >= 0) & (r_times <= times[-1])]
    doubled = np.sort(np.concatenate([inside, inside + 0.4]))
    assert find_beats(curve, times, r_waves=doubled) == find_beats(curve, times, r_waves=inside)


def test_a_beat_that_may_hide_another_is_not_complete():
    times, curve, _ = regular(60, beats=4, fps=30)
    first, second, third, fourth = find_beats(curve, times)
    curve[second.es + 5 : third.es - 5] = np.nan  # from filling to the next systole, an end-diastole among them
    assert find_beats(curve, times) == [first, fourth]


def test_one_beat_with_a_long_gap_is_partial():
    times, curve, _ = regular(60, beats=2, fps=30)
    first, second = find_beats(curve, times)
    curve[first.es + 3 : second.es + 3] = np.nan
    (beat,) = find_beats(curve, times)
    assert beat.partial and beat.hr_bpm is None


def test_uneven_frame_times_are_respected():
    _, _, r_times = regular(60, beats=4, fps=30)
    times = np.cumsum(np.random.default_rng(0).uniform(0.015, 0.045, 135))
    beats = find_beats(volume_curve(r_times, times), times)
    assert_times(beats, times, r_times, 0.05)
    assert np.mean([beat.hr_bpm for beat in beats]) == pytest.approx(60, abs=2)


def test_without_times_beats_are_found_by_frame_order_and_no_rate_is_told():
    times, curve, _ = regular(70, beats=3.3, fps=25, offset=0.3)
    told, untold = find_beats(curve, times), find_beats(curve)
    assert [(beat.ed, beat.es) for beat in told] == [(beat.ed, beat.es) for beat in untold]
    assert all(beat.hr_bpm is None for beat in untold)


@pytest.mark.parametrize("curve", [np.full(90, 50.0), np.array([50.0]), np.array([50.0, 20.0]), np.full(30, np.nan), np.array([])])
def test_no_beat_in_a_flat_or_too_short_curve(curve):
    assert find_beats(curve, np.arange(len(curve)) / 30) == []


def test_no_beat_in_noise():
    rng = np.random.default_rng(5)
    found = [find_beats(50 * (1 + 0.05 * rng.standard_normal(120)), np.arange(120) / 30) for _ in range(20)]
    assert sum(map(bool, found)) <= 1


@pytest.mark.parametrize(
    ("curve", "times", "heart_rate"),
    [
        (np.ones((3, 3)), None, None),
        (np.ones(9), np.arange(8), None),
        (np.ones(9), np.zeros(9), None),
        (np.ones(9), np.full(9, np.nan), None),
        (np.ones(9), np.arange(9), -60),
    ],
)
def test_malformed_curves_and_times_are_refused(curve, times, heart_rate):
    with pytest.raises(MeasureError):
        find_beats(curve, times, heart_rate=heart_rate)


def test_no_beat_is_faster_than_a_heart_can_be():
    times, curve, _ = regular(66, beats=4.2, fps=50, offset=0.5)
    last = np.flatnonzero(times > times[-1] - 0.45)
    curve[last[:10]] = curve.min()  # a failed stretch of masks, closed by a full mask 0.2 s later
    assert all(beat.hr_bpm is None or 27 <= beat.hr_bpm <= 220 for beat in find_beats(curve, times))
    assert all(beat.partial for beat in find_beats(curve, times / 6))


@pytest.mark.parametrize("after_systole", [7, 8, 9])
@pytest.mark.parametrize("frames", [3, 4, 5])
def test_a_run_of_masks_that_lost_their_base_is_no_beat(after_systole, frames):
    times, curve, r_times = regular(66, beats=4.2, fps=30, offset=0.3)
    whole = find_beats(curve, times)
    start = whole[1].es + after_systole
    dropped = curve.copy()
    dropped[start : start + frames] = 0.6 * curve.min()
    beats = find_beats(dropped, times)
    assert len(beats) == len(whole) == 3
    assert not {frame for beat in beats for frame in (beat.ed, beat.es, beat.next_ed)} & set(range(start, start + frames))
    assert_times(beats, times, r_times, 0.07)


def test_an_early_beat_is_not_taken_for_failed_masks():
    r_times = np.array([-0.9, 0.0, 0.9, 1.35, 2.6, 3.5, 4.4])
    times = np.arange(0, 3.6, 1 / 40)
    assert len(find_beats(volume_curve(r_times, times), times)) == 4


def test_frames_that_come_in_pairs_hide_no_beat():
    times, _, r_times = regular(60, beats=4.2, fps=15, offset=0.3)
    paired = np.sort(np.concatenate([times, times + 0.001]))
    beats = find_beats(volume_curve(r_times, paired), paired)
    assert [beat.hr_bpm for beat in beats] == pytest.approx([60] * 3, abs=1)


def test_a_frame_rate_that_drops_hides_no_beat():
    times = np.concatenate([np.arange(400) / 200, 2 + np.arange(51) / 20])
    r_times = np.arange(-0.4, 7)
    beats = find_beats(volume_curve(r_times, times), times)
    assert [beat.hr_bpm for beat in beats] == pytest.approx([60] * len(beats), abs=4)
    assert len(beats) >= 3


def test_r_waves_too_far_apart_for_a_heart_are_not_believed():
    times, curve, r_times = regular(72, beats=6, fps=40)
    told = [r_times[1], r_times[7]]  # those between were missed
    assert [beat.hr_bpm for beat in find_beats(curve, times, r_waves=told)] == pytest.approx([72] * 6, abs=2)


def test_times_of_no_clip_are_refused():
    times, curve, _ = regular(60, beats=2, fps=30)
    bursts = np.arange(len(times)) * 1e-9
    bursts[-1] = 3.0
    with pytest.raises(MeasureError, match="times must be those of one clip"):
        find_beats(curve, bursts)


@pytest.mark.parametrize(("ef", "drift"), [(0.2, 0.10), (0.25, 0.12), (0.3, 0.15)])
@pytest.mark.parametrize("breath", [0.0, 1.5, 3.0, 4.5])
def test_breathing_joins_no_two_beats(ef, drift, breath):
    times, curve, _ = regular(70, beats=11, fps=40, offset=0.2, ef=ef)
    beats = find_beats(curve * (1 + drift * np.sin(2 * np.pi * times / 4 + breath)), times)
    assert [beat.hr_bpm for beat in beats] == pytest.approx([70] * len(beats), abs=10)
    assert len(beats) >= 9


@pytest.mark.parametrize("side", [1, -1])
def test_a_ripple_on_a_systole_that_the_clip_cuts_begins_no_beat(side):
    times, curve, _ = regular(50, beats=4, fps=30, offset=0.2)  # begins in the middle of systole
    curve[0] -= 0.5 * (curve[0] - curve.min())  # the first mask is too small
    beats = find_beats(curve[::side], times)
    assert [beat.hr_bpm for beat in beats] == pytest.approx([50] * 3, abs=4)


@pytest.mark.parametrize("sink", [0.05, 0.1, 0.15])
@pytest.mark.parametrize("end", [0.62, 0.7, 0.8])
def test_a_clip_that_ends_in_a_sinking_diastasis_does_not_close_its_last_beat_there(sink, end):
    times, curve, r_times = regular(66, 4, 30, offset=0.3, kick=0.12)
    phase = (times - r_times[2]) * 66 / 60 % 1  # of a beat
    curve = curve - sink * 72 * np.clip((phase - 0.6) / 0.26, 0, 1) * (phase < 0.86)  # 72 of 120: what a beat ejects
    inside = times <= r_times[4] + end * 60 / 66
    beats = find_beats(curve[inside], times[inside])
    assert [beat.partial for beat in beats] == [False] * 2
    assert [beat.hr_bpm for beat in beats] == pytest.approx([66] * 2, rel=0.06)
