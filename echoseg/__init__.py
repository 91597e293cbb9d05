"""Promptable segmentation of medical sequences: an echo clip or a CT/MRI volume in, masks, measures and pictures out.

Importing this package imports neither torch nor numpy: each public name is loaded from its room when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Box": "echoseg.types",
    "Box3D": "echoseg.types",
    "EchosegError": "echoseg.errors",
    "FrameResult": "echoseg.types",
    "MaskPrompt": "echoseg.types",
    "MemorySelection": "echoseg.options",
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
"""Where each public name lives; ``__init__.pyi`` says the same to editors and type checkers."""

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # the next access does not come through here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
