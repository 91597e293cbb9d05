"""No image of a DICOM folder drops out, is counted twice or is mixed with those of others without a word."""

import shutil

import numpy as np
import pydicom
import pytest
from dicom_objects import write_series
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid

from echoseg.errors import SourceError
from echoseg.io import open_source
from echoseg.types import Severity

SLICES = np.random.default_rng(0).integers(0, 900, (6, 40, 44)).astype(np.int16)


@pytest.fixture
def series(tmp_path):
    return write_series(tmp_path / "series", SLICES)


def opened(path, **options):
    return open_source(path, axis="stored", **options)


def flags(source):
    return {flag.code: flag for flag in source.flags}


def loud(source):
    return {flag.code for flag in source.flags if flag.severity != Severity.INFO}


def change(path, **attributes):
    dataset = pydicom.dcmread(path)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def strip_preamble(path):
    path.write_bytes(path.read_bytes()[132:])


def test_a_clean_series_has_no_flag(series):
    source = opened(series)
    assert (source.length, source.flags) == (6, ())


def test_files_without_preamble_are_slices_like_the_others(series):
    for path in sorted(series.iterdir())[:2]:
        strip_preamble(path)
        path.rename(path.with_suffix(".9"))
    source = opened(series)
    assert (source.length, source.flags) == (6, ())


@pytest.mark.parametrize("content", [b"", bytes(100), b"noise" * 30])
def test_a_file_of_which_nothing_is_left_is_named(series, content):
    (series / "003.dcm").write_bytes(content)
    assert "003.dcm" in flags(opened(series))["files_unreadable"].message


def test_an_image_without_pixels_is_named_and_a_report_is_not(series):
    path = series / "006.dcm"
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    assert "006.dcm" in flags(opened(series))["files_unreadable"].message
    shutil.copy(pydicom.data.get_testdata_file("reportsi.dcm"), path)
    assert loud(opened(series)) == set()


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"PatientID": "OTHER"}, "2 patients"),
        ({"PatientName": "Other^One"}, "2 patients"),
        ({"StudyInstanceUID": "1.2.3"}, "2 studies"),
        ({"FrameOfReferenceUID": "1.2.3"}, "2 frames of reference"),
        ({"PatientBirthDate": "19700101"}, "2 dates of birth"),
    ],
)
@pytest.mark.parametrize("uid", ["", "1.2.276.0.7230010.3.777.2"])
def test_images_of_several_patients_or_places_are_no_volume(series, attributes, reason, uid):
    for number, path in enumerate(sorted(series.iterdir())):
        change(path, SeriesInstanceUID=uid, **(attributes if number > 2 else {}))
    with pytest.raises(SourceError, match=reason):
        opened(series)


@pytest.mark.parametrize(
    "keywords",
    [
        ("StudyInstanceUID",),
        ("FrameOfReferenceUID",),
        ("SeriesInstanceUID",),
        ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    ],
)
def test_uids_replaced_one_by_one_leave_one_series(series, keywords):
    for path in series.iterdir():
        change(path, **{keyword: generate_uid() for keyword in keywords})
    source = opened(series)
    assert (source.length, loud(source), set(flags(source))) == (6, set(), {"uids_one_by_one"})


@pytest.mark.parametrize(
    "attributes", [{"PatientID": "OTHER"}, {"PatientSex": "F"}, {"StudyDate": "20210102"}, {"PatientBirthDate": "19700101"}]
)
@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "FrameOfReferenceUID"])
def test_uids_replaced_one_by_one_mix_no_two_patients_or_days(series, attributes, keyword):
    for number, path in enumerate(sorted(series.iterdir())):
        change(path, **{keyword: generate_uid()}, **(attributes if number > 2 else {}))
    with pytest.raises(SourceError, match="they are no one volume"):
        opened(series)


