import os

import nibabel
import numpy as np
import pytest
import SimpleITK

from echoseg.errors import OutputError, SourceError
from echoseg.io import open_source
from echoseg.io.labels.nifti import label_map_writer, read_label_map, write_label_map
from echoseg.io.labels.read import read_labels

RNG = np.random.default_rng(0)


def clip(count=6, fps=50.0, spacing=(0.4, 0.3)):
    return open_source(np.zeros((count, 40, 56), dtype=np.uint8), fps=fps, spacing=spacing)


def masks_for(source):
    return RNG.integers(0, 4, (source.length, *source.size), dtype=np.uint8)


def test_a_clip_is_x_y_time_for_independent_readers(tmp_path):
    source = clip()
    masks = masks_for(source)
    write_label_map(tmp_path / "masks.nii.gz", masks, source)
    image = nibabel.load(tmp_path / "masks.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), masks.transpose(2, 1, 0))
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_allclose(image.header.get_zooms(), (0.3, 0.4, 0.02), rtol=1e-6)
    assert image.header.get_xyzt_units() == ("mm", "sec")
    other = SimpleITK.ReadImage(str(tmp_path / "masks.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(other), masks)
    assert other.GetSpacing() == pytest.approx((0.3, 0.4, 0.02))


def test_unknown_spacing_and_rate_are_called_unknown(tmp_path):
    source = clip(fps=None, spacing=None)
    write_label_map(tmp_path / "masks.nii.gz", masks_for(source), source)
    header = nibabel.load(tmp_path / "masks.nii.gz").header
    assert header.get_zooms() == (1, 1, 1)
    assert header.get_xyzt_units() == ("unknown", "unknown")


@pytest.mark.parametrize(("fps", "spacing"), [(50.0, (0.4, 0.3)), (None, (0.4, 0.3)), (30.0, None), (None, None)])
def test_a_clip_reads_back(tmp_path, fps, spacing):
    source = clip(fps=fps, spacing=spacing)
    masks = masks_for(source)
    write_label_map(tmp_path / "masks.nii.gz", masks, source)
    back = read_label_map(tmp_path / "masks.nii.gz")
    np.testing.assert_array_equal(back.masks, masks)
    assert back.kind == "clip"
    assert back.geometry.spacing == (pytest.approx(spacing) if spacing else None)
    assert back.timing.fps == (pytest.approx(fps) if fps else None)


def test_one_image_is_a_clip_of_one(tmp_path):
    source = open_source(np.zeros((40, 56), dtype=np.uint8))
    write_label_map(tmp_path / "masks.nii.gz", masks_for(source), source)
    assert read_label_map(tmp_path / "masks.nii.gz").masks.shape == (1, 40, 56)


def test_frames_of_a_source_of_unknown_length_are_written_as_they_come(tmp_path):
    source = open_source(iter(np.zeros((5, 40, 56), dtype=np.uint8)))
    masks = RNG.integers(0, 4, (5, 40, 56), dtype=np.uint8)
    with label_map_writer(tmp_path / "masks.nii.gz", source) as append:
        for _, mask in zip(source.frames(), masks, strict=True):
            append(mask)
    np.testing.assert_array_equal(nibabel.load(tmp_path / "masks.nii.gz").dataobj, masks.transpose(2, 1, 0))


def test_a_clip_beyond_the_limit_of_nifti_1_is_written(tmp_path):
    source = open_source(np.zeros((33000, 2, 2), dtype=np.uint8))
    masks = RNG.integers(0, 4, (33000, 2, 2), dtype=np.uint8)
    write_label_map(tmp_path / "masks.nii.gz", masks, source)
    np.testing.assert_array_equal(read_label_map(tmp_path / "masks.nii.gz").masks, masks)


@pytest.mark.parametrize("direction", [np.eye(3), np.diag([-1.0, -1, 1]), np.array([[0.0, 0, 1], [1, 0, 0], [0, -1, 0]])])
@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
def test_a_volume_has_exactly_the_affine_and_grid_of_its_source(tmp_path, direction, suffix):
    image = SimpleITK.GetImageFromArray(RNG.integers(0, 99, (33, 34, 35), dtype=np.uint8))
    image.SetSpacing((0.7123456, 0.8, 3.3))
    image.SetOrigin((-123.456, 7.7, 1001.25))
    image.SetDirection(direction.ravel().tolist())
    SimpleITK.WriteImage(image, str(tmp_path / f"v.{suffix}"))
    source = open_source(tmp_path / f"v.{suffix}")
    masks = np.array(list(source.frames()))  # the values themselves as labels: every voxel must come back to its place
    write_label_map(tmp_path / "masks.nii.gz", masks, source)
    stored = SimpleITK.ReadImage(str(tmp_path / "masks.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(stored), SimpleITK.GetArrayFromImage(image))
    assert stored.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-4)
    assert stored.GetSpacing() == pytest.approx(image.GetSpacing(), rel=1e-6)
    assert stored.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-6)
    if suffix == "nii.gz":
        written = nibabel.load(tmp_path / "masks.nii.gz")
        np.testing.assert_array_equal(written.affine, nibabel.load(tmp_path / "v.nii.gz").affine)
    back = read_label_map(tmp_path / "masks.nii.gz")
    assert back.kind == "volume"
    np.testing.assert_array_equal(source.from_stored(back.masks), masks)
    np.testing.assert_allclose(back.geometry.affine, source.stored_affine, atol=1e-4)


def test_an_array_volume_uses_its_own_affine(tmp_path):
    np.savez(tmp_path / "ct.npz", imgs=np.zeros((3, 32, 40), dtype=np.uint8), spacing=[0.7, 0.8, 5.0])
    source = open_source(tmp_path / "ct.npz")
    masks = masks_for(source)
    write_label_map(tmp_path / "masks.nii.gz", masks, source)
    stored = SimpleITK.ReadImage(str(tmp_path / "masks.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(stored), masks)
    assert stored.GetSpacing() == pytest.approx((0.7, 0.8, 5.0))


@pytest.mark.parametrize("wrong", [np.zeros((6, 40, 55), np.uint8), np.zeros((6, 40, 56), np.int16), np.zeros((0, 40, 56), np.uint8)])
def test_masks_that_do_not_fit_leave_no_file(tmp_path, wrong):
    with pytest.raises(OutputError, match=r"masks\.nii\.gz"):
        write_label_map(tmp_path / "masks.nii.gz", wrong, clip())
    assert os.listdir(tmp_path) == []


def test_an_interrupted_run_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), label_map_writer(tmp_path / "masks.nii.gz", clip()) as append:
        append(np.zeros((40, 56), dtype=np.uint8))
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "values", [np.full((4, 4, 4), 0.5), np.full((4, 4, 4), 300.0), np.full((4, 4, 4), -1.0), np.full((4, 4, 4), np.nan)]
)
def test_values_that_are_no_labels_are_refused(tmp_path, values):
    nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(SourceError, match="0..255"):
        read_labels(tmp_path / "a.nii.gz")


def test_damaged_label_maps_are_refused(tmp_path):
    write_label_map(tmp_path / "masks.nii.gz", masks_for(clip()), clip())
    data = (tmp_path / "masks.nii.gz").read_bytes()
    (tmp_path / "masks.nii.gz").write_bytes(data[: len(data) // 2])
    for path in (tmp_path / "masks.nii.gz", tmp_path / "none.nii.gz"):
        with pytest.raises(SourceError, match="not a readable"):
            read_label_map(path)


def foreign(path, labels, affine=None, units=(None, None), zooms=None, codes=(2, 0)):
    """As nibabel writes ``labels`` ``(T, H, W)`` for anybody; without units their field stays "unknown"."""
    image = nibabel.Nifti1Image(labels.T, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(*units)
    image.set_sform(image.affine, codes[0])
    image.set_qform(image.affine, codes[1])
    if zooms is not None:
        image.header.set_zooms(zooms)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize(("unit", "step"), [("mm", 0.5), ("meter", 5e-4), ("micron", 500.0), (None, 0.5)])
@pytest.mark.parametrize("kind", ["clip", "volume"])
def test_lengths_of_any_unit_become_millimetres_and_a_unit_that_is_assumed_is_told(tmp_path, unit, step, kind):
    path = foreign(tmp_path / "a.nii.gz", np.ones((3, 8, 8), np.uint8), np.diag([step, step, 3 * step, 1]), (unit, None))
    back = read_label_map(path, kind)
    assert back.geometry.spacing == pytest.approx((0.5, 0.5))
    assert [flag.code for flag in back.flags] == ([] if unit else ["spacing_unit_assumed"])
    if kind == "volume":
        assert back.geometry.slice_spacing == pytest.approx(1.5)
        np.testing.assert_allclose(np.abs(np.diag(back.geometry.affine)), (0.5, 0.5, 1.5, 1), rtol=1e-6)


@pytest.mark.parametrize("kind", ["clip", "volume"])
def test_pixels_of_1_without_a_unit_are_of_unknown_size(tmp_path, kind):
    source = clip(fps=25.0, spacing=None)
    write_label_map(tmp_path / "ours.nii.gz", masks_for(source), source)
    ours = nibabel.load(tmp_path / "ours.nii.gz")
    nibabel.save(nibabel.Nifti1Image(ours.dataobj, ours.affine), tmp_path / "corrected.nii.gz")  # header left out, as is usual
    for path in (tmp_path / "ours.nii.gz", tmp_path / "corrected.nii.gz", foreign(tmp_path / "a.nii.gz", np.ones((3, 8, 8), np.uint8))):
        back = read_label_map(path, kind)
        assert (back.geometry.spacing, back.flags) == (None, ())


def test_a_volume_of_unknown_spacing_stays_one(tmp_path):
    source = open_source(np.zeros((3, 40, 48), np.uint8), kind="volume")
    write_label_map(tmp_path / "masks.nii.gz", masks_for(source), source)
    assert read_label_map(tmp_path / "masks.nii.gz").geometry.spacing is None


@pytest.mark.parametrize(("unit", "interval"), [("sec", 0.02), ("msec", 20.0), ("usec", 20000.0)])
def test_the_third_axis_of_a_clip_is_time_in_the_unit_of_the_header(tmp_path, unit, interval):
    path = foreign(tmp_path / "a.nii.gz", np.ones((6, 8, 8), np.uint8), np.diag([0.5, 0.5, interval, 1]), ("mm", unit))
    back = read_label_map(path, "clip")
    assert (back.kind, back.timing.fps, back.geometry.slice_spacing) == ("clip", pytest.approx(50.0), None)
    assert read_label_map(path).kind == "volume" and read_label_map(path).timing.fps is None  # many programs write a unit of time always


def test_an_interval_of_1_is_known_in_our_own_files_only(tmp_path):
    source = clip(fps=1.0)
    write_label_map(tmp_path / "masks.nii.gz", masks_for(source), source)
    assert read_label_map(tmp_path / "masks.nii.gz").timing.fps == 1.0
    path = foreign(tmp_path / "a.nii.gz", np.ones((6, 8, 8), np.uint8), np.diag([0.5, 0.5, 1, 1]), ("mm", "sec"))
    assert read_label_map(path, "clip").timing.fps is None


def test_one_slice_at_several_moments_is_a_clip(tmp_path):
    masks = RNG.integers(0, 4, (6, 40, 56), dtype=np.uint8)
    path = foreign(tmp_path / "a.nii.gz", masks[:, None], np.diag([0.3, 0.4, 8, 1]), ("mm", "sec"), (0.3, 0.4, 8, 0.02))
    back = read_label_map(path)
    np.testing.assert_array_equal(back.masks, masks)
    assert (back.kind, back.geometry.spacing, back.timing.fps) == ("clip", pytest.approx((0.4, 0.3)), pytest.approx(50.0))
    with pytest.raises(SourceError, match="save one slice or phase"):
        read_label_map(foreign(tmp_path / "b.nii.gz", np.ones((4, 3, 8, 8), np.uint8)))


@pytest.mark.parametrize("dtype", [np.complex64, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])])
def test_voxels_that_are_no_numbers_are_refused(tmp_path, dtype):
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), dtype), np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(SourceError, match="no label numbers; save one whole number"):
        read_label_map(tmp_path / "a.nii.gz")


def test_a_matrix_that_gives_voxels_no_place_is_refused(tmp_path):
    path = foreign(tmp_path / "a.nii", np.ones((3, 8, 8), np.uint8), units=("mm", None))
    header = bytearray(path.read_bytes())
    header[280:328] = bytes(48)  # srow_x, srow_y, srow_z
    path.write_bytes(header)
    with pytest.raises(SourceError, match="no place in space"):
        read_label_map(path)
