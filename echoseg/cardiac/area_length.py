"""Area-length volumes.

Source: ASE/EACVI 2015 (Lang RM et al., J Am Soc Echocardiogr 2015;28:1-39): the formula is listed there for LA and, as an alternative
that assumes a bullet shape, for LV volumes.
"""

from __future__ import annotations

import numpy as np


def area_length_volume(first: float, second: float, length: float) -> float:
    """``8 * A1 * A2 / (3 * pi * L)`` in the cube of the lengths' unit; exact for a half ellipsoid and for an ellipsoid cut along its axis.

    Args:
        first: area of one view.
        second: area of the other view, or ``first`` again for a single plane (``8 A² / 3 pi L``).
        length: long axis ``L``; biplane: the shorter of the two views' lengths.
    """
    return float(8 * first * second / (3 * np.pi * length))
