"""Masks meet an image on its grid: by their place in the patient, else by their order, which is flagged, else not at all."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

import echoseg
from echoseg.errors import PromptError, SourceError
from echoseg.io import open_source
from echoseg.masks import measure
from echoseg.prompting.mask_file import mask_plan

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
AFFINE[:3, 3] = [-20, -30, 10]
BALL = np.zeros((34, 36, 8), np.uint8)
BALL[4:9, 20:26, 2:6] = 1
BALL[4:9, 20:25, 4] = 1
BALL[20:23, 5:9, 5:7] = 2
ML = (BALL == 1).sum() * 0.012


def put(path, array, affine=AFFINE):
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm", "sec")
    if affine is None:
        image.header.set_zooms((2, 2, 3))
        image.set_sform(None, 0)
        image.set_qform(None, 0)
    nib.save(image, path)
    return path


def flipped(array, affine=AFFINE):
    turned = affine.copy()
    turned[:3, :2] *= -1
    turned[:3, 3] += affine[:3, 0] * (array.shape[0] - 1) + affine[:3, 1] * (array.shape[1] - 1)
    return np.ascontiguousarray(array[::-1, ::-1]), turned


@pytest.fixture
def ct(tmp_path):
    return put(tmp_path / "ct.nii.gz", (40 + 90 * (BALL > 0)).astype(np.int16))


def as_slicer(path, layers, fields):
    image = sitk.GetImageFromArray(np.moveaxis(layers, 0, -1), isVector=True) if len(layers) > 1 else sitk.GetImageFromArray(layers[0])
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ AFFINE
    image.SetSpacing((2.0, 2.0, 3.0))
    image.SetDirection([-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0])
    image.SetOrigin((lps @ [3, 4, 1, 1])[:3].tolist())
    for key, value in fields.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))
    return path


def masks_in_every_form(tmp_path):
    cropped = BALL[3:30, 4:30, 1:7].T
    one = {"Segment0_ID": "a", "Segment0_LabelValue": "1", "Segment0_Layer": "0", "Segment0_Name": "lesion"}
    two = {"Segment1_ID": "b", "Segment1_LabelValue": "2", "Segment1_Layer": "0", "Segment1_Name": "node"}
    layered = {**two, **one, "Segment1_LabelValue": "1", "Segment1_Layer": "1"}
    yield put(tmp_path / "same.nii.gz", BALL)
    yield put(tmp_path / "lps.nii.gz", *flipped(BALL))
    for suffix in ("mha", "nrrd"):
        sitk.WriteImage(sitk.ReadImage(str(tmp_path / "lps.nii.gz")), str(tmp_path / f"lps.{suffix}"))
        yield tmp_path / f"lps.{suffix}"
    yield as_slicer(tmp_path / "cropped.seg.nrrd", cropped[None], {**one, **two})
    yield as_slicer(tmp_path / "layered.seg.nrrd", np.stack([cropped == 1, cropped == 2]).astype(np.uint8), layered)
    np.savez(tmp_path / "own.npz", segs=BALL.T, spacing=[2, 2, 3], direction=np.diag([-1, -1, 1]).ravel(), origin=[20, 30, 10])
    yield tmp_path / "own.npz"


def test_every_form_of_the_same_masks_gives_the_same_objects(tmp_path, ct):
    for path in masks_in_every_form(tmp_path):
        with open_source(ct) as source:
            plan = mask_plan(path, source, None)
            assert {i: list(frames) for i, frames in plan.prompts.items()} == {1: [2], 2: [5]}, path.name
            np.testing.assert_array_equal(plan.prompts[1][2][0].mask, BALL.T[2] == 1, err_msg=path.name)
        result = measure(path, tmp_path / "out", on=ct, overwrite=True)
        assert result.measurements["objects"][0]["volume_ml"] == pytest.approx(ML, abs=1e-3), path.name
        np.testing.assert_array_equal(np.asarray(nib.load(result.files["masks.nii.gz"]).dataobj), BALL, err_msg=path.name)
        assert plan.flags == () and not {flag.code for flag in result.flags} & {"mask_place_assumed", "mask_beyond_image"}, path.name


@pytest.mark.parametrize("place", ["finer", "between", "far"])
def test_other_grids_are_refused_as_prompt_and_on_an_image(tmp_path, ct, place):
    other = AFFINE.copy()
    if place == "finer":
        other[:3, :3] /= 2
    else:
        other[0, 3] += 0.9 if place == "between" else 500
    path = put(tmp_path / "m.nii.gz", BALL, other)
    with pytest.raises(SourceError, match="spacing|first voxel lies"):
        measure(path, tmp_path / "out", on=ct)
    with open_source(ct) as source, pytest.raises(SourceError, match="spacing|first voxel lies"):
        mask_plan(path, source, 2)


def test_masks_without_a_place_are_taken_in_order_and_flagged(tmp_path, ct):
    path = put(tmp_path / "m.nii.gz", BALL, None)
    flags = {flag.code: flag.severity for flag in measure(path, tmp_path / "out", on=ct).flags}
    assert flags["mask_place_assumed"] == "review"
    np.save(tmp_path / "m.npy", BALL.T)
    with open_source(ct) as source:
        (flag,) = mask_plan(tmp_path / "m.npy", source, None).flags
    assert (flag.code, flag.severity) == ("mask_place_assumed", "info")


def test_one_picture_needs_its_slice(tmp_path, ct):
    Image.fromarray(BALL.T[2]).save(tmp_path / "m.png")
    with open_source(ct) as source:
        with pytest.raises(PromptError, match="on which of 8 slices"):
            mask_plan(tmp_path / "m.png", source, None)
        assert list(mask_plan(tmp_path / "m.png", source, 2).prompts[1]) == [2]


def test_the_flag_reaches_the_result(tmp_path, ct, micro_model):
    np.save(tmp_path / "m.npy", BALL.T)
    found = echoseg.segment(ct, f"mask:{tmp_path / 'm.npy'}", micro_model)
    assert found.object_ids == (1, 2) and "mask_place_assumed" in {flag.code for flag in found.flags}


def test_segments_that_overlap_are_told(tmp_path, ct):
    cropped = BALL[3:30, 4:30, 1:7].T
    fields = {f"Segment{n}_{key}": value for n in (0, 1) for key, value in (("ID", f"s{n}"), ("LabelValue", "1"), ("Layer", str(n)))}
    path = as_slicer(tmp_path / "o.seg.nrrd", np.stack([cropped == 1] * 2).astype(np.uint8), fields)
    assert "segments_overlap" in {flag.code for flag in measure(path, tmp_path / "out", on=ct).flags}


def test_labels_above_255_are_renumbered_with_a_table(tmp_path, ct):
    path = put(tmp_path / "fs.nii.gz", np.array([0, 1035, 2035], np.int32)[BALL])
    result = measure(path, tmp_path / "out", names={2035: "node"})
    assert dict(result.segmentation.names) == {1: "label 1035", 2: "node"}
    assert result.measurements["provenance"]["options"]["label_numbers"] == {"1": 1035, "2": 2035}
    assert [flag.code for flag in result.flags] == ["labels_renumbered"]
    with open_source(ct) as source:
        assert dict(mask_plan(path, source, None).names) == {1: "label 1035", 2: "label 2035"}
