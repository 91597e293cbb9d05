"""Which files are label maps, and which numbers their labels are."""

import numpy as np
import pytest
from PIL import Image

from echoseg.errors import SourceError
from echoseg.masks import measure
from tests.masks.mask_files import foreign_nifti
from tests.study.conftest import beating

LABELS = beating(13.0)


def saved(path, labels=LABELS):
    np.save(path, labels)
    return path


@pytest.mark.parametrize("name", ["a4c.npy", "a4c.nii.gz"])
def test_black_and_white_masks_are_label_1(tmp_path, name):
    white = (LABELS * 255).astype(np.uint8)
    path = saved(tmp_path / name, white) if name.endswith("npy") else foreign_nifti(tmp_path / name, white)
    assert measure(path, tmp_path / "out", kind="clip").segmentation.names == {1: "LV"}


@pytest.mark.parametrize("name", ["image.npy", "image.png", "image.nii.gz"])
def test_a_picture_is_no_label_map(tmp_path, name):
    grey = np.random.default_rng(0).integers(0, 238, (1, 64, 64), dtype=np.uint8)
    if name.endswith("png"):
        Image.fromarray(grey[0]).save(tmp_path / name)
    elif name.endswith("npy"):
        np.save(tmp_path / name, grey)
    else:
        foreign_nifti(tmp_path / name, grey)
    with pytest.raises(SourceError, match="looks like a picture, not a label map"):
        measure(tmp_path / name, tmp_path / "out")


def test_label_maps_of_as_many_organs_as_anybody_names_are_read(tmp_path):
    labels = np.zeros((4, 64, 64), np.uint8)
    labels[1, :12, :10] = np.arange(120).reshape(12, 10)
    path = foreign_nifti(tmp_path / "total.nii.gz", labels, steps=(1, 1, 2), units=("mm", None))
    assert len(measure(path, tmp_path / "out").measurements["objects"]) == 119


@pytest.mark.parametrize("mode", ["P", "L"])
def test_indices_of_palette_images_are_the_labels(tmp_path, mode):
    folder = tmp_path / "masks_a4c"
    folder.mkdir()
    for index, labels in enumerate(beating(13.0, atrium=True)):
        image = Image.fromarray(labels)
        if mode == "P":
            image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        image.save(folder / f"{index:02d}.png")
    result = measure(folder, tmp_path / "out", names={1: "LV", 2: "LA"})
    np.testing.assert_array_equal(result.segmentation.masks, beating(13.0, atrium=True))
    assert result.analysis.ef is not None


def test_true_colours_are_no_labels(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(folder / "0.png")
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(folder / "1.png")
    with pytest.raises(SourceError, match="a colour image is no label map"):
        measure(folder, tmp_path / "out")
