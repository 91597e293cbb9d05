"""Does a stream stay within its memory, however long it is?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from echoseg.errors import DeviceError
from echoseg.evaluation.resident import resident_mb
from echoseg.io.source import Source
from echoseg.model import Model
from echoseg.options import MemorySelection
from echoseg.pipeline import stream
from echoseg.types import Box, Image

BASELINE_FRAME = 200
"""Frame at which everything that is kept has been allocated: weights, caches, a full memory bank."""

LIMIT_MB = 30.0
"""Growth from the baseline to the last frame that passes."""

_MARKS = (BASELINE_FRAME, 2_000, 20_000)
_SIZE = 112
_PERIOD = 25  # frames a beat


@dataclass(frozen=True)
class MemoryReport:
    """Resident memory of one stream.

    Attributes:
        model: name of the model.
        source: ``once`` (an iterable of unknown length) or ``rereadable``.
        resident: ``{frames done: MB}`` at 200, 2,000, 20,000 and the end, as far as the stream went.
    """

    model: str
    source: str
    resident: dict[int, float]

    @property
    def growth_mb(self) -> float:
        """MB at the end less those at the baseline."""
        return self.resident[max(self.resident)] - self.resident[BASELINE_FRAME]

    @property
    def passed(self) -> bool:
        """True when the growth stays below ``LIMIT_MB``."""
        return self.growth_mb < LIMIT_MB


class GeneratedClip(Source):
    """A grey ellipse that beats and drifts: frames ``(112, 112)`` made as they are asked for, the same at each reading."""

    kind = "clip"
    name = "generated"
    size = (_SIZE, _SIZE)

    def __init__(self, frames: int) -> None:
        self.length = frames
        self._y, self._x = np.mgrid[:_SIZE, :_SIZE]

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Image]:
        for index in range(start, len(self) if stop is None else min(stop, len(self))):
            yield self._draw(index)

    def box(self) -> Box:
        """The box around the ellipse of frame 0."""
        return Box.around(self._draw(0) < 60)

    def _draw(self, index: int) -> Image:
        beat, drift = math.cos(2 * math.pi * index / _PERIOD), math.sin(2 * math.pi * index / 997)
        inside = ((self._x - 56 - 6 * drift) / (22 + 5 * beat)) ** 2 + ((self._y - 56) / (32 + 4 * beat)) ** 2 < 1
        speckle = (self._x * 7 + self._y * 13 + index * 5) % 40
        return np.where(inside, 20 + speckle // 2, 120 + speckle).astype(np.uint8)


def bench_memory(
    model: Model,
    frames: int = 20_000,
    *,
    rereadable: bool = False,
    memory_selection: MemorySelection | None = None,
    progress: Callable[[int], None] | None = None,
) -> MemoryReport:
    """Streams a generated clip and samples the resident memory of this process on the way.

    Args:
        model: from :func:`echoseg.load_model`.
        frames: length of the stream, above 200.
        rereadable: the clip can be read again and tells its length; else it is an iterable that can be read once.
        memory_selection: see :func:`echoseg.stream`.
        progress: told the number of frames done.

    Raises:
        ValueError: too few frames to say anything about growth.
        DeviceError: the system does not tell how much memory a process holds.
    """
    if frames <= BASELINE_FRAME:
        raise ValueError(f"growth is measured from frame {BASELINE_FRAME} on: give more than {BASELINE_FRAME} frames, not {frames}")
    clip = GeneratedClip(frames)
    source: Any = clip if rereadable else clip.frames()
    resident: dict[int, float] = {}
    tracked = stream(source, clip.box(), model, direction="forward", memory_selection=memory_selection)
    for done, _ in enumerate(tracked, start=1):
        if done in _MARKS or done == frames:
            resident[done] = _resident()
        if progress is not None:
            progress(done)
    return MemoryReport(model.name, "rereadable" if rereadable else "once", resident)


def _resident() -> float:
    now = resident_mb()
    if now is None:
        raise DeviceError("this system does not tell how much memory a process holds: measure memory on Linux or macOS")
    return now
