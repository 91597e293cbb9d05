"""Reads a source as tracking needs it: onward, backward, or one frame; a source that can be read only once, only onward."""

from __future__ import annotations

from collections.abc import Iterator

from echoseg.errors import NotRereadableError, PromptError
from echoseg.io.source import Source
from echoseg.types import Image


class Cursor:
    """One reading position over a source; the frame last read stays at hand, so that it can be prompted and then tracked on."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._live: Iterator[tuple[int, Image]] | None = None
        self._last: tuple[int, Image] | None = None

    def frame(self, index: int) -> Image:
        """One frame; a live source is read up to it.

        Raises:
            NotRereadableError: a live source has already passed it.
            PromptError: the source ends before it.
        """
        if self._source.rereadable:
            return self._source.frame(index)
        for at, image in self.forward(index):
            if at == index:
                return image
        raise PromptError(f"{self._source.name} ended before frame {index}")

    def forward(self, start: int, stop: int | None = None) -> Iterator[tuple[int, Image]]:
        """``(index, frame)`` from ``start`` up to but without ``stop`` (None: to the end).

        Raises:
            NotRereadableError: a live source has already passed ``start``.
        """
        if self._source.rereadable:
            yield from enumerate(self._source.frames(start, stop), start)
            return
        if self._live is None:
            self._live = enumerate(self._source.frames())
        if self._last is not None and start < self._last[0]:
            raise NotRereadableError(f"{self._source.name}: frame {start} has passed, and this source can be read only once")
        if self._last is not None and start == self._last[0] and (stop is None or start < stop):
            yield self._last
        while stop is None or self._last is None or self._last[0] < stop - 1:
            item = next(self._live, None)
            if item is None:
                return
            self._last = item
            if item[0] >= start:
                yield item

    def backward(self, start: int, stop: int = 0) -> Iterator[tuple[int, Image]]:
        """``(index, frame)`` from ``start`` down to ``stop``, both included; nothing when ``start`` is below ``stop``."""
        if start >= stop:
            yield from zip(range(start, stop - 1, -1), self._source.frames_backward(start, stop), strict=True)
