import os
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.labels.formats import write_label_map_as
from echoseg.io.labels.read import read_labels
from echoseg.masks import measure

DIRECTIONS = {  # columns are where i, j and k point, in LPS
    "axial": np.eye(3),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, -1, 0]]),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "oblique": np.array([[0.96, 0, -0.28], [0, 1, 0], [0.28, 0, 0.96]]),
}
SLICE_AXIS = {"axial": 2, "sagittal": 1, "coronal": 1, "oblique": 2}  # the voxel axis (i, j, k) nearest to superior-inferior
SUFFIXES = ["nii.gz", "nii", "nrrd", "mha", "mhd"]


def volume(direction="axial", dtype=np.uint8, shape=(40, 44, 48)):
    """A SimpleITK image, 48 x 44 x 40 voxels (i, j, k), of random values."""
    image = SimpleITK.GetImageFromArray(np.random.default_rng(0).integers(0, 255, shape).astype(dtype))
    image.SetSpacing((0.5, 0.75, 3.0))
    image.SetOrigin((-10.0, 20.0, 30.0))
    image.SetDirection(DIRECTIONS[direction].ravel().tolist())
    return image


def written(image, path):
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_slices_are_axial_and_geometry_leads_to_the_same_place(tmp_path, direction, suffix):
    image = volume(direction)
    source = open_source(written(image, tmp_path / f"v.{suffix}"))
    axis = SLICE_AXIS[direction]
    assert (source.kind, source.length, source.name) == ("volume", image.GetSize()[axis], "v")
    column, row, number = 7, 5, 3
    voxel = [0, 0, 0]
    row_axis, column_axis = [a for a in (2, 1, 0) if a != axis]
    voxel[column_axis], voxel[row_axis], voxel[axis] = column, row, number
    assert source.frame(number)[row, column] == image[tuple(voxel)]
    place = source.geometry.affine @ [column, row, number, 1]
    np.testing.assert_allclose(place[:3], image.TransformIndexToPhysicalPoint(voxel), atol=1e-4)
    spacing = image.GetSpacing()
    assert source.geometry.spacing == pytest.approx((spacing[row_axis], spacing[column_axis]))
    assert source.geometry.slice_spacing == pytest.approx(spacing[axis])


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_masks_go_back_to_the_order_of_the_file(tmp_path, direction):
    image = volume(direction)
    source = open_source(written(image, tmp_path / "v.nrrd"))
    stored = source.to_stored(np.array(list(source.frames())))
    np.testing.assert_array_equal(stored, SimpleITK.GetArrayFromImage(image))
    np.testing.assert_array_equal(source.from_stored(stored), list(source.frames()))


def test_every_way_of_reading_agrees(tmp_path):
    source = open_source(written(volume("sagittal"), tmp_path / "v.nii.gz"))
    through = list(source.frames())
    np.testing.assert_array_equal([source.frame(i) for i in range(source.length)], through)
    np.testing.assert_array_equal(list(source.frames_backward(source.length - 1)), through[::-1])


def test_hounsfield_units_get_the_soft_tissue_window(tmp_path):
    values = np.full((3, 40, 40), -1000, dtype=np.int16)
    values[1, 0, :4] = [-160, 40, 240, 140]
    source = open_source(written(SimpleITK.GetImageFromArray(values), tmp_path / "ct.nii"))
    assert source.frame(1)[0, :4].tolist() == [0, 128, 255, 191]
    assert "soft tissue" in source.details["intensity"]


def test_other_values_are_windowed_by_percentile(tmp_path):
    values = np.linspace(0, 1000, 3 * 40 * 40).reshape(3, 40, 40).astype(np.float32)
    source = open_source(written(SimpleITK.GetImageFromArray(values), tmp_path / "mr.nii"))
    assert source.frame(0)[0, 0] == 0
    assert source.frame(2)[-1, -1] == 255
    assert "percentile" in source.details["intensity"]


@pytest.mark.parametrize("suffix", ["png.mha", "mhd", "nii.gz"])
def test_one_slice_is_an_image_with_spacing(tmp_path, suffix):
    image = volume(shape=(1, 40, 50))
    source = open_source(written(image, tmp_path / f"echo.{suffix}"))
    assert (source.kind, source.length, source.geometry.spacing) == ("image", 1, (0.75, 0.5))


