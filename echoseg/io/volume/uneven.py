"""Slices at different distances in a label map, whose matrix can hold their mean only: a comment beside it says the rest.

In NIfTI it stands among the extensions, in NRRD and MetaImage it is a key of the header, in ``.npz`` an array.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Extension
from numpy.typing import NDArray

_WORD = "echoseg slice_shares_mm"

SHARES_KEY = "echoseg_slice_shares_mm"
"""The key of NRRD, MetaImage and ``.npz``."""

_LINE = re.compile(rb"^" + SHARES_KEY.encode() + rb"(?::=| ?= ?)([^\r\n]*)", re.MULTILINE)


def shares_extension(shares: NDArray[np.float64]) -> Nifti1Extension:
    """The comment on slices that stand for so many mm of the stack each, ``(K,)``."""
    return Nifti1Extension("comment", f"{_WORD} {shares_text(shares)}".encode())


def stated_shares(header: Any, slices: int) -> NDArray[np.float64] | None:
    """``(K,)`` mm as :func:`shares_extension` wrote them; None where the header (of nibabel) has no such comment on so many slices."""
    for extension in getattr(header, "extensions", ()):
        content = extension.get_content()
        text = content.decode("ascii", "replace") if isinstance(content, bytes) else str(content)
        words = text.rstrip("\0 ").split(" ")
        if " ".join(words[:2]) != _WORD:
            continue
        if (shares := shares_in(" ".join(words[2:]), slices)) is not None:
            return shares
    return None


def stated_in_header(header: bytes, slices: int) -> NDArray[np.float64] | None:
    """The same of the header of a NRRD (``key:=value``) or MetaImage file (``key = value``)."""
    found = _LINE.search(header)
    return None if found is None else shares_in(found[1].decode("ascii", "replace"), slices)


def shares_text(shares: NDArray[np.float64]) -> str:
    """The numbers, as the comment holds them."""
    return " ".join(f"{share:.6g}" for share in shares)


def shares_in(text: str, slices: int) -> NDArray[np.float64] | None:
    """``(K,)`` mm from such a text; None where it is no list of so many lengths."""
    try:
        shares = np.array([float(word) for word in text.split()])
    except ValueError:
        return None
    return shares if usable_shares(shares, slices) else None


def usable_shares(shares: NDArray[Any], slices: int) -> bool:
    """Whether these are lengths, one a slice."""
    return shares.shape == (slices,) and shares.dtype.kind in "uif" and bool(np.isfinite(shares).all() and (shares > 0).all())
