from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from echoseg import Session
from echoseg.types import FrameResult

FRAMES, HEIGHT, WIDTH = 12, 40, 56


@pytest.fixture(scope="session")
def clip() -> np.ndarray:
    """``(12, 40, 56)``: a bright disk that wanders over noise."""
    noise = np.random.default_rng(7).integers(0, 90, (FRAMES, HEIGHT, WIDTH))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    t = np.arange(FRAMES)[:, None, None]
    disk = (x - 16 - 2 * t) ** 2 + (y - 18) ** 2 < 100
    return (noise + 120 * disk).astype(np.uint8)


@pytest.fixture
def session_over(micro_model) -> Callable[..., Session]:
    def over(source: Any, **options: Any) -> Session:
        return Session(source, micro_model, **options)

    return over


@pytest.fixture(scope="session")
def live() -> Callable[[Iterable], Iterator]:
    """Frames that come once, as from a camera."""
    return lambda frames: iter(list(frames))


@pytest.fixture(scope="session")
def assert_same() -> Callable[..., None]:
    """Compares two propagations: the same frames in the same order, and logits equal to the last bit, or within ``atol``."""

    def same(got: Iterable[FrameResult], wanted: Iterable[FrameResult], atol: float = 0.0) -> None:
        got, wanted = list(got), list(wanted)
        assert [frame.index for frame in got] == [frame.index for frame in wanted]
        for a, b in zip(got, wanted, strict=True):
            assert sorted(a.logits) == sorted(b.logits)
            for object_id in a.logits:
                np.testing.assert_allclose(a.logits[object_id], b.logits[object_id], rtol=0, atol=atol, err_msg=f"frame {a.index}")

    return same
