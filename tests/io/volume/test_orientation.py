import itertools

import nibabel
import numpy as np
import pytest

from echoseg.io.volume.orientation import PLANES, array_axis, is_sheared, is_usable, slice_geometry, towards

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
ALL_48 = [(order, signs) for order in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)]


def grid(order, signs, steps=(0.5, 0.75, 3.0)):
    """LPS matrix whose voxel axis ``n`` runs along patient axis ``order[n]``."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis in range(3):
        affine[order[axis], axis] = signs[axis] * steps[axis]
    affine[:3, 3] = (-10, 20, 30)
    return affine


@pytest.mark.parametrize(("order", "signs"), ALL_48)
def test_each_plane_is_found_in_any_order_of_axes(order, signs):
    affine = grid(order, signs)
    codes = nibabel.aff2axcodes(RAS_TO_LPS @ affine)  # an independent reading
    for plane, letters in (("axial", "SI"), ("coronal", "AP"), ("sagittal", "LR")):
        assert codes[2 - array_axis(affine, plane)] in letters
    assert array_axis(affine, "stored") == 0


@pytest.mark.parametrize("seed", range(20))
def test_planes_of_oblique_grids_have_an_axis_each(seed):
    directions, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = directions
    axes = {plane: array_axis(affine, plane) for plane in PLANES[:3]}
    assert sorted(axes.values()) == [0, 1, 2]
    assert axes["axial"] == 2 - np.abs(directions[2]).argmax()


@pytest.mark.parametrize(("order", "signs"), ALL_48[::5])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slice_geometry_leads_to_the_same_place(order, signs, axis):
    affine = grid(order, signs)
    geometry = slice_geometry(affine, axis)
    voxel = np.array([3, 5, 7])  # i, j, k
    slice_axis, rows, columns = 2 - axis, *(2 - a for a in range(3) if a != axis)
    place = geometry.affine @ [voxel[columns], voxel[rows], voxel[slice_axis], 1]
    np.testing.assert_allclose(place[:3], (affine @ [*voxel, 1])[:3])
    steps = (0.5, 0.75, 3.0)
    assert geometry.spacing == pytest.approx((steps[rows], steps[columns]))
    assert geometry.slice_spacing == pytest.approx(steps[slice_axis])


def test_slices_of_a_sheared_grid_are_as_far_apart_as_their_planes():
    affine = grid((0, 1, 2), (1, 1, 1), (1, 1, 3))
    affine[1, 2] = 4.0  # a step of 5 mm, 3 of them upwards
    assert is_sheared(affine)
    assert slice_geometry(affine, 0).slice_spacing == pytest.approx(3)
    assert not is_sheared(grid((2, 0, 1), (1, -1, 1)))


@pytest.mark.parametrize("spoil", [np.nan, np.inf, 0.0, 1e200])
def test_a_matrix_that_gives_no_place_is_not_usable(spoil):
    affine = grid((0, 1, 2), (1, 1, 1))
    assert is_usable(affine)
    affine[0, 0] = spoil
    assert not is_usable(affine)


def test_sides_of_the_patient_are_named():
    assert [towards(np.array(v)) for v in ((1, 0, 0.2), (0, -1, 0), (0.1, 0, -3))] == ["left", "anterior", "inferior"]
