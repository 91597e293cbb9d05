"""One click in a volume: how large its object is there, and on which slice to prompt it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from echoseg.io.source import Source
from echoseg.model.load import Model
from echoseg.prompting.auto import confidence
from echoseg.tracking import Session, Window
from echoseg.types import Box, Points, Prompt

REACH = 12
"""Slices looked at each way from that of a 3D point."""

_SMALLEST = 64
_ABOUT = 0.9  # of the best confidence
_SURE = 0.5  # of the confidence on the clicked slice: with less, the click has left the object


def found_around(source: Source, model: Model, index: int, prompts: Sequence[Prompt]) -> list[Prompt]:
    """A box around what clicks on a slice find, or nothing where they find nothing.

    A model that looks at a window around its object is shown windows of several sizes. Of those in which it is about as sure as in the
    best the smallest counts: seen from afar, an object and what surrounds it look like one.
    """
    tries = [_looked(source, model, index, prompts, window) for window in _windows(source, model, prompts)]
    found = [(sure, box) for sure, box in tries if box is not None]
    surest = max((sure for sure, _ in found), default=0.0)
    return next(([box] for sure, box in found if sure >= _ABOUT * surest), [])


def key_slice(source: Source, model: Model, index: int, click: Points) -> int:
    """The slice near ``index`` on which an object shows most, followed outward from a click in it.

    Looked at are up to :data:`REACH` slices each way, as long as the same click finds an object of which the model is at least half as
    sure. The best is that of the largest product of box area and confidence.

    Raises:
        PromptError: the click lies outside the image.
    """
    assert source.length is not None
    start = found_around(source, model, index, [click])
    if not start:
        return index
    window = Window.zoomed(start, source.size) if model.config.zoom_to_prompt else Window.whole(source.size)
    window = window.covering([click], source.size)
    session = Session(source, model, window=window, history=0)
    here = _look(session, index, [click])
    best, most = index, _extent(*here)
    for step in (1, -1):
        for at in range(index + step, index + step * (REACH + 1), step):
            if not 0 <= at < source.length:
                break
            sure, box = _look(session, at, [click])
            if box is None or sure < _SURE * here[0]:
                break
            if _extent(sure, box) > most:
                best, most = at, _extent(sure, box)
    return best


def _extent(sure: float, box: Box | None) -> float:
    return 0.0 if box is None else sure * (box.x1 - box.x0) * (box.y1 - box.y0)


def _windows(source: Source, model: Model, prompts: Sequence[Prompt]) -> list[Window]:
    if not model.config.zoom_to_prompt:
        return [Window.whole(source.size)]
    clicks = [(float(x), float(y)) for prompt in prompts if isinstance(prompt, Points) for x, y in prompt.xy]
    xs, ys = zip(*clicks, strict=True)
    height, width = source.size
    windows, side = [], _SMALLEST
    while side < max(source.size):
        x0 = round(min(max((min(xs) + max(xs) - side) / 2, 0), max(width - side, 0)))
        y0 = round(min(max((min(ys) + max(ys) - side) / 2, 0), max(height - side, 0)))
        windows.append(Window(x0, y0, min(x0 + side, width), min(y0 + side, height)).covering(prompts, source.size))
        side *= 2
    return [*windows, Window.whole(source.size)]


def _looked(source: Source, model: Model, index: int, prompts: Sequence[Prompt], window: Window) -> tuple[float, Box | None]:
    return _look(Session(source, model, window=window, history=0), index, prompts)


def _look(session: Session, index: int, prompts: Sequence[Prompt]) -> tuple[float, Box | None]:
    """How sure the model is of what it finds, and the box around it."""
    answer = session.preview(index, prompts)
    with torch.inference_mode():
        mask = session.tracker.result(index, {1: answer}).masks[1]
    return confidence(answer), Box.around(mask) if mask.any() else None
