"""DICOM reports: every known number with its code, unit, method and beat, and where it was measured; unknown ones are left out."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

from echoseg.cardiac import analyse_lv
from echoseg.io import open_source
from echoseg.io.dicom.header import dicom_origin
from echoseg.record.measurements import measurements
from echoseg.record.measures import MEASURES
from echoseg.record.provenance import provenance
from echoseg.report.dicom import DicomOutput, write_dicom
from echoseg.report.dicom_groups import measurements_of
from echoseg.report.dicom_measure_codes import coded_measure
from echoseg.types import Segmentation
from tests.dicom_objects import PATIENT, standard_errors, unknown_codes, write_clip, write_series

FRAMES = 50


def beating(height: int = 64, width: int = 64) -> np.ndarray:
    """``(T, H, W)`` half ellipses, apex up, that shrink and grow once in 25 frames."""
    y, x = np.mgrid[:height, :width]
    masks = []
    for t in range(FRAMES):
        size = 1 - 0.15 * (1 - np.cos(2 * np.pi * t / 25))
        masks.append((((x - width / 2) / (14 * size)) ** 2 + ((y - 52) / (40 * size)) ** 2 <= 1) & (y <= 52))
    return np.array(masks).astype(np.uint8)


def segmentation_of(source, masks: np.ndarray, names: dict[int, str], seeds: int = 0) -> Segmentation:
    shape = (len(masks), len(names))
    return Segmentation(
        masks=masks,
        scores=np.full(shape, 0.9, np.float32),
        object_scores=np.full(shape, 5.0, np.float32),
        object_ids=tuple(names),
        names=names,
        seeds={i: (seeds,) for i in names},
        geometry=source.geometry,
        timing=source.timing,
        flags=source.flags,
    )


def report_of(path: Path, masks: np.ndarray, names: dict[int, str], out: Path, seeds: int = 0, axis: str | None = None, **output) -> dict:
    """The files of a run whose masks are given, in the order of the file, and its measurements."""
    with open_source(path, axis=axis) as source:
        masks = source.from_stored(masks) if source.kind == "volume" else masks
        made = segmentation_of(source, masks, names, seeds)
        clip = source.kind == "clip" and "LV" in names.values()
        analysis = analyse_lv(masks == 1, source.times(len(masks)), source.geometry.spacing, "A4C") if clip else None
        by = provenance(model="compact", weights_sha256="ab" * 32, prompt="auto")
        record = measurements(source, made, analysis, by)
        files = write_dicom(out, source, made, record, DicomOutput(dicom_origin(source.dicom_frames), **output)).files
    return {"record": record, **files}


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("echo")
    path = write_clip(folder / "clip.dcm", np.zeros((FRAMES, 64, 64, 3), np.uint8))
    return report_of(path, beating(), {1: "LV"}, folder)


def image_groups(path: Path):
    return highdicom.sr.srread(path).content.get_image_measurement_groups()


def numbers_of(group) -> dict[str, tuple[float, str]]:
    return {m.name.value: (m.value, m.unit.value) for m in group.get_measurements()}


def test_the_standard_finds_no_error(echo):
    assert standard_errors(echo["sr.dcm"]) == [] and standard_errors(echo["seg.dcm"]) == []


def test_means_carry_the_codes_of_echo_systems(echo):
    measures = echo["record"]["measures"]
    found = numbers_of(image_groups(echo["sr.dcm"])[0])
    assert found == {
        "79993-2": (measures["ef"]["value"], "%"),
        "79999-9": (measures["edv"]["value"], "mL"),
        "80004-5": (measures["esv"]["value"], "mL"),
        "90096001": (measures["sv"]["value"], "mL"),
        "8867-4": (measures["hr"]["value"], "{H.B.}/min"),
        "82799009": (measures["co"]["value"], "L/min"),
        "399287000": (measures["fac"]["value"], "%"),
        "122616": (measures["peak_ejection_rate"]["value"], "{EDV}/s"),
        "122618": (measures["peak_filling_rate"]["value"], "{EDV}/s"),
    }
    stroke = next(m for m in image_groups(echo["sr.dcm"])[0].get_measurements() if m.name.value == "90096001")
    assert stroke.method.value == "125208"  # Method of Disks, Single Plane


def test_each_beat_has_its_number_values_and_frames(echo):
    beats = echo["record"]["beats"]
    assert len(beats) >= 1
    groups = image_groups(echo["sr.dcm"])[1:]
    assert len(groups) == len(beats)
    for number, (beat, group) in enumerate(zip(beats, groups, strict=True), start=1):
        found = numbers_of(group)
        assert found["122149"] == (number, "1")
        assert found["79993-2"] == (beat["ef"], "%") and found["79999-9"] == (beat["edv_ml"], "mL")
        (source,) = group.source_images
        assert list(source.referenced_frame_numbers) == sorted([beat["ed"] + 1, beat["es"] + 1])


def test_outlines_point_to_the_segment_s_frame_and_the_image_s(echo):
    beat = echo["record"]["beats"][0]
    segmentation = pydicom.dcmread(echo["seg.dcm"])
    groups = highdicom.sr.srread(echo["sr.dcm"]).content.get_planar_roi_measurement_groups()
    for group, phase, area_code in zip(groups, ("ed", "es"), ("399109006", "399030000"), strict=False):
        (reference, image) = group.referenced_segmentation_frame
        (frame,) = [reference.ReferencedSOPSequence[0].ReferencedFrameNumber]
        described = segmentation.PerFrameFunctionalGroupsSequence[int(frame) - 1]
        assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == segmentation.SOPInstanceUID
        assert described.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber == beat[phase] + 1
        assert int(image.ReferencedSOPSequence[0].ReferencedFrameNumber) == beat[phase] + 1
        pixels = int((beating()[beat[phase]] == 1).sum())
        assert numbers_of(group) == {area_code: (pytest.approx(pixels * 0.25 / 100, abs=0.006), "cm2")}


def test_a_report_says_view_algorithm_and_what_to_look_at(echo):
    report = pydicom.dcmread(echo["sr.dcm"])
    assert (report.PreliminaryFlag, report.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    codes = {item.ConceptCodeSequence[0].CodeValue for item in _items(report) if item.ValueType == "CODE"}
    assert {"399214001", "416190007", "416430001"} <= codes  # apical four chamber, end diastole, end systole
    texts = {item.TextValue for item in _items(report) if item.ValueType == "TEXT"}
    assert {"echoseg compact", f"weights_sha256={'ab' * 32}"} <= texts
    assert {flag["message"] for flag in echo["record"]["flags"] if flag["severity"] != "info"} <= texts


def _items(dataset):
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from _items(item)


def test_without_spacing_no_length_area_or_volume_is_reported(tmp_path):
    path = write_clip(tmp_path / "clip.dcm", np.zeros((FRAMES, 64, 64, 3), np.uint8), SequenceOfUltrasoundRegions=[])
    made = report_of(path, beating(), {1: "LV"}, tmp_path)
    units = {unit for group in image_groups(made["sr.dcm"]) for _, unit in numbers_of(group).values()}
    assert units == {"%", "{H.B.}/min", "1", "{EDV}/s"}
    assert standard_errors(made["sr.dcm"]) == []


def test_a_clip_without_an_lv_reports_each_outline_that_was_prompted(tmp_path):
    path = write_clip(tmp_path / "clip.dcm", np.zeros((4, 20, 20, 3), np.uint8))
    masks = np.zeros((4, 20, 20), np.uint8)
    masks[:, 2:6, 3:13] = 1
    masks[:2, 10:14, 3:5] = 2
    made = report_of(path, masks, {1: "lesion", 2: "object 2"}, tmp_path, seeds=1)
    groups = highdicom.sr.srread(made["sr.dcm"]).content.get_planar_roi_measurement_groups()
    assert [numbers_of(group) for group in groups] == [{"42798000": (0.1, "cm2")}, {"42798000": (0.02, "cm2")}]
    assert standard_errors(made["sr.dcm"]) == []


def test_a_volume_reports_each_segment_with_its_volume(tmp_path):
    folder = write_series(tmp_path / "ct", np.zeros((6, 12, 10), np.int16))
    masks = np.zeros((6, 12, 10), np.uint8)
    masks[1:4, 2:6, 3:8] = 1
    masks[2, 8:10, 1:4] = 3
    made = report_of(folder, masks, {1: "liver", 3: "lesion", 4: "spleen"}, tmp_path)
    groups = highdicom.sr.srread(made["sr.dcm"]).content.get_volumetric_roi_measurement_groups()
    found = {group.finding_type.meaning: numbers_of(group) for group in groups}
    voxel_ml = 0.7 * 0.9 * 2.5 / 1000
    assert found["Liver"]["118565006"] == (pytest.approx(60 * voxel_ml, abs=1e-4), "mL")
    assert found["Lesion"]["118565006"] == (pytest.approx(6 * voxel_ml, abs=1e-4), "mL")
    assert set(found) == {"Liver", "Lesion"}  # an empty object has no segment to point to
    assert standard_errors(made["sr.dcm"]) == []


def test_a_volume_with_one_object_reports_it(tmp_path):
    folder = write_series(tmp_path / "ct", np.zeros((6, 12, 10), np.int16))
    masks = np.zeros((6, 12, 10), np.uint8)
    masks[2, 2:6, 3:8] = 1
    made = report_of(folder, masks, {1: "lesion"}, tmp_path)
    (group,) = highdicom.sr.srread(made["sr.dcm"]).content.get_volumetric_roi_measurement_groups()
    assert numbers_of(group)["118565006"] == (pytest.approx(20 * 0.7 * 0.9 * 2.5 / 1000, abs=1e-4), "mL")


@pytest.mark.parametrize("axis", ["stored", None])
def test_a_diameter_is_a_line_on_its_image_where_slices_are_images(tmp_path, axis):
    folder = write_series(tmp_path / "ct", np.zeros((6, 12, 10), np.int16))
    masks = np.zeros((6, 12, 10), np.uint8)
    masks[2, 2:6, 1:9] = 1
    masks[3, 2:4, 3:5] = 1
    made = report_of(folder, masks, {1: "lesion"}, tmp_path, axis=axis)
    (item,) = made["record"]["objects"]
    content = highdicom.sr.srread(made["sr.dcm"]).content
    groups = [*content.get_volumetric_roi_measurement_groups(), *content.get_image_measurement_groups()]
    assert len(groups) == (1 if axis is None else 2)
    measured = {m.name.value: m for group in groups for m in group.get_measurements()}
    assert measured["103339001"].value == item["long_axis_mm"] and measured["103340004"].value == item["short_axis_mm"]
    lines = measured["103339001"].referenced_coordinates
    assert standard_errors(made["sr.dcm"]) == []
    if axis is None:  # axial slices cut across the images
        assert not lines
        return
    (line,) = lines
    np.testing.assert_allclose(line.value, item["long_axis_px"], atol=1e-3)
    (image,) = line.ContentSequence
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == f"{PATIENT['SeriesInstanceUID']}.{item['diameter_slice'] + 1}"


@pytest.mark.parametrize(
    ("key", "unit", "method", "name", "scheme", "ucum", "how"),
    [
        ("ef", "%", "biplane disks", "79991-6", "LN", "%", None),
        ("edv", "mL", "single-plane disks (A2C)", "79998-1", "LN", "mL", None),
        ("edv", "mL", "single-plane area-length (A4C)", "18026-5", "LN", "mL", "125205"),
        ("ef", "%", "biplane area-length", "18043-0", "LN", "%", "125204"),
        ("sv_index", "mL/m²", "biplane disks", "277381004", "SCT", "mL/m2", "125207"),
        ("wall_thickness", "mm", None, "wall_thickness", "99ECHOSEG", "mm", None),
        ("la_volume", "mL", "biplane area-length (shorter length)", "79981-7", "LN", "mL", None),
        ("la_volume_index", "mL/m²", "biplane area-length (shorter length)", "79982-5", "LN", "mL/m2", None),
        ("la_volume_disks", "mL", "biplane disks", "79983-3", "LN", "mL", None),
        ("la_volume_disks_index", "mL/m²", "biplane disks", "79984-1", "LN", "mL/m2", None),
        ("edv_index", "mL/m²", "biplane disks", "79997-3", "LN", "mL/m2", None),
        ("edv_index", "mL/m²", "single-plane disks (A4C)", "18026-5", "LN", "mL/m2", "125208"),
        (
            "lv_mass",
            "g",
            "epicardial less endocardial volume by single-plane disks (A4C), 1.05 g/mL",
            "lv_mass",
            "99ECHOSEG",
            "g",
            "125208",
        ),
        ("rv_fac", "%", "RV area at the phases of the LV (A4C, not RV-focused)", "rv_fac", "99ECHOSEG", "%", None),
        ("length_a4c", "mm", "long axis at end-diastole", "79994-0", "LN", "mm", None),
    ],
)
def test_codes_follow_measure_view_and_method(key, unit, method, name, scheme, ucum, how):
    assert MEASURES[key].unit == unit
    coded = coded_measure(MEASURES[key], method)
    assert (coded.name.value, coded.name.scheme_designator, coded.unit.value) == (name, scheme, ucum)
    assert (coded.method and coded.method.value) == how


def test_every_measure_of_a_clip_has_a_standard_code_or_is_left_out(echo):
    named = {key: coded_measure(MEASURES[key], entry["method"]) for key, entry in echo["record"]["measures"].items()}
    assert "99ECHOSEG" not in {coded.name.scheme_designator for coded in named.values() if coded}
    assert {key for key, coded in named.items() if coded is None} == {"contour_strain"}


@pytest.mark.parametrize(
    ("key", "method", "indexed"),
    [
        ("edv_index", "single-plane disks (A4C)", True),
        ("lv_mass_index", None, True),
        ("edv_index", "biplane disks", False),
        ("edv", None, False),
    ],
)
def test_a_value_over_body_surface_without_a_code_of_its_own_says_so(key, method, indexed):
    (measurement,) = measurements_of(MEASURES[key], 50.0, method)
    said = {
        item.ConceptNameCodeSequence[0].CodeValue: item.ConceptCodeSequence[0].CodeValue
        for item in measurement[0].get("ContentSequence", ())
    }
    assert {name: said.get(name) for name in ("125306", "125308")} == (
        {"125306": "125313", "125308": "8277-6"} if indexed else dict.fromkeys(("125306", "125308"))
    )


def test_an_outline_s_phase_is_a_cardiac_cycle_point(echo):
    concepts = {
        (item.ConceptNameCodeSequence[0].CodeValue, item.ConceptCodeSequence[0].CodeValue)
        for item in _items(pydicom.dcmread(echo["sr.dcm"]))
        if item.ValueType == "CODE"
    }
    assert {("272518008", "416190007"), ("272518008", "416430001")} <= concepts


def test_every_code_of_a_report_stands_in_the_dictionaries(echo):
    assert unknown_codes(pydicom.dcmread(echo["sr.dcm"])) == set()


def test_the_check_of_codes_knows_a_wrong_one(echo):
    report = pydicom.dcmread(echo["sr.dcm"])
    report.ContentSequence[0].ConceptNameCodeSequence[0].CodeValue = "121199999"
    assert unknown_codes(report) == {("DCM", "121199999")}


def test_names_of_measures_stand_in_the_groups_for_echo():
    """CID 12300, and those of TID 5200 by chamber; what stands in none is private, or a rate or length of any organ."""
    groups = [cid_concepts[cid] for cid in (12300, 12200, 12202, 12203, 12205, 12240, 12239)]
    keywords = {(scheme, keyword) for group in groups for scheme, names in group.items() for keyword in names}
    listed = {(scheme, value) for scheme, keyword in keywords for value in concepts[scheme][keyword]}
    methods = (None, "biplane disks", "single-plane disks (A4C)", "single-plane disks (A2C)", "biplane area-length (shorter length)")
    coded = [coded_measure(measure, method) for measure in MEASURES.values() for method in methods]
    names = {(one.name.scheme_designator, one.name.value) for one in coded if one}
    others = {("DCM", "122616"), ("DCM", "122618")}
    assert {name for name in names - listed - others if name[0] != "99ECHOSEG"} == set()
