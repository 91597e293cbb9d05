"""The archive recipe runs as a user would run it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from echoseg.simulate.clip import random_clip

RECIPE = Path(__file__).parents[2] / "pipelines" / "echo_archive.py"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_recipe_measures_every_clip_of_a_folder(tmp_path):
    (tmp_path / "clips").mkdir()
    np.save(tmp_path / "clips" / "one_a4c.npy", random_clip(0, 64, 8, ("A4C",)).frames)
    (tmp_path / "clips" / "broken.dcm").touch()
    command = [sys.executable, RECIPE, tmp_path / "clips", "--out", tmp_path / "out", "--workers", "1"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "'done': 1, 'failed': 1" in said and "'path': 'one_a4c.npy'" in said
    assert (tmp_path / "out" / "report.html").is_file() and said.strip().endswith("report.html")
