"""Simulated valves: they lie where the heart has them, and open and shut with the beat."""

import dataclasses

import numpy as np
import pytest

from echoseg.simulate import EchoOptions
from echoseg.simulate.heart import random_heart
from echoseg.simulate.plane import random_plane
from echoseg.simulate.pose import pose_heart
from echoseg.simulate.valves import aortic, hinges, leaflets


def through_the_root(seed):
    """A heart, and an A3C plane that cuts its aortic root in the middle."""
    heart = random_heart(np.random.default_rng(seed), EchoOptions())
    plane = random_plane(np.random.default_rng(seed), heart, "A3C", EchoOptions(mirrored=0.0))
    azimuth = np.arctan2(plane.right[1], plane.right[0]) % (2 * np.pi)
    return dataclasses.replace(heart, aorta=(azimuth, *heart.aorta[1:])), plane


def gap(lines):
    """Distance between the tips."""
    return float(np.linalg.norm(lines[0][-1] - lines[1][-1]))


@pytest.mark.parametrize("seed", range(5))
def test_aortic_cusps_meet_in_diastole_and_part_while_the_ventricle_ejects(seed):
    heart, plane = through_the_root(seed)
    radius = heart.aorta[1]
    ejecting, filling, end_diastole = (
        gap(aortic(heart, pose_heart(heart, ejected, opening), plane)) for ejected, opening in ((0.5, 0.0), (0.5, 0.8), (0.0, 0.0))
    )
    assert filling == pytest.approx(end_diastole) and filling < 0.2 * radius
    assert ejecting > radius


@pytest.mark.parametrize("seed", range(5))
def test_mitral_leaflets_part_when_open_and_hang_from_the_annulus(seed):
    heart = random_heart(np.random.default_rng(seed), EchoOptions())
    plane = random_plane(np.random.default_rng(seed), heart, "A4C", EchoOptions(mirrored=0.0))
    closed, wide = (pose_heart(heart, 0.5, opening) for opening in (0.0, 1.0))
    drawn = [leaflets(heart, pose, plane, hinges(heart, pose, plane)) for pose in (closed, wide)]
    assert gap(drawn[0]) < 3 < gap(drawn[1])
    for line, hinge in zip(drawn[0], hinges(heart, closed, plane), strict=True):
        assert line[0] == pytest.approx(hinge)


def test_a_plane_beside_the_root_shows_no_aortic_cusps():
    heart, plane = through_the_root(1)
    aside = dataclasses.replace(plane, anchor=plane.anchor + heart.aorta[1] * plane.normal)
    assert aortic(heart, pose_heart(heart, 0.5, 0.0), aside) == []
