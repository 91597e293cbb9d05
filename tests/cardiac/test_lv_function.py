import re
import time

import numpy as np
import pytest
from synthetic_beats import regular, volume_curve
from ventricle_shapes import Ventricle

from echoseg.cardiac import Beat, analyse_lv, lv_volume, measure_frames, without_size
from echoseg.errors import MeasureError

SPACING = (1.0, 0.8)


def beating(heart_rate=60.0, beats=4.0, fps=30.0, offset=0.0, ef=0.6):
    """Masks (T, H, W) of a ventricle that keeps its proportions while its volume follows a synthetic curve."""
    times, curve, _ = regular(heart_rate, beats, fps, offset, ef=ef)
    scale = np.cbrt(curve / 120)
    cache = {}
    masks = np.stack([cache.setdefault(round(s, 3), Ventricle(55 * s, 26 * s, 0.4, tilt=10).mask(SPACING)) for s in scale])
    return masks, times


def codes(analysis):
    """Of all flags but the one on pixels that are not square, which all clips here have."""
    found = {flag.code for flag in analysis.flags}
    assert "spacing_anisotropic" in found or "spacing_missing" in found
    return found - {"spacing_anisotropic"}


def test_volumes_ef_rate_and_output_of_a_beating_ventricle():
    masks, times = beating()
    lv = analyse_lv(masks, times, SPACING)
    truth = Ventricle(55, 26, 0.4)
    assert len(lv.beats) == 4
    assert lv.ef == pytest.approx(60, abs=1.5)
    assert lv.edv_ml == pytest.approx(truth.ml, rel=0.02)
    assert lv.esv_ml == pytest.approx(0.4 * truth.ml, rel=0.04)
    assert lv.hr_bpm == pytest.approx(60, abs=1)
    assert lv.co_l_min == pytest.approx(lv.sv_ml * lv.hr_bpm / 1000)
    assert lv.fac == pytest.approx(100 * (1 - 0.4 ** (2 / 3)), abs=1.5)
    assert lv.ef_spread < 1
    assert codes(lv) == set()
    assert np.flatnonzero(lv.phase == "ED").tolist() == sorted({b.ed for b in lv.beats} | {b.next_ed for b in lv.beats})
    assert np.flatnonzero(lv.phase == "ES").tolist() == [b.es for b in lv.beats]


def test_without_spacing_ef_and_fac_but_no_millilitres():
    masks, times = beating(beats=2)
    lv = analyse_lv(masks, times, None)
    assert lv.ef == pytest.approx(60, abs=1.5)
    assert lv.edv_ml is lv.esv_ml is lv.sv_ml is lv.co_l_min is None
    assert lv.curve.volume_ml is lv.curve.area_cm2 is lv.curve.length_mm is None
    assert {"spacing_missing", "few_beats"} <= codes(lv)


def test_without_times_there_is_an_ef_and_no_rate():
    masks, _ = beating()
    lv = analyse_lv(masks, None, SPACING)
    assert lv.ef == pytest.approx(60, abs=1.5)
    assert lv.hr_bpm is lv.co_l_min is None
    assert codes(lv) == {"timing_missing"}


def test_half_a_beat_gives_a_flagged_ef_and_uses_the_told_rate():
    masks, times = beating(beats=0.4)
    lv = analyse_lv(masks, times, SPACING, heart_rate=60)
    assert lv.ef == pytest.approx(60, abs=2)
    assert lv.beats[0].partial
    assert lv.hr_bpm == 60
    assert codes(lv) == {"partial_beat", "phase_at_end"}


def test_one_frame_has_a_volume_and_no_ef():
    mask = Ventricle().mask(SPACING)
    lv = analyse_lv(mask[None], [0.0], SPACING)
    assert lv.ef is None and lv.beats == () and codes(lv) == {"single_frame"}
    assert lv.curve.volume_ml[0] == pytest.approx(lv_volume({"A4C": (mask, SPACING)}).ml)


def test_a_still_ventricle_has_no_beat():
    lv = analyse_lv(np.repeat(Ventricle().mask(SPACING)[None], 40, axis=0), np.arange(40) / 30, SPACING)
    assert lv.ef is None and codes(lv) == {"no_beat"}


def test_no_mask_at_all_is_flagged_and_gives_no_number():
    lv = analyse_lv(np.zeros((20, 30, 30), bool), np.arange(20) / 30, SPACING)
    assert lv.ef is None and codes(lv) == {"object_absent_frames", "no_beat"}
    assert np.isnan(lv.curve.area_px).all()


