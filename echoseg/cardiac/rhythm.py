"""What the intervals between beats allow to say: regular or not, and the beat that stands for an irregular rhythm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from echoseg.cardiac import thresholds


class TimedBeat(Protocol):
    """A beat as :class:`echoseg.cardiac.Beat` and :class:`echoseg.cardiac.LVBeat` are."""

    @property
    def ed(self) -> int: ...
    @property
    def next_ed(self) -> int | None: ...
    @property
    def hr_bpm(self) -> float | None: ...


@dataclass(frozen=True)
class IndexBeat:
    """The beat that follows two intervals alike.

    Attributes:
        beat: which of the beats, from 0.
        before_s: seconds of the two intervals before it, the earlier first.
    """

    beat: int
    before_s: tuple[float, float]


def index_beat(beats: Sequence[TimedBeat]) -> IndexBeat | None:
    """The beat whose two preceding intervals differ least, by no more than 60 ms; the earliest of equals.

    In atrial fibrillation a ventricle fills for as long as the interval before lasts, and ejects accordingly; after two intervals alike a
    beat stands for the mean. The intervals are those between end-diastoles, which frames resolve to their distance. Source: Bunting KV et
    al., Heart 2021;107:902-8 (doi 10.1136/heartjnl-2020-318557), "not more than 60 ms" in its abstract, Heart 2020;106(Suppl 2):A43.

    Args:
        beats: complete ones, in order.

    Returns:
        None where no beat follows two that touch each other and it, or no times are known.

    >>> from echoseg.cardiac import Beat
    >>> frames = (0, 20, 41, 55)
    >>> index_beat([Beat(a, a + 5, b, False, 60 * 25 / (b - a)) for a, b in zip(frames, frames[1:])])
    IndexBeat(beat=2, before_s=(0.8, 0.84))
    """
    touching = [first.next_ed == second.ed for first, second in pairwise(beats)]
    seconds = [None if beat.hr_bpm is None else 60 / beat.hr_bpm for beat in beats]
    found: list[tuple[float, IndexBeat]] = []
    for beat in range(2, len(beats)):
        first, second = seconds[beat - 2], seconds[beat - 1]
        if first is None or second is None or not (touching[beat - 2] and touching[beat - 1]):
            continue
        if abs(first - second) <= thresholds.INDEX_BEAT_DIFFERENCE_S + 1e-6:  # frames at i / 50 s come at 0.0600..01 apart
            found.append((round(abs(first - second), 6), IndexBeat(beat, (round(first, 4), round(second, 4)))))
    return min(found, key=lambda one: one[0])[1] if found else None
