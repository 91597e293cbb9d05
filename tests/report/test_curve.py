from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from echoseg.report.curve import curve_png, smoothed
from echoseg.report.trace import Trace, area_trace, lv_trace
from echoseg.types import Flag


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


@pytest.fixture
def trace(make_case):
    _, segmentation, analysis = make_case()
    return lv_trace(segmentation, analysis)


def test_volume_in_ml_is_shown_when_spacing_is_known(make_case):
    _, segmentation, analysis = make_case()
    trace = lv_trace(segmentation, analysis)
    assert (trace.object_name, trace.quantity, trace.unit) == ("LV", "volume", "mL")
    assert np.array_equal(trace.values, analysis.curve.volume_ml)
    assert trace.x_label == "time (s)" and trace.x[8] == pytest.approx(0.32)
    assert (trace.ed_frames, trace.es_frames) == ((0, 16, 32), (8, 24))


def test_relative_volume_is_shown_when_spacing_is_unknown(make_case):
    _, segmentation, analysis = make_case(spacing=None)
    trace = lv_trace(segmentation, analysis)
    assert (trace.quantity, trace.unit, trace.values.max()) == ("relative volume", "%", 100)


def test_area_of_any_object_has_the_unit_that_is_known(make_case):
    _, segmentation, _ = make_case(absent=[4], object_name="cyst")
    areas = segmentation.masks.sum(axis=(1, 2))
    trace = area_trace(segmentation, 1)
    assert (trace.object_name, trace.unit) == ("cyst", "cm²")
    assert trace.values[0] == pytest.approx(areas[0] * 0.0064) and np.isnan(trace.values[4])
    assert area_trace(make_case(spacing=None)[1], 1).unit == "px"


def test_values_are_read_out_with_their_unit():
    trace = Trace("LV", "volume", "mL", np.array([85.34, np.nan, 1234.5]))
    assert [trace.text(frame) for frame in range(3)] == ["85 mL", "–", "1235 mL"]
    assert Trace("LV", "area", "cm²", np.array([30.27])).text(0) == "30.3 cm²"


def test_frames_count_from_one_where_there_is_no_time():
    assert Trace("LV", "area", "px", np.array([3.0, 4.0])).x.tolist() == [1, 2]


def test_r_waves_of_the_file_stand_along_the_bottom(trace):
    drawn = pixels(curve_png(replace(trace, r_waves=(0.02, 0.66, 99.0)))) != pixels(curve_png(trace))
    rows, columns = np.flatnonzero(drawn.any(axis=(1, 2))), np.flatnonzero(drawn.any(axis=(0, 2)))
    assert rows[0] > 0.6 * len(drawn) and rows[-1] < 0.85 * len(drawn)
    assert np.count_nonzero(np.diff(columns) > 100) == 1  # two ticks, and none of the wave after the clip


def test_two_phases_are_joined_as_they_are():
    assert smoothed(Trace("LV", "volume", "mL", np.array([105.0, np.nan, 40.0]))).tolist()[::2] == [105.0, 40.0]


def test_smoothing_keeps_gaps_and_a_constant():
    values = np.full(20, 7.0)
    values[5:8] = np.nan
    smooth = smoothed(Trace("LV", "area", "px", values))
    assert np.array_equal(np.isnan(smooth), np.isnan(values))
    assert smooth[~np.isnan(values)] == pytest.approx(7.0)


def test_same_result_gives_the_same_picture_byte_for_byte(trace):
    assert curve_png(trace) == curve_png(trace)


def test_beats_change_the_picture_where_they_are(trace):
    with_beats, without = pixels(curve_png(trace)), pixels(curve_png(replace(trace, beats=())))
    columns = np.flatnonzero((with_beats != without).any(axis=(0, 2)))
    assert columns[0] < 0.1 * with_beats.shape[1] and columns[-1] > 0.9 * with_beats.shape[1]


def test_flags_that_ask_for_review_are_written_and_notes_are_not(trace):
    plain = pixels(curve_png(trace))
    assert np.array_equal(pixels(curve_png(trace, [Flag("few_beats", "Two beats.", "info")])), plain)
    flagged = pixels(curve_png(trace, [Flag("low_iou", "Unsure.", "review")]))
    rows = np.flatnonzero((flagged != plain).any(axis=(1, 2)))
    assert rows[0] > 0.9 * len(plain)


@pytest.mark.parametrize("values", [[np.nan] * 5, [3.0], [2.0, 2.0, 2.0], [0.0, np.nan, 1.0]])
def test_degenerate_curves_are_drawn(values):
    assert pixels(curve_png(Trace("LV", "area", "px", np.array(values)))).shape == (592, 1440, 3)
