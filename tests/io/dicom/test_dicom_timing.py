import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from echoseg.io.dicom.timing import cine_timing


def header(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@given(st.lists(st.integers(1, 500), min_size=1, max_size=50))
def test_the_frame_time_vector_gives_each_time(intervals):
    timing = cine_timing(header(FrameTimeVector=[0, *intervals], FrameTime="7"), len(intervals) + 1)
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
