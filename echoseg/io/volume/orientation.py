"""Which way a voxel grid lies in the patient: anatomical planes, slice geometry, shear. Pure functions of a 4x4 matrix.

Matrices lead from voxel index (i, j, k) to LPS millimetres (x to the patient's left, y to the back, z to the head), as in
DICOM and ITK. An array of the voxels has the axes (k, j, i), so that array axis ``a`` is voxel axis ``2 - a``.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from echoseg.options import Plane
from echoseg.types import Geometry

PLANES: tuple[Plane, ...] = get_args(Plane)

_LETTERS = (("left", "right"), ("posterior", "anterior"), ("superior", "inferior"))  # along +x, -x, +y, ...
_SHEARED = 1e-3  # a shift of one pixel over a thousand


def array_axis(affine: NDArray[np.float64], plane: Plane) -> int:
    """The array axis (0 for k, 1 for j, 2 for i) to slice along for ``plane``.

    The axial axis is the one closest to superior-inferior; of the other two, the coronal axis is the one closer to
    anterior-posterior. So each plane has an axis of its own, however oblique the grid.
    """
    if plane == "stored":
        return 0
    cosines = np.abs(directions(affine))
    axial = int(np.argmax(cosines[2]))
    first, second = (axis for axis in (0, 1, 2) if axis != axial)
    coronal = first if cosines[1, first] * cosines[0, second] >= cosines[1, second] * cosines[0, first] else second
    return 2 - {"axial": axial, "coronal": coronal, "sagittal": 3 - axial - coronal}[plane]


def spacing(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """Distance between neighbouring voxels along i, j and k, in mm."""
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(i), float(j), float(k)


def directions(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3, 3)``, a unit vector for each voxel axis in its columns."""
    return np.asarray(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))


def is_sheared(affine: NDArray[np.float64], above: float = _SHEARED) -> bool:
    """True when the cosine between two voxel axes is more than ``above``: CT with a tilted gantry."""
    axes = directions(affine)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > above)


def is_usable(affine: NDArray[np.float64]) -> bool:
    """True when the matrix is finite and gives every voxel a place of its own."""
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        return False
    with np.errstate(over="ignore"):  # of matrices with numbers beyond all measure
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return bool(lengths.min() > 0 and np.isfinite(lengths).all() and abs(np.linalg.det(affine[:3, :3] / lengths)) > 1e-6)


def slice_geometry(affine: NDArray[np.float64], axis: int) -> Geometry:
    """Geometry of the frames that slicing along array axis ``axis`` gives; rows and columns keep the order of the array.

    The slice spacing is the distance between the planes of neighbouring slices, also where the grid is sheared.
    """
    row_axis, column_axis = (2 - a for a in (0, 1, 2) if a != axis)
    slice_axis = 2 - axis
    ordered = affine[:, [column_axis, row_axis, slice_axis, 3]]
    normal = np.cross(ordered[:3, 0], ordered[:3, 1])
    distance = abs(float(ordered[:3, 2] @ normal)) / float(np.linalg.norm(normal))
    steps = spacing(affine)
    return Geometry(spacing=(steps[row_axis], steps[column_axis]), slice_spacing=distance, affine=ordered)


def towards(vector: NDArray[np.float64]) -> str:
    """The side of the patient that an LPS vector points to most: left, right, posterior, anterior, superior, inferior."""
    axis = int(np.argmax(np.abs(vector)))
    return _LETTERS[axis][0 if vector[axis] > 0 else 1]
