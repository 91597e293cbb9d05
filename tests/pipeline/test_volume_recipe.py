"""The recipe that users copy runs as it stands."""

import runpy
import sys
from pathlib import Path

import numpy as np

RECIPE = Path(__file__).parents[2] / "pipelines" / "volume_segmentation.py"


def test_the_recipe_prints_volume_diameters_and_files(tmp_path, monkeypatch, capsys):
    grid = np.mgrid[:6, :64, :64] - np.array([3, 30, 34])[:, None, None, None]
    ball = (grid * np.array([4.0, 1.0, 1.0])[:, None, None, None] / 14) ** 2
    np.savez(tmp_path / "ball.npz", imgs=np.where(ball.sum(axis=0) < 1, 190, 70).astype(np.uint8), spacing=[1.0, 1.0, 4.0])
    arguments = [tmp_path / "ball.npz", "--prompt", "box:20,16,49,45@3", "--out", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", [str(RECIPE), *map(str, arguments)])
    runpy.run_path(str(RECIPE), run_name="__main__")
    printed = capsys.readouterr().out
    assert "object 1:" in printed and " mL" in printed and "longest diameter" in printed
    assert (tmp_path / "out" / "ball" / "masks.nii.gz").is_file() and str(tmp_path / "out" / "ball" / "report.html") in printed


def test_the_recipe_is_short():
    assert len(RECIPE.read_text().splitlines()) < 60
