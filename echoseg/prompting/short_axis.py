"""The ``auto`` policy for a short-axis stack of cine MR: the prompt-free head finds LV, myocardium and RV, its masks become prompts.

It looks twice: at whole slices, and through a window around the heart that it found. What does not look like a short-axis stack is refused
by what the head draws: a cavity that lies in a ring of myocardium with the right ventricle beside it, on neighbouring slices.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import PromptError
from echoseg.io.ceiling import LABELS, check_unpacked
from echoseg.io.source import Source
from echoseg.model.load import Model
from echoseg.model.preprocess import resize_frame
from echoseg.model.volumetric_head import CLASSES, VolumetricHead, head_shares, head_ships, head_weights, load_head, shipped_head_weights
from echoseg.prompting.plan import Plan
from echoseg.types import MaskPrompt, Prompt

MOST_SLICES = 40
"""A stack from base to apex has some ten slices; so many thin ones are another examination."""
LOOK = 1.45
"""Side of the second look's window over the longer side of the heart: the middle of what the head was trained on."""
ENCLOSED, CERTAIN, RANGE = 0.6, 0.88, 3
"""What is taken for a short-axis stack, see :class:`ShortAxis`; to be chosen anew with each set of weights (docs/evidence/cine-mr.md)."""
_SEPTUM = 5
"""Pixels between wall and RV at most where they touch: chest wall and stomach can look like an RV, but lie elsewhere."""

Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class ShortAxis:
    """What the head draws on a stack.

    Attributes:
        labels: ``(Z, H, W)`` uint8, indices into :data:`echoseg.model.volumetric_head.CLASSES`.
        enclosed: share of the rim around the LV's cavity that is myocardium, 0..1, over all slices.
        certain: mean share that the head gives what it draws, 0..1, over the three structures' pixels.
        slices: neighbouring slices that hold both cavity and myocardium.
        right: slices that hold the RV.
    """

    labels: Labels
    enclosed: float
    certain: float
    slices: int
    right: int

    @property
    def plausible(self) -> bool:
        """Whether this may be a short-axis stack of the heart."""
        return self.enclosed >= ENCLOSED and self.certain >= CERTAIN and self.slices >= RANGE and self.right >= 2


