"""Which window a volume is seen through: presets of CT, a level and width, or a percentile; and the choice without being told.

=============  ============  ===========================================================================
name           level, width  source
=============  ============  ===========================================================================
soft-tissue       40,  400   usual abdomen window; MedSAM2 trains with it
lung            -600, 1500   usual lung window (MedSAM2 trains with level -160: give ``-160,1500``)
bone             400, 1800   usual bone window; MedSAM2 trains with it
brain             40,   80   usual brain window; MedSAM2 trains with it
liver             30,  150   usual liver window
mediastinum       50,  350   usual mediastinal window
percentile          -        0.5 to 99.5 percentile of the sampled values above zero (of all, where some are negative)
=============  ============  ===========================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.intensity import CT_SOFT_TISSUE, PERCENTILES, UNCHANGED, GreyWindow

_CT_PRESETS = {
    "lung": (-600.0, 1500.0),
    "bone": (400.0, 1800.0),
    "brain": (40.0, 80.0),
    "liver": (30.0, 150.0),
    "mediastinum": (50.0, 350.0),
}
WINDOW_NAMES = ("soft-tissue", *_CT_PRESETS, "percentile")
_AIR_HU = -500.0  # CT holds air; no other modality's values go this far below zero


def fixed_window(text: str | None, name: str) -> GreyWindow | None:
    """The window that ``text`` names, or None for ``percentile`` and where nothing was asked for.

    Args:
        text: a name of :data:`WINDOW_NAMES`, or ``level,width`` in the unit of the values.
        name: names the source in an error.

    Raises:
        SourceError: neither of them, or a width that is not positive.
    """
    if text is None or text == "percentile":
        return None
    if text == "soft-tissue":
        return CT_SOFT_TISSUE
    if text in _CT_PRESETS:
        level, width = _CT_PRESETS[text]
        return _level_width(level, width, f"CT {text}: centre {level:g}, width {width:g} Hounsfield units")
    try:
        level, width = (float(part) for part in text.split(","))
    except ValueError:
        level = width = math.nan
    if not (math.isfinite(level) and math.isfinite(width) and width > 0):
        raise SourceError(f"{name}: no window {text!r}; give one of {', '.join(WINDOW_NAMES)}, or LEVEL,WIDTH such as -160,1500")
    return _level_width(level, width, f"given: centre {level:g}, width {width:g}")


def volume_window(
    dtype: np.dtype, samples: Callable[[], Sequence[NDArray[np.generic]]], name: str, asked: str | None, modality: str | None
) -> GreyWindow:
    """The window of a volume: the one asked for; else 8-bit values as they are, CT as soft tissue, and all else by percentile.

    What states no modality is CT when its values reach far below zero.

    Args:
        dtype: of the stored values.
        samples: some slices spread over the volume, in the unit of the values; called only when they are needed.
        name: names the source in an error.
        asked: as of :func:`fixed_window`.
        modality: DICOM modality where known.

    Raises:
        SourceError: no such window, or no finite value to take a percentile of.
    """
    fixed = fixed_window(asked, name)
    if fixed is not None:
        return fixed
    if asked is None:
        if dtype == np.uint8:
            return UNCHANGED
        if modality == "CT":
            return CT_SOFT_TISSUE
    sampled = samples()
    if asked is None and modality is None and any(np.less(values, _AIR_HU).any() for values in sampled):
        return CT_SOFT_TISSUE
    return _percentile(sampled, name)


def _percentile(samples: Sequence[NDArray[np.generic]], name: str) -> GreyWindow:
    """MedSAM2's rule: air around the patient is zero in MR and PET and must not count, or it would take half of the range."""
    flat = np.concatenate([values.ravel() for values in samples])
    values = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
    if values.size == 0:
        raise SourceError(f"{name}: no finite pixel value in the sampled slices; check the values for NaN")
    which = "values"
    if values.min() >= 0 and (values > 0).any():
        values, which = values[values > 0], "values above zero"
    low, high = (float(v) for v in np.percentile(values, PERCENTILES))
    return GreyWindow(low, high, f"0.5 to 99.5 percentile of sampled {which} ({low:g} to {high:g}) to 0..255")


def _level_width(level: float, width: float, rule: str) -> GreyWindow:
    return GreyWindow(level - width / 2, level + width / 2, rule)
