import gzip
import tracemalloc

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.labels.nifti import read_label_map
from echoseg.io.open import open_parts
from echoseg.types import Geometry

RNG = np.random.default_rng(0)
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def saved(path, values, affine=None, units=("mm", "sec"), zooms=None, codes=(1, 1), cls=nibabel.Nifti1Image):
    image = cls(values, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(*units)
    if zooms:
        image.header.set_zooms(zooms)
    image.set_sform(image.affine, codes[0])
    image.set_qform(image.affine, codes[1])
    nibabel.save(image, path)
    return path


def flags(source):
    return [flag.code for flag in source.flags]


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize("cls", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["i2", ">i2", "u1", "i4", "f4", "f8"])
def test_values_and_matrix_are_those_of_the_file(tmp_path, name, cls, dtype):
    values = RNG.integers(0, 200, (34, 35, 36)).astype(dtype)
    affine = np.array([[0.1, -0.7, 0, -12.3], [0.7, 0.1, 0, 45.6], [0, 0, 2.5, 7.8], [0, 0, 0, 1.0]])
    source = open_source(saved(tmp_path / name, values, affine, cls=cls))
    stored = nibabel.load(tmp_path / name)
    np.testing.assert_allclose(LPS_TO_RAS @ source.stored_affine, stored.affine, atol=1e-6)
    np.testing.assert_array_equal(np.stack([source.stored(k) for k in range(36)]), values.T)
    assert (source.length, flags(source)) == (36, [])


def test_scaled_integers_are_held_unscaled(tmp_path):
    stored = RNG.integers(0, 4000, (40, 40, 40)).astype(np.int16)
    image = nibabel.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(0.5, -1000)
    nibabel.save(image, tmp_path / "v.nii")
    written = bytearray((tmp_path / "v.nii").read_bytes())
    written[352:] = stored.T.tobytes()  # nibabel scales what it saves
    (tmp_path / "v.nii").write_bytes(written)
    source = open_source(tmp_path / "v.nii")
    np.testing.assert_allclose(source.stored(7), nibabel.load(tmp_path / "v.nii").get_fdata()[..., 7].T)
    assert source.details["stored_type"] == "int16"


def test_nan_is_flagged_and_dark(tmp_path):
    values = RNG.random((40, 40, 6)).astype(np.float32) + 1
    values[:3, 0, 0] = np.nan
    values[0, 0, 1] = np.inf
    source = open_source(saved(tmp_path / "v.nii.gz", values))
    assert flags(source) == ["values_not_finite"]
    assert "4 voxels" in source.flags[0].message
    assert source.frame(0)[0, :3].tolist() == [0, 0, 0]
    assert source.frame(1)[0, 0] == 0
    assert source.frame(0)[20].max() > 100


def test_a_sheared_matrix_is_kept(tmp_path):
    affine = np.array([[1, 0, 0, 5], [0, 1, 0.5, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    source = open_source(saved(tmp_path / "v.nii", np.zeros((40, 40, 5), np.uint8), affine, codes=(1, 0)))
    np.testing.assert_allclose(LPS_TO_RAS @ source.stored_affine, affine)
    assert flags(source) == ["slices_sheared"]
    assert source.geometry.slice_spacing == pytest.approx(3)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("meter", 1000), ("micron", 0.001), ("unknown", 1)])
def test_units_of_length_count(tmp_path, unit, factor):
    source = open_source(
        saved(tmp_path / "v.nii", np.zeros((40, 40, 5), np.uint8), np.diag([2 / factor, 3 / factor, 4 / factor, 1]), (unit, "sec"))
    )
    assert source.geometry.spacing == pytest.approx((3, 2))
    assert flags(source) == (["spacing_unit_assumed"] if unit == "unknown" else [])


def test_a_header_without_form_codes_states_spacing_but_no_orientation(tmp_path):
    source = open_source(saved(tmp_path / "v.nii", np.zeros((40, 40, 5), np.uint8), np.diag([2.0, 3, 4, 1]), codes=(0, 0)))
    assert (source.geometry.spacing, source.geometry.slice_spacing, source.geometry.affine) == ((3, 2), 4, None)
    assert flags(source) == ["orientation_unknown"]
    with pytest.raises(SourceError, match="no axial slices"):
        open_source(tmp_path / "v.nii", axis="axial")
    unknown = saved(tmp_path / "u.nii", np.zeros((40, 40, 5), np.uint8), units=("unknown", "unknown"), codes=(0, 0))
    assert open_source(unknown).geometry.spacing is None


def test_a_matrix_without_inverse_is_refused(tmp_path):
    path = saved(tmp_path / "v.nii", np.zeros((40, 40, 5), np.uint8))
    data = bytearray(path.read_bytes())
    data[280:296] = bytes(16)  # srow_x
    path.write_bytes(data)
    with pytest.raises(SourceError, match="no place in space"):
        open_source(path)


def test_colour_records_are_rgb(tmp_path):
    colours = RNG.integers(0, 255, (40, 41, 3, 3)).astype(np.uint8)
    records = colours.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    source = open_source(saved(tmp_path / "v.nii.gz", records))
    np.testing.assert_array_equal(source.frame(1), colours[:, :, 1].transpose(1, 0, 2))


def test_complex_values_are_unsupported(tmp_path):
    with pytest.raises(UnsupportedSourceError, match="complex64"):
        open_source(saved(tmp_path / "v.nii", np.zeros((40, 40, 5), np.complex64)))


def test_a_flipped_bit_in_a_gzip_file_is_found(tmp_path):
    packed = bytearray(saved(tmp_path / "v.nii.gz", RNG.integers(0, 255, (40, 40, 9)).astype(np.uint8)).read_bytes())
    packed[-5] ^= 1  # in the check sum
    (tmp_path / "v.nii.gz").write_bytes(packed)
    with pytest.raises(SourceError, match="not a readable NIfTI"):
        open_source(tmp_path / "v.nii.gz")


def test_the_content_tells_nifti_not_the_name(tmp_path):
    values = RNG.integers(0, 255, (40, 40, 9)).astype(np.uint8)
    saved(tmp_path / "v.nii.gz", values).rename(tmp_path / "download")
    np.testing.assert_array_equal(open_source(tmp_path / "download").frame(3), values[..., 3].T)


def four_dimensions(tmp_path, name="cine.nii.gz"):
    values = RNG.integers(0, 255, (40, 42, 3, 5)).astype(np.uint8)  # x, y, slice, phase
    return saved(tmp_path / name, values, np.diag([1.5, 1.5, 8, 1]), ("mm", "msec"), (1.5, 1.5, 8, 40)), values


def test_four_dimensions_need_a_choice(tmp_path):
    path, _ = four_dimensions(tmp_path)
    with pytest.raises(UnsupportedSourceError, match=r"3 slices x 5 phases .* slice:N .* phase:N"):
        open_source(path)


def test_a_slice_of_four_dimensions_is_a_clip(tmp_path):
    path, values = four_dimensions(tmp_path)
    source = open_source(path, part="slice:2")
    assert (source.name, source.kind, source.length) == ("cine_slice02", "clip", 5)
    assert source.timing.fps == pytest.approx(25)
    assert source.geometry.spacing == (1.5, 1.5)
    np.testing.assert_array_equal(list(source.frames()), values[:, :, 2].transpose(2, 1, 0))


def test_a_phase_of_four_dimensions_is_a_volume(tmp_path):
    path, values = four_dimensions(tmp_path)
    source = open_source(path, part="phase:4")
    assert (source.name, source.kind, source.length, source.timing.fps) == ("cine_phase04", "volume", 3, None)
    np.testing.assert_array_equal(list(source.frames()), values[..., 4].transpose(2, 1, 0))
    assert source.geometry.slice_spacing == pytest.approx(8)


def test_every_part_is_a_source(tmp_path):
    path, values = four_dimensions(tmp_path)
    slices, phases = list(open_parts(path, "slice")), list(open_parts(path, "phase"))
    assert [s.name for s in slices] == ["cine_slice00", "cine_slice01", "cine_slice02"]
    np.testing.assert_array_equal([list(s.frames()) for s in slices], values.transpose(2, 3, 1, 0))
    np.testing.assert_array_equal([list(s.frames()) for s in phases], values.transpose(3, 2, 1, 0))
    assert [s.name for s in open_parts(path, "phase:1")] == ["cine_phase01"]


@pytest.mark.parametrize("part", ["slice:3", "phase:5", "slice", "phase:-1", "time:0", "", "slice:1.5"])
def test_parts_that_are_not_there_are_refused(tmp_path, part):
    with pytest.raises(SourceError, match="part|no slice|no phase"):
        open_source(four_dimensions(tmp_path)[0], part=part)


def test_one_slice_of_several_phases_is_a_clip_without_asking(tmp_path):
    path = saved(tmp_path / "v.nii", np.zeros((40, 40, 1, 7), np.uint8))
    assert (open_source(path).kind, open_source(path).length) == ("clip", 7)


def test_a_packed_volume_is_held_once_in_its_own_type(tmp_path):
    values = RNG.integers(-1000, 1000, (160, 160, 160)).astype(np.int16)
    path = saved(tmp_path / "ct.nii.gz", values)
    del values
    size = 160**3 * 2
    tracemalloc.start()
    source = open_source(path, axis="coronal")
    for _ in source.frames():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < peak < 1.35 * size  # 32 of 160 slices are sampled to tell CT


def test_a_plain_volume_stays_on_disk(tmp_path):
    path = saved(tmp_path / "ct.nii", RNG.integers(-1000, 1000, (160, 160, 160)).astype(np.int16))
    tracemalloc.start()
    source = open_source(path, window="lung")
    for _ in source.frames():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_header_that_promises_more_than_gzip_can_pack_is_refused_at_once(tmp_path):
    path = saved(tmp_path / "v.nii", np.zeros((8, 8, 8), np.uint8))
    data = bytearray(path.read_bytes())
    data[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    (tmp_path / "v.nii.gz").write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(SourceError, match="cannot hold"):
        open_source(tmp_path / "v.nii.gz")


def edited(path, affine, sform=None, qform=None, pixdim=None, codes=(1, 1), unit="mm"):
    """A volume whose header states its geometry once or several times."""
    image = nibabel.Nifti1Image(np.zeros((40, 36, 34), np.uint8), affine)
    image.header.set_xyzt_units(unit, "sec")
    image.set_sform(affine if sform is None else sform, codes[0])
    image.set_qform(affine if qform is None else qform, codes[1])
    if pixdim is not None:
        image.header["pixdim"][1:4] = pixdim
    nibabel.save(image, path)
    return path


GRID = np.array([[2.0, 0, 0, -40], [0, 2, 0, -36], [0, 0, 3, -50], [0, 0, 0, 1]])


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["sform", "pixdim"]), st.floats(0.1, 10))
def test_voxels_of_two_sizes_have_no_size(tmp_path_factory, changed, factor):
    smaller = GRID @ np.diag([factor, factor, factor, 1])
    given_form = {"sform": {"sform": smaller}, "pixdim": {"pixdim": [2 * factor, 2 * factor, 3 * factor], "codes": (1, 0)}}[changed]
    source = open_source(edited(tmp_path_factory.mktemp("n") / "v.nii", GRID, **given_form))
    if abs(np.log(factor)) > 0.02:
        assert source.geometry == Geometry() and "spacing_inconsistent" in flags(source)
        assert source.stored_affine is not None  # masks still lie where the voxels do
    elif abs(np.log(factor)) < 0.005:
        assert source.geometry.spacing is not None


def test_matrices_that_agree_bring_no_flag(tmp_path):
    turned = GRID @ np.array([[0.6, -0.8, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    for affine in (GRID, turned):
        assert flags(open_source(edited(tmp_path / "v.nii", affine))) == []
    moved = GRID + np.array([[0, 0, 0, 30.0], [0] * 4, [0] * 4, [0] * 4])
    assert flags(open_source(edited(tmp_path / "v.nii", GRID, sform=moved, codes=(4, 1)))) == []  # an atlas is another space


def test_matrices_of_one_space_that_differ_are_flagged_and_the_sform_counts(tmp_path):
    moved = GRID + np.array([[0, 0, 0, 30.0], [0] * 4, [0] * 4, [0] * 4])
    mirrored = np.diag([-1.0, 1, 1, 1]) @ GRID
    for other in (moved, mirrored):
        source = open_source(edited(tmp_path / "v.nii", GRID, qform=other))
        assert flags(source) == ["forms_differ"]
        np.testing.assert_allclose(LPS_TO_RAS @ source.stored_affine, GRID)
        assert source.geometry.spacing == pytest.approx((2, 2))


@pytest.mark.parametrize("unit", ["meter", "micron"])
def test_voxels_of_a_size_that_no_image_has_have_no_size(tmp_path, unit):
    small = GRID @ np.diag([0.5, 0.5, 0.5, 1])
    source = open_source(edited(tmp_path / "v.nii", small, unit=unit))
    assert source.geometry.spacing is None and flags(source) == ["spacing_inconsistent"]


def test_masks_of_two_sizes_give_no_millilitres(tmp_path):
    path = edited(tmp_path / "m.nii", GRID, pixdim=[1, 1, 1], codes=(1, 0))
    assert read_label_map(path).geometry.spacing is None
    assert [flag.code for flag in read_label_map(path).flags] == ["spacing_inconsistent"]
    assert read_label_map(edited(tmp_path / "m.nii", GRID)).flags == ()
