"""Choosing within volumes and DICOM series on the command line."""

import json

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from typer.testing import CliRunner

from echoseg.cli.main import app


@pytest.fixture
def two_series(tmp_path):
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    for number, modality, count in ((4, "CT", 3), (12, "MR", 2)):
        dataset.SeriesNumber, dataset.SeriesInstanceUID, dataset.Modality = number, f"1.2.{number}", modality
        dataset.SeriesDescription = f"series of {modality}"
        for index in range(count):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.{number}.{index + 1}"
            dataset.ImagePositionPatient = [0, 0, 3.0 * index]
            dataset.save_as(tmp_path / f"{modality}{index}.dcm")
    return tmp_path


def info(*arguments):
    result = CliRunner().invoke(app, ["info", "--json", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_info_lists_the_series_of_a_folder(two_series):
    listed = info(two_series)["series"]
    assert [(one["number"], one["modality"], one["images"], one["description"]) for one in listed] == [
        (4, "CT", 3, "series of CT"),
        (12, "MR", 2, "series of MR"),
    ]
    shown = CliRunner().invoke(app, ["info", str(two_series)])
    assert "series of MR" in shown.output
    assert shown.exit_code == 0


def test_info_shows_the_chosen_series_plane_and_window(two_series):
    facts = info(two_series, "--series", "4", "--axis", "coronal", "--window", "lung")
    assert (facts["frames"], facts["height"], facts["width"]) == (128, 3, 128)
    assert facts["details"]["slicing"] == "coronal"
    assert facts["details"]["intensity"].startswith("CT lung")


def test_info_shows_a_part(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((40, 41, 3, 5), np.uint8), np.eye(4)), tmp_path / "cine.nii")
    assert info(tmp_path / "cine.nii", "--part", "slice:2")["kind"] == "clip"
    assert info(tmp_path / "cine.nii", "--part", "phase:2")["frames"] == 3
    refused = CliRunner().invoke(app, ["info", str(tmp_path / "cine.nii")])
    assert refused.exit_code == 1
    assert "3 slices x 5 phases" in " ".join(refused.output.split())
