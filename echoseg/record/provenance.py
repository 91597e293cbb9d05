"""Where a result came from: versions, model, weights, options. Nothing that names a person, a machine or a folder."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import PurePath
from typing import Any

import numpy as np

from echoseg import __version__
from echoseg.types import Box, MaskPrompt, Points

PACKAGES = ("torch", "onnxruntime", "numpy", "opencv-python-headless", "av", "pydicom", "SimpleITK")
"""The packages whose versions can change a result."""

# A drive letter and everything up to the last separator; ':', ';', ',' and '@' part the pieces of a prompt such as "mask:dir/a.png@3".
_FOLDERS = re.compile(r"(?:\b[A-Za-z]:)?[^:;,@]*[/\\]")


def provenance(
    *,
    model: str | None,
    weights_sha256: str | None,
    weights: Sequence[Mapping[str, Any]] = (),
    prompt: object = None,
    options: Mapping[str, Any] | None = None,
    created: datetime | None = None,
) -> dict[str, Any]:
    """The provenance record of one run.

    Args:
        model: name of the model, or None when masks were given.
        weights_sha256: hex digest of the checkpoint file, or None when unknown.
        weights: every set of weights that had a part in the result: name, sha256, licence, citation.
        prompt: what seeded the tracker, see :func:`plain`.
        options: everything else that was chosen; values are made plain by :func:`plain`.
        created: time of the run, default now; written in UTC to the second.

    Returns:
        Plain JSON values only: no NaN, no objects, no paths with folders.
    """
    moment = (created or datetime.now(timezone.utc)).astimezone(timezone.utc)
    return {
        "created": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "model": {"name": model, "weights_sha256": weights_sha256},
        "weights": [dict(one) for one in weights],
        "prompt": plain(prompt),
        "options": {str(key): plain(value) for key, value in (options or {}).items()},
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """``{package: version}`` of echoseg, Python and the packages in :data:`PACKAGES` that are installed."""
    found = {"echoseg": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def plain(value: object) -> Any:
    """A value as plain JSON: prompts become short descriptions, paths lose their folders, NaN and infinity become None.

    Arrays become ``"float32 (4, 4)"``; objects of unknown types become their type's name, since their ``repr`` may hold anything.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return _FOLDERS.sub("", value)
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, Box):
        return {"box": [value.x0, value.y0, value.x1, value.y1]}
    if isinstance(value, Points):
        return {"points": value.xy.tolist(), "labels": value.labels.tolist()}
    if isinstance(value, MaskPrompt):
        return {"mask_pixels": int(value.mask.sum())}
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, Mapping):
        return {_FOLDERS.sub("", str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {type(value).__name__.lower(): {part.name: plain(getattr(value, part.name)) for part in fields(value)}}
    return type(value).__name__
