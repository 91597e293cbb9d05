"""What a run writes in DICOM: beside the other files, complete or not at all, and with nobody's name where none belongs."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import echoseg
from echoseg import Box
from echoseg.cli.main import app
from echoseg.errors import EchosegError
from tests.dicom_objects import PATIENT, standard_errors, write_clip

BOX = Box(5, 5, 30, 30)
SECRETS = (b"M\xfcller", "Müller".encode(), b"SECRET-7", b"19610203", b"20200102", b"ACC-9", b"Greta", PATIENT["StudyInstanceUID"].encode())


@pytest.fixture
def clip(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (5, 40, 40, 3), dtype=np.uint8)
    return write_clip(tmp_path / f"{PATIENT['PatientID']}.dcm", frames)


def test_probabilities_agree_with_the_masks(clip, micro_model, tmp_path):
    result = echoseg.run(clip, tmp_path / "out", prompt=BOX, model=micro_model, fractional=True)
    fractional = pydicom.dcmread(result.files["seg-fractional.dcm"])
    frames = [
        g.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber for g in fractional.PerFrameFunctionalGroupsSequence
    ]
    levels = np.zeros((5, 40, 40), np.uint8)
    levels[np.array(frames, int) - 1] = fractional.pixel_array
    np.testing.assert_array_equal(levels >= 128, result.segmentation.masks == 1)
    assert fractional.SeriesInstanceUID == pydicom.dcmread(result.files["seg.dcm"]).SeriesInstanceUID
    assert standard_errors(result.files["seg-fractional.dcm"]) == []


def test_deidentified_results_hold_no_name_id_or_date_anywhere(clip, micro_model, tmp_path):
    result = echoseg.run(clip, tmp_path / "out", prompt=BOX, model=micro_model, deidentify=True)
    assert "burned_in_text" in {flag.code for flag in result.flags}
    assert PATIENT["PatientID"] not in str(result.directory.relative_to(tmp_path))
    for path in result.directory.iterdir():
        content = path.read_bytes()
        assert [secret for secret in SECRETS if secret in content] == [], path.name
    for name in ("seg.dcm", "sr.dcm"):
        assert pydicom.dcmread(result.files[name]).PatientIdentityRemoved == "YES"
        assert standard_errors(result.files[name]) == []


def test_only_dicom_results_name_the_patient(clip, micro_model, tmp_path):
    result = echoseg.run(clip, tmp_path / "out", prompt=BOX, model=micro_model, dicom=True)
    assert pydicom.dcmread(result.files["sr.dcm"]).PatientName == PATIENT["PatientName"]
    for name in ("measurements.json", "frames.csv", "report.html"):
        content = result.files[name].read_bytes()
        assert not any(secret in content for secret in SECRETS if secret != b"SECRET-7"), name  # which is the file's own name


@pytest.mark.parametrize("asked", ["dicom", "fractional", "deidentify"])
def test_a_source_that_is_not_dicom_says_why_there_are_no_dicom_results(micro_model, tmp_path, asked):
    result = echoseg.run(np.zeros((4, 40, 40), np.uint8), tmp_path, prompt=BOX, model=micro_model, **{asked: True})
    assert "seg.dcm" not in result.files and "dicom_not_written" in {flag.code for flag in result.flags}
    assert "dicom_not_written" in json.dumps(result.measurements["flags"])


@pytest.mark.parametrize("asked", ["--dicom", "--fractional", "--deidentify"])
def test_the_command_says_so_too(micro_model, tmp_path, monkeypatch, asked):
    monkeypatch.setattr(echoseg, "load_model", lambda name, **options: micro_model, raising=False)
    np.save(tmp_path / "clip.npy", np.zeros((4, 40, 40), np.uint8))
    done = CliRunner().invoke(app, ["run", str(tmp_path / "clip.npy"), "--out", str(tmp_path), "--prompt", "box:5,5,30,30", asked])
    assert done.exit_code == 0, done.output
    assert "dicom_not_written" in done.stdout
    assert "dicom_not_written" in (tmp_path / "clip" / "measurements.json").read_text()


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_header_is_a_typed_error_or_a_whole_result(clip, micro_model, tmp_path, data):
    content = bytearray(clip.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(132, 1200))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(content)
    out = tmp_path / "damaged-out"
    try:
        result = echoseg.run(damaged, out, prompt=BOX, model=micro_model, dicom=True, overwrite=True)
    except EchosegError:
        assert not out.exists() or [path for path in out.iterdir() if path.name.startswith(".")] == []
    else:
        assert {"seg.dcm", "sr.dcm"} <= {path.name for path in result.directory.iterdir()}
