"""A label map is laid on an image's grid by both affines, exactly, or refused with what differs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.errors import SourceError
from echoseg.io.volume.onto_grid import onto_grid

AFFINE = np.diag([2.0, 2.5, 3.0, 1.0])
AFFINE[:3, 3] = [-60, 40, 7]
LABELS = np.zeros((5, 6, 7), np.uint8)
LABELS[1:3, 2:5, 1:4] = 1
LABELS[3, 1, 5] = 2


def reordered(labels, affine, axes, reverse):
    """The same voxels of the patient, stored with other axes."""
    stored = labels.T.transpose(axes)
    turned = affine[:, [*axes, 3]].copy()
    for axis in reverse:
        turned[:3, 3] += turned[:3, axis] * (stored.shape[axis] - 1)
        turned[:3, axis] *= -1
    return np.flip(stored, reverse).T, turned


@settings(max_examples=30, deadline=None)
@given(axes=st.permutations(range(3)), reverse=st.sets(st.integers(0, 2)))
def test_any_order_of_axes_comes_back(axes, reverse):
    stored, affine = reordered(LABELS, AFFINE, list(axes), sorted(reverse))
    laid, beyond = onto_grid(stored, affine, AFFINE, LABELS.shape, "m")
    np.testing.assert_array_equal(laid, LABELS)
    assert beyond == 0


def test_a_cropped_grid_lies_where_it_was_cut_and_one_that_sticks_out_is_told():
    first = AFFINE.copy()
    first[:3, 3] += AFFINE[:3, :3] @ [1, 1, 1]
    laid, beyond = onto_grid(LABELS[1:4, 1:5, 1:6], first, AFFINE, LABELS.shape, "m")
    np.testing.assert_array_equal(laid, LABELS)
    assert beyond == 0
    wide = AFFINE.copy()
    wide[:3, 3] -= AFFINE[:3, :3] @ [4, 0, 0]
    laid, beyond = onto_grid(np.pad(LABELS, ((0, 0), (0, 0), (4, 0))), wide, AFFINE, LABELS.shape, "m")
    np.testing.assert_array_equal(laid, LABELS)
    assert beyond == 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: a @ np.diag([0.5, 0.5, 0.5, 1]), "their spacing is 1 x 1.25 x 1.5 mm, that of the image 2 x 2.5 x 3 mm"),
        (lambda a: a + np.pad([[0.9], [0], [0], [0]], ((0, 0), (3, 0))), "first voxel lies 0.9 x 0 x 0 mm"),
        (lambda a: a + np.pad([[60.0], [0], [0], [0]], ((0, 0), (3, 0))), "labelled voxels lie outside"),
        (lambda a: np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]) @ a, "turned by 36.9 degrees"),
    ],
)
def test_what_is_not_exact_is_refused_and_named(change, told):
    with pytest.raises(SourceError, match=told):
        onto_grid(LABELS, change(AFFINE), AFFINE, LABELS.shape, "m")
