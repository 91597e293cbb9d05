"""The head that ships: what it belongs to, whose licence a result then names, and what it leaves alone."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import echoseg
from echoseg.cli.main import app
from echoseg.errors import PromptError, WeightsError
from echoseg.model.volumetric_head import head_weights, load_head, shipped_head_weights

PATIENTS = "CC-BY-NC-SA-4.0"
CINE = Path(os.environ.get("ECHOSEG_DATA", "")) / "mri" / "sunnybrook" / "SC-HF-I-1" / "dicom"
real = pytest.mark.skipif("ECHOSEG_DATA" not in os.environ, reason="ECHOSEG_DATA is not set: no cine MR here")


def test_it_fits_the_encoder_that_ships_and_no_other():
    model = echoseg.load_model("compact", device="cpu")
    load_head(model.for_volumes)
    with pytest.raises(WeightsError, match="reads the features of the encoder"):
        load_head(model)


def test_it_says_its_licence_and_whom_to_cite():
    said = head_weights(shipped_head_weights())
    assert said.licence == PATIENTS
    assert "10.1109/TMI.2018.2837502" in said.citation


@real
def test_a_short_axis_stack_needs_no_prompt_and_names_every_licence(tmp_path):
    result = echoseg.run(CINE, tmp_path, "auto:LV,MYO,RV", part="phase:0", axis="stored")
    assert [one["name"] for one in result.measurements["objects"]] == ["LV", "MYO", "RV"]
    assert {one["name"]: one["licence"] for one in result.measurements["provenance"]["weights"]} == {
        "compact-volume": PATIENTS,
        "cine-mr": PATIENTS,
    }


def test_noise_is_no_heart(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (10, 96, 96), np.uint8)
    with pytest.raises(PromptError, match="does not look like a short-axis stack"):
        echoseg.run(echoseg.open_source(noise, kind="volume"), tmp_path)
    assert not list(Path(tmp_path).iterdir())


def test_weights_that_saw_no_patient_find_nothing_by_name_in_a_volume(tmp_path):
    noise = np.zeros((10, 96, 96), np.uint8)
    with pytest.raises(PromptError):
        echoseg.run(echoseg.open_source(noise, kind="volume"), tmp_path, "auto:LV,MYO,RV", "compact-sim")


@real
@pytest.mark.slow
def test_a_cine_of_a_patient_that_no_weights_have_seen_has_the_ef_of_the_experts(tmp_path):
    done = CliRunner().invoke(app, ["run", str(CINE), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "cine.json").read_text())
    assert record["measures"]["ef"]["value"] == pytest.approx(26.0, abs=4)  # by the contours at ED and ES
    assert [flag["code"] for flag in record["flags"] if flag["severity"] != "info"] == ["base_unsure"]
