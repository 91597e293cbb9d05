"""A small clip and what it takes to annotate it with a model of random weights."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import echoseg
from echoseg.annotate.live import LiveItem
from echoseg.annotate.log import EventLog
from echoseg.annotate.measuring import Measuring
from echoseg.annotate.track import Looking

ITEM = "0123456789ab"
FRAMES = 12


@pytest.fixture(scope="session")
def discs() -> np.ndarray:
    """``(T, 64, 64)`` uint8: a bright disc that moves to the right and shrinks."""
    y, x = np.mgrid[:64, :64] + 0.5
    frames = [np.hypot(x - 24 - index, y - 32) < 14 - index / 2 for index in range(FRAMES)]
    return np.uint8([40 + 180 * frame for frame in frames])


@pytest.fixture
def log(tmp_path):
    made = EventLog(tmp_path / "project.sqlite")
    yield made
    made.close()


@pytest.fixture
def open_item(micro_model, discs):
    """Opens an item of a log, again if asked again, as after a restart."""

    def opened(log: EventLog, item: str = ITEM, frames: np.ndarray = discs, kind: str = "clip") -> LiveItem:
        source = echoseg.open_source(frames, kind=kind, spacing=(1.0, 1.0) if kind == "clip" else None, fps=25 if kind == "clip" else None)
        looking = Looking(source, micro_model, threading.Lock(), 2**24)
        return LiveItem(log, item, looking, Measuring(source, micro_model))

    return opened


def box(frame: int, corners=(10, 18, 40, 48), number: int = 1) -> dict:
    return {"object": number, "frame": frame, "mode": "prompt", "kind": "box", "data": list(corners)}


def click(frame: int, x: float, y: float, label: int = 1, number: int = 1) -> dict:
    data = {"points": [[x, y]], "labels": [label]}
    return {"object": number, "frame": frame, "mode": "correct", "kind": "points", "data": data}
