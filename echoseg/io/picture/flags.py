"""What a reader must know of a clip's picture before anything is measured in it; told from the pixels alone, by no model."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.io.picture.colour import coloured_share
from echoseg.io.picture.trace import runs_in_time
from echoseg.io.sector import SECTOR_FRAMES, brightest_channel, count_sectors, find_sector, turned_sector
from echoseg.io.seekable import SeekableSource, sample_indices
from echoseg.io.source import Source
from echoseg.types import BoolMask, Flag, Severity

_SAMPLES = 12
_IN_A_ROW = 13
_BLANK = 3.0
"""Grey levels between the darkest and the brightest of a picture (0.1 to 99.9 percentile) up to which it shows nothing."""
_COLOURED = 0.015
"""Share of the sector that is coloured on a frame; below, it is a marker."""
_MOVED = 4.0
"""Grey levels by which a pixel changes over the clip that is not frozen; recompressed still pictures change by 2."""
_FROZEN = 0.005
"""Share of the picture that so changes, at most, where it is frozen."""
_LEAST_FRAMES = 5
"""Frames below which nobody can tell that a clip stands still."""


def picture_flags(source: Source) -> tuple[Flag, ...]:
    """Flags on a picture in which the measures of a ventricle are not defined, and on frames at its ends that are left out.

    The codes are ``no_picture``, ``frozen_picture``, ``trace_picture``, ``colour_doppler``, ``several_sectors``, ``upside_down`` and
    ``ends_left_out``. Other sources than clips of what may be ultrasound, and such as can be read once only, are not looked at.
    """
    if not isinstance(source, SeekableSource) or source.kind != "clip" or source.ultrasound() is False:
        return ()
    first, stop = source.moving()
    ends = _ends_flag(first, stop, source.length)
    samples = np.stack([source.frame(first + index) for index in sample_indices(stop - first, _SAMPLES)])
    if _is_blank(samples):
        return (*ends, Flag("no_picture", "The frames are black, or of one grey: there is nothing to measure in them.", Severity.REJECT))
    if len(samples) >= _LEAST_FRAMES and _is_frozen(samples):
        still = "The picture stands still: it is one moment, of which no beat and no ejection fraction can be known. Give the moving clip."
        return (*ends, Flag("frozen_picture", still, Severity.REJECT))
    start = max(first, (first + stop - _IN_A_ROW) // 2)
    in_a_row = np.stack(list(source.frames(start, min(start + _IN_A_ROW, stop))))
    if runs_in_time(in_a_row):
        runs = "The picture scrolls or is written anew column by column, as M-mode and spectral Doppler are: one axis is time."
        return (*ends, Flag("trace_picture", f"{runs} Give a 2D clip.", Severity.REJECT))
    return (*ends, *_sector_flags(source, samples, source.sector()))


def _sector_flags(source: SeekableSource, samples: NDArray[np.uint8], sector: BoolMask | None) -> list[Flag]:
    flags = []
    share = coloured_share(samples, sector)
    if share > _COLOURED:
        colour = (
            f"Colour is drawn over {100 * share:.0f} % of the picture (colour Doppler or an overlay): it hides the border of the cavity."
        )
        flags.append(Flag("colour_doppler", f"{colour} Give a clip of the same view without colour.", Severity.REJECT))
    first, stop = source.moving()
    sectors = count_sectors(source.frames(first, min(first + SECTOR_FRAMES, stop)))
    if sectors > 1:
        seen = f"{sectors} scan sectors stand side by side (dual, biplane or quad screen): the measures would be of any of them."
        flags.append(Flag("several_sectors", f"{seen} Cut the clip to one of them.", Severity.REJECT))
    turned = turned_sector(sector) if sector is not None and sectors < 2 else ""
    if turned:
        seen = f"The scan sector is {turned}: its tip is not at the top, where the long axis of the ventricle is looked for."
        flags.append(Flag("upside_down", f"{seen} Turn the clip first.", Severity.REJECT))
    return flags


def _ends_flag(first: int, stop: int, length: int) -> tuple[Flag, ...]:
    if (first, stop) == (0, length):
        return ()
    parts = [f"{count} at the {end}" for count, end in ((first, "beginning"), (length - stop, "end")) if count]
    told = f"Frames that show another picture (a title card, black or frozen) are left out: {' and '.join(parts)}, of {length}."
    return (Flag("ends_left_out", told, Severity.INFO),)


def _grey(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return frames if frames.ndim == 3 else brightest_channel(frames)


def _is_blank(samples: NDArray[np.uint8]) -> bool:
    spans = [np.ptp(np.percentile(frame, (0.1, 99.9))) for frame in _grey(samples)]
    return bool(np.median(spans) <= _BLANK)


def _is_frozen(samples: NDArray[np.uint8]) -> bool:
    """Whether the sector, or where there is none the whole picture, is the same on all frames; an ECG beside it may run."""
    grey = _grey(samples)
    region = find_sector([np.median(grey, axis=0).astype(np.uint8)])
    change = grey.max(axis=0).astype(np.float32) - grey.min(axis=0)
    moved = cv2.morphologyEx((change > _MOVED).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return float((moved if region is None else moved[region]).mean()) < _FROZEN
