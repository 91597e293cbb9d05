"""The head of the page and the words below its numbers."""

from __future__ import annotations

from datetime import date

import pytest

from echoseg.options import Subject
from echoseg.record.exam import exam_entry, joint_exam
from echoseg.record.measurements import measurements
from echoseg.record.provenance import provenance
from echoseg.report.exam import exam_facts
from echoseg.report.pages import FRAMES_FROM, UNVERIFIED
from echoseg.report.remarks import BANDS, ef_band, index_beat_line, remarks
from echoseg.report.report import report_html


@pytest.fixture
def record(make_case):
    """``record(subject=..., **exam)`` of the beating ellipse."""

    def make(subject=None, **exam):
        source, segmentation, analysis = make_case()
        made_by = provenance(model="compact", weights_sha256=None)
        return measurements(source, segmentation, analysis, made_by, subject=subject, exam=exam_entry(analysis, **exam))

    return make


def test_the_bands_are_those_of_ef_and_have_no_other_name():
    assert [band.replace("\N{NO-BREAK SPACE}", " ") for band in BANDS] == ["≤ 40 %", "41 to 49 %", "≥ 50 %"]


def with_ef(record, value, interval=None, flags=()):
    record["measures"]["ef"] |= {"value": value, "interval": interval}
    return record | {"flags": [{"code": code, "message": "", "severity": "review"} for code in flags]}


@pytest.mark.parametrize(("ef", "band"), [(40.4, 0), (40.5, 1), (49.4, 1), (49.5, 2)])
def test_ef_is_put_into_a_band_as_it_is_shown(record, ef, band):
    text = ef_band(with_ef(record(), ef))
    assert text == f"{BANDS[band]}, a range of ejection fraction and no diagnosis." and "failure" not in text


def test_an_interval_that_spans_bands_is_said_to(record):
    assert f"reaches from {BANDS[0]} to {BANDS[2]}: the band is uncertain" in ef_band(with_ef(record(), 45, [38.2, 52.1]))
    assert "interval" not in ef_band(with_ef(record(), 45, [41.0, 49.0]))


def test_a_child_or_an_unknown_ef_has_no_band(record):
    assert ef_band(with_ef(record(), 55, flags=["child"])) == ef_band(with_ef(record(), None)) == ""


def test_the_head_tells_person_machine_and_rhythm(record):
    found = dict(exam_facts(record(Subject("F", 165, 61, 54), manufacturer="Acme", model="Echo 3")))
    assert (found["Age"], found["Sex"], found["Height"], found["Weight"]) == ("54 years", "female", "165 cm", "61 kg")
    assert found["Body surface"] == "1.67 m² (Mosteller)" and found["Machine"] == "Acme Echo 3"
    assert found["Rhythm as seen"] == "regular over 2 beats (no ECG)"
    assert (found["Date"], found["Image quality"], "Not known" in found) == ("left out", "for the reader to grade", False)


def test_what_is_not_known_stands_in_one_line(record):
    found = dict(exam_facts(record()))
    assert found["Not known"] == "age, sex, height, weight, body surface, machine" and "Age" not in found


@pytest.mark.parametrize(("age", "text"), [(0.5, "less than a year"), (1, "1 year"), (17, "17 years"), (93, "90 years or more")])
def test_ages_are_told_in_words(record, age, text):
    assert dict(exam_facts(record(Subject(age_years=age))))["Age"] == text


def test_the_date_is_shown_where_it_was_asked_for(record):
    assert dict(exam_facts(record(on=date(2020, 1, 2))))["Date"] == "2020-01-02"


def test_a_study_is_regular_where_both_clips_are(record):
    clips = [record(), record()]
    assert joint_exam(clips).rhythm == "regular" and joint_exam(clips).rhythm_beats == 4
    clips[1]["exam"]["rhythm"] = None
    assert joint_exam(clips).rhythm is None
    clips[0]["exam"]["rhythm"] = "irregular"
    assert joint_exam(clips).rhythm == "irregular"


def test_the_index_beat_stands_beside_the_average_counted_from_one(record):
    found = record()
    assert index_beat_line(found) == ""
    found["index_beat"] = {"beat": 3, "before_s": [0.8, 0.84], "ef": 51.6, "edv_ml": 101.2, "esv_ml": None}
    average = round(found["measures"]["ef"]["value"])
    assert index_beat_line(found).startswith("beat 4, after intervals of 0.80 and 0.84 s: EF 52 %, EDV 101 mL")
    assert f"average of all beats: {average} %" in index_beat_line(found)
    assert "record a longer clip" in index_beat_line(found | {"index_beat": None})


def test_earlier_results_stand_below_the_numbers(record):
    change = {"old": 48.2, "new": 51.0, "change": 2.8, "unit": "%", "comparable": True, "meaning": "little"}
    found = record() | {"earlier": {"created": "2025-01-02T03:04:05Z", "date": None, "changes": {"ef": change}}}
    assert dict(remarks(found))["Earlier results"] == "measured 2025-01-02: EF 48, now 51 %. EF: little."


def test_the_page_says_what_no_machine_can(record):
    page = report_html(record(Subject("F", 165, 61, 54)))
    for text in (
        UNVERIFIED,
        FRAMES_FROM,
        "No quality flags" if record()["quality"] == "accept" else "Review",
        "The model&#39;s own confidence",
    ):
        assert text in page.replace("The model's", "The model&#39;s"), text
    assert "ED frame" in page and "<td>1 · 0.00 s</td>" in page  # the first frame
