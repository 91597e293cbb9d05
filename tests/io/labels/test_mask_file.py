"""Masks are read by their stored values, whatever the type and the format."""

import cv2
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from echoseg.errors import PromptError, SourceError
from echoseg.io import open_source
from echoseg.io.labels.mask import read_mask_map
from echoseg.prompting.mask_file import mask_plan

LESION = np.zeros((40, 50), dtype=bool)
LESION[12:16, 20:24] = True  # 16 of 2,000 pixels: far less than the half per cent that a window would cut off in the volume below


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_small_lesion_in_a_volume_is_whole(tmp_path, suffix, dtype):
    labels = np.zeros((6, *LESION.shape), dtype=dtype)
    labels[4][LESION] = 1
    path = tmp_path / f"labels.{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(labels), str(path))
    masks = read_mask_map(path).masks
    np.testing.assert_array_equal(masks[4] > 0, LESION)
    assert not masks[3].any()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float64])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_arrays_of_any_type(tmp_path, suffix, dtype):
    labels = np.stack([LESION * 0, LESION * 300 if dtype in (np.int32, np.float64) else LESION]).astype(dtype)
    path = tmp_path / f"labels.{suffix}"
    np.save(path, labels) if suffix == "npy" else np.savez(path, masks=labels)
    np.testing.assert_array_equal(read_mask_map(path).masks[1] > 0, LESION)


def test_a_label_below_the_others_is_kept(tmp_path):
    labels = LESION.astype(np.int32)
    labels[30:, :] = 1000  # mapped to 0..255, label 1 would round to 0
    np.save(tmp_path / "labels.npy", labels)
    found = read_mask_map(tmp_path / "labels.npy")
    np.testing.assert_array_equal(found.in_file(found.masks)[0], labels)


def test_values_below_zero_are_outside(tmp_path):
    np.save(tmp_path / "logits.npy", np.where(LESION, 0.25, -1024.0))
    np.testing.assert_array_equal(read_mask_map(tmp_path / "logits.npy").masks[0] > 0, LESION)


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB", "P"])
def test_images_of_any_mode(tmp_path, mode):
    if mode == "I;16":
        image = Image.fromarray(LESION.astype(np.uint16))
    elif mode == "RGB":
        image = Image.fromarray(np.stack([LESION * 0, LESION * 200, LESION * 0], axis=2).astype(np.uint8))
    else:
        image = Image.fromarray((LESION * 255).astype(np.uint8)).convert(mode)
    image.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask_map(tmp_path / "mask.png").masks[0] > 0, LESION)


def test_a_folder_of_images_is_a_sequence_of_masks(tmp_path):
    for index, mask in enumerate([~LESION, LESION]):
        Image.fromarray(mask.astype(np.uint8)).save(tmp_path / f"{index}.png")
    np.testing.assert_array_equal(read_mask_map(tmp_path).masks[1] > 0, LESION)


@pytest.mark.parametrize("frame", [-1, 2])
def test_a_frame_that_the_file_does_not_hold_is_refused(tmp_path, frame):
    np.save(tmp_path / "labels.npy", np.stack([LESION, LESION]))
    with open_source(np.zeros((2, *LESION.shape), np.uint8)) as source, pytest.raises(PromptError, match=f"no frame {frame}"):
        mask_plan(tmp_path / "labels.npy", source, frame)


def test_nan_is_refused_and_named(tmp_path):
    labels = np.where(LESION, np.nan, 0.0)
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(SourceError, match="labels.npy: the mask holds values that are NaN"):
        read_mask_map(tmp_path / "labels.npy")


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_black_and_white_mask_that_went_through_jpeg_is_one_object(tmp_path, quality):
    drawn = np.zeros((120, 160), np.uint8)
    cv2.ellipse(drawn, (80, 60), (12, 9), 20, 0, 360, 255, -1)
    greys = cv2.imdecode(cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    Image.fromarray(greys).save(tmp_path / "mask.png")
    found = read_mask_map(tmp_path / "mask.png")
    np.testing.assert_array_equal(found.masks[0], drawn > 0)
    assert [flag.code for flag in found.flags] == ["mask_assumed"]


def test_many_low_and_high_label_numbers_stay_labels(tmp_path):
    labels = np.zeros((120, 160), np.uint8)
    for place, number in enumerate((1, 2, 3, 4, 5, 201, 202, 203, 204, 205)):
        labels[40:90, 5 + 15 * place : 20 + 15 * place] = number
    Image.fromarray(labels).save(tmp_path / "labels.png")
    found = read_mask_map(tmp_path / "labels.png")
    np.testing.assert_array_equal(found.masks[0], labels)
    assert found.flags == ()


@pytest.mark.parametrize("inverted", [True, False])
def test_a_mask_drawn_black_on_white_is_said_to_be(tmp_path, inverted):
    Image.fromarray((inverted != LESION).astype(np.uint8) * 255).save(tmp_path / "mask.png")
    assert [flag.code for flag in read_mask_map(tmp_path / "mask.png").flags] == ["mask_inverted"] * inverted
