"""Prompts as a client sends them, plain JSON values, checked against the image and turned into those of :mod:`echoseg.types`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from echoseg.annotate.rle import decode
from echoseg.errors import PromptError
from echoseg.prompting.recist import recist_box
from echoseg.types import BoolMask, Box, MaskPrompt, Points, Prompt, Structure

KINDS = ("box", "points", "mask", "contour", "recist", "auto")
MOST_POINTS = 2000


def read_prompts(kind: str, data: Any, size: tuple[int, int]) -> list[Prompt]:
    """The prompts of one object on one frame of ``size`` ``(H, W)``.

    Args:
        kind: of :data:`KINDS`.
        data: of a box and a RECIST line four numbers; of points ``points`` and ``labels``; of a mask ``rle``; of a contour ``points``;
            of ``auto`` the name of the structure.

    Raises:
        PromptError: malformed, or not within the image.
    """
    if kind == "box":
        x0, y0, x1, y1 = _numbers(data, 4)
        box = Box(x0, y0, x1, y1)
        _within([(x0, y0), (x1, y1)], size)
        return [box]
    if kind == "recist":
        x0, y0, x1, y1 = _numbers(data, 4)
        _within([(x0, y0), (x1, y1)], size)
        return [recist_box(x0, y0, x1, y1)]
    if kind == "points":
        points = _points(_part(data, "points"), size, least=1)
        return [Points(np.array(points, dtype=np.float32), np.array(_numbers(_part(data, "labels"), len(points))))]
    if kind == "mask":
        return [MaskPrompt(_mask(_part(data, "rle"), size))]
    if kind == "contour":
        return [MaskPrompt(filled(_points(_part(data, "points"), size, least=3), size))]
    if kind == "auto":
        if not isinstance(data, str) or not data or len(data) > 64:
            raise PromptError("an automatic prompt names a structure, such as LV")
        return [Structure(data)]
    raise PromptError(f"no kind of prompt {kind!r}; one of {', '.join(KINDS)}")


def filled(corners: Sequence[tuple[float, float]], size: tuple[int, int]) -> BoolMask:
    """``(H, W)`` bool: the pixels whose centres lie within the closed polygon ``corners`` (x, y; pixel ``i`` covers ``[i, i + 1)``)."""
    from matplotlib.path import Path  # here: it takes its time to import

    outline = np.array(corners, dtype=np.float64)
    mask = np.zeros(size, dtype=bool)
    (x0, y0), (x1, y1) = np.floor(outline.min(axis=0)).astype(int), np.ceil(outline.max(axis=0)).astype(int)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, size[1]), min(y1, size[0])
    if x1 <= x0 or y1 <= y0:
        return mask
    ys, xs = np.mgrid[y0:y1, x0:x1] + 0.5
    inside = Path(np.vstack([outline, outline[:1]]), closed=True).contains_points(np.column_stack([xs.ravel(), ys.ravel()]))
    mask[y0:y1, x0:x1] = inside.reshape(ys.shape)
    return mask


def _mask(rle: Any, size: tuple[int, int]) -> BoolMask:
    counts, stated = _part(rle, "counts"), _part(rle, "size")
    if stated is not None and tuple(_numbers(stated, 2)) != size:
        raise PromptError(f"the mask has size {stated}, the frame {list(size)}")
    if not isinstance(counts, str):
        raise PromptError("a mask is given as run lengths in COCO's compressed text")
    return decode(counts, size)


def _part(data: Any, name: str) -> Any:
    if not isinstance(data, Mapping) or name not in data:
        raise PromptError(f"the prompt lacks {name!r}")
    return data[name]


def _numbers(values: Any, count: int) -> list[float]:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
        raise PromptError(f"{count} numbers are needed")
    if not all(isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in values):
        raise PromptError(f"{count} finite numbers are needed")
    return [float(value) for value in values]


def _points(values: Any, size: tuple[int, int], least: int) -> list[tuple[float, float]]:
    if not isinstance(values, Sequence) or isinstance(values, str) or not least <= len(values) <= MOST_POINTS:
        raise PromptError(f"between {least} and {MOST_POINTS} points are needed")
    points = [(x, y) for x, y in (_numbers(value, 2) for value in values)]
    _within(points, size)
    return points


def _within(points: Sequence[tuple[float, float]], size: tuple[int, int]) -> None:
    height, width = size
    for x, y in points:
        if not (0 <= x <= width and 0 <= y <= height):
            raise PromptError(f"({x:g}, {y:g}) lies outside the {width} x {height} image")
