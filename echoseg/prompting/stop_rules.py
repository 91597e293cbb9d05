"""When an object of a volume has ended: rules against SAM 2's over-propagation.

A tracker made for video expects its object to stay or to come back. A lesion or organ ends, and beyond its end the memory finds whatever
resembles it. Going away from the prompted slice, tracking stops at the first slice on which a rule says that the object has ended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from echoseg.options import StopRules


@dataclass(frozen=True)
class SliceState:
    """What the rules see of one slice: pixels of the mask, predicted IoU (0..1), object score (logit)."""

    area: int
    iou: float
    object_score: float


def has_ended(now: SliceState, before: SliceState, largest_prompted: int, rules: StopRules) -> bool:
    """Whether the object is not on slice ``now``.

    Args:
        now: of the slice reached.
        before: of its neighbour towards the prompt.
        largest_prompted: pixels of the object on the prompted slice that shows most of it.
    """
    if now.area == 0 or now.object_score <= rules.object_score or now.iou < rules.iou:
        return True
    leaked = any(
        now.area > rules.explosion * max(then, 1) and _radius(now.area) - _radius(then) > rules.swelling
        for then in (before.area, largest_prompted)
    )
    return leaked or now.area < rules.collapse * before.area


def _radius(area: int) -> float:
    """Of a disc of so many pixels."""
    return math.sqrt(area / math.pi)
