"""Pixels whose header says something else of them: colours, components, bits, regions of another size."""

import io

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from echoseg.io import open_source
from tests.dicom_objects import write_clip, write_image

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.3.1"


def codes(source):
    return [flag.code for flag in source.flags]


def speckle(frames=6, height=96, width=128):
    """Grey frames of a fan of speckle on black, with one coloured mark, (T, H, W, 3)."""
    y, x = np.mgrid[:height, :width]
    fan = (np.abs(x - width / 2) < 0.6 * y + 4) & (y < 0.9 * height)
    noise = np.random.default_rng(0).integers(20, 200, (frames, height // 4, width // 4)).repeat(4, 1).repeat(4, 2)
    grey = np.where(fan, noise, 0).astype(np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=3)
    colour[:, :8, :8] = (255, 160, 0)
    return colour


def stripped(code):
    """Without the JFIF mark, as many scanners write."""
    at = code.index(b"\xff\xe0")
    return code[:at] + code[at + 2 + int.from_bytes(code[at + 2 : at + 4], "big") :]


def jpegs(frames, subsampling, mark):
    made = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=90, subsampling=subsampling)
        made.append(file.getvalue() if mark else stripped(file.getvalue()))
    return made


def jpeg_clip(path, frames, label, subsampling=2, mark=False, **attributes):
    path = write_clip(path, frames if frames.ndim == 4 else frames[..., None].repeat(3, 3), PhotometricInterpretation=label, **attributes)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate(jpegs(frames, subsampling, mark))
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("label", ["RGB", "YBR_FULL_422", "YBR_FULL", "YBR_PARTIAL_420"])
@pytest.mark.parametrize(("subsampling", "mark"), [(2, False), (0, False), (0, True)])
def test_colours_of_jpeg_are_right_whatever_the_label(tmp_path, label, subsampling, mark):
    frames = speckle()
    with open_source(jpeg_clip(tmp_path / "clip.dcm", frames, label, subsampling, mark)) as source:
        seen = np.stack(list(source.frames()))
        assert np.abs(seen.astype(int) - frames).mean() < 6
        assert np.ptp(seen[:, 40:60, 60:70].astype(int), axis=3).max() < 12  # grey stays grey
        assert [code for code in codes(source) if code != "spacing_missing"] == (["colour_label_wrong"] if label == "RGB" else [])


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["RGB", "YBR_FULL"]), st.sampled_from(["RGB", "YBR_FULL"]))
def test_uncompressed_colours_that_contradict_the_label_are_found(tmp_path_factory, true, label):
    frames = speckle()
    stored = frames if true == "RGB" else np.stack([np.asarray(Image.fromarray(frame).convert("YCbCr")) for frame in frames])
    path = write_clip(tmp_path_factory.mktemp("c") / "clip.dcm", stored, PhotometricInterpretation=label)
    with open_source(path) as source:
        assert np.abs(source.frame(2).astype(int) - frames[2]).max() <= 3
        assert ("colour_label_wrong" in codes(source)) == (true != label)


def test_the_components_of_the_codestream_count(tmp_path):
    frames = speckle()
    grey = jpeg_clip(tmp_path / "grey.dcm", frames[..., 1], "RGB", mark=True)
    with open_source(grey) as source:
        assert codes(source) == ["colour_label_wrong"]
        assert np.abs(source.frame(0).astype(int) - frames[0, ..., 1]).mean() < 6
    colour = jpeg_clip(tmp_path / "colour.dcm", frames, "MONOCHROME2", mark=True, SamplesPerPixel=1)
    with open_source(colour) as source:
        assert codes(source) == ["colour_label_wrong"]
        assert np.abs(source.frame(0).astype(int) - frames[0]).mean() < 6


@pytest.mark.parametrize(
    ("high", "shift", "flag"),
    [(15, 8, "bits_shifted"), (11, 4, "bits_shifted"), (7, 0, None), (15, 0, "high_bit_wrong"), (7, 8, "high_bit_wrong")],
)
def test_the_bits_that_hold_the_value_are_found(tmp_path, high, shift, flag):
    values = speckle()[..., 1]
    stated = {"BitsStored": 8, "HighBit": high, "Modality": "US", "FrameTime": 40}
    path = write_image(tmp_path / "clip.dcm", values.astype(np.uint16) << shift, ULTRASOUND, "1.2.3.4", **stated)
    with open_source(path) as source:
        np.testing.assert_array_equal(source.frame(3), values[3])
        assert [code for code in codes(source) if code != "spacing_missing"] == ([flag] if flag else [])


@pytest.mark.parametrize(("high", "shift", "flag"), [(15, 8, "bits_shifted"), (7, 0, None), (7, 8, "high_bit_wrong")])
def test_the_bits_of_colours_are_found_too(tmp_path, high, shift, flag):
    frames = speckle()
    stated = {"BitsStored": 8, "HighBit": high, "Modality": "US", "FrameTime": 40}
    path = write_image(tmp_path / "clip.dcm", frames.astype(np.uint16) << shift, ULTRASOUND, "1.2.3.4", **stated)
    with open_source(path) as source:
        np.testing.assert_array_equal(source.frame(3), frames[3])
        assert [code for code in codes(source) if code != "spacing_missing"] == ([flag] if flag else [])


@settings(max_examples=8, deadline=None)
@given(true=st.booleans(), stated=st.booleans(), label=st.sampled_from(["RGB", "YBR_FULL"]))
def test_the_order_of_components_is_that_of_the_pixels(tmp_path_factory, true, stated, label):
    frames = speckle()
    values = frames if label == "RGB" else np.stack([np.asarray(Image.fromarray(frame).convert("YCbCr")) for frame in frames])
    path = write_clip(tmp_path_factory.mktemp("c") / "clip.dcm", values, PhotometricInterpretation=label)
    dataset = pydicom.dcmread(path)
    dataset.PlanarConfiguration = int(stated)
    dataset.PixelData = (values.transpose(0, 3, 1, 2) if true else values).tobytes()
    dataset.save_as(path)
    with open_source(path) as source:
        assert np.abs(source.frame(2).astype(int) - frames[2]).max() <= 3
        assert ("colour_label_wrong" in codes(source)) == (true != stated)


@pytest.mark.parametrize("factor", [1, 1.25, 2])
def test_a_resized_clip_has_no_spacing(tmp_path, factor):
    frames = speckle()[:, :, :, :]
    frames[:, :8, :8] = 0
    size = (int(128 * factor), int(96 * factor))
    larger = np.stack([np.asarray(Image.fromarray(frame).resize(size, Image.NEAREST)) for frame in frames])
    path = write_clip(tmp_path / "clip.dcm", larger)
    dataset = pydicom.dcmread(path)
    region = dataset.SequenceOfUltrasoundRegions[0]
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 127, 95
    dataset.save_as(path)
    with open_source(path) as source:
        assert source.sector() is not None
        assert codes(source) == ([] if factor == 1 else ["spacing_inconsistent"])
        assert (source.geometry.spacing is None) == (factor != 1)
