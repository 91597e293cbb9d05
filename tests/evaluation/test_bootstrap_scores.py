"""Means with intervals, and the tables written of them."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from echoseg.errors import OutputError
from echoseg.evaluation.plots import plot_scores
from echoseg.evaluation.scores import Score, summarise, write_tables
from echoseg.metrics.bootstrap import mean_interval


def test_interval_is_that_of_the_normal_law_for_many_cases():
    values = np.random.default_rng(0).normal(0.8, 0.1, 400)
    mean = mean_interval(values, range(400))
    half = 1.96 * values.std() / 20
    assert mean.value == pytest.approx(values.mean())
    assert (mean.low, mean.high) == (pytest.approx(values.mean() - half, abs=1.5e-3), pytest.approx(values.mean() + half, abs=1.5e-3))
    assert mean == mean_interval(values, range(400))


def test_many_cases_of_few_subjects_have_a_wide_interval():
    values = np.repeat([0.6, 0.7, 0.8, 0.9], 25)
    by_subject = mean_interval(values, np.repeat(range(4), 25).tolist())
    by_case = mean_interval(values, range(100))
    assert by_subject.value == pytest.approx(by_case.value)
    assert by_subject.high - by_subject.low > 3 * (by_case.high - by_case.low)
    assert (by_subject.cases, by_subject.subjects) == (100, 4)


def test_subjects_weigh_as_many_cases_as_they_have():
    assert mean_interval([1, 1, 1, 0], ["a", "a", "a", "b"]).value == 0.75


def test_missing_values_do_not_count_and_one_subject_has_no_interval():
    mean = mean_interval([0.5, math.nan, math.inf], ["a", "b", "c"])
    assert (mean.value, mean.cases, mean.subjects) == (0.5, 1, 1)
    assert math.isnan(mean.low)
    assert math.isnan(mean.high)
    assert mean_interval([], []).cases == 0


def scores():
    return [
        Score("p1_ED", "p1", "box", "LV", {"dice": 0.9, "hd95_mm": 2.0}),
        Score("p1_ES", "p1", "box", "LV", {"dice": 0.8, "hd95_mm": math.nan}),
        Score("p2_ED", "p2", "box", "LV", {"dice": 0.7}),
        Score("p1_ED", "p1", "auto", "LA", {"dice": 0.6, "es_error_ms": 40.0}),
    ]


def test_summary_groups_by_setting_and_structure():
    first, second = summarise(scores())
    assert (first.setting, first.label, first.means["dice"].value, first.means["hd95_mm"].cases) == ("box", "LV", pytest.approx(0.8), 1)
    assert (second.setting, second.label, list(second.means)) == ("auto", "LA", ["dice", "es_error_ms"])


def test_tables_hold_every_case_and_leave_unknown_values_empty(tmp_path):
    cases, summary = write_tables(tmp_path / "new", scores())
    rows = list(csv.DictReader(cases.open(newline="")))
    assert [row["case"] for row in rows] == ["p1_ED", "p1_ES", "p2_ED", "p1_ED"]
    assert rows[1] == {"case": "p1_ES", "subject": "p1", "setting": "box", "label": "LV", "dice": "0.8", "hd95_mm": "", "es_error_ms": ""}
    dice = next(row for row in csv.DictReader(summary.open(newline="")) if (row["label"], row["measure"]) == ("LV", "dice"))
    assert (dice["mean"], dice["cases"], dice["subjects"]) == ("0.8", "3", "2")
    assert float(dice["low"]) < 0.8 < float(dice["high"])


def test_a_larger_group_is_a_row_of_the_summary_alone(tmp_path):
    together = [replace(score, label="all") for score in scores() if score.setting == "box"]
    cases, summary = write_tables(tmp_path, scores(), together)
    assert "all" not in {row["label"] for row in csv.DictReader(cases.open(newline=""))}
    rows = list(csv.DictReader(summary.open(newline="")))
    assert (rows[0]["setting"], rows[0]["label"]) == ("box", "all")
    means = {label: [row["mean"] for row in rows if (row["setting"], row["label"]) == ("box", label)] for label in ("all", "LV")}
    assert means["all"] == means["LV"] != []


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another --out"):
        write_tables(tmp_path / "file" / "out", scores())


def test_the_picture_shows_a_row_a_group_and_is_the_same_every_time(tmp_path):
    for name in ("a.png", "b.png"):
        plot_scores(tmp_path / name, scores())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    plot_scores(tmp_path / "one.png", scores()[:3])
    with Image.open(tmp_path / "a.png") as two, Image.open(tmp_path / "one.png") as one:
        assert two.height > one.height
