import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoseg.io.volume.grid_order import in_order_of

AFFINE = np.array([[0.0, -0.7, 0.1, 12.0], [0.8, 0.0, 0.0, -3.5], [0.0, 0.09, 2.5, 40.0], [0, 0, 0, 1]])
ARRAY = np.arange(2 * 3 * 4).reshape(2, 3, 4)


def stored_as(order, reversed_axes):
    """ARRAY and AFFINE with voxel axes in another order, some of them reversed."""
    voxels, affine = ARRAY.T, AFFINE.copy()
    for axis in reversed_axes:
        affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, axis] *= -1
        voxels = np.flip(voxels, axis)
    return voxels.transpose(order).T, affine[:, [*order, 3]]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("reversed_axes", [(), (0,), (1, 2), (0, 1, 2)])
def test_every_order_of_one_grid_comes_back(order, reversed_axes):
    array, affine = stored_as(order, reversed_axes)
    np.testing.assert_array_equal(in_order_of(array, affine, AFFINE, ARRAY.shape), ARRAY)


@given(st.integers(0, 2), st.sampled_from([0.2, -0.5, 1.0, 30.0]))
def test_a_grid_that_lies_elsewhere_is_another(axis, voxels):
    shifted = AFFINE.copy()
    shifted[:3, 3] += shifted[:3, axis] * voxels
    assert in_order_of(ARRAY, shifted, AFFINE, ARRAY.shape) is None


def test_another_spacing_shape_or_turn_is_another_grid():
    coarse = AFFINE * np.array([1.2, 1, 1, 1])
    turned = AFFINE @ np.array([[np.cos(0.8), -np.sin(0.8), 0, 0], [np.sin(0.8), np.cos(0.8), 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert in_order_of(ARRAY, coarse, AFFINE, ARRAY.shape) is None
    assert in_order_of(ARRAY, turned, AFFINE, ARRAY.shape) is None
    assert in_order_of(ARRAY, AFFINE, AFFINE, (2, 3, 5)) is None
