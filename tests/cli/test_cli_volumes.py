"""Choosing within volumes and DICOM series on the command line."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from typer.testing import CliRunner

import echoseg
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


@pytest.fixture
def runs(monkeypatch):
    """Replaces the pipeline and the model; what the pipeline was called with."""
    made = []

    def run(source, out, *, progress, **options):
        made.append((source, options))
        return SimpleNamespace(directory=Path(out), measurements={"measures": {}, "objects": []}, files={}, flags=(), view=None)

    pipeline = ModuleType("echoseg.pipeline")
    pipeline.run = run
    monkeypatch.setitem(sys.modules, "echoseg.pipeline", pipeline)
    monkeypatch.setattr(echoseg, "pipeline", pipeline, raising=False)
    model = SimpleNamespace(
        config=SimpleNamespace(name="compact", structures=("LV",)),
        execution=SimpleNamespace(device=SimpleNamespace(type="cuda")),
        for_volumes_name="compact",
    )
    monkeypatch.setattr(echoseg, "load_model", lambda *_, **__: model, raising=False)
    monkeypatch.setattr("echoseg.study.study_clip", lambda *_: None)
    return made


def call(*arguments):
    return CliRunner().invoke(app, ["run", *map(str, arguments), "--prompt", "box:1,1,9,9@0"])


def test_a_result_is_made_of_each_slice_or_phase(tmp_path, runs):
    nibabel.save(nibabel.Nifti1Image(np.zeros((40, 41, 3, 5), np.uint8), np.eye(4)), tmp_path / "cine.nii")
    done = call(tmp_path / "cine.nii", "--out", tmp_path / "out", "--part", "slice", "--fps", "25")
    assert done.exit_code == 0, done.output
    assert [source.name for source, _ in runs] == ["cine_slice00", "cine_slice01", "cine_slice02"]
    assert all(source.timing.fps == 25 and not {"part", "fps"} & set(options) for source, options in runs)
    runs.clear()
    assert call(tmp_path / "cine.nii", "--out", tmp_path / "out", "--part", "phase:4").exit_code == 0
    assert runs[0][1]["part"] == "phase:4"


def test_choices_reach_the_pipeline(tmp_path, runs):
    given = ("--series", "4", "--axis", "coronal", "--window", "-160,1500", "--format", "own")
    assert call("folder", "--out", tmp_path / "out", *given).exit_code == 0
    chosen = {"series": "4", "axis": "coronal", "window": "-160,1500", "format": "own"}
    assert {option: runs[0][1][option] for option in chosen} == chosen


@pytest.mark.parametrize("wrong", [("--window", "lungs"), ("--part", "time:3"), ("--axis", "oblique"), ("--format", "tiff")])
def test_a_choice_that_can_serve_no_input_is_a_usage_error(tmp_path, runs, wrong):
    assert call("folder", "--out", tmp_path / "out", *wrong).exit_code == 2
    assert runs == []
