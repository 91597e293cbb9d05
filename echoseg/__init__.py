"""Promptable segmentation of medical sequences: an echo clip or a CT/MRI volume in, masks, measures and pictures out.

Importing this package imports neither torch nor numpy: each public name is loaded from its room when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from echoseg.errors import EchosegError
    from echoseg.io import open_source
    from echoseg.masks import measure
    from echoseg.model import load_model
    from echoseg.pipeline import run, segment, stream
    from echoseg.tracking import MemorySelection, Session
    from echoseg.types import Box, Box3D, FrameResult, MaskPrompt, Point3D, Points, Segmentation

__version__ = "0.1.0"

_HOME = {
    "Box": "echoseg.types",
    "Box3D": "echoseg.types",
    "EchosegError": "echoseg.errors",
    "FrameResult": "echoseg.types",
    "MaskPrompt": "echoseg.types",
    "MemorySelection": "echoseg.tracking",
    "Point3D": "echoseg.types",
    "Points": "echoseg.types",
    "Segmentation": "echoseg.types",
    "Session": "echoseg.tracking",
    "load_model": "echoseg.model",
    "measure": "echoseg.masks",
    "open_source": "echoseg.io",
    "run": "echoseg.pipeline",
    "segment": "echoseg.pipeline",
    "stream": "echoseg.pipeline",
}
"""Where each public name lives. Keep in step with the ``TYPE_CHECKING`` imports, which are for editors and type checkers."""

__all__ = [
    "Box",
    "Box3D",
    "EchosegError",
    "FrameResult",
    "MaskPrompt",
    "MemorySelection",
    "Point3D",
    "Points",
    "Segmentation",
    "Session",
    "__version__",
    "load_model",
    "measure",
    "open_source",
    "run",
    "segment",
    "stream",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # the next access does not come through here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
