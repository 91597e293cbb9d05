"""Which part of a four-dimensional acquisition is one source: a slice through all phases (a clip), or a phase (a volume)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from echoseg.errors import SeveralPhasesError, SourceError
from echoseg.io.source import Kind
from echoseg.io.volume.voxels import FOURTH_AXIS, Acquisition, Voxels

Split = Literal["slice", "phase"]
_IN_TIME = ("time", FOURTH_AXIS)
"""What phases differ in that may be moments: a file of four dimensions does not tell."""
_PART = re.compile(r"(slice|phase)(?::(\d{1,9}))?")


@dataclass(frozen=True)
class Part:
    """``slice`` 4 is the fifth slice through all phases; ``phase`` 0 is the volume at the first moment.

    Attributes:
        split: what is held fixed.
        index: which one, from 0; None for each of them in turn.
    """

    split: Split
    index: int | None = None

    def __str__(self) -> str:
        return self.split if self.index is None else f"{self.split}:{self.index}"


def parse_part(text: str) -> Part:
    """``slice``, ``slice:4``, ``phase`` or ``phase:0``.

    Raises:
        SourceError: anything else.
    """
    found = _PART.fullmatch(text.strip())
    if found is None:
        raise SourceError(f"no part {text!r} of a source; give slice:N (slice N through all phases) or phase:N (the volume at phase N)")
    return Part("slice" if found[1] == "slice" else "phase", None if found[2] is None else int(found[2]))


def count_parts(acquisition: Acquisition, split: Split) -> int:
    """How many sources ``split`` makes of an acquisition."""
    return acquisition.slices if split == "slice" else acquisition.phases


def take_part(acquisition: Acquisition, part: Part | None, kind: Kind | None, where: Path) -> tuple[Voxels, Kind]:
    """The planes of one source, and what they are.

    Without a part: a volume where there is one phase; a clip where there is one slice of several phases.

    Args:
        acquisition: from one of the readers.
        part: with an index, or None.
        kind: ``clip`` takes the slices of a volume to be moments.
        where: names the source in an error.

    Raises:
        SourceError: no such slice or phase.
        SeveralPhasesError: several slices of several phases, and nothing chosen.
    """
    slices, phases = acquisition.slices, acquisition.phases
    if part is not None:
        index, count = part.index or 0, count_parts(acquisition, part.split)
        if index >= count:
            raise SourceError(f"{where}: no {part}, there are {slices} slices and {phases} phases, counted from 0")
        if part.split == "slice":
            voxels = acquisition.cine(index)
            return voxels, "image" if phases == 1 else "clip"
        return acquisition.phase(index), kind or ("image" if slices == 1 else "volume")
    if phases == 1:
        return acquisition.phase(0), kind or ("image" if slices == 1 else "volume")
    if slices == 1:
        return acquisition.cine(0), kind or "clip"
    in_time = acquisition.phases_are in _IN_TIME
    raise SeveralPhasesError(
        f"{where}: holds {slices} slices x {phases} phases (in {acquisition.phases_are}); choose a part: slice:N is a clip of one slice "
        "through all phases, phase:N the volume at one phase; slice or phase alone makes a source of each (--part on the command line)"
        + ("; a short-axis cine MR needs neither: `echoseg run` without a prompt finds both ventricles in each phase" if in_time else ""),
        in_time=in_time,
    )