def short_axis(model: Model, head: VolumetricHead, frames: Labels) -> ShortAxis:
    """What ``head`` draws on the slices ``(Z, H, W)`` uint8 of one stack, in either order; nothing is refused here."""
    from scipy import ndimage  # here: no clip needs it

    size = (frames.shape[1], frames.shape[2])
    side = max(size)
    square = ((size[1] - side) // 2, (size[0] - side) // 2, side)
    labels, certain = _look(model, head, frames, square)
    if labels.any():
        labels, certain = _look(model, head, frames, _around(labels))
    rim, ring, both = 0, 0, np.zeros(len(labels), bool)
    for index, slice_ in enumerate(labels):
        cavity = (slice_ == 1).astype(np.uint8)
        edge = (cv2.dilate(cavity, np.ones((3, 3), np.uint8)) > 0) & (cavity == 0)
        rim, ring = rim + int(edge.sum()), ring + int((slice_[edge] == 2).sum())
        both[index] = bool(cavity.any() and (slice_ == 2).any())
    runs, count = ndimage.label(both)
    longest = int(np.bincount(runs)[1:].max()) if count else 0
    return ShortAxis(labels, ring / rim if rim else 0.0, certain, longest, int((labels == 3).any(axis=(1, 2)).sum()))


def answers_auto(source: Source, model: Model) -> bool:
    """Whether a source is for this policy: a volume, and a head ships for what ``model`` follows objects by in volumes."""
    return source.kind == "volume" and head_ships(model.for_volumes_name)


def short_axis_plan(source: Source, model: Model, structures: tuple[str, ...]) -> Plan:
    """Seeds ``structures`` (objects 1, 2, ... in this order) by masks on every slice that shows them.

    Args:
        source: a volume that can be read again.
        model: whose encoder the head reads.
        structures: of ``LV``, ``MYO``, ``RV``.

    Raises:
        PromptError: the volume does not look like a short-axis stack of cine MR, or another structure is asked for.
        WeightsError: the head was trained on another encoder.
    """
    if unknown := [name for name in structures if name not in CLASSES[1:]]:
        raise PromptError(f"no {', '.join(unknown)} is known in a volume; in short-axis cine MR there are: {', '.join(CLASSES[1:])}")
    instead = "give a box, points, a mask or a RECIST line, for example box:x0,y0,x1,y1@slice"
    moments = "; if its slices are moments, give kind 'clip' (--kind clip)" if source.stored_in == "NIfTI" else ""
    refusal = f"{source.name} is a volume that does not look like a short-axis stack of cine MR, in which no structure is known"
    if any(flag.code == "cut_across_slices" for flag in source.flags):
        moments += "; short-axis slices are seen as they were acquired: give axis 'stored' (--axis stored)"
    if source.length is None or not RANGE <= source.length <= MOST_SLICES:
        raise PromptError(f"{refusal}: {instead}{moments}")
    head = load_head(model)
    check_unpacked(source.length * source.size[0] * source.size[1], f"{source.name}: its slices", LABELS)
    frames = np.stack([frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in source.frames()])
    found = short_axis(model, head, np.asarray(frames, np.uint8))
    if not found.plausible:
        raise PromptError(f"{refusal}: {instead}{moments}")
    prompts: dict[int, dict[int, list[Prompt]]] = {}
    extents: dict[int, tuple[int, int]] = {}
    for object_id, name in enumerate(structures, start=1):
        masks = found.labels == CLASSES.index(name)
        shown = np.flatnonzero(masks.any(axis=(1, 2)))
        prompts[object_id] = {int(index): [MaskPrompt(masks[index])] for index in shown}
        extents[object_id] = (int(shown[0]), int(shown[-1]) + 1)
    path = shipped_head_weights()
    return Plan(prompts, dict(enumerate(structures, start=1)), extents, found_by={path.stem: head_weights(path)})


def _look(model: Model, head: VolumetricHead, frames: Labels, square: tuple[int, int, int]) -> tuple[Labels, float]:
    """Labels ``(Z, H, W)`` of what the head sees in a square ``(x0, y0, side)`` of the slices, black beyond them, and how sure it is."""
    height, width = frames.shape[1:]
    x0, y0, side = square
    rows, columns = slice(max(y0, 0), min(y0 + side, height)), slice(max(x0, 0), min(x0 + side, width))
    seen = np.zeros((len(frames), side, side), np.uint8)
    inside = (slice(rows.start - y0, rows.stop - y0), slice(columns.start - x0, columns.stop - x0))
    seen[:, inside[0], inside[1]] = frames[:, rows, columns]
    small = np.stack([resize_frame(frame, model.config.image_size) for frame in seen])
    shares = head_shares(model, head, small)
    labels = np.zeros(frames.shape, np.uint8)
    total, count = 0.0, 0
    for index, slice_ in enumerate(shares):
        large = cv2.resize(np.ascontiguousarray(slice_.transpose(1, 2, 0)), (side, side), interpolation=cv2.INTER_LINEAR)[inside]
        labels[index, rows, columns] = large.argmax(2)
        drawn = large.argmax(2) > 0
        total, count = total + float(large.max(2)[drawn].sum()), count + int(drawn.sum())
    return _connected(labels), total / count if count else 0.0


def _connected(labels: Labels) -> Labels:
    """Of each structure the largest part in three dimensions; of the RV the largest of those that lie beside the myocardium."""
    from scipy import ndimage  # here: no clip needs it

    kept = np.zeros_like(labels)
    for value in range(1, len(CLASSES)):
        parts, count = ndimage.label(labels == value, structure=np.ones((3, 3, 3)))
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        sizes[0] = 0
        if CLASSES[value] == "RV" and (wall := kept == CLASSES.index("MYO")).any():
            near = ndimage.binary_dilation(wall, np.ones((1, 3, 3)), iterations=_SEPTUM)
            sizes[np.setdiff1d(np.arange(count + 1), parts[near])] = 0
        if sizes.any():
            kept[parts == sizes.argmax()] = value
    return kept


def _around(labels: Labels) -> tuple[int, int, int]:
    """The square of the second look."""
    rows, columns = (np.flatnonzero(labels.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    side = round(LOOK * max(int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1, 24))
    return int(columns[0] + columns[-1] + 1 - side) // 2, int(rows[0] + rows[-1] + 1 - side) // 2, side
