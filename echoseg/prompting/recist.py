"""A RECIST line as a prompt."""

from __future__ import annotations

import math

from echoseg.errors import PromptError
from echoseg.types import Box


def recist_box(x0: float, y0: float, x1: float, y1: float) -> Box:
    """The square centred on the line's midpoint with the line's length as its side (MedSAM2's rule), in source pixels.

    Raises:
        PromptError: the two ends coincide.
    """
    side = math.hypot(x1 - x0, y1 - y0)
    if side == 0:
        raise PromptError("the two ends of a RECIST line must differ")
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
