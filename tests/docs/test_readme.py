"""The README's examples run as they stand, on the first frames of the demo clip."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames

from echoseg.datasets.demo import demo_clip

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
FRAMES = 24
pytestmark = pytest.mark.timeout(300)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working folder in which ``clip.dcm`` is a short A4C clip."""
    path = tmp_path_factory.mktemp("readme")
    dataset = pydicom.dcmread(demo_clip())
    frames = [frame for frame, _ in zip(generate_frames(dataset.PixelData, number_of_frames=120), range(FRAMES), strict=False)]
    dataset.PixelData = encapsulate(frames)
    dataset.NumberOfFrames = FRAMES
    dataset.save_as(path / "clip.dcm")
    return path


def test_the_python_examples_run_in_one_go(folder):
    code = "\n".join(blocks("python"))
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "EF" in done.stdout


@pytest.mark.parametrize("line", [line for block in blocks("console") for line in block.splitlines() if line.startswith("$ echoseg ")])
def test_the_command_line_examples_run(line, folder):
    words = shlex.split(line.removeprefix("$ echoseg "), comments=True)
    done = subprocess.run([Path(sys.executable).with_name("echoseg"), *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
