"""Label maps from files of every kind."""

import numpy as np
import pytest
from PIL import Image

from echoseg.errors import SourceError
from echoseg.io.labels.read import UNSTATED, read_labels
from tests.io.labels.label_files import LABELS, write


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mha", "a.mhd", "a.nrrd", "a.npz"])
def test_volumes_keep_labels_and_spacing(tmp_path, name):
    read = read_labels(write(tmp_path / name))
    assert np.array_equal(read.masks, LABELS)
    assert read.kind == "volume"
    assert (read.geometry.slice_spacing, *read.geometry.spacing) == pytest.approx((2.0, 0.5, 0.25))


def test_sixteen_bit_labels_are_not_windowed(tmp_path):
    assert np.array_equal(read_labels(write(tmp_path / "a.nrrd", LABELS.astype(np.int16))).masks, LABELS)


def test_arrays_and_images_state_no_kind_and_no_spacing(tmp_path):
    array, image = read_labels(write(tmp_path / "a.npy")), read_labels(write(tmp_path / "a.png"))
    assert np.array_equal(array.masks, LABELS)
    assert np.array_equal(image.masks, LABELS[:1])
    assert array.kind == image.kind == UNSTATED
    assert array.geometry.spacing is None


def test_a_folder_of_pictures_is_a_clip_in_natural_order(tmp_path):
    for index in range(11):
        write(tmp_path / f"frame{index}.png", np.full((4, 4), index, np.uint8))
    read = read_labels(tmp_path)
    assert read.kind == "clip"
    assert read.masks[:, 0, 0].tolist() == list(range(11))


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz", "a.npy"])
def test_black_and_white_masks_are_label_1(tmp_path, name):
    assert np.unique(read_labels(write(tmp_path / name, np.where(LABELS > 0, 255, 0).astype(np.uint8))).masks).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path / "none.nii.gz", "no such file"),
        (lambda path: path, "neither masks.nii.gz nor PNG"),
        (lambda path: write(path / "a.npy", LABELS + 0.5), "whole numbers 0..255"),
        (lambda path: write(path / "a.npy", LABELS.astype(np.int16) - 1), "whole numbers 0..255"),
        (lambda path: write(path / "a.npy", np.full((4, 4), np.nan)), "whole numbers 0..255"),
        (lambda path: write(path / "a.npy", LABELS[None]), r"\(T, H, W\)"),
        (lambda path: Image.new("RGB", (4, 4)).save(path / "a.png") or path / "a.png", "colour"),
        (lambda path: (path / "a.txt").write_text("1") and path / "a.txt", "not a label map"),
        (lambda path: (path / "a.mha").write_text("1") and path / "a.mha", "not a readable volume"),
        (lambda path: (path / "a.npz").write_text("1") and path / "a.npz", "not a readable array"),
        (lambda path: (path / "a.png").write_text("1") and path / "a.png", "not a readable image"),
    ],
)
def test_what_is_no_label_map_is_refused(tmp_path, make, reason):
    with pytest.raises(SourceError, match=reason):
        read_labels(make(tmp_path))


def test_a_mask_in_the_transparency_of_one_grey_is_refused(tmp_path):
    shape = Image.fromarray(np.where(LABELS[0] > 0, 255, 0).astype(np.uint8))
    white = Image.new("L", shape.size, 255)
    Image.merge("LA", (white, shape)).save(tmp_path / "odd.png")
    with pytest.raises(SourceError, match="its transparency holds a shape"):
        read_labels(tmp_path / "odd.png")
    Image.merge("LA", (shape, white)).save(tmp_path / "twin.png")
    assert np.array_equal(read_labels(tmp_path / "twin.png").masks[0], LABELS[0] > 0)
