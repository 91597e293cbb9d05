"""The simulated heart's volumes, masks and motion against exact truth."""

import dataclasses

import cv2
import numpy as np
import pytest

from echoseg.simulate import VIEWS, EchoOptions
from echoseg.simulate.cycle import ejected, mitral_opening, random_cycle
from echoseg.simulate.heart import random_heart
from echoseg.simulate.plane import random_plane
from echoseg.simulate.pose import INNER, OUTER, labels, locate, pose_heart
from echoseg.simulate.render import label_map

OPTIONS = EchoOptions()


def _voxels(heart, ejected, step=1.5):
    """Label map of the whole heart on a grid of ``step`` mm, one (y, x) slice per z."""
    pose = pose_heart(heart, ejected, 0.0)
    side = np.arange(-75, 75, step, dtype=np.float32)
    x, y = np.meshgrid(side, side)
    return np.stack([labels(heart, locate(heart, pose, x, y, np.full_like(x, z))) for z in np.arange(-40, 160, step, dtype=np.float32)])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("phase", [0.0, 0.5, 1.0])
def test_voxels_of_the_cavity_add_up_to_the_true_volume(seed, phase):
    heart = random_heart(np.random.default_rng(seed), OPTIONS)
    voxels = _voxels(heart, phase)
    volume = (voxels == 1).sum() * 1.5**3 / 1e3
    assert volume == pytest.approx(heart.edv_ml - phase * (heart.edv_ml - heart.esv_ml), rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_the_wall_keeps_its_volume_and_thickens(seed):
    heart = random_heart(np.random.default_rng(seed), OPTIONS)
    diastole, systole = pose_heart(heart, 0.0, 0.0), pose_heart(heart, 1.0, 0.0)
    theta = np.linspace(0, np.pi, diastole.radii.shape[0])[:, None]
    weight = np.sin(theta) * (theta < np.pi / 2)

    def volume(pose):
        return float(((pose.radii[..., OUTER].astype(float) ** 3 - pose.radii[..., INNER].astype(float) ** 3) * weight).sum())

    assert volume(systole) == pytest.approx(volume(diastole), rel=0.02)
    assert np.mean((systole.radii[..., OUTER] - systole.radii[..., INNER])[10:60]) > np.mean(
        (diastole.radii[..., OUTER] - diastole.radii[..., INNER])[10:60]
    )


def test_disks_on_two_perpendicular_cuts_give_the_true_volume():
    """A cross-section whose departures from a circle are elliptical is summed exactly by biplane disks (pi/4 a b h)."""
    heart = dataclasses.replace(
        random_heart(np.random.default_rng(3), OPTIONS),
        lobes=np.zeros((1, 3), np.float32),
        motion=np.zeros((0, 5), np.float32),
        tilt=(0, 0),
        bend=(0, 0),
    )
    pose = pose_heart(heart, 0.4, 0.0)
    step = 0.5
    across, z = np.meshgrid(np.arange(-80, 80, step, dtype=np.float32), np.arange(step / 2, 140, step, dtype=np.float32))
    zero = np.zeros_like(across)
    a = (labels(heart, locate(heart, pose, across, zero, z)) == 1).sum(axis=1) * step
    b = (labels(heart, locate(heart, pose, zero, across, z)) == 1).sum(axis=1) * step
    assert np.pi / 4 * (a * b).sum() * step / 1e3 == pytest.approx(heart.edv_ml * (1 - 0.4 * heart.ef), rel=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_cavity_is_closed_by_a_straight_base_while_the_valve_is_open(seed):
    heart = dataclasses.replace(random_heart(np.random.default_rng(seed), OPTIONS), tilt=(0.0, 0.0))
    pose = pose_heart(heart, 0.5, 1.0)
    x, z = np.meshgrid(np.arange(-70, 70, 0.5, dtype=np.float32), np.arange(-60, 150, 0.5, dtype=np.float32))
    mask = labels(heart, locate(heart, pose, x, np.zeros_like(x), z))
    assert not (mask[z < 0] == 1).any() and not (mask[z >= 0] == 3).any()
    base = mask[np.argmin(np.abs(z[:, 0]))] == 1
    assert np.diff(np.flatnonzero(base)).max() == 1, "the base row is one unbroken line between the hinge points"
    assert base.sum() * 0.5 > 10
    assert cv2.connectedComponents((mask == 1).astype(np.uint8))[0] == 2


@pytest.mark.parametrize("rate", [45.0, 80.0, 150.0])
def test_beats_empty_and_fill_completely(rate):
    cycle = random_cycle(np.random.default_rng(1), rate, 3.0)
    assert ejected(cycle, cycle.r_times) == pytest.approx(0, abs=1e-6)
    assert ejected(cycle, cycle.es_times) == pytest.approx(1, abs=1e-6)
    times = np.linspace(0, 3, 500)
    assert ejected(cycle, times).min() >= 0 and ejected(cycle, times).max() <= 1
    assert cycle.r_times[0] < 0 and cycle.r_times[-1] > 3


@pytest.mark.parametrize("rate", [50.0, 110.0])
def test_mitral_valve_is_shut_while_the_ventricle_ejects(rate):
    cycle = random_cycle(np.random.default_rng(2), rate, 2.0)
    for start, end in zip(cycle.r_times[:-1], cycle.es_times, strict=True):
        assert mitral_opening(cycle, np.linspace(start + 0.07, end, 20)).max() < 0.05
    assert mitral_opening(cycle, np.linspace(0, 2, 400)).max() > 0.8


@pytest.mark.parametrize("seed", range(12))
def test_a_label_map_is_whole_although_only_part_of_the_picture_is_drawn(seed):
    rng = np.random.default_rng(seed)
    heart = random_heart(rng, OPTIONS)
    plane = random_plane(rng, heart, VIEWS[seed % 4], OPTIONS)
    pose = pose_heart(heart, rng.uniform(), rng.uniform())
    step = rng.uniform(0.8, 2.5)
    u, v = np.meshgrid(np.arange(-90, 90, step, dtype=np.float32), np.arange(0, 190, step, dtype=np.float32))
    whole = labels(heart, locate(heart, pose, *plane.to_heart(u, v, pose.descent)))
    assert whole.any() and np.array_equal(label_map(heart, pose, plane, u, v), whole)
