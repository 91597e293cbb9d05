"""Views and studies as files and their names tell them."""

from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from echoseg.datasets.demo import demo_clip
from echoseg.io import open_source
from echoseg.io.dicom.study import StatedStudy, stated_study
from echoseg.io.views import view_in_name, view_of
from echoseg.options import Subject

CLIP = np.zeros((4, 40, 40), np.uint8)


@pytest.mark.parametrize(
    ("name", "view", "rest"),
    [
        ("a4c", "A4C", ""),
        ("p1_A2C", "A2C", "p1"),
        ("patient0001_4CH_ED", "A4C", "patient0001 ed"),
        ("apical 4 chamber", "A4C", ""),
        ("AP2", "A2C", ""),
        ("s7-2ch3", "A2C", "s7"),
        ("s7 a4c 02", "A4C", "s7"),
        ("7_a4c", "A4C", "7"),
        ("psax_mid", "PSAX", "mid"),
        ("rest.A3C.x", "A3C", "rest x"),
    ],
)
def test_view_in_a_name_is_a_word_of_its_own(name, view, rest):
    assert view_in_name(name) == (view, rest)


@pytest.mark.parametrize("name", ["0X1A2C60147AF9FDAE", "9f3a-4c12-a2c4-a4c1", "a4c_a2c", "clip", "4", "", "data2c"])
def test_names_that_tell_no_view_or_two_tell_none(name):
    assert view_in_name(name) is None


def test_what_is_given_wins_over_the_file_and_the_file_over_its_name():
    source = open_source(CLIP, name="x_a2c")
    assert view_of(source) == ("A2C", "guessed from the file name")
    source.details = {**source.details, "view": "A4C"}
    assert view_of(source) == ("A4C", "stated by the file")
    assert view_of(source, "A2C") == ("A2C", "given")
    assert view_of(open_source(CLIP)) == ("A4C", "assumed")


def write(path: Path, **values) -> Path:
    dataset = pydicom.dcmread(demo_clip(), stop_before_pixels=True)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def test_study_sex_height_and_weight_are_read(tmp_path):
    uid = generate_uid()
    path = write(tmp_path / "a", StudyInstanceUID=uid, PatientSex="F", PatientSize="1.65", PatientWeight="61.5")
    stated = stated_study(path)
    assert (stated.uid, stated.subject) == (uid, Subject("F", 165.0, 61.5))
    assert (stated.manufacturer, stated.model, stated.date) == ("SonoSite, Inc.", "Turbo", date(2016, 5, 3))


@pytest.mark.parametrize("values", [{"PatientSex": "O", "PatientSize": "0", "PatientWeight": "0"}, {"PatientSize": "165"}])
def test_implausible_values_are_unknown(tmp_path, values):
    assert stated_study(write(tmp_path / "a", **{"PatientSex": "", **values})).subject == Subject()


def test_other_files_state_nothing(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"not DICOM")
    assert stated_study(tmp_path / "clip.mp4") == stated_study(tmp_path / "gone") == StatedStudy()
