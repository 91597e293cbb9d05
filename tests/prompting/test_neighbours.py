"""Whether cavity, wall and atrium fit together."""

import cv2
import numpy as np
import pytest

from echoseg.prompting import neighbours
from echoseg.prompting.neighbours import bordered, neighbour_flags
from echoseg.tracking import Session
from echoseg.types import FrameResult


def _disc(radius: int, size: int = 200) -> np.ndarray:
    return cv2.circle(np.zeros((size, size), np.uint8), (size // 2, size // 2), radius, 1, -1).astype(bool)


def test_a_cavity_within_its_wall_is_bordered_all_around():
    assert bordered(_disc(40), _disc(60) & ~_disc(40)) == 1


def test_half_a_wall_borders_half_the_cavity():
    wall = _disc(60) & ~_disc(40)
    wall[:, 100:] = False
    assert bordered(_disc(40), wall) == pytest.approx(0.5, abs=0.02)


def test_a_gap_of_half_the_ring_leaves_half():
    cavity = _disc(50)
    radius = round(0.08 * np.sqrt(cavity.sum()))
    rest = _disc(80) & ~_disc(50 + radius // 2)
    outer = (_disc(50 + radius) & ~_disc(50 + radius // 2)).sum() / (_disc(50 + radius) & ~cavity).sum()
    assert bordered(cavity, rest) == pytest.approx(outer, abs=0.05)


def test_no_cavity_has_no_border_to_complain_of():
    assert bordered(np.zeros((20, 20), bool), np.zeros((20, 20), bool)) == 1


def test_a_model_that_does_not_know_the_wall_has_nothing_to_say(micro_model, monkeypatch):
    monkeypatch.setattr(neighbours, "NEIGHBOURS", ("epicardium", "LA"))
    assert neighbour_flags(Session(np.zeros((1, 64, 64), np.uint8), micro_model), _disc(20, 64)[None]) == []


@pytest.mark.parametrize(("wall", "flags"), [(24, []), (2, ["walls_apart"])])
def test_a_cavity_outside_the_wall_that_the_model_sees_is_flagged(micro_model, monkeypatch, wall, flags):
    session = Session(np.zeros((1, 64, 64), np.uint8), micro_model)
    shown = FrameResult(0, {1: _disc(wall, 64), 2: np.zeros((64, 64), bool)}, {}, {})
    monkeypatch.setattr(session.tracker, "result", lambda frame, seen: shown)
    assert [flag.code for flag in neighbour_flags(session, _disc(16, 64)[None])] == flags
