"""The real clip of the demo: it comes with the ``pydicom-data`` wheel (MIT)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from echoseg.errors import SourceError

_CLIP = "color3d_jpeg_baseline.dcm"


def demo_clip() -> Path:
    """The path of an apical 4-chamber echo clip: 120 frames of 640x480, JPEG baseline, 33.3 ms, 0.51 mm per pixel.

    Raises:
        SourceError: the ``pydicom-data`` package is not installed.
    """
    spec = find_spec("data_store")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / _CLIP
        if path.is_file():
            return path
    raise SourceError(f"the demo clip {_CLIP} is not installed; run: pip install pydicom-data")
