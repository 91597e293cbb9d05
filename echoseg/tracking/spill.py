"""A second, larger place behind the feature cache: what memory has no room for lies on disk, so that a pass after a correction encodes
nothing again, however long the clip and large the model."""

from __future__ import annotations

import logging
import shutil
import weakref
from collections import OrderedDict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from echoseg.errors import OutputError
from echoseg.io.scratch import scratch_folder
from echoseg.model.sam2 import FrameFeatures
from echoseg.tracking.cache import LRUCache

_log = logging.getLogger(__name__)


def features_bytes(features: FrameFeatures) -> int:
    """Bytes of the tensors of a frame."""
    return sum(x.element_size() * x.nelement() for x in (features.embedding, *features.high_res))


class SpillingCache:
    """Frame features in memory, and those that memory lets go on disk; the least recently used go first from both.

    The folder is a temporary one of this cache alone, made when first needed, readable by nobody else, removed with the cache, at
    the latest by the next process (:mod:`echoseg.io.scratch`). Where
    nothing can be written, it is a cache in memory only.

    Args:
        max_bytes: in memory. ``max_disk_bytes``: on disk.

    >>> from echoseg.tracking.spill import SpillingCache
    >>> SpillingCache(max_bytes=2**20, max_disk_bytes=2**30).get(7) is None
    True
    """

    def __init__(self, max_bytes: int, max_disk_bytes: int) -> None:
        self.max_disk_bytes = max_disk_bytes
        self._memory: LRUCache[FrameFeatures] = LRUCache(max_bytes, features_bytes, self._spill)
        self._spilled: OrderedDict[int, int] = OrderedDict()
        self._folder: Path | None = None
        self._writable = True

    @property
    def bytes(self) -> int:
        """Bytes in memory now."""
        return self._memory.bytes

    @property
    def disk_bytes(self) -> int:
        """Bytes on disk now."""
        return sum(self._spilled.values())

    def get(self, key: int) -> FrameFeatures | None:
        """The features of a frame, or None; those on disk are read, and stay there."""
        held = self._memory.get(key)
        if held is not None or key not in self._spilled:
            return held
        try:
            stored = load_file(self._path(key))
        except (OSError, SafetensorError) as error:  # a cleaner of temporary files: the frame is encoded again
            _log.info("features of frame %d are lost: %s", key, error)
            del self._spilled[key]
            return None
        self._spilled.move_to_end(key)
        names = sorted(name for name in stored if name != "embedding")
        return FrameFeatures(stored["embedding"], tuple(stored[name] for name in names))

    def put(self, key: int, value: FrameFeatures) -> None:
        """Keeps the features of a frame."""
        self._remove(key)
        self._memory.put(key, value)
        if features_bytes(value) > self._memory.max_bytes:
            self._spill(key, value)

    def clear(self) -> None:
        """Forgets all frames."""
        self._memory.clear()
        for key in list(self._spilled):
            self._remove(key)

    def _spill(self, key: int, value: FrameFeatures) -> None:
        size = features_bytes(value)
        if not self._writable or size > self.max_disk_bytes or value.embedding.device.type != "cpu":
            return
        try:
            tensors = {f"level{place}": level.contiguous() for place, level in enumerate(value.high_res)}
            save_file({"embedding": value.embedding.contiguous(), **tensors}, self._path(key))
        except (OSError, OutputError, SafetensorError) as error:
            _log.info("features are kept in memory only: %s", error)
            self._writable = False
            return
        self._spilled[key] = size
        while self.disk_bytes > self.max_disk_bytes:
            self._remove(next(iter(self._spilled)))

    def _remove(self, key: int) -> None:
        if self._spilled.pop(key, None) is not None:
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: int) -> Path:
        if self._folder is None:
            self._folder = scratch_folder("features")
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder / f"{key}.safetensors"
