"""One voxel grid in another order of its axes: exact, nothing is resampled. Files of one grid may differ in order and direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_OFF = 0.1
"""Voxels by which two grids may lie apart and still are one: matrices are rounded when they are written."""


def in_order_of(
    array: NDArray[np.generic], affine: NDArray[np.float64], onto: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.generic] | None:
    """``array`` with its axes swapped and reversed so that it has the order of another grid; None where it is not the same grid.

    Args:
        array: ``(K, J, I)``, whose voxels (i, j, k) ``affine`` takes to LPS mm.
        affine, onto: ``(4, 4)``, of the array and of the other grid.
        shape: ``(K, J, I)`` of the other grid.
    """
    to_other = np.linalg.inv(onto) @ affine
    turn = np.rint(to_other[:3, :3])
    if not np.array_equal(np.abs(turn) @ np.ones(3), np.ones(3)) or not np.array_equal(np.ones(3) @ np.abs(turn), np.ones(3)):
        return None
    taken = [int(np.argmax(np.abs(row))) for row in turn]  # the voxel axis of the array for each of the other grid
    turned = array.T.transpose(taken)
    if turned.shape != tuple(reversed(shape)):
        return None
    reverse = [axis for axis in range(3) if turn[axis, taken[axis]] < 0]
    expected = np.eye(4)
    expected[:3, :3] = turn
    expected[reverse, 3] = np.array(turned.shape)[reverse] - 1
    corners = np.array(np.meshgrid(*([0, n - 1] for n in reversed(array.shape)), [1.0])).reshape(4, -1)
    if np.abs((to_other - expected) @ corners).max() > _OFF:
        return None
    return np.flip(turned, tuple(reverse)).T
