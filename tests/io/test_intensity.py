import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from echoseg.errors import SourceError
from echoseg.io import open_source
from echoseg.io.intensity import UNCHANGED, to_uint8, window_for


def convert(array):
    array = np.asarray(array)
    return to_uint8(array, window_for([array], "here"), "here")


@given(arrays(np.uint8, (3, 4)))
def test_bytes_are_unchanged_in_any_wider_type(image):
    assert window_for([image], "here") is UNCHANGED
    for kind in (np.uint16, np.int32, np.int64):
        np.testing.assert_array_equal(convert(image.astype(kind)), image)
    if image.max() > 1:
        np.testing.assert_array_equal(convert(image.astype(np.float32)), image)


def test_booleans_become_black_and_white():
    assert convert([[True, False]]).tolist() == [[255, 0]]


@given(arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)))
def test_unit_floats_are_multiplied_by_255(image):
    np.testing.assert_array_equal(convert(image), np.rint(image.astype(np.float64) * 255).astype(np.uint8))


@given(arrays(np.int16, (4, 4)))
def test_integers_span_from_smallest_to_largest(image):
    result = convert(image)
    if image.min() < 0 or image.max() > 255:
        if image.min() == image.max():
            assert result.max() == 0
        else:
            assert result.flat[image.argmin()] == 0
            assert result.flat[image.argmax()] == 255
            order = np.argsort(image, axis=None)
            assert (np.diff(result.ravel()[order].astype(int)) >= 0).all()


def test_floats_clip_their_outliers():
    image = np.linspace(-50, 50, 10001)
    image[0] = -1e9
    result = convert(image)
    assert result[0] == result[30] == 0
    assert result[-1] == 255
    assert abs(int(result[5000]) - 128) <= 1


def test_one_window_serves_the_whole_sequence():
    """Equal values are equal grey in every frame, whatever else the frame holds."""
    frames = np.full((9, 40, 40), 300, dtype=np.uint16)
    frames[4, 0, 0] = 4000
    with open_source(frames) as source:
        assert len({int(f[5, 5]) for f in source.frames()}) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(SourceError, match=r"scan: frame 3 holds 1 values"):
        to_uint8(np.array([0.5, bad]), window_for([np.array([0.5])], "scan"), "scan: frame 3")


def test_all_nan_is_refused_and_its_source_named(tmp_path):
    nothing = np.full((3, 40, 40), np.nan, dtype=np.float32)
    np.save(tmp_path / "scan.npy", nothing)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(nothing), str(tmp_path / "scan.nrrd"))
    Image.fromarray(nothing[0]).save(tmp_path / "scan.tif")
    for source in (nothing, iter(nothing), *(tmp_path / f"scan.{suffix}" for suffix in ("npy", "nrrd", "tif"))):
        with pytest.raises(SourceError, match="scan: no finite pixel value"):
            open_source(source, name="scan")


def test_the_rule_is_stated():
    assert "0..1 times 255" in open_source(np.random.default_rng(0).random((3, 40, 40))).details["intensity"]
