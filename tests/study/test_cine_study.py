"""A cine MR from phases whose masks are blocks of known size, and from the DICOM files of a patient."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from echoseg.cine import CinePhase, write_cine
from echoseg.errors import StudyError
from echoseg.options import Subject
from echoseg.record.documents import CineRecord
from echoseg.record.provenance import provenance
from echoseg.types import Geometry

GEOMETRY = Geometry(spacing=(2.0, 2.0), slice_spacing=10.0)  # 0.04 mL a voxel
MADE_BY = provenance(model="compact-volume", weights_sha256=None, weights=[], prompt="auto:LV,MYO,RV", options={})


def stack(side, rv=10, slices=(1, 2, 3, 4)):
    """A cavity of ``side`` pixels squared in a wall of 4 pixels, ``rv`` columns of RV beside it, on some of six slices."""
    labels = np.zeros((6, 80, 80), np.uint8)
    for index in slices:
        labels[index, 36 - side // 2 - 4 : 36 + side // 2 + 4, 36 - side // 2 - 4 : 36 + side // 2 + 4] = 2
        labels[index, 36 - side // 2 : 36 + side // 2, 36 - side // 2 : 36 + side // 2] = 1
        labels[index, 30:50, 60 : 60 + rv] = 3
    return labels


def phase(number, labels, out, geometry=GEOMETRY, flags=(), source="cine"):
    folder = out / f"cine_phase{number:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    return CinePhase(number, labels, folder, {"flags": list(flags), "provenance": MADE_BY}, geometry, Subject(), source)


def beat(out, sides=(20, 16, 10, 16), **more):
    return [phase(number, stack(side, rv=side), out, **more) for number, side in enumerate(sides)]


def test_ed_es_volumes_and_ef_are_those_of_the_masks(tmp_path):
    found = write_cine(tmp_path, beat(tmp_path)[::-1])  # in any order
    measures = {key: entry["value"] for key, entry in found.record["measures"].items()}
    assert (found.record["ed"], found.record["es"]) == (0, 2)
    assert (measures["edv"], measures["esv"], measures["ef"], measures["sv"]) == (64.0, 16.0, 75.0, 48.0)
    assert (measures["rv_edv"], measures["rv_esv"], measures["rv_ef"]) == (64.0, 32.0, 50.0)
    assert measures["lv_mass_stack"] == pytest.approx(1.05 * 4 * (28**2 - 20**2) * 0.04, abs=0.5)
    assert [one["lv_ml"] for one in found.record["phases"]] == [64.0, 41.0, 16.0, 41.0]
    CineRecord.model_validate(json.loads(found.files["cine.json"].read_text()))


def test_without_spacing_there_is_ef_and_no_ml(tmp_path):
    measures = write_cine(tmp_path, beat(tmp_path, geometry=Geometry())).record["measures"]
    assert measures["ef"]["value"] == 75.0
    for key in ("edv", "rv_edv", "lv_mass_stack"):
        assert (measures[key]["value"], measures[key]["reason"]) == (None, "the pixel spacing is unknown")


def test_body_surface_indexes_volumes_and_mass(tmp_path):
    person = Subject(height_cm=180, weight_kg=80)  # 2.0 m² by Mosteller
    measures = write_cine(tmp_path, beat(tmp_path), subject=person).record["measures"]
    assert (measures["edv_index"]["value"], measures["rv_edv_index"]["value"]) == (32.0, 32.0)
    assert measures["edv"]["reference"] is None  # ranges here are of echocardiography


def flags_of(out, phases):
    return {flag.code for flag in write_cine(out, phases).flags}


def test_what_makes_volumes_doubtful_is_flagged(tmp_path):
    many = (20, 19, 18, 16, 14, 12, 10, 12, 14, 16, 18, 19)
    alike = [phase(n, stack(side, rv=side**2 // 20), tmp_path / "a") for n, side in enumerate(many)]
    assert flags_of(tmp_path / "a", alike) == set()
    assert flags_of(tmp_path / "e", [phase(n, stack(side), tmp_path / "e") for n, side in enumerate(many)]) == {"strokes_unlike"}
    assert "few_phases" in flags_of(tmp_path / "b", beat(tmp_path / "b"))
    assert {"base_unsure", "apex_open"} <= flags_of(
        tmp_path / "c", [phase(n, stack(side, slices=range(6)), tmp_path / "c") for n, side in enumerate((20, 10))]
    )
    assert "phases_missing" in flags_of(tmp_path / "d", [phase(n, stack(side), tmp_path / "d") for n, side in ((0, 20), (2, 10))])


def test_a_flag_of_several_phases_is_said_once_with_their_numbers(tmp_path):
    said = {"code": "slices_missing", "message": "a gap", "severity": "review"}
    phases = [phase(n, stack(side), tmp_path, flags=[said] if n else []) for n, side in enumerate((20, 10, 12))]
    (found,) = [flag for flag in write_cine(tmp_path, phases).flags if flag.code == "slices_missing"]
    assert found.message == "phases 2, 3: a gap"


def test_no_ventricle_in_any_phase_is_no_number(tmp_path):
    found = write_cine(tmp_path, [phase(n, np.zeros((6, 80, 80), np.uint8), tmp_path) for n in range(2)])
    assert found.record["measures"]["ef"]["value"] is None
    assert found.record["quality"] == "reject"


def test_an_earlier_cine_is_kept_unless_it_is_of_these_phases_and_may_be_overwritten(tmp_path):
    first = write_cine(tmp_path, beat(tmp_path)).files["cine.json"]
    again = write_cine(tmp_path, beat(tmp_path)).files["cine.json"]
    assert (first.name, again.name) == ("cine.json", "cine-2.json")
    assert write_cine(tmp_path, beat(tmp_path), overwrite=True).files["cine.json"] == first


@pytest.mark.parametrize("wrong", ["one", "twice", "two inputs", "two grids"])
def test_phases_that_make_no_cine_are_refused(tmp_path, wrong):
    phases = beat(tmp_path)
    other = {"source": "other"} if wrong == "two inputs" else {"geometry": Geometry()} if wrong == "two grids" else {}
    number = 0 if wrong == "twice" else 9
    given = phases[:1] if wrong == "one" else [*phases, phase(number, stack(10), tmp_path, **other)]
    with pytest.raises(StudyError):
        write_cine(tmp_path, given)


@pytest.mark.skipif("ECHOSEG_DATA" not in os.environ, reason="needs a cine MR: ECHOSEG_DATA is not set")
def test_the_command_takes_slices_at_several_moments_for_a_cine(tmp_path):
    from typer.testing import CliRunner

    from echoseg.cli.main import app

    patient = Path(os.environ["ECHOSEG_DATA"]) / "mri/sunnybrook/SC-HF-I-1/dicom"
    (tmp_path / "cine").mkdir()
    for path in sorted(patient.glob("*.dcm")):
        if (int(path.stem[-3:]) - 1) % 20 in (0, 8):  # two of twenty phases of each slice
            shutil.copy(path, tmp_path / "cine" / path.name)
    answer = CliRunner().invoke(app, ["run", str(tmp_path / "cine"), "--out", str(tmp_path / "out")])
    assert answer.exit_code == 0, answer.output
    record = json.loads((tmp_path / "out/cine.json").read_text())
    assert (record["slices"], len(record["phases"]), record["ed"], record["es"]) == (9, 2, 0, 1)
    assert abs(record["measures"]["ef"]["value"] - 26.0) <= 6  # by experts' contours
    assert record["measures"]["rv_ef"]["value"] is not None
