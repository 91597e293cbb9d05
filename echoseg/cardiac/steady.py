"""Landmarks held steady from frame to frame (an option, off by default)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.contour import Contour
from echoseg.cardiac.landmarks import Landmarks, landmarks_at

REACH = 2
"""Frames on either side of a frame whose landmarks are asked."""


def steadied(found: Mapping[int, tuple[Contour, Landmarks]]) -> dict[int, tuple[Contour, Landmarks]]:
    """Each landmark moved to the contour point nearest to its running median over five frames; contours stay as they are.

    Args:
        found: ``{frame: (contour, landmarks)}``; frames may be missing.
    """

    def nearest(contour: Contour, places: list[NDArray[np.float64]]) -> int:
        return int(np.hypot(*(contour.points - np.median(places, axis=0)).T).argmin())

    result = {}
    for frame, (contour, landmarks) in found.items():
        around = [found[near] for near in range(frame - REACH, frame + REACH + 1) if near in found]
        start, end = (nearest(contour, [c.points[marks.basal[side]] for c, marks in around]) for side in (0, 1))
        apex = nearest(contour, [marks.apex for _, marks in around])
        distinct = len({start, end, apex}) == 3
        result[frame] = (contour, landmarks_at(contour, start, end, apex) if distinct else landmarks)
    return result
