"""The part of a frame that the network sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from echoseg.types import BoolMask, Box, MaskPrompt, Points, Prompt, Structure

_MARGIN = 0.04  # of the longer side, left around the scan sector
_ZOOM = 2.5  # side of a zoomed window over the longer side of what is prompted
_SMALLEST = 48  # pixels of a zoomed window's side; more magnification shows no more
_WORTHWHILE = 0.85  # a window that keeps more of the frame than this gains nothing


@dataclass(frozen=True)
class Window:
    """Whole pixels ``x0 <= x < x1``, ``y0 <= y < y1`` of a frame."""

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def whole(cls, size: tuple[int, int]) -> Window:
        """All of a frame of ``size`` ``(H, W)``."""
        return cls(0, 0, size[1], size[0])

    @classmethod
    def around(cls, mask: BoolMask | None, size: tuple[int, int]) -> Window:
        """The box around ``mask`` ``(H, W)`` with a small margin; the whole frame when there is no mask or little to gain."""
        if mask is None or not mask.any():
            return cls.whole(size)
        margin = round(_MARGIN * max(size))
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        window = cls(
            max(int(columns[0]) - margin, 0),
            max(int(rows[0]) - margin, 0),
            min(int(columns[-1]) + 1 + margin, size[1]),
            min(int(rows[-1]) + 1 + margin, size[0]),
        )
        return window if window.size[0] * window.size[1] < _WORTHWHILE * size[0] * size[1] else cls.whole(size)

    @classmethod
    def zoomed(cls, prompts: Iterable[Prompt], size: tuple[int, int]) -> Window:
        """A square around what boxes and masks on a frame of ``size`` mark, wide enough to hold them elsewhere in the sequence, too.

        The whole frame when a prompt does not tell how large its object is.
        """
        prompts = list(prompts)
        if not prompts or any(isinstance(prompt, Points | Structure) for prompt in prompts):
            return cls.whole(size)
        x, y = np.array([corner for prompt in prompts for corner in _corners(prompt)]).T
        side = round(max(_ZOOM * max(np.ptp(x), np.ptp(y)), _SMALLEST))
        height, width = min(side, size[0]), min(side, size[1])
        x0 = int(np.clip(round((x.min() + x.max() - width) / 2), 0, size[1] - width))
        y0 = int(np.clip(round((y.min() + y.max() - height) / 2), 0, size[0] - height))
        return cls(x0, y0, x0 + width, y0 + height)

    def covering(self, prompts: Iterable[Prompt], size: tuple[int, int]) -> Window:
        """This window, made larger where prompts on a frame of ``size`` reach beyond it."""
        corners = [corner for prompt in prompts for corner in _corners(prompt)]
        if not corners:
            return self
        x, y = np.array(corners).T
        return Window(
            min(self.x0, max(int(np.floor(x.min())), 0)),
            min(self.y0, max(int(np.floor(y.min())), 0)),
            max(self.x1, min(int(np.ceil(x.max())), size[1])),
            max(self.y1, min(int(np.ceil(y.max())), size[0])),
        )

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of rows and columns."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


def _corners(prompt: Prompt) -> list[tuple[float, float]]:
    if isinstance(prompt, Structure):
        return []
    if isinstance(prompt, Points):
        return [(float(x), float(y)) for x, y in prompt.xy]
    box = Box.around(prompt.mask) if isinstance(prompt, MaskPrompt) else prompt
    return [(box.x0, box.y0), (box.x1, box.y1)]
