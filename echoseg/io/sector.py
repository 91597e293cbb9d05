"""The scan sector of an ultrasound clip: where the image is, as opposed to text, ECG, colour bars and black.

Inside the sector speckle flickers from frame to frame; annotations stand still. The ECG moves too, but it is a
thin line. So: flickering pixels, thin things opened away, the largest connected part, its convex hull (sectors are
convex but for the small arc at the transducer).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

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
_SMALLEST_OF_SEVERAL, _SIMILAR = 0.03, 0.4  # fraction of the image that one of several sectors takes, and of the largest of them
_TURNED = 1.6  # wide over narrow end of a sector that is turned; whole sectors have 2 and more
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
    parts = _compact_parts(alive)
    if not parts:
        return None
    filled = _hull(parts[0])
    if not _SMALLEST <= float(filled.mean()) <= _LARGEST or parts[0].sum() < _FILLED * filled.sum():
        return None
    return filled


def count_sectors(frames: Iterable[Image]) -> int:
    """How many sectors stand side by side in moving frames, as :func:`find_sector` takes them: 0 and 1 where no two do.

    Two halves of one sector are not two: the tip of each is above its own middle.
    """
    count, brightest, flicker = _temporal_statistics(frames)
    if count < 2 or min(brightest.shape) < 16:
        return 0
    parts = [(part, _hull(part)) for part in _compact_parts((brightest > _BRIGHT) & (flicker > _FLICKER))]
    largest = max((int(hull.sum()) for _, hull in parts), default=0)
    sectors = [
        hull
        for part, hull in parts
        if hull.mean() >= _SMALLEST_OF_SEVERAL
        and hull.sum() >= _SIMILAR * largest
        and part.sum() >= _FILLED * hull.sum()
        and is_wedge(hull)
        and _tip_in_middle(hull)
    ]
    beside = any(_side_by_side(one, other) for one, other in combinations(sectors, 2))
    return len(sectors) if beside else min(len(sectors), 1)


def turned_sector(region: BoolMask) -> str:
    """How a sector ``(H, W)`` bool, not empty, is turned: ``upside down``, ``on its side``, or nothing where it stands."""
    down, across = _profile(region), _profile(region.T)
    if down[1] > 0 and down[0] > _TURNED * down[1]:
        return "upside down"
    even = max(down) < 1.15 * min(down)
    return "on its side" if even and max(across) > _TURNED * min(across) else ""


def _profile(region: BoolMask) -> tuple[int, int]:
    """The widths of a region at a fifth and at four fifths of its height."""
    rows = np.flatnonzero(region.any(axis=1))
    widths = region[rows[0] : rows[-1] + 1].sum(axis=1)
    return int(widths[int(0.2 * len(widths))]), int(widths[int(0.8 * len(widths))])


def _tip_in_middle(hull: BoolMask) -> bool:
    columns, rows = np.flatnonzero(hull.any(axis=0)), np.flatnonzero(hull.any(axis=1))
    tip = float(np.flatnonzero(hull[rows[0]]).mean())
    return 0.25 < (tip - columns[0]) / max(np.ptp(columns), 1) < 0.75


def _side_by_side(one: BoolMask, other: BoolMask) -> bool:
    """Whether two regions share most of their rows and few of their columns."""
    (rows, columns), (other_rows, other_columns) = ((region.any(axis=1), region.any(axis=0)) for region in (one, other))
    few = (columns & other_columns).sum() < 0.2 * min(columns.sum(), other_columns.sum())
    return bool(few and (rows & other_rows).sum() > 0.5 * min(rows.sum(), other_rows.sum()))


def _hull(part: BoolMask) -> BoolMask:
    """The convex hull of a region, filled."""
    points = np.argwhere(part)[:, ::-1].astype(np.int32)
    filled = np.zeros(part.shape, dtype=np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
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


def brightest_channel(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``(..., 3)`` to ``(...)``: the largest of the three, ten times as fast as numpy's maximum over so short an axis."""
    return np.maximum(np.maximum(frames[..., 0], frames[..., 1]), frames[..., 2])


def _temporal_statistics(frames: Iterable[Image]) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    """Number of frames, and per pixel the largest grey value and the standard deviation over time; memory for one frame."""
    count = 0
    brightest = total = squares = np.zeros((0, 0), dtype=np.float32)
    for frame in frames:
        grey = (brightest_channel(frame) if frame.ndim == 3 else frame).astype(np.float32)
        if count == 0:
            brightest, total, squares = grey.copy(), np.zeros_like(grey), np.zeros_like(grey)
        np.maximum(brightest, grey, out=brightest)
        total += grey
        squares += grey * grey
        count += 1
    variance = squares / max(count, 1) - (total / max(count, 1)) ** 2
    return count, brightest, np.sqrt(np.maximum(variance, 0))


def _compact_parts(mask: BoolMask) -> list[BoolMask]:
    """The connected parts of a tenth of the largest and more, the largest first.

    Before, gaps of about 2 % of the image are closed and structures thinner than that removed.
    """
    reach = max(1, round(0.01 * min(mask.shape)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * reach + 1, 4 * reach + 1))
    specks_gone = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))  # flicker of compression
    gaps_closed = cv2.morphologyEx(specks_gone, cv2.MORPH_CLOSE, disk)
    binary = cv2.morphologyEx(gaps_closed, cv2.MORPH_OPEN, wide)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(binary)
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")
    return [labels == 1 + int(index) for index in order if areas[index] >= 0.1 * areas.max()]
