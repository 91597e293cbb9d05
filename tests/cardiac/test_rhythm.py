"""The index beat of an irregular rhythm."""

import numpy as np
import pytest

from echoseg.cardiac import Beat, analyse_lv
from echoseg.cardiac.quality import mirrored_flags
from echoseg.cardiac.rhythm import index_beat
from tests.cardiac.ventricle_shapes import Ventricle


def beats(*intervals, gap_before=None):
    """Beats of these lengths in seconds, at 100 frames/s; before one of them 0.3 s that belong to none."""
    found, start = [], 0
    for number, seconds in enumerate(intervals):
        start += 30 * (number == gap_before)
        end = start + round(100 * seconds)
        found.append(Beat(start, start + 20, end, False, 60 / seconds))
        start = end
    return found


@pytest.mark.parametrize(
    ("intervals", "beat"),
    [
        ((0.9, 0.6, 0.66, 1.1), 3),  # 60 ms apart: the beat after them
        ((0.9, 0.6, 0.67, 1.1), None),
        ((0.9, 0.86, 0.5, 0.51, 0.8), 4),  # of two the one after the intervals most alike
        ((0.8, 0.8, 0.8, 0.8), 2),
        ((0.8, 0.8), None),  # nothing was seen after them
    ],
)
def test_the_index_beat_follows_two_intervals_alike(intervals, beat):
    found = index_beat(beats(*intervals))
    assert (None if found is None else found.beat) == beat
    assert found is None or found.before_s == pytest.approx(intervals[beat - 2 : beat])


def test_intervals_that_do_not_touch_are_not_two_preceding_ones():
    assert index_beat(beats(0.8, 0.8, 1.0)).beat == 2
    assert index_beat(beats(0.8, 0.8, 1.0, gap_before=1)) is None
    assert index_beat(beats(0.8, 0.8, 1.0, gap_before=2)) is None


def test_without_times_there_is_none():
    assert index_beat([Beat(one.ed, one.es, one.next_ed, False, None) for one in beats(0.8, 0.8, 1.0)]) is None


def test_intervals_by_ecg_are_said_to_be():
    masks = np.stack(
        [Ventricle(55 * s, 26 * s, 0.4).mask((1.0, 1.0)) for s in np.tile(np.r_[np.linspace(1, 0.8, 8), np.linspace(0.8, 1, 12)], 4)]
    )
    times = np.interp(np.arange(80), [0, 20, 40, 60, 80], [0, 0.6, 1.6, 2.2, 3.2])
    waves = (0.0, 0.6, 1.6, 2.2)
    (by_ecg,) = [flag for flag in analyse_lv(masks, times, (1.0, 1.0), r_waves=waves).flags if flag.code == "irregular_rhythm"]
    assert "(by ECG)" in by_ecg.message


def test_a_mirrored_four_chamber_view_is_noted():
    left, right = np.zeros((2, 3, 10, 20), bool)
    left[:, 2:8, 11:17] = right[:, 2:8, 3:9] = True
    assert mirrored_flags(left, right) == []
    (flag,) = mirrored_flags(right, left)
    assert (flag.code, flag.severity) == ("mirrored", "info")
    assert mirrored_flags(right, np.zeros_like(right)) == []
