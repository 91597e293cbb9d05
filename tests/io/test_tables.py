from __future__ import annotations

import csv

import numpy as np
import pytest

from echoseg.errors import OutputError
from echoseg.io import open_source
from echoseg.io.tables import FRAME_COLUMNS, FrameMeasures, frame_times, object_areas, write_frames_csv
from echoseg.types import Geometry, Segmentation, Timing


def two_objects(*, spacing=None, timing=None):
    masks = np.zeros((3, 4, 5), np.uint8)
    masks[0, :2] = 1
    masks[0, 3, :2] = 7
    masks[1, :1] = 1
    scores = np.array([[0.9, 0.8], [0.7, 0.6], [0.1, 0.2]], np.float32)
    return Segmentation(masks, scores, scores * 10, (1, 7), {1: "LV", 7: "a, b"}, {1: (0,)}, Geometry(spacing=spacing), timing or Timing())


def table(path, *args):
    write_frames_csv(path, *args)
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_row_per_frame_and_object_with_exact_areas(tmp_path):
    rows = table(tmp_path / "frames.csv", two_objects(spacing=(2.0, 5.0), timing=Timing(fps=50.0)))
    assert tuple(rows[0]) == FRAME_COLUMNS
    assert [(row["frame"], row["object"]) for row in rows] == [(str(f), name) for f in range(3) for name in ("LV", "a, b")]
    assert [int(row["area_px"]) for row in rows] == [10, 2, 5, 0, 0, 0]
    assert [float(row["area_cm2"]) for row in rows] == [1.0, 0.2, 0.5, 0, 0, 0]
    assert [float(row["time_s"]) for row in rows[::2]] == [0, 0.02, 0.04]
    assert float(rows[0]["iou_score"]) == pytest.approx(0.9)


def test_unknown_is_empty_not_zero(tmp_path):
    rows = table(tmp_path / "frames.csv", two_objects())
    assert {row["area_px"] for row in rows} == {"10", "2", "5", "0"}
    assert {row["area_cm2"] for row in rows} == {row["time_s"] for row in rows} == {row["volume_ml"] for row in rows} == {""}


def test_a_frame_not_tracked_has_no_area_rather_than_none(tmp_path):
    segmentation = two_objects(spacing=(2.0, 5.0), timing=Timing(fps=50.0))
    segmentation.scores[2] = segmentation.object_scores[2] = np.nan
    rows = table(tmp_path / "frames.csv", segmentation)
    assert [row["area_px"] for row in rows] == ["10", "2", "5", "0", "", ""]
    unknown = ("area_px", "area_cm2", "length_mm", "volume_ml", "iou_score", "object_score", "phase")
    assert {row[column] for row in rows[4:] for column in unknown} == {""}
    assert [row["time_s"] for row in rows[4:]] == ["0.040000", "0.040000"]


def test_measures_stand_in_the_rows_of_their_object(tmp_path):
    measures = {1: FrameMeasures(np.array([80.0, 70.5, np.nan]), np.array([100.0, 50.25, np.nan]), ("ED", "ES", ""))}
    rows = table(tmp_path / "frames.csv", two_objects(spacing=(1.0, 1.0)), measures)
    assert [row["length_mm"] for row in rows] == ["80.00", "", "70.50", "", "", ""]
    assert [row["volume_ml"] for row in rows] == ["100.000", "", "50.250", "", "", ""]
    assert [row["phase"] for row in rows] == ["ED", "", "ES", "", "", ""]


def test_measured_times_win_over_the_mean_rate():
    uneven = np.array([0.0, 0.1, 0.5])
    assert frame_times(two_objects(timing=Timing(fps=10.0, times=uneven))).tolist() == uneven.tolist()
    assert frame_times(two_objects(timing=Timing(fps=10.0, times=uneven[:2]))).tolist() == [0.0, 0.1, 0.2]  # too few for the frames
    assert frame_times(two_objects()) is None


def test_a_segmentation_and_its_source_agree_on_the_times():
    source = open_source(np.zeros((3, 40, 40), np.uint8), fps=30.0)
    np.testing.assert_array_equal(frame_times(two_objects(timing=source.timing)), source.times(3))


def test_areas_are_counted_per_label():
    assert object_areas(two_objects()).tolist() == [[10, 2], [5, 0], [0, 0]]


def test_unwritable_path_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"frames\.csv"):
        write_frames_csv(tmp_path / "missing" / "frames.csv", two_objects())
