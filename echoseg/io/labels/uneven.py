"""Slices at different distances in a NIfTI file, whose matrix can hold their mean only: a comment among its extensions says the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Extension
from numpy.typing import NDArray

_WORD = "echoseg slice_shares_mm"


def shares_extension(shares: NDArray[np.float64]) -> Nifti1Extension:
    """The comment on slices that stand for so many mm of the stack each, ``(K,)``."""
    return Nifti1Extension("comment", f"{_WORD} {' '.join(f'{share:.6g}' for share in shares)}".encode())


def stated_shares(header: Any, slices: int) -> NDArray[np.float64] | None:
    """``(K,)`` mm as :func:`shares_extension` wrote them; None where the header (of nibabel) has no such comment on so many slices."""
    for extension in getattr(header, "extensions", ()):
        content = extension.get_content()
        text = content.decode("ascii", "replace") if isinstance(content, bytes) else str(content)
        words = text.rstrip("\0 ").split(" ")
        if " ".join(words[:2]) != _WORD:
            continue
        try:
            shares = np.array([float(word) for word in words[2:]])
        except ValueError:
            continue
        if shares.shape == (slices,) and np.isfinite(shares).all() and (shares > 0).all():
            return shares
    return None
