"""A label map laid on the grid of an image by the places that both state in the patient: exactly, or not at all.

Axes may be swapped and reversed, and the label map may be cropped or reach beyond the image, as segmentations of Slicer and ITK-SNAP do;
its voxels must fall on those of the image. Nothing is resampled: which of two voxels a label between them belongs to, nobody has said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.volume.orientation import directions, spacing

_OFF = 0.1
"""Voxels by which two grids may lie apart and still are one: matrices are rounded when they are written."""

_APART = 8.0
"""How many times the voxels of two grids the one that holds both may have: crops of one image stay below."""

_RELATIVE = 5e-3  # spacing that differs by less is told as the same
_DEGREES = 0.5


def onto_grid(
    labels: NDArray[np.uint8], affine: NDArray[np.float64], onto: NDArray[np.float64], shape: tuple[int, ...], where: str
) -> tuple[NDArray[np.uint8], int]:
    """``labels`` on the voxels of the other grid, and by how many voxels their own grid reaches beyond it.

    Args:
        labels: ``(K, J, I)``, whose voxels (i, j, k) ``affine`` takes to LPS mm.
        affine, onto: ``(4, 4)``, of the label map and of the image.
        shape: ``(K, J, I)`` of the image.
        where: names the label map in an error.

    Raises:
        SourceError: its voxels do not fall on those of the image, or labelled ones lie outside; the message says what differs.
    """
    to_image = np.linalg.inv(onto) @ affine
    steps = np.rint(to_image)
    turn, offset = steps[:3, :3].astype(int), steps[:3, 3].astype(int)
    corners = np.array(np.meshgrid(*([0, n - 1] for n in reversed(labels.shape)), [1.0])).reshape(4, -1)
    if not _is_permutation(turn) or np.abs((to_image - steps)[:3] @ corners).max() > _OFF:
        told = "; ".join(grid_differences(affine, onto))
        raise SourceError(f"{where}: the masks do not lie on the grid of the image: {told}; bring them to its grid and save them again")
    taken = [int(np.argmax(np.abs(row))) for row in turn]  # the voxel axis of the labels for each of the image
    signs = [int(turn[axis, taken[axis]]) for axis in range(3)]
    turned = labels.T.transpose(taken)
    turned = np.flip(turned, tuple(axis for axis in range(3) if signs[axis] < 0))
    size = np.array(turned.shape)
    first = np.array([offset[axis] - (size[axis] - 1 if signs[axis] < 0 else 0) for axis in range(3)])
    room = np.array(tuple(reversed(shape)))
    low, high = np.maximum(first, 0), np.minimum(first + size, room)
    laid = np.zeros(tuple(room), np.uint8)
    if (low < high).all():
        inside = turned[tuple(slice(a - f, b - f) for a, b, f in zip(low, high, first, strict=True))]
        laid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = inside
    lost = int(np.count_nonzero(labels)) - int(np.count_nonzero(laid))
    if lost:
        told = "; ".join(grid_differences(affine, onto)) or "its grid is larger"
        raise SourceError(f"{where}: {lost} labelled voxels lie outside of the image ({told}); give the image that the masks were drawn on")
    beyond = int(max((-first).max(), (first + size - room).max(), 0))
    return np.ascontiguousarray(laid.T), beyond


def around_both(
    labels: NDArray[np.uint8], affine: NDArray[np.float64], other: NDArray[np.uint8], others: NDArray[np.float64], where: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
    """``other`` and ``labels`` on the smallest grid of the latter's voxels that holds both, and the matrix of that grid.

    Args:
        labels, other: ``(K, J, I)``, whose voxels (i, j, k) ``affine`` and ``others`` take to LPS mm.
        where: names the file of ``other`` in an error.

    Raises:
        SourceError: their voxels do not fall on each other, or the two lie far apart.
    """
    corners = np.array(np.meshgrid(*([0, n - 1] for n in reversed(other.shape)), [1.0])).reshape(4, -1)
    reach = np.rint(np.linalg.inv(affine) @ others @ corners)[:3]
    size = np.array(tuple(reversed(labels.shape)))
    before = np.maximum(-reach.min(axis=1), 0).astype(int)
    behind = np.maximum(reach.max(axis=1) - (size - 1), 0).astype(int)
    if float(np.prod((before + size + behind).astype(float))) > _APART * (labels.size + other.size):
        told = "; ".join(grid_differences(others, affine))
        raise SourceError(f"{where}: its grid and that of the reference lie apart ({told}); give two of one image")
    whole = np.pad(labels, tuple(zip(before[::-1], behind[::-1], strict=True)))
    grid = affine.copy()
    grid[:3, 3] -= affine[:3, :3] @ before
    laid, _ = onto_grid(other, others, grid, whole.shape, where)
    return laid, whole, grid


def grid_differences(affine: NDArray[np.float64], onto: NDArray[np.float64]) -> list[str]:
    """In words, what two grids differ in: spacing, direction and place; empty where it is nothing that can be told."""
    told = []
    ours, theirs = spacing(affine), spacing(onto)
    if not np.allclose(sorted(ours), sorted(theirs), rtol=_RELATIVE):
        told.append(f"their spacing is {_mm(ours)} mm, that of the image {_mm(theirs)} mm")
    cosines = np.abs(directions(onto).T @ directions(affine))
    angle = float(np.degrees(np.arccos(np.clip(cosines.max(axis=0).min(), -1, 1))))
    if angle > _DEGREES:
        told.append(f"their axes are turned by {angle:.1f} degrees against those of the image")
    apart = affine[:3, 3] - onto[:3, 3]
    if np.abs(apart).max() > _OFF * min(theirs):
        told.append(f"their first voxel lies {_mm(apart)} mm (to the left, back, head) from that of the image")
    return told


def _is_permutation(turn: NDArray[np.int_]) -> bool:
    size = np.abs(turn)
    return bool((size.sum(axis=0) == 1).all() and (size.sum(axis=1) == 1).all())


def _mm(values: NDArray[np.float64] | tuple[float, ...]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
