import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from echoseg.io.dicom import timing as timing_of


def header(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def cine_timing(dataset, count):
    return timing_of.cine_timing(dataset, count)[0]


def flags(dataset, count):
    return [flag.code for flag in timing_of.cine_timing(dataset, count)[1]]


POINTS_AT = {"FrameTime": 0x00181063, "FrameTimeVector": 0x00181065}


@given(st.lists(st.integers(1, 500), min_size=1, max_size=50))
def test_the_frame_time_vector_gives_each_time(intervals):
    timing = cine_timing(
        header(FrameTimeVector=[0, *intervals], FrameTime="7", FrameIncrementPointer=POINTS_AT["FrameTimeVector"]), len(intervals) + 1
    )
    np.testing.assert_allclose(timing.times, np.cumsum([0, *intervals]) / 1000)
    assert timing.fps == pytest.approx(1000 / np.mean(intervals))


def test_frame_time_comes_before_the_rates():
    timing = cine_timing(header(FrameTime="20", CineRate="99", RecommendedDisplayFrameRate="98"), 3)
    assert (timing.fps, timing.times) == (50, None)


def test_cine_rate_comes_before_the_recommended_rate():
    assert cine_timing(header(CineRate="40", RecommendedDisplayFrameRate="30"), 3).fps == 40
    assert cine_timing(header(RecommendedDisplayFrameRate="30"), 3).fps == 30


@pytest.mark.parametrize("vector", [[0, 20], [0, 20, 0], [0, -20, 20], [0, 1e-9, 1e-9]])
def test_a_vector_that_cannot_be_true_is_passed_over(vector):
    timing = cine_timing(header(FrameTimeVector=vector, FrameTime="25"), 3)
    assert (timing.fps, timing.times) == (40, None)


@pytest.mark.parametrize("value", ["0", "", "-3", "1000000", None])
def test_a_frame_time_that_cannot_be_true_is_passed_over(value):
    assert cine_timing(header(FrameTime=value, CineRate="40"), 3).fps == 40
    assert cine_timing(header(FrameTime=value), 3).fps is None


@pytest.mark.parametrize(("stated", "expected"), [("0", None), ("", None), ("72", 72), ("9999", None)])
def test_heart_rate_zero_means_unknown(stated, expected):
    assert cine_timing(header(HeartRate=stated), 3).heart_rate == expected


def test_r_waves_become_seconds():
    assert cine_timing(header(RWaveTimeVector=[120.0, 920.0]), 3).r_wave_times == pytest.approx((0.12, 0.92))
    assert cine_timing(header(RWaveTimeVector=450.0), 3).r_wave_times == pytest.approx((0.45,))
    assert cine_timing(header(), 3).r_wave_times == ()


@pytest.mark.parametrize(("pointer", "fps"), [("FrameTime", 50), ("FrameTimeVector", 25), (None, None)])
def test_the_pointer_decides_between_two_frame_times(pointer, fps):
    stated = header(FrameTime="20", FrameTimeVector=[0, 40, 40])
    if pointer:
        stated.FrameIncrementPointer = POINTS_AT[pointer]
    assert cine_timing(stated, 3).fps == (None if fps is None else pytest.approx(fps))
    assert flags(stated, 3) == ["frame_times_differ" if pointer else "timing_contradictory"]


@given(st.floats(5, 100), st.floats(5, 100), st.sampled_from(["FrameTime", "FrameTimeVector", None]))
def test_two_frame_times_that_differ_are_never_silent(interval, other, pointer):
    stated = header(FrameTime=f"{interval:.6g}", FrameTimeVector=[0, *[f"{other:.6g}"] * 9])
    if pointer:
        stated.FrameIncrementPointer = POINTS_AT[pointer]
    apart = abs(interval - other) / max(interval, other)
    assert bool(flags(stated, 10)) == (apart > 0.05) or abs(apart - 0.05) < 1e-3
    assert pointer or cine_timing(stated, 10).fps or apart > 0.049


def test_statements_that_agree_bring_no_flag():
    stated = header(FrameTime="20", FrameTimeVector=[0, *[20] * 99], CineRate="50", EffectiveDuration="2", HeartRate="60")
    stated.RWaveTimeVector = [100, 1110, 2090]
    assert flags(stated, 100) == []
    assert cine_timing(stated, 100).heart_rate == 60


def test_a_duration_that_contradicts_the_frame_time_leaves_it_unknown():
    stated = header(FrameTime="66.667", FrameIncrementPointer=POINTS_AT["FrameTime"], EffectiveDuration="3.333")
    assert (cine_timing(stated, 100).fps, flags(stated, 100)) == (None, ["timing_contradictory"])
    assert flags(header(FrameTime="66.667", EffectiveDuration="6.6"), 100) == []


def test_a_cine_rate_that_differs_is_flagged_and_not_used():
    stated = header(FrameTime="20", CineRate="30")
    assert (cine_timing(stated, 9).fps, flags(stated, 9)) == (50, ["frame_times_differ"])


def test_a_rate_of_display_alone_is_used_and_flagged():
    assert flags(header(RecommendedDisplayFrameRate="30"), 9) == ["frame_rate_assumed"]
    assert flags(header(RecommendedDisplayFrameRate="15", EffectiveDuration="3.333"), 100) == ["timing_contradictory"]


def test_r_waves_beyond_the_clip_leave_its_times_unknown():
    stated = header(FrameTime="20", RWaveTimeVector=[200, 1200, 2200, 3200, 4200])
    assert (cine_timing(stated, 100).fps, flags(stated, 100)) == (None, ["timing_contradictory"])


def test_a_heart_rate_that_contradicts_the_r_waves_is_unknown():
    stated = header(FrameTime="20", HeartRate="60", RWaveTimeVector=[100, 500, 900, 1300])
    assert (cine_timing(stated, 100).heart_rate, flags(stated, 100)) == (None, ["heart_rate_contradictory"])


@pytest.mark.parametrize("stated", [{"FrameTime": "0.0333"}, {"FrameTimeVector": [0, 20]}])
def test_a_frame_time_that_cannot_be_true_is_named(stated):
    assert "frame_times_unusable" in flags(header(**stated), 3)
    assert flags(header(FrameTime="33.3"), 3) == []


@given(st.integers(5, 40), st.floats(8, 60), st.integers(0, 2))
def test_a_vector_of_times_since_the_first_frame_is_passed_over(count, interval, unevenness):
    moments = [round(interval * k) + (unevenness if k % 2 else 0) for k in range(count)]
    running = header(FrameTimeVector=moments, FrameIncrementPointer=POINTS_AT["FrameTimeVector"])
    assert cine_timing(running, count).fps is None
    assert flags(running, count) == ["frame_times_unusable"]
    running.FrameTime = interval
    assert cine_timing(running, count).fps == pytest.approx(1000 / interval)
    twin = header(FrameTimeVector=[0, *np.diff(moments)], FrameIncrementPointer=POINTS_AT["FrameTimeVector"])
    assert (cine_timing(twin, count).fps, flags(twin, count)) == (pytest.approx(1000 * (count - 1) / moments[-1]), [])