def test_each_fault_of_the_masks_raises_its_flag():
    masks, times = beating()
    absent, broken, jumping, cut = masks.copy(), masks.copy(), masks.copy(), masks.copy()
    absent[10:13] = False
    broken[:60, 5:40, 5:40] = True
    jumping[40] = np.roll(masks[40], 30, axis=1) | masks[40]
    cut = cut[:, :, 90:]
    assert "object_absent_frames" in codes(analyse_lv(absent, times, SPACING))
    assert "fragmented_mask" in codes(analyse_lv(broken, times, SPACING))
    assert "area_jump" in codes(analyse_lv(jumping, times, SPACING))
    assert "mask_touches_edge" in codes(analyse_lv(cut, times, SPACING))
    assert "low_iou" in codes(analyse_lv(masks, times, SPACING, scores=np.full(len(masks), 0.5)))
    assert codes(analyse_lv(masks, times, SPACING, scores=np.full(len(masks), 0.9))) == set()


def test_frames_that_were_not_tracked_are_counted_as_such_and_not_as_absent():
    masks, times = beating()
    masks[:20] = False
    scores = np.full(len(masks), 0.9)
    scores[:20] = np.nan
    lv = analyse_lv(masks, times, SPACING, scores=scores)
    (flag,) = [flag for flag in lv.flags if flag.code == "frames_not_tracked"]
    assert (flag.severity, flag.message) == ("info", f"20 of {len(masks)} frames were not tracked")
    assert "object_absent_frames" not in codes(lv)
    masks[30:33] = False
    (flag,) = [flag for flag in analyse_lv(masks, times, SPACING, scores=scores).flags if flag.code == "object_absent_frames"]
    assert flag.message == f"the left ventricle is absent from 3 of {len(masks) - 20} frames: look at them"


def test_a_clip_nobody_tracked_says_so_and_no_more():
    lv = analyse_lv(np.zeros((20, 30, 30), bool), np.arange(20) / 30, SPACING, scores=np.full(20, np.nan))
    assert codes(lv) == {"frames_not_tracked", "no_beat"}


def test_slow_and_irregular_clips_are_flagged():
    masks, times = beating(fps=15)
    assert codes(analyse_lv(masks, times, SPACING)) == {"low_frame_rate", "few_frames_a_beat"}
    stretched = np.interp(np.arange(len(masks)), [0, 30, 60, 90, len(masks) - 1], [0, 0.8, 2.2, 3.0, 4.3])
    masks, _ = beating()
    stretched = np.interp(np.arange(len(masks)), [0, 30, 60, 90, 120], [0, 0.8, 2.2, 3.0, 4.3])
    assert codes(analyse_lv(masks, stretched, SPACING)) == {"irregular_rhythm", "few_beats"}


def test_too_few_frames_for_a_fast_heart_are_flagged_though_the_rate_is_not_low():
    masks, times = beating(heart_rate=150, beats=5, fps=25)
    assert codes(analyse_lv(masks, times, SPACING, heart_rate=150.0)) == {"few_frames_a_beat"}


def test_square_pixels_raise_no_flag():
    mask = Ventricle().mask((0.8, 0.8))
    assert [flag.code for flag in analyse_lv(mask[None], [0.0], (0.8, 0.8)).flags] == ["single_frame"]


def test_masks_that_lose_their_base_for_a_while_are_left_out_and_told():
    masks, times = beating()
    whole = analyse_lv(masks, times, SPACING)
    lost = masks.copy()
    lost[50:60, 75:] = False  # the lower half, on a third of a beat: too long to be seen on the area curve alone
    lv = analyse_lv(lost, times, SPACING)
    (flag,) = [flag for flag in lv.flags if flag.code == "mask_lost"]
    assert flag.message.startswith("on 10 of")
    assert [(beat.ed, beat.es) for beat in lv.beats] == [(beat.ed, beat.es) for beat in whole.beats]
    assert lv.ef == pytest.approx(whole.ef, abs=0.1)


def test_a_vigorous_systole_that_shortens_by_a_third_is_no_lost_mask():
    scale = 1 - 0.34 * np.sin(np.pi * np.arange(90) % (np.pi * 30) / 30) ** 2
    masks = np.stack([Ventricle(55 * s, 26 * s, 0.4).mask(SPACING) for s in scale])
    lv = analyse_lv(masks, np.arange(90) / 30, SPACING)
    assert "mask_lost" not in codes(lv)
    assert lv.ef == pytest.approx(100 * (1 - 0.66**3), abs=1)


def test_a_ventricle_that_shrinks_evenly_strains_as_its_lengths_do_and_its_rates_are_those_of_its_volume():
    scale = 1 - 0.2 * np.sin(np.pi * np.arange(90) / 30) ** 2
    masks = np.stack([Ventricle(55 * s, 26 * s, 0.4).mask(SPACING) for s in scale])
    lv = analyse_lv(masks, np.arange(90) / 30, SPACING)
    steepest = np.abs(np.gradient(scale**3, 1 / 30)).max()
    assert lv.contour_strain == pytest.approx(-20, abs=0.7)
    assert lv.peak_ejection == pytest.approx(steepest, rel=0.08)
    assert lv.peak_filling == pytest.approx(steepest, rel=0.08)
    assert analyse_lv(masks, None, SPACING).peak_filling is None


