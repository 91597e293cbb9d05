"""The DICOM report of a study: biplane values by the names of echo systems, with both clips and both segmentations."""

from __future__ import annotations

import highdicom
import numpy as np
import pydicom
import pytest

from echoseg.io import open_source
from echoseg.io.result_folder import result_folder
from echoseg.options import Subject
from echoseg.record.provenance import provenance
from echoseg.report.dicom import dicom_output
from echoseg.results import MeasureOptions, write_result
from echoseg.study import study_clip, write_study
from tests.dicom_objects import PATIENT, standard_errors, unknown_codes, write_clip
from tests.study.conftest import beating, segmentation_of

SUBJECT = Subject("M", 180, 80, 54)


@pytest.fixture(scope="module")
def make_study(tmp_path_factory):
    """``make_study(anonymous=False) -> StudyResult``, of an A4C and an A2C clip of one DICOM study, ventricle and atrium."""

    def make(anonymous=False, identify=False, **attributes):
        folder, clips = tmp_path_factory.mktemp("study"), []
        for number, (view, width) in enumerate((("A4C", 13.0), ("A2C", 10.0)), start=1):
            own = {"SOPInstanceUID": f"1.2.3.{number}", "SeriesInstanceUID": f"1.2.3.9.{number}", **attributes}
            labels = beating(width, atrium=True)
            grey = np.where(labels > 0, 30, 90).astype(np.uint8)  # a black picture would be rejected
            path = write_clip(folder / f"{view}.dcm", np.repeat(grey[..., None], 3, axis=3), **own)
            with open_source(path, spacing=(1.0, 1.0)) as source:  # half a millimetre, as it says, would be no heart
                output = dicom_output(source, anonymous, None)
                made_by = provenance(model="compact", weights_sha256="ab" * 32, prompt="auto:LV,LA")
                options = MeasureOptions(view, subject=SUBJECT, identify=identify)
                with result_folder(folder / "out", source.name, False) as draft:
                    made = segmentation_of(source, labels)
                    clips.append(study_clip(path, write_result(draft, source, made, made_by, options, output)))
        return write_study(folder / "out", clips, subject=SUBJECT), clips

    return make


@pytest.fixture(scope="module")
def study(make_study):
    return make_study()


@pytest.fixture(scope="module")
def report(study):
    return pydicom.dcmread(study[0].files["study.sr.dcm"])


def group_values(path):
    groups = highdicom.sr.srread(path).content.get_image_measurement_groups()
    return {group.tracking_identifier: {m.name.value: (m.value, m.unit.value) for m in group.get_measurements()} for group in groups}


def test_biplane_values_carry_the_names_of_echo_systems(study):
    measures = study[0].record["measures"]

    def told(key, unit):
        return (measures[key]["value"], unit)

    found = group_values(study[0].files["study.sr.dcm"])
    ventricle = {
        "79991-6": told("ef", "%"),
        "79996-5": told("edv", "mL"),
        "80001-1": told("esv", "mL"),
        "79997-3": told("edv_index", "mL/m2"),
        "80002-9": told("esv_index", "mL/m2"),
        "79994-0": told("length_a4c", "mm"),
    }
    assert ventricle.items() <= found["LV, biplane"].items()
    assert found["LA, biplane"] == {
        "79981-7": told("la_volume", "mL"),
        "79982-5": told("la_volume_index", "mL/m2"),
        "79983-3": told("la_volume_disks", "mL"),
        "79984-1": told("la_volume_disks_index", "mL/m2"),
    }


def test_the_standard_finds_no_error_and_every_code_is_known(study, report):
    assert standard_errors(study[0].files["study.sr.dcm"]) == []
    assert unknown_codes(report) == set()
    for clip in study[1]:
        assert standard_errors(clip.directory / "sr.dcm") == [] and unknown_codes(pydicom.dcmread(clip.directory / "sr.dcm")) == set()


def test_both_clips_and_both_segmentations_are_referred_to(study, report):
    made = {str(pydicom.dcmread(clip.directory / "seg.dcm").SOPInstanceUID) for clip in study[1]}
    (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
    named = {str(item.ReferencedSOPInstanceUID) for series in evidence.ReferencedSeriesSequence for item in series.ReferencedSOPSequence}
    assert named == made | {"1.2.3.1", "1.2.3.2"}
    outlines = highdicom.sr.srread(study[0].files["study.sr.dcm"]).content.get_planar_roi_measurement_groups()
    sources = {str(group.referenced_segmentation_frame[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for group in outlines}
    beats = sum(len(clip.record["beats"]) for clip in study[1])
    assert sources == made and len(outlines) == 3 * beats  # LV at both phases, LA at end-systole
    assert {name[:4] for name in (group.tracking_identifier for group in outlines)} == {"A4C ", "A2C "}


def test_an_outline_is_tracked_as_in_the_clip_s_own_report(study):
    def tracked(path):
        return {group.tracking_uid for group in highdicom.sr.srread(path).content.get_planar_roi_measurement_groups()}

    assert all(tracked(clip.directory / "sr.dcm") <= tracked(study[0].files["study.sr.dcm"]) for clip in study[1])


def test_it_is_preliminary_and_of_the_same_patient_and_study(report):
    assert (report.PreliminaryFlag, report.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert report.StudyInstanceUID == PATIENT["StudyInstanceUID"] and report.PatientID == PATIENT["PatientID"]


def test_the_same_study_gives_the_same_identifiers(study, make_study):
    again = pydicom.dcmread(make_study()[0].files["study.sr.dcm"])
    assert again.SOPInstanceUID == pydicom.dcmread(study[0].files["study.sr.dcm"]).SOPInstanceUID


def test_without_identifiers_it_still_refers_to_the_objects_beside_it(make_study):
    result, clips = make_study(anonymous=True)
    report = pydicom.dcmread(result.files["study.sr.dcm"])
    assert standard_errors(result.files["study.sr.dcm"]) == []
    text = report.to_json()
    assert not any(str(value) in text for value in (PATIENT["PatientID"], "Müller", PATIENT["StudyDate"], PATIENT["StudyInstanceUID"]))
    made = {str(pydicom.dcmread(clip.directory / "seg.dcm").SOPInstanceUID) for clip in clips}
    named = {str(element.value) for element in report.iterall() if element.keyword == "ReferencedSOPInstanceUID"}
    assert made < named


def test_machine_and_person_stand_in_the_record_and_no_date(make_study):
    result, _ = make_study(Manufacturer="Acme", ManufacturerModelName="Echo 3")
    assert (result.record["exam"]["manufacturer"], result.record["exam"]["model"], result.record["exam"]["date"]) == (
        "Acme",
        "Echo 3",
        None,
    )
    assert result.record["subject"]["age_years"] == 54
    assert not any(PATIENT["StudyDate"] in text or "2020-01-02" in text for text in texts_of(result))


def test_the_date_is_written_where_it_is_asked_for(make_study):
    result, clips = make_study(identify=True)
    assert result.record["exam"]["date"] == "2020-01-02" and all(clip.record["exam"]["date"] == "2020-01-02" for clip in clips)
    assert all("2020-01-02" in text for text in texts_of(result))


def texts_of(result):
    return [result.files[name].read_text(encoding="utf-8") for name in ("study.json", "study.html")]
