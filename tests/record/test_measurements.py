from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoseg.cardiac.interval import IntervalModel
from echoseg.io.views import ViewChoice
from echoseg.options import Subject
from echoseg.record.documents import Measurements
from echoseg.record.entries import number
from echoseg.record.measurements import measurements, measurements_text
from echoseg.record.provenance import provenance
from echoseg.record.quality import merged_flags, quality
from echoseg.types import Flag, Geometry
from tests.report.conftest import EF

KNOWN, OTHER = "00ff" * 16, "abcd" * 16
PROVENANCE = provenance(model="compact", weights_sha256="0" * 64, prompt="auto")


def record_of(case):
    return measurements(*case, PROVENANCE)


def check(record):
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(json.loads(measurements_text(record)))


def test_schema_is_itself_valid():
    jsonschema.Draft202012Validator.check_schema(Measurements.json_schema())


def test_record_fits_the_schema_and_holds_the_numbers(make_case):
    source, segmentation, analysis = make_case()
    record = record_of((source, segmentation, analysis))
    check(record)
    ef = record["measures"]["ef"]
    assert ef["value"] == pytest.approx(EF, abs=1.5)
    assert (ef["unit"], ef["method"], ef["interval"], ef["reason"]) == ("%", "single-plane disks (A4C)", [ef["value"]] * 2, None)
    assert record["measures"]["edv"]["value"] == pytest.approx(analysis.edv_ml, abs=0.05)
    assert record["measures"]["co"]["value"] == pytest.approx(analysis.sv_ml * 93.75 / 1000, abs=0.005)
    assert (record["measures"]["hr"]["value"], record["measures"]["hr"]["method"]) == (94, "between end-diastoles")
    strain, ejection = record["measures"]["contour_strain"], record["measures"]["peak_ejection_rate"]
    assert (strain["value"], strain["unit"], strain["reference"]) == (pytest.approx(analysis.contour_strain, abs=0.05), "%", None)
    assert "not speckle tracking" in strain["method"]
    assert (ejection["value"], ejection["unit"]) == (pytest.approx(analysis.peak_ejection, abs=0.005), "EDV/s")
    first, second = record["beats"]
    assert (first["ed"], first["es"], first["next_ed"], second["next_ed"]) == (0, 8, 16, 32)
    assert (first["ed_s"], first["es_s"], first["next_ed_s"]) == (0.0, 0.32, 0.64)
    assert record["source"] == {
        "name": "beating ellipse",
        "kind": "clip",
        "frames": 33,
        "height": 61,
        "width": 83,
        "fps": 25.0,
        "spacing_mm": [0.8, 0.8],
        "slice_spacing_mm": None,
        "view": None,
        "view_from": None,
    }


@pytest.mark.parametrize("careless", [False, True])
def test_without_spacing_nothing_is_in_ml_and_the_reason_is_given(make_case, careless):
    source, segmentation, analysis = make_case(spacing=None)
    if careless:  # an analysis that reports mL that it cannot know: none may reach a file
        beats = tuple(replace(beat, edv_ml=100.0, esv_ml=50.0, sv_ml=50.0) for beat in analysis.beats)
        analysis = replace(analysis, edv_ml=100.0, esv_ml=50.0, sv_ml=50.0, co_l_min=3.0, beats=beats)
    record = record_of((source, segmentation, analysis))
    check(record)
    in_ml = [measure for measure in record["measures"].values() if measure["unit"] in ("mL", "L/min")]
    assert [(measure["value"], measure["reason"]) for measure in in_ml] == [(None, "the pixel spacing is unknown")] * 4
    assert record["measures"]["ef"]["value"] is not None
    assert {value for beat in record["beats"] for key, value in beat.items() if key.endswith("_ml")} == {None}


def test_interval_is_the_range_over_complete_beats_only(make_case):
    source, segmentation, analysis = make_case()
    beat = analysis.beats[0]
    beats = tuple(replace(beat, ef=ef, partial=partial) for ef, partial in ((50.0, False), (60.0, False), (90.0, True)))
    record = record_of((source, segmentation, replace(analysis, beats=beats)))
    check(record)
    assert record["measures"]["ef"]["interval"] == [50.0, 60.0]


def test_one_beat_has_no_interval(make_case):
    record = record_of(make_case(frames=17))
    check(record)
    assert len(record["beats"]) == 1 and record["measures"]["ef"]["interval"] is None


def test_still_clip_has_reasons_instead_of_numbers(make_case):
    record = record_of(make_case(frames=1))
    check(record)
    assert record["measures"]["ef"] | {"method": None} == {
        "value": None,
        "unit": "%",
        "method": None,
        "interval": None,
        "reference": None,
        "reason": "no cardiac cycle could be identified",
    }
    assert "heart rate" in record["measures"]["hr"]["reason"]


