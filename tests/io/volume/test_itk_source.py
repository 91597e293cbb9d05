import numpy as np
import pytest
import SimpleITK

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source

RNG = np.random.default_rng(0)
VALUES = RNG.integers(0, 255, (4, 40, 36), dtype=np.uint8)  # k, j, i
HERE = "type: uchar\ndimension: 3\nsizes: 36 40 4\nencoding: raw\nendian: little\n"


def nrrd(path, fields, values=VALUES):
    path.write_bytes(f"NRRD0004\n{HERE}{fields}\n".encode() + values.tobytes())
    return path


def codes(source):
    return [flag.code for flag in source.flags]


@pytest.mark.parametrize(
    ("space", "directions", "origin"),
    [
        ("left-posterior-superior", "(1,0,0) (0,2,0) (0,0,3)", "(10,20,30)"),
        ("right-anterior-superior", "(-1,0,0) (0,-2,0) (0,0,3)", "(-10,-20,30)"),
        ("left-anterior-superior", "(1,0,0) (0,-2,0) (0,0,3)", "(10,-20,30)"),
        ("RAS", "(-1,0,0) (0,-2,0) (0,0,3)", "(-10,-20,30)"),
    ],
)
def test_every_space_of_the_patient_is_brought_to_one(tmp_path, space, directions, origin):
    source = open_source(nrrd(tmp_path / "v.nrrd", f"space: {space}\nspace directions: {directions}\nspace origin: {origin}\n"))
    np.testing.assert_allclose(source.stored_affine, [[1, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, 30], [0, 0, 0, 1]])
    assert codes(source) == []


@pytest.mark.parametrize("fields", ["space: scanner-xyz\nspace directions: (1,0,0) (0,2,0) (0,0,3)\n", "spacings: 1 2 3\n"])
def test_another_space_is_not_taken_for_the_patient(tmp_path, fields):
    source = open_source(nrrd(tmp_path / "v.nrrd", fields))
    assert (source.stored_affine, source.geometry.spacing, source.geometry.slice_spacing) == (None, (2, 1), 3)
    assert codes(source) == ["orientation_unknown"]


def test_a_file_that_states_no_spacing_has_none(tmp_path):
    assert open_source(nrrd(tmp_path / "v.nrrd", "")).geometry.spacing is None
    header = "ObjectType = Image\nNDims = 3\nDimSize = 36 40 4\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "v.mha").write_bytes(header.encode() + VALUES.tobytes())
    assert open_source(tmp_path / "v.mha").geometry.spacing is None


def test_a_sheared_grid_is_kept(tmp_path):
    source = open_source(nrrd(tmp_path / "v.nrrd", "space: LPS\nspace directions: (1,0,0) (0,2,0) (0,1,3)\nspace origin: (0,0,0)\n"))
    np.testing.assert_allclose(source.stored_affine[:3, 2], [0, 1, 3])
    assert codes(source) == ["slices_sheared"]
    assert source.geometry.slice_spacing == pytest.approx(3)


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_a_fourth_axis_holds_phases(tmp_path, suffix):
    values = RNG.integers(0, 255, (5, 4, 40, 36), dtype=np.uint8)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=False), str(tmp_path / f"v.{suffix}"))
    with pytest.raises(UnsupportedSourceError, match="4 slices x 5 phases"):
        open_source(tmp_path / f"v.{suffix}")
    np.testing.assert_array_equal(list(open_source(tmp_path / f"v.{suffix}", part="phase:3").frames()), values[3])
    clip = open_source(tmp_path / f"v.{suffix}", part="slice:2")
    np.testing.assert_array_equal(list(clip.frames()), values[:, 2])
    assert (clip.kind, clip.timing.fps) == ("clip", None)


def test_several_values_per_voxel_are_phases_and_three_bytes_a_colour(tmp_path):
    values = RNG.integers(0, 999, (4, 40, 36, 5)).astype(np.int16)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True), str(tmp_path / "v.nrrd"))
    source = open_source(tmp_path / "v.nrrd", part="phase:2")
    np.testing.assert_array_equal([source.stored(k) for k in range(4)], values[..., 2])
    colours = RNG.integers(0, 255, (4, 40, 36, 3), dtype=np.uint8)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(colours, isVector=True), str(tmp_path / "c.mha"))
    np.testing.assert_array_equal(list(open_source(tmp_path / "c.mha").frames()), colours)


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_nan_is_flagged_and_dark(tmp_path, suffix):
    values = RNG.random((4, 40, 36)).astype(np.float32) + 1
    values[1, 0, 0] = np.nan
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(tmp_path / f"v.{suffix}"))
    source = open_source(tmp_path / f"v.{suffix}")
    assert codes(source) == ["values_not_finite"]
    assert source.frame(1)[0, 0] == 0


@pytest.mark.parametrize("name", ["/etc/hostname", "../v.raw", "C:\\v.raw", "..\\v.raw"])
def test_a_data_file_elsewhere_is_not_read(tmp_path, name):
    (tmp_path / "v.raw").write_bytes(VALUES.tobytes())
    folder = tmp_path / "below"
    folder.mkdir()
    meta = "ObjectType = Image\nNDims = 3\nDimSize = 36 40 4\nElementType = MET_UCHAR\nElementDataFile = "
    (folder / "v.mhd").write_text(f"{meta}{name}\n")
    (folder / "v.nhdr").write_text(f"NRRD0004\n{HERE}data file: {name}\n")
    for header in ("v.mhd", "v.nhdr"):
        with pytest.raises(UnsupportedSourceError, match="outside of its own folder"):
            open_source(folder / header)
    (folder / "v.raw").write_bytes(VALUES.tobytes())
    (folder / "v.mhd").write_text(f"{meta}v.raw\n")
    (folder / "v.nhdr").write_text(f"NRRD0004\n{HERE}data file: v.raw\n")
    for header in ("v.mhd", "v.nhdr"):
        np.testing.assert_array_equal(list(open_source(folder / header).frames()), VALUES)


@pytest.mark.parametrize("dimensions", ["-1", "70000", "99999999999999999999", "1", "5", "x", ""])
def test_dimensions_that_end_itk_are_refused_before(tmp_path, dimensions):
    header = f"ObjectType = Image\nNDims = {dimensions}\nDimSize = 36 40 4\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "v.mha").write_bytes(header.encode() + VALUES.tobytes())
    with pytest.raises(SourceError, match="NDims"):
        open_source(tmp_path / "v.mha")