def test_a_volume_file_can_be_read_as_a_clip(tmp_path):
    image = volume("coronal")
    image.SetSpacing((0.5, 0.75, 0.02))
    source = open_source(written(image, tmp_path / "cine.nii.gz"), kind="clip")
    assert (source.kind, source.length) == ("clip", 40)
    assert source.timing.fps == pytest.approx(50)
    np.testing.assert_array_equal(list(source.frames()), SimpleITK.GetArrayFromImage(image))


def test_five_dimensions_are_unsupported(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 9, 10, 3, 2), dtype=np.uint8), np.eye(4)), tmp_path / "5d.nii.gz")
    with pytest.raises(UnsupportedSourceError, match="5 dimensions"):
        open_source(tmp_path / "5d.nii.gz")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.98])
def test_cut_off_volumes_are_refused(tmp_path, suffix, fraction):
    path = written(volume(), tmp_path / f"v.{suffix}")
    data_file = path.with_suffix(".raw") if suffix == "mhd" else path
    data = data_file.read_bytes()
    data_file.write_bytes(data[: int(len(data) * fraction)])
    with pytest.raises(SourceError, match=r"v\."):
        list(open_source(path).frames())


def test_a_header_without_its_data_file_is_refused(tmp_path):
    path = written(volume(), tmp_path / "v.mhd")
    path.with_suffix(".raw").unlink()
    with pytest.raises(SourceError, match=r"v\.mhd"):
        open_source(path)


def write_series(folder, count=4, uid="1.2.3", positions=None):
    folder.mkdir(exist_ok=True)
    template = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    for index in range(count):
        template.SeriesInstanceUID = uid
        template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{index + 1}"
        template.ImagePositionPatient = [0, 0, 5.0 * (positions[index] if positions else index)]
        template.InstanceNumber = index
        template.PixelData = np.full((128, 128), 1024 + 10 * index, dtype=np.int16).tobytes()
        template.save_as(folder / f"{uid}-{99 - index}")
    return folder


def test_a_dicom_series_is_sorted_by_place(tmp_path):
    source = open_source(write_series(tmp_path / "series"))
    assert (source.kind, source.length, source.geometry.slice_spacing) == ("volume", 4, pytest.approx(5))
    means = [float(f.mean()) for f in source.frames()]
    assert means == sorted(means)
    assert source.details["modality"] == "CT"


def test_reading_a_series_warns_of_nothing(tmp_path, recwarn, caplog):
    folder = write_series(tmp_path / "series", uid="1.2.03")  # not allowed: a component that starts with 0
    recwarn.clear()
    caplog.clear()
    open_source(folder)
    assert [str(w.message) for w in recwarn] == []
    assert caplog.text == ""


def test_several_series_are_listed(tmp_path):
    write_series(tmp_path / "both")
    write_series(tmp_path / "both", count=2, uid="1.2.4")
    with pytest.raises(SourceError, match="2 DICOM series"):
        open_source(tmp_path / "both")


def test_a_series_with_another_number_of_images_at_each_place_is_unsupported(tmp_path):
    with pytest.raises(UnsupportedSourceError, match="4 images at 2 positions, from 1 to 3 at each"):
        open_source(write_series(tmp_path / "cine", positions=[0, 0, 0, 1]))


def test_a_cut_off_slice_is_an_error_and_not_left_out(tmp_path):
    folder = write_series(tmp_path / "series")
    slice_file = sorted(folder.iterdir())[1]
    slice_file.write_bytes(slice_file.read_bytes()[:-20000])
    with pytest.raises(SourceError, match=slice_file.name):
        open_source(folder)


def test_a_missing_slice_is_flagged(tmp_path):
    source = open_source(write_series(tmp_path / "series", positions=[0, 1, 3, 4]))
    assert [flag.code for flag in source.flags] == ["slices_missing"]
    assert "1 slices are missing (after slice 1)" in source.flags[0].message
    assert source.geometry.slice_spacing == pytest.approx(5)


def test_uneven_slices_are_flagged(tmp_path):
    source = open_source(write_series(tmp_path / "series", positions=[0, 1, 2.3, 3.3]))
    assert [flag.code for flag in source.flags] == ["slices_uneven"]


