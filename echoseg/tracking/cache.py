"""A bounded cache, so that correcting a frame does not encode it again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

Value = TypeVar("Value")


class Cache(Protocol[Value]):
    """What :class:`echoseg.Session` asks of a feature cache: keys are frame indices."""

    def get(self, key: int) -> Value | None: ...

    def put(self, key: int, value: Value) -> None: ...

    def clear(self) -> None: ...


class LRUCache(Generic[Value]):
    """Keeps the most recently used values within ``max_bytes``; a single larger value is not kept.

    Args:
        max_bytes: bound on the sum of ``size_of`` over the kept values; 0 keeps nothing.
        size_of: bytes of a value.
        let_go: is given each value that makes room for others, with its key.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Value], int], let_go: Callable[[int, Value], None] | None = None) -> None:
        self.max_bytes = max_bytes
        self._size_of = size_of
        self._let_go = let_go
        self._values: OrderedDict[int, Value] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def get(self, key: int) -> Value | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: int, value: Value) -> None:
        self._drop(key)
        size = self._size_of(value)
        if size > self.max_bytes:
            return
        self._values[key] = value
        self._bytes += size
        while self._bytes > self.max_bytes:
            oldest = next(iter(self._values))
            dropped = self._values[oldest]
            self._drop(oldest)
            if self._let_go is not None:
                self._let_go(oldest, dropped)

    def clear(self) -> None:
        self._values.clear()
        self._bytes = 0

    def _drop(self, key: int) -> None:
        if key in self._values:
            self._bytes -= self._size_of(self._values.pop(key))
