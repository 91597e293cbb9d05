"""What NRRD and MetaImage headers say of the size of voxels that ITK does not hear: units of length, and statements against each other.

NRRD (teem.sourceforge.net/nrrd/format.html): ``space units`` and ``units``; an axis of ``none`` has no direction in space. MetaImage
(itk.org/Wiki/MetaIO): ``ElementSpacing`` is the distance of voxels, ``ElementSize`` their own size, ``TransformMatrix`` holds directions.
"""

from __future__ import annotations

import re

import numpy as np

from echoseg.io.volume.voxels import VOXEL_MM
from echoseg.types import Flag

_MM_PER_UNIT = {
    **dict.fromkeys(("", "mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre"), 10.0),
    **dict.fromkeys(("m", "meter", "meters", "metre"), 1000.0),
    **dict.fromkeys(("um", "µm", "micron", "microns", "micrometer", "micrometers"), 1e-3),
}
_SAME = 0.01  # relative


def unit_mm(header: bytes) -> float | None:
    """Millimetres of the unit that a NRRD header states for its axes; 1 where it states none, None for one that is no length."""
    stated = _field(header, "space units") or _field(header, "units") or ""
    units = {unit.strip().lower() for unit in re.findall(r'"([^"]*)"', stated)} - {"", "none", "???", "s", "ms", "sec"}
    scales = {_MM_PER_UNIT.get(unit) for unit in units} or {1.0}
    return scales.pop() if len(scales) == 1 else None


def size_fault(header: bytes, spacing: tuple[float | None, ...], dimension: int) -> Flag | None:
    """A flag where the size of voxels cannot be believed.

    Args:
        header: text of the header.
        spacing: along i, j and k in mm, as it would be used; None when unknown.
        dimension: of the image.
    """
    reason = _nrrd_fault(header, dimension) if header.startswith(b"NRRD") else _meta_fault(header, dimension)
    known = [step for step in spacing[: min(dimension, 3)] if step is not None]
    if reason is None and not all(VOXEL_MM[0] <= step <= VOXEL_MM[1] for step in known):
        reason = f"voxels of {' x '.join(f'{step:.4g}' for step in known)} mm, which no image has"
    if reason is None:
        return None
    return Flag("spacing_inconsistent", f"The header's voxel size is not used ({reason}): lengths, areas and volumes are unknown.")


def _nrrd_fault(header: bytes, dimension: int) -> str | None:
    if unit_mm(header) is None:
        return "its unit of length is none that is known"
    directions = _field(header, "space directions")
    vectors = re.findall(r"\(", directions or "")
    if directions is not None and len(vectors) < min(dimension, 3):
        return f"it states the direction of {len(vectors)} axes"
    return None


def _meta_fault(header: bytes, dimension: int) -> str | None:
    spacing, size = _numbers(header, "ElementSpacing"), _numbers(header, "ElementSize")
    if any(step < 0 for step in spacing or size):
        return "it is negative"
    if (
        spacing and len(size) == len(spacing) and not np.allclose(size[:2], spacing[:2], rtol=_SAME)
    ):  # thicker slices overlap, thinner have gaps
        return f"ElementSpacing is {_listed(spacing)}, ElementSize {_listed(size)}"
    matrix = next((found for name in ("TransformMatrix", "Rotation", "Orientation") if (found := _numbers(header, name))), [])
    if len(matrix) != dimension**2:
        return None
    lengths = np.linalg.norm(np.array(matrix).reshape(dimension, dimension), axis=1)
    if not np.allclose(lengths, 1.0, atol=_SAME):
        return f"the directions of TransformMatrix are of length {_listed(lengths)}, not 1"
    return None


def _field(header: bytes, name: str) -> str | None:
    found = re.search(rb"^" + name.encode() + rb"\s*[:=]([^\r\n]*)", header, re.IGNORECASE | re.MULTILINE)
    return (
        None
        if found is None
        else found[1].decode("latin-1" if b"\xb5" in found[1] and b"\xc2" not in found[1] else "utf-8", "replace").strip()
    )


def _numbers(header: bytes, name: str) -> list[float]:
    """The numbers of a field; empty where it is absent or holds anything else."""
    try:
        return [float(word) for word in (_field(header, name) or "").split()]
    except ValueError:
        return []


def _listed(values: object) -> str:
    return " x ".join(f"{value:.4g}" for value in np.asarray(values, dtype=float))
