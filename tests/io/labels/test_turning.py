"""Masks of a clip whose file runs the other way are laid the right way round, or the contradiction is told."""

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.io import open_source
from echoseg.io.labels.placing import laid_on
from echoseg.io.labels.read import read_labels
from echoseg.masks import measure
from echoseg.prompting.mask_file import mask_plan

AFFINE = np.diag([0.5, 0.4, 1.0, 1.0])
AFFINE[:3, 3] = [-12, 7, 0]
MASKS = np.zeros((6, 40, 48), np.uint8)
for moment in range(6):
    MASKS[moment, 5 : 15 + moment, 8:20] = 1


def put(path, frames, affine, four=True):
    stored = frames.T[:, :, None] if four else frames.T
    image = nibabel.Nifti1Image(np.ascontiguousarray(stored), affine)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
    return path


def turned(frames, axes):
    affine, frames = AFFINE.copy(), np.flip(frames, [2 - axis for axis in axes])
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (frames.shape[2 - axis] - 1)
        affine[:3, axis] *= -1
    return np.ascontiguousarray(frames), affine


@settings(max_examples=8, deadline=None)
@given(axes=st.sets(st.integers(0, 1)), swapped=st.booleans(), four=st.booleans())
def test_clip_masks_of_any_order_lie_where_they_were_drawn(tmp_path_factory, axes, swapped, four):
    folder = tmp_path_factory.mktemp("clip")
    clip = put(folder / "clip.nii.gz", (40 + 100 * MASKS).astype(np.uint8), AFFINE, four)
    frames, affine = turned(MASKS, sorted(axes))
    if swapped:
        frames, affine = frames.swapaxes(1, 2), affine[:, [1, 0, 2, 3]]
    mask = put(folder / "mask.nii.gz", frames, affine, four)
    with open_source(clip, kind="clip") as source:
        laid = laid_on(read_labels(mask, "clip"), source, mask)
        np.testing.assert_array_equal(laid.masks, MASKS)
        assert laid.flags == ()
        np.testing.assert_array_equal(mask_plan(mask, source, 2).prompts[1][2][0].mask, MASKS[2] == 1)


def test_the_masks_of_one_slice_in_time_are_measured_the_right_way_round(tmp_path):
    clip = put(tmp_path / "clip.nii.gz", (40 + 100 * MASKS).astype(np.uint8), AFFINE)
    mask = put(tmp_path / "mask.nii.gz", *turned(MASKS, [0, 1]))
    result = measure(mask, tmp_path / "out", on=clip, view="A4C")
    np.testing.assert_array_equal(np.asarray(nibabel.load(result.files["masks.nii.gz"]).dataobj).T, MASKS)


@pytest.mark.parametrize("given", [np.diag([0.5, 0.4, 1, 1]), np.diag([-0.5, -0.4, 1, 1])])
def test_a_default_that_lies_beside_the_clip_turns_nothing_and_is_told(tmp_path, given):
    clip = put(tmp_path / "clip.nii.gz", (40 + 100 * MASKS).astype(np.uint8), np.diag([0.5, 0.4, 1, 1]))
    mask = put(tmp_path / "mask.nii.gz", MASKS, given)
    with open_source(clip) as source:
        laid = laid_on(read_labels(mask), source, mask)
    np.testing.assert_array_equal(laid.masks, MASKS)
    assert [flag.code for flag in laid.flags] == (["mask_place_assumed"] if given[0, 0] < 0 else [])