def test_a_ventricle_that_reaches_out_of_the_sector_is_flagged():
    masks, times = beating(beats=1)
    x = np.arange(masks.shape[2])[None] + np.zeros((masks.shape[1], 1))
    inside, cutting = (np.abs(x - 100) < 90), (np.abs(x - 60) < 62)
    assert "lv_cut_by_sector" not in codes(analyse_lv(masks, times, SPACING, sector=inside))
    assert "lv_cut_by_sector" in codes(analyse_lv(masks & cutting, times, SPACING, sector=cutting))
    with pytest.raises(MeasureError, match="sector"):
        analyse_lv(masks, times, SPACING, sector=inside[1:])


def test_doubt_whether_there_is_a_ventricle_is_flagged():
    masks, times = beating(beats=3)
    sure, unsure = (analyse_lv(masks, times, SPACING, object_scores=np.full(len(masks), score)) for score in (9.0, 1.0))
    assert codes(sure) == set()
    assert codes(unsure) == {"low_object_score"}
    assert "73 % sure" in next(flag.message for flag in unsure.flags if flag.code == "low_object_score")


def test_one_failed_mask_does_not_move_the_ef():
    masks, times = beating()
    failed = masks.copy()
    failed[masks.shape[0] // 2 + 3] = True
    assert analyse_lv(failed, times, SPACING).ef == pytest.approx(analyse_lv(masks, times, SPACING).ef, abs=0.5)


def test_a_120_frame_clip_is_measured_within_a_second_or_so():
    frame = np.zeros((480, 640), bool)
    frame[150:310, 200:400] = Ventricle().mask((1.0, 0.8))
    masks = np.repeat(frame[None], 120, axis=0)
    start = time.process_time()
    measure_frames(masks, (0.5, 0.5))
    assert time.process_time() - start < 2.0


def test_bad_input_is_refused():
    masks, times = beating(beats=1)
    for call in (
        lambda: analyse_lv(masks[0], times, SPACING),
        lambda: analyse_lv(masks[:0], None, SPACING),
        lambda: analyse_lv(masks, times[:-1], SPACING),
        lambda: analyse_lv(masks, times, (1.0, -1.0)),
        lambda: analyse_lv(masks, times, SPACING, view="PSAX"),
        lambda: analyse_lv(masks, times, SPACING, scores=[0.5]),
        lambda: analyse_lv(masks, times, SPACING, method="camus-2019"),
    ):
        with pytest.raises(MeasureError):
            call()


def test_an_upside_down_ventricle_is_flagged():
    masks, times = beating(beats=2)
    assert "upside_down" in codes(analyse_lv(masks[:, ::-1], times, SPACING))
    assert "upside_down" not in codes(analyse_lv(masks[:, :, ::-1], times, SPACING))


def test_phases_named_the_wrong_way_round_are_flagged():
    masks, _ = beating(beats=1)
    ed, es = Beat(0, 10, None, False, None), Beat(10, 0, None, False, None)
    assert codes(analyse_lv(masks, None, SPACING, beats=[ed])) == {"phases_given"}
    lv = analyse_lv(masks, None, SPACING, beats=[es])
    assert lv.ef < 0 and codes(lv) == {"phases_given", "ef_not_positive"}


@pytest.mark.parametrize("frame", [-1, 1000])
def test_a_named_phase_outside_the_clip_is_refused(frame):
    masks, _ = beating(beats=1)
    with pytest.raises(MeasureError, match=f"frame {frame} was named"):
        analyse_lv(masks, None, SPACING, beats=[Beat(0, 10, frame, False, None)])


@pytest.mark.parametrize("unit", [0.1, 10.0])
def test_a_spacing_in_another_unit_is_flagged(unit):
    masks, times = beating(beats=1)
    spacing = (unit * SPACING[0], unit * SPACING[1])
    assert "spacing_implausible" in codes(analyse_lv(masks, times, spacing))
    assert "spacing_implausible" not in codes(analyse_lv(masks, times, SPACING))


@pytest.mark.parametrize("beats", np.arange(2, 6, 0.25).tolist())
def test_frame_rates_at_a_limit_are_not_below_it(beats):
    """20 frames/s at 75 beats per minute are 16 frames a beat: both limits at once, for every length of clip."""
    masks, times = beating(heart_rate=75, beats=beats, fps=20)
    assert not {"low_frame_rate", "few_frames_a_beat"} & codes(analyse_lv(masks, times, SPACING))


@pytest.mark.parametrize("heart_rate", [0, -60, float("nan")])
def test_phases_that_were_named_excuse_no_heart_rate(heart_rate):
    masks, times = beating(beats=1)
    with pytest.raises(MeasureError, match="heart rate"):
        analyse_lv(masks, times, SPACING, heart_rate=heart_rate, beats=[Beat(0, 10, None, False, None)])


@pytest.mark.parametrize("change", [lambda t: t[::-1], lambda t: t * 0, lambda t: t[:-1], lambda t: t * np.nan, lambda t: ["a"] * len(t)])
def test_phases_that_were_named_excuse_no_times(change):
    masks, times = beating(beats=1)
    with pytest.raises(MeasureError, match="times must"):
        analyse_lv(masks, change(times), SPACING, beats=[Beat(0, 10, None, False, None)])


def test_masks_that_nobody_scored_are_counted_over_all_frames():
    masks, times = beating(beats=2)
    masks[5:25, 0, 40] = True
    lv = analyse_lv(masks, times, SPACING, scores=np.full(len(masks), np.nan))
    (flag,) = [flag for flag in lv.flags if flag.code == "mask_touches_edge"]
    assert f"of {len(masks)} frames" in flag.message


def test_a_pause_between_beats_is_an_irregular_rhythm():
    intervals = [0.8, 0.8, 0.8, 2.5, 0.8, 0.8]
    r_times = np.cumsum([-0.4, *intervals])
    times = np.arange(round(r_times[-1] * 30)) / 30
    scale = np.cbrt(volume_curve(r_times, times) / 120)
    masks = np.stack([Ventricle(55 * s, 26 * s, 0.4).mask(SPACING) for s in scale])
    lv = analyse_lv(masks, times, SPACING)
    assert all(beat.hr_bpm > 60 for beat in lv.beats)
    (flag,) = [flag for flag in lv.flags if flag.code == "irregular_rhythm"]
    told = re.fullmatch(r"beat-to-beat intervals vary from [\d.]+ to ([\d.]+) s \(no ECG\): average at least 5 beats", flag.message)
    assert float(told[1]) == pytest.approx(2.5, abs=0.15)
    masks[(times > 2.6) & (times < 3.6)] = False  # nobody saw how many beats there were
    assert "irregular_rhythm" not in codes(analyse_lv(masks, times, SPACING))


@pytest.mark.parametrize("heart_rate", [45, 60, 100])
def test_a_stated_heart_rate_that_the_beats_have_brings_no_flag(heart_rate):
    masks, times = beating(heart_rate)
    found = analyse_lv(masks, times, SPACING, heart_rate=heart_rate * 1.1)
    assert codes(found) == set()
    assert found.hr_bpm == pytest.approx(heart_rate, rel=0.03)


@pytest.mark.parametrize(
    ("stretch", "flag"), [(1.6, "heart_rate_contradictory"), (2.5, "systole_too_long"), (0.6, "heart_rate_contradictory")]
)
def test_times_that_contradict_the_stated_heart_rate_give_no_rate(stretch, flag):
    masks, times = beating(70)
    found = analyse_lv(masks, stretch * times, SPACING, heart_rate=70)
    assert flag in codes(found)
    assert found.hr_bpm is found.co_l_min is found.peak_ejection is None
    assert all(beat.hr_bpm is None for beat in found.beats)
    assert found.ef == pytest.approx(60, abs=3)


@pytest.mark.parametrize(("fast", "stated", "told"), [(2.0, None, True), (2.6, None, True), (1.0, None, False), (2.0, 140.0, False)])
def test_a_clock_that_may_be_fast_is_told_where_nothing_confirms_the_rate(fast, stated, told):
    masks, times = beating(heart_rate=70, beats=4, fps=60)
    lv = analyse_lv(masks, times / fast, SPACING, heart_rate=stated)
    assert ("heart_rate_high" in codes(lv)) == told and lv.hr_bpm == pytest.approx(70 * fast, rel=0.05)


def test_a_systole_that_no_heart_has_gives_no_rate_even_where_none_is_stated():
    masks, times = beating(70)
    assert "systole_too_long" in codes(analyse_lv(masks, 2 * times, SPACING))
    assert "systole_too_long" not in codes(analyse_lv(masks, times, SPACING))


def test_a_size_of_no_heart_leaves_ratios_alone():
    masks, times = beating()
    wrong = without_size(analyse_lv(masks, times, (2 * SPACING[0], 2 * SPACING[1])))
    assert "spacing_implausible" in codes(wrong)
    assert wrong.edv_ml is wrong.sv_ml is wrong.co_l_min is wrong.curve.volume_ml is wrong.curve.area_cm2 is None
    assert wrong.ef == pytest.approx(60, abs=1.5)
