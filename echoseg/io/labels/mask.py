"""Masks to prompt with, from a file: label numbers where it holds such, else what a mask is drawn or computed as.

Stored values count, never windowed ones: label numbers are small beside intensities.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.labels.nifti import LabelMap
from echoseg.io.labels.numbers import SOFT_EDGES, assumed, check_no_picture
from echoseg.io.labels.read import UNSTATED, read_labels
from echoseg.io.open import open_source
from echoseg.types import Flag, Geometry, Timing

_GREY_EDGE = 0.5  # of the labelled pixels: greys beside white are the soft edge of a black and white mask


def read_mask_map(path: Path) -> LabelMap:
    """The label map of a file that is given as a mask; see :func:`echoseg.io.labels.read.read_labels` for the files and their order.

    Besides label numbers, these are taken for the mask of one object: logits, where positive; probabilities from 0 to 1, from one half on;
    a picture in black and one colour; and black and white with soft edges, from middle grey on. The last two are flagged.

    Raises:
        SourceError: unreadable, values that are NaN or infinite, or a picture.
    """
    try:
        found = read_labels(path, renumber=True)
    except SourceError as refused:
        found = _drawn(path, refused)
    values = np.unique(found.masks)
    if not found.numbers and values.max() == 255 and len(values) > 2:
        return _from_middle_grey(found, path)
    if not found.numbers:
        check_no_picture(found.masks, str(path))
    return found


def _drawn(path: Path, refused: SourceError) -> LabelMap:
    """A mask in values that are no label numbers; ``refused`` where it is none either."""
    if not path.exists():
        raise refused
    try:
        with open_source(path) as source:
            values: NDArray[Any] = np.stack([source.stored(index) for index in range(len(source))])
            kind = source.kind if source.kind == "volume" else UNSTATED
            geometry = Geometry(source.geometry.spacing, source.geometry.slice_spacing, source.stored_affine)
            values = source.to_stored(values) if values.ndim == 3 else values
    except SourceError:
        raise refused from None
    if values.dtype.kind in "f" and not np.isfinite(values).all():
        raise SourceError(f"{path}: the mask holds values that are NaN or infinite; save label numbers")
    flags: tuple[Flag, ...] = ()
    if values.ndim == 4:
        mask, flags = _one_colour(values, path), (assumed("every coloured pixel is inside"),)
    elif values.min() < 0:
        if values.dtype.kind != "f":
            raise refused
        mask = values > 0
    elif values.dtype.kind == "f" and values.max() <= 1:
        mask, flags = values >= 0.5, (assumed("probabilities from one half on are inside"),)
    else:
        raise refused
    return LabelMap(mask.astype(np.uint8), kind, geometry, Timing(), flags)


def _one_colour(values: NDArray[Any], path: Path) -> NDArray[np.bool_]:
    """``(T, H, W)``, inside the one colour of pictures ``(T, H, W, 3)`` whose ground is black."""
    colours = np.unique(values.reshape(-1, values.shape[-1]), axis=0)
    seen = [tuple(colour) for colour in colours.tolist() if any(colour)]
    if len(seen) == 1:
        return np.asarray(values.max(axis=-1) > 0)
    count = len(seen)
    raise SourceError(f"{path}: a mask in {count} colours is no label map; save the label numbers as grey levels or palette indices")


def _from_middle_grey(found: LabelMap, path: Path) -> LabelMap:
    inside = found.masks > 0
    if (found.masks[inside] == 255).mean() < _GREY_EDGE:
        check_no_picture(found.masks, str(path))
        return found
    return replace(found, masks=(found.masks > 127).astype(np.uint8), flags=(*found.flags, SOFT_EDGES))