def test_other_dicom_objects_beside_a_series_do_not_count(tmp_path):
    folder = write_series(tmp_path / "series")
    for name in ("reportsi.dcm", "liver_1frame.dcm"):
        (folder / name).write_bytes(Path(get_testdata_file(name)).read_bytes())
    assert open_source(folder).length == 4


def test_several_clips_in_a_folder_are_sources_of_their_own(tmp_path, stale_path):
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(stale_path.read_bytes())
    with pytest.raises(SourceError, match=r"a\.dcm; open one at a time"):
        open_source(tmp_path)
    (tmp_path / "b.dcm").unlink()
    assert open_source(tmp_path).length == 30


def test_a_multiframe_slice_stack_is_a_volume_and_a_cut_one_is_refused(tmp_path):
    path = Path(get_testdata_file("emri_small.dcm"))
    assert (open_source(path).kind, open_source(path).length) == ("volume", 10)
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(SourceError, match="declares 10 frames but holds 8"):
        open_source(cut)


@pytest.mark.skipif("ECHOSEG_DATA" not in os.environ, reason="ECHOSEG_DATA is not set")
def test_real_files():
    data = Path(os.environ["ECHOSEG_DATA"])
    echo = open_source(data / "echo/camus/patient0001/patient0001_4CH_ED.mhd")
    assert (echo.kind, echo.size, echo.geometry.spacing) == ("image", (778, 549), (0.154, 0.308))
    ct = open_source(data / "ct/totalsegmentator/example_ct_sm.nii.gz")
    assert (ct.kind, ct.length, ct.geometry.slice_spacing) == ("volume", 30, 3.0)
    series = open_source(data / "ct/dicom-seg/ct-3slice")
    assert (series.length, series.geometry.spacing) == (3, pytest.approx((0.810547, 0.810547)))


def test_uneven_slices_keep_their_sizes_in_the_masks_that_are_written(tmp_path):
    folder = write_series(tmp_path / "series", positions=[0, 1, 2.3, 3.3])
    with open_source(folder) as source:
        masks = np.zeros((len(source), *source.size), np.uint8)
        shares = source.geometry.slice_shares
    masks[:2, 2:8, 2:8] = 1
    np.save(tmp_path / "m.npy", masks)
    first = measure(tmp_path / "m.npy", tmp_path / "out", on=folder)
    true = 36 * shares[:2].sum() * np.prod(source.geometry.spacing) / 1000
    for result in (first, measure(first.directory, tmp_path / "again"), measure(first.files["masks.nii.gz"], tmp_path / "file")):
        assert result.measurements["objects"][0]["volume_ml"] == pytest.approx(true, abs=2e-4)
        assert "slices_uneven" in {flag.code for flag in result.flags}


@pytest.mark.parametrize("label_format", ["nrrd", "mha", "npz"])
def test_uneven_slices_keep_their_sizes_in_label_maps_of_every_format(tmp_path, label_format):
    folder = write_series(tmp_path / "series", positions=[0, 1, 2.3, 3.3])
    with open_source(folder) as source:
        masks = np.zeros((len(source), *source.size), np.uint8)
        masks[:2, 2:8, 2:8] = 1
        path = write_label_map_as(label_format, tmp_path, masks, source)
        read = read_labels(path)
        np.testing.assert_allclose(read.geometry.slice_shares, source.geometry.slice_shares, rtol=1e-5)
        np.testing.assert_array_equal(source.from_stored(read.masks), masks)
    assert read.geometry.slice_spacing is None
    assert [flag.code for flag in read.flags] == ["slices_uneven"]
    alone, drawn = measure(path, tmp_path / "out"), measure(path, tmp_path / "on", on=folder)
    assert alone.measurements["objects"][0]["volume_ml"] == drawn.measurements["objects"][0]["volume_ml"]


@pytest.mark.parametrize("label_format", ["nrrd", "mha", "npz"])
def test_even_slices_have_one_spacing_in_label_maps_of_every_format(tmp_path, label_format):
    with open_source(write_series(tmp_path / "series", positions=[0, 1, 2, 3])) as source:
        read = read_labels(write_label_map_as(label_format, tmp_path, np.ones((len(source), *source.size), np.uint8), source))
    assert read.geometry.slice_shares is None
    assert read.geometry.slice_spacing == pytest.approx(source.geometry.slice_spacing)
    assert read.flags == ()
