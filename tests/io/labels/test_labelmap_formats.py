import nibabel
import numpy as np
import pytest
import SimpleITK

from echoseg.errors import OutputError
from echoseg.io import open_source
from echoseg.io.labels.formats import write_label_map_as
from echoseg.io.labels.nifti import write_label_map

RNG = np.random.default_rng(0)
PLANES = ["axial", "coronal", "sagittal", "stored"]


@pytest.fixture
def oblique(tmp_path):
    """An image whose values are labels, so that every voxel must come back to its place; its path by suffix."""
    turn, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    image = SimpleITK.GetImageFromArray(RNG.integers(0, 200, (33, 34, 35), dtype=np.uint8))
    image.SetSpacing((0.7123456789, 1 / 3, 2.123456789))
    image.SetOrigin((-123.4567891234, 1 / 7, 1001.123456789))
    image.SetDirection((turn if np.linalg.det(turn) > 0 else -turn).ravel().tolist())

    def write(suffix):
        SimpleITK.WriteImage(image, str(tmp_path / f"v.{suffix}"))
        return tmp_path / f"v.{suffix}"

    return image, write


def assert_same_place(one, other, tolerance=1e-9):
    assert one.GetSpacing() == pytest.approx(other.GetSpacing(), rel=tolerance)
    assert one.GetOrigin() == pytest.approx(other.GetOrigin(), rel=tolerance, abs=tolerance)
    assert one.GetDirection() == pytest.approx(other.GetDirection(), abs=tolerance)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(one), SimpleITK.GetArrayFromImage(other))


@pytest.mark.parametrize("axis", PLANES)
@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_a_label_map_in_the_format_of_its_source_is_that_source_again(tmp_path, oblique, suffix, axis):
    image, write = oblique
    source = open_source(write(suffix), axis=axis)
    path = write_label_map_as("own", tmp_path, np.array(list(source.frames())), source)
    assert path.name == f"masks.{suffix}"
    assert_same_place(SimpleITK.ReadImage(str(path)), image)


@pytest.mark.parametrize("axis", PLANES)
def test_nifti_puts_every_voxel_of_any_plane_back(tmp_path, oblique, axis):
    image, write = oblique
    source = open_source(write("nii.gz"), axis=axis)
    masks = np.array(list(source.frames()))
    assert write_label_map_as("own", tmp_path, masks, source) is None  # masks.nii.gz is it
    write_label_map(tmp_path / "masks.nii.gz", masks, source)
    assert_same_place(SimpleITK.ReadImage(str(tmp_path / "masks.nii.gz")), image, 1e-6)
    np.testing.assert_allclose(nibabel.load(tmp_path / "masks.nii.gz").affine, nibabel.load(write("nii.gz")).affine, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("wanted", ["nrrd", "mha"])
def test_a_sheared_grid_is_kept_by_nrrd_and_metaimage(tmp_path, wanted):
    affine = np.array([[-1, 0, 0, 5], [0, -1, -0.5, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    values = RNG.integers(0, 9, (40, 41, 5), dtype=np.uint8)
    nifti = nibabel.Nifti1Image(values, affine)
    nifti.set_qform(affine, 0)
    nibabel.save(nifti, tmp_path / "v.nii")
    source = open_source(tmp_path / "v.nii")
    masks = np.array(list(source.frames()))
    image = SimpleITK.ReadImage(str(write_label_map_as(wanted, tmp_path, masks, source)))
    place = image.TransformIndexToPhysicalPoint((40 - 1, 40, 4))
    np.testing.assert_allclose(np.array([-1, -1, 1]) * place, (affine @ [39, 40, 4, 1])[:3], atol=1e-9)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), values.T)
    write_label_map(tmp_path / "masks.nii.gz", masks, source)
    np.testing.assert_allclose(nibabel.load(tmp_path / "masks.nii.gz").affine, affine)
    with pytest.raises(RuntimeError, match="orthonormal"):  # better than a wrong place
        SimpleITK.ReadImage(str(tmp_path / "masks.nii.gz"))


def test_npz_holds_what_medsam2_writes(tmp_path):
    direction = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1.0]])
    imgs = RNG.integers(0, 9, (3, 40, 41), dtype=np.uint8)
    np.savez(tmp_path / "ct.npz", imgs=imgs, spacing=[0.7, 0.8, 5], direction=direction.ravel(), origin=[1, 2, 3])
    source = open_source(tmp_path / "ct.npz", axis="coronal")
    assert source.length == 41
    with np.load(write_label_map_as("own", tmp_path, np.array(list(source.frames())), source)) as written:
        np.testing.assert_array_equal(written["segs"], imgs)
        np.testing.assert_allclose(written["spacing"], [0.7, 0.8, 5])
        np.testing.assert_allclose(written["direction"], direction.ravel())
        np.testing.assert_allclose(written["origin"], [1, 2, 3])


def test_a_clip_can_be_written_too_and_has_no_format_of_its_own(tmp_path):
    source = open_source(np.zeros((4, 40, 41), dtype=np.uint8), fps=25, spacing=(0.4, 0.3))
    masks = RNG.integers(0, 3, (4, 40, 41), dtype=np.uint8)
    assert write_label_map_as("own", tmp_path, masks, source) is None
    image = SimpleITK.ReadImage(str(write_label_map_as("mha", tmp_path, masks, source)))
    assert image.GetSpacing() == pytest.approx((0.3, 0.4, 0.04))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), masks)


def test_an_unknown_format_is_refused(tmp_path):
    source = open_source(np.zeros((4, 40, 41), dtype=np.uint8))
    with pytest.raises(OutputError, match="own, nrrd, mha, npz"):
        write_label_map_as("tiff", tmp_path, np.zeros((4, 40, 41), np.uint8), source)
