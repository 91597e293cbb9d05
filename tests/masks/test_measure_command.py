"""`echoseg measure` on the command line: what it takes for a label, and inputs that fail."""

import csv
import json

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

import echoseg.masks
from echoseg.cli.main import app
from tests.study.conftest import beating

LABELS = beating(13.0)


def saved(path, labels=LABELS):
    np.save(path, labels)
    return path


def invoke(*arguments):
    return CliRunner().invoke(app, ["measure", *map(str, arguments)])


@pytest.mark.parametrize("dtype", [np.complex64, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])])
def test_the_command_goes_on_past_voxels_that_are_no_numbers(tmp_path, dtype):
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), dtype), np.eye(4)), tmp_path / "odd.nii.gz")
    done = invoke(tmp_path / "odd.nii.gz", saved(tmp_path / "a4c.npy"), "--out", tmp_path / "out")
    assert done.exit_code == 1 and (tmp_path / "out" / "a4c" / "measurements.json").is_file()
    with (tmp_path / "out" / "errors.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert "no label numbers" in row["reason"]


def test_the_command_goes_on_past_an_error_nobody_thought_of(tmp_path, monkeypatch):
    real = echoseg.masks.read_label_file

    def odd(path, kind=None):
        if path.stem == "odd":
            raise TypeError("ufunc 'floor' not supported")
        return real(path, kind)

    monkeypatch.setattr(echoseg.masks, "read_label_file", odd)
    done = invoke(tmp_path / "odd.npy", saved(tmp_path / "a4c.npy"), "--out", tmp_path / "out")
    assert done.exit_code == 1 and (tmp_path / "out" / "a4c" / "measurements.json").is_file()
    assert "unexpected TypeError" in (tmp_path / "out" / "errors.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("labels", ["LV=²", "LV=1,lv=2"])
def test_labels_that_cannot_be_read_are_a_usage_error(tmp_path, labels):
    assert invoke("a.npy", "--out", tmp_path / "out", "--labels", labels).exit_code == 2


def test_the_command_takes_structures_in_any_case(tmp_path):
    assert invoke(saved(tmp_path / "a4c.npy"), "--out", tmp_path / "out", "--labels", "lv=1").exit_code == 0
    record = json.loads((tmp_path / "out" / "a4c" / "measurements.json").read_text(encoding="utf-8"))
    assert record["measures"]["ef"]["value"] is not None
