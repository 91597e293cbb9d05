from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

import echoseg
from echoseg.record.provenance import plain, provenance
from echoseg.types import Box, MaskPrompt, Points, Timing


def test_record_names_versions_model_and_time():
    moment = datetime(2025, 3, 4, 5, 6, 7, tzinfo=timezone(timedelta(hours=2)))
    record = provenance(model="compact", weights_sha256="ab" * 32, prompt="auto", options={"direction": "both"}, created=moment)
    assert record["created"] == "2025-03-04T03:06:07Z"
    assert record["model"] == {"name": "compact", "weights_sha256": "ab" * 32}
    assert record["versions"]["echoseg"] == echoseg.__version__
    assert record["versions"]["numpy"] == np.__version__
    assert record["options"] == {"direction": "both"}


def test_record_names_no_folder():
    options = {"weights": Path.home() / "model.pt", "out": str(Path.cwd() / "out"), "device": "cpu"}
    text = json.dumps(provenance(model="compact", weights_sha256=None, prompt=f"mask:{Path.cwd()}/seed.png@3", options=options))
    assert str(Path.cwd()) not in text and str(Path.home()) + "/" not in text
    assert "model.pt" in text and "mask:seed.png@3" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Box(1, 2, 3, 4), {"box": [1, 2, 3, 4]}),
        (Points(np.array([[1, 2]]), np.array([1])), {"points": [[1.0, 2.0]], "labels": [1]}),
        (MaskPrompt(np.eye(3)), {"mask_pixels": 3}),
        ({1: {0: [Box(1, 2, 3, 4)]}}, {"1": {"0": [{"box": [1, 2, 3, 4]}]}}),
        (float("nan"), None),
        (np.float32(0.5), 0.5),
        (np.zeros((4, 4), np.float32), "float32 (4, 4)"),
        (r"C:\Users\Jane Doe\clip.dcm", "clip.dcm"),
        ("mask:/data/Jane Doe/a.png@3", "mask:a.png@3"),
        ("box:1,2,3,4@5", "box:1,2,3,4@5"),
        ("auto:LV,LA", "auto:LV,LA"),
        (Timing(fps=25.0), {"timing": {"fps": 25.0, "times": None, "heart_rate": None, "r_wave_times": []}}),
        (object(), "object"),
        ((1, True, None), [1, True, None]),
    ],
)
def test_values_become_plain_json(value, expected):
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)
