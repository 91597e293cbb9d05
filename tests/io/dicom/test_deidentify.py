"""After de-identification no name, id or date is left, at any depth; objects still refer to each other."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from echoseg.datasets.demo import demo_clip
from echoseg.io.dicom.deidentify import deidentify, may_show_text, pseudonym
from echoseg.io.dicom.header import dicom_origin
from echoseg.io.dicom.seg import build_segmentation
from tests.dicom_objects import PATIENT, standard_errors, write_clip
from tests.io.dicom.test_dicom_segmentation import ALGORITHM, COLOURS, NAMES, masks_like

SECRETS = ("Müller", "Jörg", "SECRET-7", "19610203", "20200102", "ACC-9", "ST-1", "Greta", "Charité", PATIENT["StudyInstanceUID"])


def nested() -> Dataset:
    """An item with names and dates two levels down, and a private attribute."""
    inner = Dataset()
    inner.PersonName, inner.ReferencedSOPInstanceUID, inner.ContentDate = "Müller^Jörg", f"{PATIENT['StudyInstanceUID']}.5", "20200102"
    outer = Dataset()
    outer.SourceImageSequence = [inner]
    outer.add_new(0x00091001, "LO", "SECRET-7")
    return outer


@pytest.fixture
def image(tmp_path):
    attributes = {"AcquisitionDateTime": "20200102101112", "OtherPatientIDs": "SECRET-7", "DerivationImageSequence": [nested()]}
    path = write_clip(tmp_path / "clip.dcm", np.zeros((7, 9, 11, 3), np.uint8), **attributes)
    return path


def saved_bytes(dataset: Dataset, path) -> bytes:
    dataset.save_as(path, enforce_file_format=True)
    return path.read_bytes()


def test_no_name_id_or_date_is_left_in_an_image(image, tmp_path):
    dataset = pydicom.dcmread(image)
    before = image.read_bytes()
    deidentify(dataset)
    after = saved_bytes(dataset, tmp_path / "clean.dcm")
    for secret in SECRETS:
        assert secret.encode("latin-1") in before  # else its absence would show nothing
        assert secret.encode("latin-1") not in after and secret.encode() not in after
    assert [element for element in dataset.iterall() if element.tag.is_private] == []
    dates = {str(element.value) for element in dataset.iterall() if element.VR in ("DA", "DT", "TM") and element.value}
    assert dates <= {"19000101", "000000"}
    np.testing.assert_array_equal(dataset.pixel_array, pydicom.dcmread(image).pixel_array)


def test_results_still_refer_to_the_images(image, tmp_path):
    origin = dicom_origin([(image, frame) for frame in range(7)])
    result = build_segmentation(origin, masks_like((7, 9, 11)), NAMES, ALGORITHM, COLOURS)
    deidentify(result)
    source = pydicom.dcmread(image)
    deidentify(source)
    assert result.StudyInstanceUID == source.StudyInstanceUID != PATIENT["StudyInstanceUID"]
    assert result.PatientID == source.PatientID == pseudonym(PATIENT["StudyInstanceUID"])
    references = {item.ReferencedSOPInstanceUID for item in result.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert references == {source.SOPInstanceUID} == {source.file_meta.MediaStorageSOPInstanceUID}
    group = result.PerFrameFunctionalGroupsSequence[0]
    assert group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert (result.SOPClassUID, source.SOPClassUID) == ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.3.1")
    result.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    assert standard_errors(tmp_path / "seg.dcm") == []


def test_what_was_done_is_written_down(image):
    dataset = pydicom.dcmread(image)
    deidentify(dataset)
    assert dataset.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence] == ["113100"]


def test_the_content_of_a_report_goes_unless_it_is_known_to_be_clean(image):
    for clean in (False, True):
        dataset = pydicom.dcmread(image)
        item = Dataset()
        item.TextValue = "seen with Dr Haus"
        dataset.ContentSequence = [item]
        deidentify(dataset, clean_content=clean)
        assert ([item.TextValue for item in dataset.get("ContentSequence", [])] == ["seen with Dr Haus"]) is clean


def test_patients_stay_apart_and_ids_cannot_be_guessed_back():
    one, other = pseudonym("1.2.3"), pseudonym("1.2.4")
    assert one != other and one == pseudonym("1.2.3") and len(one) == 20


@pytest.mark.parametrize(
    ("attributes", "shows"),
    [
        ({}, True),
        ({"BurnedInAnnotation": "NO"}, False),
        ({"BurnedInAnnotation": "YES"}, True),
        ({"Modality": "CT"}, False),
        ({"Modality": "CT", "BurnedInAnnotation": "YES"}, True),
        ({"Modality": "OT"}, True),
    ],
)
def test_burned_in_text_is_expected_where_nothing_excludes_it(attributes, shows):
    header = Dataset()
    for keyword, value in ({"Modality": "US"} | attributes).items():
        setattr(header, keyword, value)
    assert may_show_text(header) is shows


def test_the_real_clip_loses_its_name_and_private_data(tmp_path):
    dataset = pydicom.dcmread(demo_clip())
    name, ids = str(dataset.PatientName), [str(dataset[word].value) for word in ("StudyInstanceUID", "SOPInstanceUID", "StudyDate")]
    deidentify(dataset)
    kept = str(dataset) + str(dataset.file_meta)
    assert f"'{name}'" not in kept and not any(value in kept for value in ids)
    assert [element for element in dataset.iterall() if element.tag.is_private] == []
