"""A result names the licence of every set of weights that had a part in it, and of no other."""

import numpy as np
import pytest

import echoseg
from echoseg.model import REGISTRY
from echoseg.model.view_net import view_weights
from echoseg.simulate import random_clip

PATIENTS = "CC-BY-NC-SA-4.0"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    frames = random_clip(7, 160, 16, ("A4C",)).frames
    path = tmp_path_factory.mktemp("clip") / "clip.npy"
    np.save(path, frames)
    return path


def licences(result):
    return {one["name"]: one["licence"] for one in result.measurements["provenance"]["weights"]}


@pytest.mark.parametrize(
    ("model", "prompt", "view", "expected"),
    [
        ("compact", "auto", None, {"compact": PATIENTS, "view": PATIENTS}),
        ("compact", "box:30,20,90,90@0", "A4C", {"compact": PATIENTS, "view": PATIENTS}),
        ("compact-sim", "auto", None, {"compact-sim": "Apache-2.0", "view-sim": "Apache-2.0"}),
        ("compact-sim", "box:30,20,90,90@0", "A2C", {"compact-sim": "Apache-2.0", "view-sim": "Apache-2.0"}),
        ("compact-volume", "auto", None, {"compact-volume": PATIENTS, "compact": PATIENTS, "view": PATIENTS}),
        ("compact-volume-sim", "auto", None, {"compact-volume-sim": "Apache-2.0", "compact-sim": "Apache-2.0", "view-sim": "Apache-2.0"}),
    ],
)
def test_every_set_of_weights_is_named_with_its_licence(clip, tmp_path, model, prompt, view, expected):
    result = echoseg.run(clip, tmp_path, prompt, model, view=view)
    assert licences(result) == expected
    page = (result.directory / "report.html").read_text(encoding="utf-8")
    assert all(f"Licence of {name}" in page and licence in page for name, licence in expected.items())


def test_a_finder_that_saw_no_patient_can_be_asked_for(clip, tmp_path):
    result = echoseg.run(clip, tmp_path, "auto", "compact-volume", finder="compact-sim")
    assert licences(result) == {"compact-volume": PATIENTS, "compact-sim": "Apache-2.0", "view-sim": "Apache-2.0"}


def test_a_volume_is_followed_by_the_set_that_saw_no_patient(tmp_path):
    ball = (np.hypot(*(np.mgrid[:48, :48] - 24)) < 12).astype(np.uint8) * 150
    source = echoseg.open_source(np.stack([ball] * 3), kind="volume")
    result = echoseg.run(source, tmp_path, "box:11,11,37,37@1", "compact-sim")
    assert licences(result) == {"compact-volume-sim": "Apache-2.0"}


def test_what_learned_from_patients_says_whom_to_cite():
    for citation in (REGISTRY["compact"].citation, view_weights("view").citation):
        assert "10.1109/TMI.2019.2900516" in citation
    assert view_weights("view").licence == PATIENTS and view_weights("view-sim").licence == "Apache-2.0"
