"""Frames as pictures: decoded once, encoded as WebP, kept within a bound."""

from __future__ import annotations

import io
import struct
import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
from PIL import Image as Picture

from echoseg.annotate.items import StudioItem
from echoseg.io import Source, open_source
from echoseg.io.array import frame_to_uint8
from echoseg.io.intensity import GreyWindow
from echoseg.tracking.cache import LRUCache
from echoseg.types import Image

MOST = 256
"""Frames of one answer."""
_QUALITY = 90
_OPEN = 4
_CACHE_BYTES = 128 * 2**20
_THUMBNAIL = 160
Window = tuple[float, float]
"""Level and width, in the unit of a volume's values."""


class Frames:
    """The pictures of a project's items; a few sources stay open for them, apart from those that are tracked."""

    def __init__(self) -> None:
        self._sources: OrderedDict[str, tuple[Source, threading.Lock]] = OrderedDict()
        self._lock = threading.Lock()
        self._caches: dict[str, LRUCache[bytes]] = {}

    def source(self, item: StudioItem) -> tuple[Source, threading.Lock]:
        """The item's source, and the lock to read it under.

        Raises:
            SourceError: it cannot be read.
        """
        with self._lock:
            if item.id not in self._sources:
                self._sources[item.id] = open_source(item.location, **item.opening), threading.Lock()
                while len(self._sources) > _OPEN:
                    old, (source, reading) = self._sources.popitem(last=False)
                    with reading:
                        source.close()
                    self._caches = {key: cache for key, cache in self._caches.items() if not key.startswith(old)}
            self._sources.move_to_end(item.id)
            return self._sources[item.id]

    def packed(self, item: StudioItem, first: int, stop: int, window: Window | None) -> Iterator[bytes]:
        """Frames ``first`` up to ``stop``: of each its number and length, little-endian 32 bits, then the picture."""
        source, reading = self.source(item)
        volume = source.kind == "volume"
        cache = self._caches.setdefault(f"{item.id}{window}", LRUCache(_CACHE_BYTES // _OPEN, len))
        images: Iterator[Image] | None = None
        for index in range(first, stop):
            with reading:
                packed = cache.get(index)
                if packed is None:
                    if window is not None:
                        image = windowed(source, index, window)
                    else:
                        images = source.frames(index, stop) if images is None else images
                        image = next(images)
                    packed = webp(image, lossless=volume)
                    cache.put(index, packed)
                else:
                    images = None  # the next one that is missing is read from there
            yield struct.pack("<II", index, len(packed)) + packed

    def thumbnail(self, item: StudioItem) -> bytes:
        """The middle frame, small."""
        source, reading = self.source(item)
        with reading:
            image = source.frame((source.length or 1) // 2)
        small = Picture.fromarray(image)
        small.thumbnail((_THUMBNAIL, _THUMBNAIL))
        out = io.BytesIO()
        small.save(out, "WEBP", quality=70, method=0)
        return out.getvalue()

    def close(self) -> None:
        with self._lock:
            for source, reading in self._sources.values():
                with reading:
                    source.close()
            self._sources.clear()


def webp(image: Image, *, lossless: bool) -> bytes:
    """``image`` as WebP; a slice without loss, so that its grey values can be trusted."""
    out = io.BytesIO()
    Picture.fromarray(np.ascontiguousarray(image)).save(out, "WEBP", quality=30 if lossless else _QUALITY, lossless=lossless, method=0)
    return out.getvalue()


def windowed(source: Source, index: int, window: Window) -> Image:
    """A slice through another grey window than the source's own."""
    level, width = window
    values = source.stored(index)
    low, high = level - width / 2, level + width / 2
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, low)
    return frame_to_uint8(values, GreyWindow(low, high, "shown"), source.name)


def value_range(source: Source) -> tuple[float, float]:
    """The least and the greatest value of a few slices."""
    count = source.length or 1
    found = [source.stored(index) for index in sorted({0, count // 4, count // 2, 3 * count // 4, count - 1})]
    finite = np.concatenate([values[np.isfinite(values)].ravel() for values in found])
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 255.0)
