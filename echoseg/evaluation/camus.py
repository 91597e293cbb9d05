"""CAMUS (Leclerc et al. 2019) as a reference: human masks of the ED and ES frames of apical 2- and 4-chamber views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from echoseg.datasets.camus import LABELS, PHASES, find_views
from echoseg.evaluation.reference import Reference

SQUEEZED = 224


def camus_views(root: Path) -> Iterator[Reference]:
    """One reference a view: a clip of its ED and its ES frame, in its own pixels.

    Args:
        root: the folder as released, see :mod:`echoseg.datasets.camus`.

    Raises:
        SourceError: no view has both phases, or a file cannot be read.
    """
    for view in find_views(root):
        frames, labels, spacing = view.read()
        truth = {name: labels == value for value, name in LABELS.items()}
        yield Reference(f"{view.patient}_{view.view}", view.patient, frames, truth, np.ones(len(labels), bool), spacing=spacing)


def camus_stills(root: Path) -> Iterator[Reference]:
    """Every still in its own pixels (variant ``native``) and squeezed to 224 x 224; errors as :func:`camus_views`."""
    for view in camus_views(root):
        for frame, phase in enumerate(PHASES):
            still = replace(view.still(frame), name=f"{view.name}_{phase}")
            yield replace(still, variant="native")
            yield still.resized(SQUEEZED, SQUEEZED)
