"""The simulated anatomy covers what people have outlined in real patients (needs the evaluation data; never trained on)."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from echoseg.simulate import EchoOptions
from echoseg.simulate.heart import random_heart
from echoseg.simulate.plane import random_plane
from echoseg.simulate.pose import labels, locate, pose_heart

CAMUS = Path(os.environ.get("ECHOSEG_DATA", "")) / "echo" / "camus"
FILES = sorted(CAMUS.glob("patient*/*CH_E[DS]_gt.mhd")) if "ECHOSEG_DATA" in os.environ else []


def _in_its_box(mask):
    ys, xs = np.nonzero(mask)
    return (
        cv2.resize(mask[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA) > 0.5
    )


@pytest.fixture(scope="module")
def simulated():
    u, v = np.meshgrid(np.arange(-90, 90, 2, dtype=np.float32), np.arange(-10, 200, 2, dtype=np.float32))
    shapes = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        heart = random_heart(rng, EchoOptions())
        plane = random_plane(rng, heart, ("A4C", "A2C")[seed % 2], EchoOptions(mirrored=0.0))
        pose = pose_heart(heart, (seed // 2) % 2, 0.0)
        mask = labels(heart, locate(heart, pose, *plane.to_heart(u, v, pose.descent))) == 1
        if mask.sum() > 60:
            shapes.append(_in_its_box(mask))
    return shapes


@pytest.mark.skipif(not FILES, reason="ECHOSEG_DATA is unset or holds no CAMUS masks")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_simulated_ventricle_has_the_shape_of_this_human_outline(path, simulated):
    sitk = pytest.importorskip("SimpleITK")
    human = _in_its_box(np.squeeze(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))) == 1)
    assert max(2 * (human & shape).sum() / (human.sum() + shape.sum()) for shape in simulated) > 0.92