def test_images_that_nothing_vouches_for_are_no_series(series):
    for path in series.iterdir():
        replaced = {keyword: generate_uid() for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
        change(path, PatientID="", StudyDate="", **replaced)
    with pytest.raises(SourceError, match="6 DICOM series"):
        opened(series)
    for path in series.iterdir():
        change(path, SeriesInstanceUID="1.2.3")
    assert set(flags(opened(series))) == {"uids_one_by_one"}


def test_spelling_of_a_name_makes_no_second_patient(series):
    change(series / "002.dcm", PatientName="MÜLLER^JÖRG^^")
    assert opened(series).flags == ()


def test_series_of_one_uid_are_told_apart_by_number(series):
    for path in sorted(series.iterdir())[:3]:
        change(path, SeriesInstanceUID="", SeriesNumber=9)
    for path in sorted(series.iterdir())[3:]:
        change(path, SeriesInstanceUID="")
    with pytest.raises(SourceError, match="2 DICOM series"):
        opened(series)
    assert opened(series, series=9).length == 3


def test_one_uid_for_all_images_drops_none(series):
    for path in series.iterdir():
        change(path, SOPInstanceUID="1.2.3")
    source = opened(series)
    assert source.length == 6
    assert "5 images" in flags(source)["instance_uids_repeat"].message


def test_a_slice_sent_again_under_another_uid_counts_once(series):
    shutil.copy(series / "004.dcm", series / "again.dcm")
    change(series / "again.dcm", SOPInstanceUID=generate_uid(), InstanceNumber=77)
    source = opened(series)
    assert (source.length, list(flags(source)), loud(source)) == (6, ["copies_left_out"], set())


def test_one_place_with_two_pictures_is_refused(series):
    path = shutil.copy(series / "004.dcm", series / "again.dcm")
    change(path, PixelData=np.flip(SLICES[2]).tobytes())
    with pytest.raises(SourceError, match="7 images at 6 positions"):
        opened(series)


def test_a_preview_beside_a_series_is_left_out_and_named(series):
    Image.new("L", (32, 32)).save(series / "preview.jpg")
    source = opened(series)
    assert (source.length, list(flags(source)), loud(source)) == (6, ["files_left_out"], set())
    assert "preview.jpg" in source.flags[0].message


def test_a_tree_and_a_medium_lead_to_their_images(series, tmp_path):
    assert opened(tmp_path).length == 6
    files = FileSet()
    for path in series.iterdir():
        files.add(path)
    files.write(tmp_path / "cd")
    for medium in (tmp_path / "cd", tmp_path / "cd" / "DICOMDIR"):
        source = opened(medium)
        assert (source.length, source.flags) == (6, ())
    next(path for path in (tmp_path / "cd").rglob("*") if path.is_file() and path.name != "DICOMDIR").unlink()
    assert "files_missing" in flags(opened(tmp_path / "cd"))


def cine(folder, heights):
    frames = np.stack([SLICES[0] + t for t in range(len(heights))])
    write_series(folder, frames, SliceThickness=8, ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    for t, (path, height) in enumerate(zip(sorted(folder.iterdir()), heights, strict=True)):
        change(path, TriggerTime=40 * t, ImagePositionPatient=[0, 0, height])
    return folder


@settings(max_examples=8, deadline=None)
@given(jitter=st.lists(st.integers(-4, 4), min_size=4, max_size=6))
def test_positions_within_a_thousandth_of_the_slice_distance_are_one(tmp_path_factory, jitter):
    source = open_source(cine(tmp_path_factory.mktemp("cine") / "one", [step / 1000 for step in jitter]))
    assert (source.kind, source.length, loud(source)) == ("clip", len(jitter), set())


def test_positions_farther_apart_are_slices(tmp_path):
    assert open_source(cine(tmp_path / "thin", [0, 0.5, 1.0, 1.5])).kind == "volume"


@settings(max_examples=10, deadline=None)
@given(lost=st.sets(st.integers(0, 5), min_size=1, max_size=4), how=st.sampled_from(["empty", "zeros", "bare"]))
def test_whatever_happens_to_files_no_slice_is_missing_without_a_word(tmp_path_factory, lost, how):
    folder = write_series(tmp_path_factory.mktemp("lost") / "s", SLICES)
    for number, path in enumerate(sorted(folder.iterdir())):
        if number in lost:
            strip_preamble(path) if how == "bare" else path.write_bytes(b"" if how == "empty" else bytes(200))
    source = opened(folder)
    assert source.length == 6 - (0 if how == "bare" else len(lost))
    assert ("files_unreadable" in flags(source)) is (how != "bare")
