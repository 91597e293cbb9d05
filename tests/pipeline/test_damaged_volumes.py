"""A damaged volume is refused with one line, and nothing of it is left in the results."""

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file

import echoseg
from echoseg.errors import EchosegError

BOX = echoseg.Box(5, 5, 30, 30)
VALUES = np.random.default_rng(0).integers(0, 255, (4, 40, 36), dtype=np.uint8)


def refused(path, out, model, **options):
    with pytest.raises(EchosegError) as caught:
        echoseg.run(path, out=out, prompt=BOX, model=model, **options)
    assert "\n" not in str(caught.value)
    return not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha", "npz"])
@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.6, 0.95])
def test_a_cut_off_file(tmp_path, micro_model, suffix, fraction):
    path = tmp_path / f"v.{suffix}"
    if suffix == "npz":
        np.savez(path, imgs=VALUES, spacing=[1.0, 2, 3])
    elif suffix.startswith("nii"):
        nibabel.save(nibabel.Nifti1Image(VALUES.T, np.eye(4)), path)
    else:
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VALUES), str(path), True)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    assert refused(path, tmp_path / "out", micro_model)


def test_a_slice_that_cannot_be_decoded_is_found_on_the_way(tmp_path, micro_model):
    """Its header is whole, its compressed data is not: slices before it have been segmented already."""
    folder = tmp_path / "series"
    folder.mkdir()
    dataset = pydicom.dcmread(get_testdata_file("MR_small_jp2klossless.dcm"))
    for n in range(4):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{n + 1}"
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.Modality = [0, 0, 3.0 * n], [1, 0, 0, 0, 1, 0], "CT"
        dataset.save_as(folder / f"s{n}")
    data = bytearray((folder / "s2").read_bytes())
    start = data.rindex(b"\xff\x93") + 2  # start of data in the JPEG 2000 codestream
    data[start - 40 : start + 200] = bytes(240)
    (folder / "s2").write_bytes(data)
    assert refused(folder, tmp_path / "out", micro_model)


def test_a_choice_that_does_not_fit(tmp_path, micro_model):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VALUES), str(tmp_path / "v.nrrd"))
    for options in ({"window": "lungs"}, {"axis": "oblique"}, {"part": "slice:9"}, {"series": 3}, {"format": "tiff"}):
        assert refused(tmp_path / "v.nrrd", tmp_path / "out", micro_model, **options)