def test_output_without_a_rate_says_that_the_rate_is_missing(make_case):
    source, segmentation, analysis = make_case()
    unrated = replace(analysis, hr_bpm=None, co_l_min=None)
    measures = measurements(source, segmentation, unrated, PROVENANCE, subject=Subject("F", 165, 60))["measures"]
    assert {"heart rate" in measures[key]["reason"] for key in ("hr", "co", "cardiac_index")} == {True}


def test_nan_becomes_unknown_with_a_reason(make_case):
    source, segmentation, analysis = make_case()
    record = record_of((source, segmentation, replace(analysis, edv_ml=float("nan"), co_l_min=float("inf"))))
    check(record)
    assert record["measures"]["edv"]["value"] is None and record["measures"]["co"]["value"] is None
    assert record["measures"]["edv"]["reason"] and record["measures"]["edv"]["interval"] is None


def test_volume_of_a_box_is_exact_through_a_sheared_affine(make_case):
    source, segmentation, _ = make_case(kind="volume")
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    affine[1, 2] = 0.7  # gantry tilt
    segmentation = replace(segmentation, geometry=Geometry(spacing=(0.5, 0.5), affine=affine))
    record = record_of((source, segmentation, None))
    check(record)
    voxels = int(segmentation.masks.sum())
    assert record["objects"][0]["voxels"] == voxels
    assert record["objects"][0]["volume_ml"] == pytest.approx(voxels * 0.5 / 1000, abs=1e-4)
    assert record["measures"] == {} and record["beats"] == []


def test_volume_without_geometry_has_voxels_but_no_ml(make_case):
    source, segmentation, _ = make_case(spacing=None, kind="volume")
    record = record_of((source, segmentation, None))
    check(record)
    assert record["objects"][0]["volume_ml"] is None and record["objects"][0]["voxels"] > 0


def test_a_size_that_rounding_would_make_nothing_is_written_in_full(make_case):
    source, segmentation, _ = make_case(spacing=(4e-6, 4e-6), kind="volume")
    record = record_of((source, segmentation, None))
    check(record)
    assert record["source"]["spacing_mm"] == [4e-6, 4e-6]


def test_quality_is_the_worst_severity():
    info, review, reject = (Flag(severity, "A sentence.", severity) for severity in ("info", "review", "reject"))
    assert [quality(flags) for flags in ((), (info,), (info, review), (reject, review))] == ["accept", "accept", "review", "reject"]


def test_flags_are_merged_once_a_code_with_the_most_severe_first():
    note, rejection, worse_note = Flag("a", "A.", "info"), Flag("b", "B.", "reject"), Flag("a", "A again.", "review")
    assert merged_flags((note,), (rejection, note)) == [rejection, note]
    assert merged_flags((note,), (worse_note,)) == [worse_note]


def test_flags_of_segmentation_and_analysis_both_arrive(make_case):
    record = record_of(make_case(flags=(Flag("low_score", "The model was unsure.", "review"),)))
    check(record)
    assert [flag["code"] for flag in record["flags"]] == ["low_score", "few_beats"]
    assert record["quality"] == "review"


def test_schema_refuses_an_unknown_value_without_a_reason(make_case):
    record = record_of(make_case())
    record["measures"]["ef"]["value"] = None
    with pytest.raises(jsonschema.ValidationError):
        check(record)


@given(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**6), 10**6)))
def test_numbers_are_rounded_and_never_nan(value):
    result = number(value, 2)
    json.dumps(result, allow_nan=False)
    if value is not None and np.isfinite(value):
        assert result == pytest.approx(value, abs=0.005 + 1e-12, rel=1e-9)  # a half has two nearest roundings, off by an ulp
    else:
        assert result is None


@pytest.mark.parametrize(("sex", "low", "high"), [("M", 52, 72), ("F", 54, 74)])
def test_a_known_sex_brings_the_guidelines_range_and_grade(make_case, sex, low, high):
    record = measurements(*make_case(), PROVENANCE, subject=Subject(sex))
    check(record)
    ef = record["measures"]["ef"]
    graded = {"low": low, "high": high, "grade": "normal", "sex": sex, "guideline": "ASE/EACVI 2015", "method": "biplane disks"}
    assert ef["reference"] == graded
    assert record["measures"]["hr"]["reference"] is None
    assert record["subject"]["sex"] == sex


