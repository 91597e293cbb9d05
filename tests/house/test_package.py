"""What is in the wheel: both licences, every set of weights with its card, and no more than a laptop's connection takes at once."""

import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST = 45e6


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    checkout, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in filter(None, listing.stdout.decode().split("\0")):
        if (name.startswith(("echoseg/", "LICENSE")) or "/" not in name) and (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, checkout / name)
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(out)], cwd=checkout, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_both_licences_are_inside_and_named(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = Parser().parsestr(archive.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode())
        said = metadata["License-Expression"] or metadata["License"]  # by the version of the metadata
        assert said == "Apache-2.0 AND CC-BY-NC-SA-4.0"
        texts = {Path(name).name: archive.read(name).decode() for name in names if "/licenses/" in name}
    assert "Apache License" in texts["LICENSE"]
    assert "Attribution-NonCommercial-ShareAlike 4.0 International" in texts["CC-BY-NC-SA-4.0.txt"]


def test_weights_come_with_their_cards_and_the_wheel_stays_small(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {Path(name).name for name in archive.namelist() if name.startswith("echoseg/weights/")}
    for name in ("compact", "compact-sim", "compact-volume", "compact-volume-sim", "view", "view-sim", "cine-mr"):
        assert {f"{name}.safetensors", f"{name}.md"} <= inside
    assert wheel.stat().st_size <= LARGEST
