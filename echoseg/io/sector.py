"""The scan sector of an ultrasound clip: where the image is, as opposed to text, ECG, colour bars and black.

Inside the sector speckle flickers from frame to frame; annotations stand still. The ECG moves too, but it is a
thin line. So: flickering pixels, thin things opened away, the largest connected part, its convex hull (sectors are
convex but for the small arc at the transducer).
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.types import BoolMask, Image

SECTOR_FRAMES = 16
"""The sector is found on so many first frames of any source, so that a live stream and a file of the same frames agree."""
_BRIGHT = 3  # grey level above which a pixel is not background
_FLICKER = 0.7  # temporal standard deviation in grey levels; reaches the dark flanks, where the noise is about 1
_SMALLEST, _LARGEST = 0.05, 0.97  # fraction of the image that a sector may take
_WEDGE = 0.66  # upper over lower width of a sector, at most; between simulated sectors (all but 2 of 240) and real CT and MRI (0.73 and up)
_FILLED = 0.6  # fraction of the hull that the found part must fill


def find_sector(frames: Iterable[Image]) -> BoolMask | None:
    """The scan sector as ``(H, W)`` bool, or None when the frames show none (black, a photograph, a full-frame crop).

    Args:
        frames: ``(H, W)`` or ``(H, W, 3)`` uint8 of one size; with one frame alone, brightness
            takes the place of movement.
    """
    count, brightest, flicker = _temporal_statistics(frames)
    if count == 0 or min(brightest.shape) < 16:
        return None
    bright = brightest > _BRIGHT
    alive = bright & (flicker > _FLICKER) if count > 1 else bright
    part = _largest_compact_part(alive)
    if part is None:
        return None
    points = np.argwhere(part)[:, ::-1].astype(np.int32)
    hull = cv2.convexHull(points)
    filled = np.zeros(part.shape, dtype=np.uint8)
    cv2.fillConvexPoly(filled, hull, 1)
    fraction = float(filled.mean())
    if not _SMALLEST <= fraction <= _LARGEST or part.sum() < _FILLED * filled.sum():
        return None
    return filled.astype(bool)


def is_wedge(region: BoolMask) -> bool:
    """Whether ``region`` ``(H, W)`` bool, not empty, widens from the top as a phased array's sector does.

    The width at a fifth of the height is 0.35 to 0.6 of that at three fifths in a sector of 60 to 100 degrees (0.33 in a plain
    triangle), and 0.8 in an ellipse, such as a body in CT or MRI.
    """
    rows = np.flatnonzero(region.any(axis=1))
    widths = region[rows[0] : rows[-1] + 1].sum(axis=1)
    upper, lower = (int(widths[int(share * len(widths))]) for share in (0.2, 0.6))
    return upper < _WEDGE * lower


def _temporal_statistics(frames: Iterable[Image]) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    """Number of frames, and per pixel the largest grey value and the standard deviation over time; memory for one frame."""
    count = 0
    brightest = total = squares = np.zeros((0, 0), dtype=np.float32)
    for frame in frames:
        grey = (frame.max(axis=2) if frame.ndim == 3 else frame).astype(np.float32)
        if count == 0:
            brightest, total, squares = grey.copy(), np.zeros_like(grey), np.zeros_like(grey)
        np.maximum(brightest, grey, out=brightest)
        total += grey
        squares += grey * grey
        count += 1
    variance = squares / max(count, 1) - (total / max(count, 1)) ** 2
    return count, brightest, np.sqrt(np.maximum(variance, 0))


def _largest_compact_part(mask: BoolMask) -> BoolMask | None:
    """The largest connected part after gaps of about 2 % of the image are closed and structures thinner than that removed."""
    reach = max(1, round(0.01 * min(mask.shape)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * reach + 1, 4 * reach + 1))
    specks_gone = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))  # flicker of compression
    gaps_closed = cv2.morphologyEx(specks_gone, cv2.MORPH_CLOSE, disk)
    binary = cv2.morphologyEx(gaps_closed, cv2.MORPH_OPEN, wide)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary)
    if count < 2:
        return None
    return labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