def test_height_and_weight_bring_indexed_values_and_stand_at_the_head(make_case):
    source, segmentation, analysis = make_case()
    record = measurements(source, segmentation, analysis, PROVENANCE, subject=Subject("M", 180.0, 80.0))
    check(record)
    size = {"height_cm": 180.0, "weight_kg": 80.0, "bsa_m2": 2.0, "bsa_formula": "mosteller"}
    assert record["subject"] == {"sex": "M", "age_years": None} | size
    index = record["measures"]["edv_index"]
    assert (index["value"], index["unit"]) == (pytest.approx(analysis.edv_ml / 2, abs=0.05), "mL/m²")
    assert (index["reference"]["low"], index["reference"]["high"], index["reference"]["grade"]) == (34, 74, "below normal")
    assert record["measures"]["cardiac_index"]["value"] == pytest.approx(analysis.co_l_min / 2, abs=0.005)


def test_without_sex_and_size_nothing_is_graded_or_indexed(make_case):
    record = record_of(make_case())
    assert not [key for key in record["measures"] if key.endswith("index")]
    assert not [entry for entry in record["measures"].values() if entry["reference"]]


def test_the_view_and_where_it_is_known_from_are_written(make_case):
    record = measurements(*make_case(), PROVENANCE, view=ViewChoice("A4C", "guessed from the file name"))
    check(record)
    assert (record["source"]["view"], record["source"]["view_from"]) == ("A4C", "guessed from the file name")


@pytest.mark.parametrize(
    ("sha256", "prompt", "method", "calibrated"),
    [
        (KNOWN, "auto", "disks", True),
        (KNOWN, "auto:LV,LA", "disks", True),
        (OTHER, "auto", "disks", False),
        (KNOWN, "box:1,2,30,40@0", "disks", False),
        (KNOWN, None, "disks", False),
        (KNOWN, "auto", "area-length", False),
    ],
)
def test_ef_gets_the_calibrated_interval_of_what_made_it(make_case, monkeypatch, sha256, prompt, method, calibrated):
    model = IntervalModel((4.0, 0.0, 0.0, 0.0, 0.0), low=-2.0, high=1.5, clips=40, studies=20, weights_sha256=KNOWN, command="")
    monkeypatch.setattr("echoseg.record.measurements.shipped_model", lambda sha256, _: model if sha256 == KNOWN else None)
    source, segmentation, analysis = make_case()
    ef = round(analysis.ef, 1)
    made_by = provenance(model="compact", weights_sha256=sha256, prompt=prompt)
    segmentation = replace(segmentation, automatic=prompt is not None and prompt.startswith("auto"))
    entry = measurements(source, segmentation, replace(analysis, method=method), made_by)["measures"]["ef"]
    assert ("interval_level" in entry) == calibrated
    if calibrated:
        assert entry["interval_level"] == 0.9
        assert entry["interval"] == pytest.approx([ef - 8, ef + 6], abs=0.11)


def test_structures_besides_the_ventricle_bring_their_measures_with_units_and_range(make_case):
    source, segmentation, analysis = make_case()
    count = len(analysis.beats)
    chambers = {"rv_fac": (30.0,) * count, "lv_mass": (150.0,) * count, "la_volume": (None,) * count}
    subject = Subject("M", 180.0, 80.0)
    record = measurements(source, segmentation, analysis, PROVENANCE, subject=subject, chambers=chambers)
    check(record)
    found = record["measures"]
    assert (found["rv_fac"]["value"], found["rv_fac"]["reference"]) == (30.0, None)  # found, not drawn
    drawn = measurements(source, replace(segmentation, given=True), analysis, PROVENANCE, subject=subject, chambers=chambers)["measures"]
    graded = drawn["rv_fac"]["reference"]
    assert (graded["grade"], graded["guideline"], graded["worded"]) == ("mildly reduced", "ASE 2025", "> 35")
    assert (found["lv_mass"]["value"], found["lv_mass"]["unit"], found["lv_mass"]["reference"]) == (150, "g", None)
    assert (found["lv_mass_index"]["value"], found["lv_mass_index"]["unit"]) == (75, "g/m²")
    assert found["la_volume"]["value"] is None and "phases of a beat" in found["la_volume"]["reason"]


def test_without_spacing_no_length_or_volume_of_a_chamber_leaves(make_case):
    source, segmentation, analysis = make_case(spacing=None)
    count = len(analysis.beats)
    chambers = {"rv_fac": (30.0,) * count, "lv_mass": (150.0,) * count, "sphericity": (0.4,) * count}
    found = measurements(source, segmentation, analysis, PROVENANCE, chambers=chambers)["measures"]
    assert found["rv_fac"]["value"] == 30.0
    assert all(found[key]["value"] is None and "spacing" in found[key]["reason"] for key in ("lv_mass", "sphericity"))
