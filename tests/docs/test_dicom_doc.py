"""The Python example of docs/how-to/dicom.md runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pydicom

from tests.dicom_objects import PATIENT, write_clip

DOC = (Path(__file__).parents[2] / "docs" / "how-to" / "dicom.md").read_text(encoding="utf-8")


def test_the_python_example_leaves_a_clip_without_its_patient(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = np.random.default_rng(0).integers(0, 255, (3, 24, 32), dtype=np.uint8)
    write_clip(tmp_path / "clip.dcm", frames)
    (code,) = re.findall(r"```python\n(.*?)```", DOC, flags=re.DOTALL)
    exec(compile(code, "docs/how-to/dicom.md", "exec"), {})
    found = pydicom.dcmread(tmp_path / "clip-anonymous.dcm")
    assert str(found.PatientName) != str(PATIENT["PatientName"]) and found.PatientID != PATIENT["PatientID"]
    assert np.array_equal(found.pixel_array, frames)
