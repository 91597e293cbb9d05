"""A slice of a cine MR from end-diastole to end-systole as a clip: what a box at ED is tracked through in use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from echoseg.datasets.case import Case, read_case
from echoseg.errors import SourceError
from echoseg.io.labels.placing import labels_on
from echoseg.io.names import bare_name
from echoseg.io.open import open_source
from echoseg.training.between import with_frames_between

Pair = tuple[Path, Path]
"""An image and its mask."""
_PHASE = re.compile(r"_frame\d+$")


def two_phases(pairs: Sequence[Pair], where: Path) -> list[tuple[Pair, Pair]]:
    """The stacks of each patient that has two, in the order of their names.

    Args:
        pairs: from :func:`echoseg.datasets.folders.paired_by_name`.
        where: the folder, for an error.

    Raises:
        SourceError: no patient has two.
    """
    patients: dict[str, list[Pair]] = {}
    for image, mask in pairs:
        patients.setdefault(_PHASE.sub("", bare_name(mask)), []).append((image, mask))
    found = [(stacks[0], stacks[1]) for stacks in patients.values() if len(stacks) == 2]
    if not found:
        raise SourceError(f"{where}: no patient has two phases; expected names such as patient001_frame01 and patient001_frame12")
    return found


class Beats:
    """Reads both stacks of a patient once; a case is one slice of them that shows a structure at both phases.

    Args:
        structures: names of labels.
        between: frames made between the two.
    """

    def __init__(self, structures: Mapping[int, str], between: int) -> None:
        self._structures, self._between = structures, between
        self._read: dict[Path, tuple[Case, Case]] = {}  # a hundred small stacks fit into memory

    def __call__(self, phases: tuple[Pair, Pair], rng: np.random.Generator) -> Case:
        where = phases[0][1]
        if where not in self._read:
            self._read[where] = (self._stack(phases[0]), self._stack(phases[1]))
        frames, labels = (np.stack([getattr(stack, of) for stack in self._read[where]]) for of in ("frames", "labels"))  # (2, Z, H, W)
        shown = [index for index in range(labels.shape[1]) if set(np.unique(labels[0, index])) & set(np.unique(labels[1, index])) - {0}]
        if not shown:
            raise SourceError(f"{where}: no slice shows a structure at both phases; leave the patient out")
        index = int(rng.choice(shown))
        case = self._read[where][0]
        own = {value: case.names.get(value, str(value)) for value in np.unique(labels[:, index]).tolist() if value > 0}
        clip = Case(f"{case.name}_slice{index}", case.subject, frames[:, index], labels[:, index], own, np.ones(2, bool))
        return with_frames_between(clip, self._between)

    def _stack(self, files: Pair) -> Case:
        image, mask = files
        with open_source(image) as source:
            labels = source.to_stored(labels_on(mask, source, white=False))
            return read_case(source, labels, mask, bare_name(mask), self._structures)
