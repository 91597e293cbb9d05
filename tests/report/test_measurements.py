from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoseg.report.measurements import measurements, measurements_text, merged_flags, number, quality, schema
from echoseg.report.provenance import provenance
from echoseg.types import Flag, Geometry

PROVENANCE = provenance(model="compact", weights_sha256="0" * 64, prompt="auto")


def record_of(case):
    return measurements(*case, PROVENANCE)


def check(record):
    jsonschema.Draft202012Validator(schema()).validate(json.loads(measurements_text(record)))


def test_schema_is_itself_valid():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_record_fits_the_schema_and_holds_the_numbers(make_case):
    source, segmentation, analysis = make_case()
    record = record_of((source, segmentation, analysis))
    check(record)
    assert record["measures"]["ef"] == {
        "value": pytest.approx(analysis.ef, abs=0.05),
        "unit": "%",
        "method": "single-plane disks",
        "interval": None,
        "reason": None,
    }
    assert record["measures"]["edv"]["value"] == pytest.approx(analysis.edv_ml, abs=0.05)
    assert record["measures"]["hr"]["value"] == 94
    (beat,) = record["beats"]
    assert (beat["ed"], beat["es"], beat["next_ed"]) == (0, 8, 16)
    assert (beat["ed_s"], beat["es_s"], beat["next_ed_s"]) == (0.0, 0.32, 0.64)
    assert record["source"] == {
        "name": "beating ellipse",
        "kind": "clip",
        "frames": 24,
        "height": 61,
        "width": 83,
        "fps": 25.0,
        "spacing_mm": [0.8, 0.8],
        "slice_spacing_mm": None,
    }


def test_without_spacing_nothing_is_in_ml_and_the_reason_is_given(make_case):
    record = record_of(make_case(spacing=None))
    check(record)
    for measure in record["measures"].values():
        if measure["unit"] in ("mL", "L/min"):
            assert measure["value"] is None and measure["reason"] == "the pixel spacing is unknown"
    assert record["measures"]["ef"]["value"] is not None
    assert all(value is None for beat in record["beats"] for key, value in beat.items() if key.endswith("_ml"))


def test_interval_is_the_range_over_complete_beats_only(make_case):
    source, segmentation, analysis = make_case()
    (beat,) = analysis.beats
    copies = [type(beat)(**{**vars(beat), "ef": ef, "partial": partial}) for ef, partial in ((50.0, False), (60.0, False), (90.0, True))]
    analysis.beats = tuple(copies)
    record = record_of((source, segmentation, analysis))
    check(record)
    assert record["measures"]["ef"]["interval"] == [50.0, 60.0]


def test_unmeasured_ventricle_has_reasons_instead_of_numbers(make_case):
    source, segmentation, analysis = make_case()
    analysis.beats, analysis.ef, analysis.edv_ml, analysis.hr_bpm = (), None, float("nan"), None
    record = record_of((source, segmentation, analysis))
    check(record)
    assert record["measures"]["ef"]["reason"] == "no beat was found"
    assert record["measures"]["edv"]["value"] is None
    assert "heart rate" in record["measures"]["hr"]["reason"]


def test_volume_of_a_box_is_exact_through_a_sheared_affine(make_case):
    source, segmentation, _ = make_case()
    source.kind = "volume"
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    affine[1, 2] = 0.7  # gantry tilt
    segmentation = type(segmentation)(**{**vars(segmentation), "geometry": Geometry(spacing=(0.5, 0.5), affine=affine)})
    record = record_of((source, segmentation, None))
    check(record)
    voxels = int(segmentation.masks.sum())
    assert record["objects"][0]["voxels"] == voxels
    assert record["objects"][0]["volume_ml"] == pytest.approx(voxels * 0.5 / 1000, abs=1e-4)
    assert record["measures"] == {} and record["beats"] == []


def test_volume_without_geometry_has_voxels_but_no_ml(make_case):
    source, segmentation, _ = make_case(spacing=None)
    source.kind = "volume"
    record = record_of((source, segmentation, None))
    check(record)
    assert record["objects"][0]["volume_ml"] is None and record["objects"][0]["voxels"] > 0


def test_quality_is_the_worst_severity():
    info, review, reject = (Flag(severity, "A sentence.", severity) for severity in ("info", "review", "reject"))
    assert [quality(flags) for flags in ((), (info,), (info, review), (reject, review))] == ["accept", "accept", "review", "reject"]


def test_flags_are_merged_once_with_the_most_severe_first():
    info, reject = Flag("a", "A.", "info"), Flag("b", "B.", "reject")
    assert merged_flags((info,), (reject, info)) == [reject, info]


def test_flags_of_segmentation_and_analysis_both_arrive(make_case):
    record = record_of(make_case(flags=(Flag("low_score", "The model was unsure.", "review"),)))
    check(record)
    assert [flag["code"] for flag in record["flags"]] == ["low_score", "one_beat"]
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
        assert result == pytest.approx(value, abs=0.005, rel=1e-9)
    else:
        assert result is None
