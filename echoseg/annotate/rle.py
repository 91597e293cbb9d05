"""Masks as COCO's compressed run lengths: short text that any COCO reader takes, and that is checked before anything is allocated.

Runs alternate from background, column by column. From the third on each is written as the difference to the one two before, in groups of
five bits, least first; bit 6 says that more follow, and 48 makes printable characters of them (``rleToString`` of the COCO API).
Own code because ``pycocotools`` trusts what it decodes, and here a browser wrote it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import PromptError
from echoseg.types import BoolMask

_GROUP, _MORE, _SIGN, _ZERO = 5, 0x20, 0x10, 48
_LONGEST_GROUPS = 7  # of 32-bit runs


def encode(mask: BoolMask) -> str:
    """The ``counts`` of a mask ``(H, W)``.

    >>> encode(np.eye(2, dtype=bool))
    '0120'
    """
    flat = np.asarray(mask, dtype=bool).ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs: list[int] = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    if flat.size and flat[0]:
        runs.insert(0, 0)
    text: list[str] = []
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        more = True
        while more:
            group = value & 0x1F
            value >>= _GROUP
            more = value != (-1 if group & _SIGN else 0)
            text.append(chr((group | (_MORE if more else 0)) + _ZERO))
    return "".join(text)


def decode(counts: str, size: tuple[int, int]) -> BoolMask:
    """The mask ``(H, W)`` of ``counts``.

    Raises:
        PromptError: not run lengths, or not of a mask of this size.

    >>> decode("0120", (2, 2)).tolist()
    [[True, False], [False, True]]
    """
    runs = _runs(counts)
    height, width = size
    if runs.sum() != height * width or (runs < 0).any():
        raise PromptError(f"the run lengths are not those of a mask of {width} x {height} pixels")
    values = np.zeros(len(runs), dtype=bool)
    values[1::2] = True
    return np.repeat(values, runs).reshape((height, width), order="F")


def _runs(counts: str) -> NDArray[np.int64]:
    runs: list[int] = []
    value = groups = 0
    for character in counts:
        code = ord(character) - _ZERO
        if not 0 <= code < 64 or groups == _LONGEST_GROUPS:
            raise PromptError("a mask is given as run lengths in COCO's compressed text")
        value |= (code & 0x1F) << (_GROUP * groups)
        groups += 1
        if code & _MORE:
            continue
        if code & _SIGN:
            value |= -1 << (_GROUP * groups)
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = groups = 0
    if groups:
        raise PromptError("the run lengths of a mask end in the middle of a number")
    return np.array(runs, dtype=np.int64)
