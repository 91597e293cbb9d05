import json
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_color_lut, iter_pixels
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from tests.dicom_objects import write_clip


def codes(source):
    return {flag.code for flag in source.flags}


def rewritten(path, target, syntax, **changes):
    """The dataset of ``path`` in another native encoding."""
    dataset = pydicom.dcmread(path)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(target, dataset, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    return target


def test_demo_clip_is_understood(demo_path):
    with open_source(demo_path) as source:
        assert (source.kind, source.length, source.size, source.flags) == ("clip", 120, (480, 640), ())
        assert source.geometry.spacing == pytest.approx((0.5104970559, 0.5104970559))
        assert source.timing.fps == pytest.approx(1000 / 33.333)
        assert source.timing.heart_rate is None  # the file says 0
        assert source.name == "color3d_jpeg_baseline"


def test_stale_spacing_is_refused(stale_path):
    with open_source(stale_path) as source:
        assert source.geometry.spacing is None
        assert codes(source) == {"spacing_inconsistent"}


def test_given_spacing_replaces_that_of_the_file(stale_path):
    with open_source(stale_path, spacing=(1.0, 0.5)) as source:
        assert source.geometry.spacing == (1.0, 0.5)
        assert codes(source) == {"spacing_given"}


def test_reading_through_by_number_and_backward_agree_with_pydicom(stale_path):
    reference = list(iter_pixels(stale_path))
    with open_source(stale_path) as source:
        through = list(source.frames())
        assert len(through) == source.length == 30
        for index, image in enumerate(through):
            np.testing.assert_allclose(image.astype(int), reference[index], atol=1)  # colour conversion rounds
            np.testing.assert_array_equal(source.frame(index), image)
        for forward, backward in zip(reversed(through), source.frames_backward(29), strict=True):
            np.testing.assert_array_equal(backward, forward)
        np.testing.assert_array_equal(list(source.frames(7, 9)), through[7:9])


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "SC_jpeg_no_color_transform.dcm",
        "SC_rgb_jpeg.dcm",
        "ExplVR_BigEnd.dcm",
        "GDCMJ2K_TextGBR.dcm",
        "examples_rgb_color.dcm",
        "color-pl.dcm",
        "US1_J2KI.dcm",
        "JPGLosslessP14SV1_1s_1f_8b.dcm",
        "SC_ybr_full_uncompressed.dcm",
    ],
)
def test_eight_bit_images_decode_as_pydicom_decodes_them(name):
    path = get_testdata_file(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_source(path) as source:
            images = list(source.frames())
            dataset = pydicom.dcmread(path)
            reference = [dataset.pixel_array] if source.length == 1 else list(dataset.pixel_array)
        if dataset.PhotometricInterpretation in ("YBR_FULL", "YBR_FULL_422"):
            reference = list(iter_pixels(path)) if name != "SC_rgb_jpeg.dcm" else reference
    assert len(images) == len(reference)
    for image, expected in zip(images, reference, strict=True):
        np.testing.assert_allclose(image.astype(int), expected, atol=1)


@pytest.mark.parametrize("name", ["examples_palette.dcm", "OBXXXX1A_rle_2frame.dcm", "OBXXXX1A_expb.dcm", "gdcm-US-ALOKA-16.dcm"])
def test_palette_images_become_rgb(name):
    path = get_testdata_file(name)
    dataset = pydicom.dcmread(path)
    expected = apply_color_lut(dataset.pixel_array, dataset)
    expected = expected if expected.dtype == np.uint8 or expected.max() <= 255 else expected >> 8
    with open_source(path) as source:
        np.testing.assert_array_equal(np.squeeze(list(source.frames())), expected)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_native_encodings_give_the_same_frames(write_dicom, tmp_path, syntax):
    frames = np.random.default_rng(0).integers(0, 65535, (5, 9, 7), dtype=np.uint16)
    little = write_dicom("little.dcm", frames)
    data = frames.astype(">u2").tobytes() if not syntax.is_little_endian else frames.tobytes()
    other = rewritten(little, tmp_path / "other.dcm", syntax, PixelData=data)
    with open_source(little) as a, open_source(other) as b:
        np.testing.assert_array_equal(list(a.frames()), list(b.frames()))
        np.testing.assert_array_equal(a.frame(3), b.frame(3))


def test_monochrome1_is_inverted(write_dicom):
    frames = np.random.default_rng(0).integers(0, 255, (2, 40, 40), dtype=np.uint8)
    with open_source(write_dicom("inverted.dcm", frames, PhotometricInterpretation="MONOCHROME1")) as source:
        np.testing.assert_array_equal(list(source.frames()), 255 - frames)


def test_sixteen_bits_use_the_files_window(write_dicom):
    frames = np.array([[[0, 100, 150, 200, 1000]] * 4] * 2, dtype=np.uint16)
    path = write_dicom("deep.dcm", frames, WindowCenter=150, WindowWidth=100, VOILUTFunction="LINEAR_EXACT")
    with open_source(path) as source:
        np.testing.assert_array_equal(source.frame(1)[0], [0, 0, 128, 255, 255])
        assert "centre 150, width 100" in source.details["intensity"]


def test_sixteen_bit_ultrasound_without_window_uses_its_bit_depth(write_dicom):
    frames = np.full((2, 40, 40), 4095, dtype=np.uint16)
    frames[0] = 0
    with open_source(write_dicom("deep.dcm", frames, BitsStored=12, HighBit=11)) as source:
        assert source.frame(0).max() == 0
        assert source.frame(1).min() == 255


def test_rescale_slope_comes_before_the_window(write_dicom):
    frames = np.full((1, 40, 40), 1024 + 140, dtype=np.uint16)
    path = write_dicom("ct.dcm", frames, Modality="CT", RescaleSlope=1, RescaleIntercept=-1024, PixelSpacing=[0.7, 0.8])
    with open_source(path) as source:
        assert source.frame(0)[0, 0] == 191  # 140 HU is three quarters up the soft tissue window of -160 to 240
        assert source.geometry.spacing == (0.7, 0.8)
        assert source.kind == "image"


@pytest.mark.parametrize(("has_table", "fragments"), [(True, 1), (False, 1), (True, 3), (False, 3)])
def test_frames_are_found_with_and_without_offset_table_and_in_fragments(stale_path, tmp_path, has_table, fragments):
    dataset = pydicom.dcmread(stale_path)
    encoded = list(generate_frames(dataset.PixelData, number_of_frames=30))
    dataset.PixelData = encapsulate(encoded, fragments_per_frame=fragments, has_bot=has_table)
    path = tmp_path / "fragments.dcm"
    dataset.save_as(path)
    with open_source(stale_path) as original, open_source(path) as source:
        for index in (0, 1, 17, 29):
            np.testing.assert_array_equal(source.frame(index), original.frame(index))


def test_frames_beyond_the_declared_number_are_flagged(stale_path, tmp_path):
    dataset = pydicom.dcmread(stale_path)
    dataset.NumberOfFrames = 20
    dataset.save_as(tmp_path / "surplus.dcm")
    with open_source(tmp_path / "surplus.dcm") as source:
        assert source.length == 20
        assert "surplus_frames" in codes(source)


@pytest.mark.parametrize("fraction", [0.0005, 0.005, 0.01, 0.1, 0.5, 0.9, 0.9999])
def test_a_cut_off_clip_is_refused(demo_path, tmp_path, fraction):
    data = demo_path.read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(data[: int(len(data) * fraction)])
    with pytest.raises(SourceError) as caught:
        open_source(path)
    assert str(path) in str(caught.value)
    if 0.01 <= fraction < 0.9999:
        assert "declares 120 frames" in str(caught.value)


@pytest.mark.parametrize("kept", [1, 4799, 2400, 0])
def test_cut_off_native_pixels_tell_how_many_frames_are_left(write_dicom, kept):
    path = write_dicom("native.dcm", np.zeros((10, 20, 24), dtype=np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 4800 + kept])
    with pytest.raises(SourceError, match=f"declares 10 frames but holds {kept // 480} complete"):
        open_source(path)


def test_a_missing_end_mark_alone_is_forgiven(stale_path, tmp_path):
    data = stale_path.read_bytes()
    assert data[-8:-4] == b"\xfe\xff\xdd\xe0"
    path = tmp_path / "unfinished.dcm"
    path.write_bytes(data[:-8])
    with open_source(path) as source:
        assert source.frame(29).shape == (240, 320, 3)


def test_a_damaged_frame_is_named(stale_path, tmp_path):
    data = bytearray(stale_path.read_bytes())
    starts = [i for i in range(len(data) - 3) if data[i : i + 3] == b"\xff\xd8\xff"]
    data[starts[4] : starts[5] - 8] = bytes(starts[5] - 8 - starts[4])
    path = tmp_path / "damaged.dcm"
    path.write_bytes(data)
    with open_source(path) as source:
        assert source.frame(3).shape == (240, 320, 3)
        with pytest.raises(SourceError, match="frame 4 of 30") as refused:
            list(source.frames())
    assert "object at 0x" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "what"), [("reportsi.dcm", "structured report"), ("liver_1frame.dcm", "segmentation"), ("rtplan.dcm", "not images")]
)
def test_dicom_without_images_is_unsupported(name, what):
    with pytest.raises(UnsupportedSourceError, match=what):
        open_source(get_testdata_file(name))


def test_a_video_inside_dicom_is_unsupported_and_says_so(stale_path, tmp_path):
    dataset = pydicom.dcmread(stale_path)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.MPEG4HP41
    dataset.save_as(tmp_path / "mpeg.dcm")
    with pytest.raises(UnsupportedSourceError, match="MPEG-4"):
        open_source(tmp_path / "mpeg.dcm")


def test_pixels_that_are_not_square_are_flagged(write_dicom):
    frames = np.zeros((3, 40, 40), dtype=np.uint8)
    with open_source(write_dicom("wide.dcm", frames, PixelAspectRatio=[1, 2])) as source:
        assert codes(source) == {"spacing_missing", "timing_missing", "pixels_not_square"}
    with open_source(write_dicom("square.dcm", frames, PixelAspectRatio=[1, 1], FrameTime="20")) as source:
        assert codes(source) == {"spacing_missing"}


def test_a_malformed_attribute_that_is_not_needed_does_not_refuse_the_clip(write_dicom):
    path = write_dicom("clip.dcm", np.zeros((3, 40, 40), dtype=np.uint8), FrameTime="33.30", HeartRate="60")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"33.30 ", b"3x.30 "))
    with open_source(path) as source:
        assert (source.length, source.timing.fps, source.timing.heart_rate) == (3, None, 60)


def test_nothing_that_identifies_the_patient_is_given_out(write_dicom):
    path = write_dicom("clip.dcm", np.zeros((3, 40, 40), dtype=np.uint8), InstitutionName="Secret Hospital", SeriesDescription="Secret")
    with open_source(path) as source:
        told = json.dumps([source.name, dict(source.details), [f.message for f in source.flags], repr(source.timing)])
    assert "ecret" not in told.lower()
    assert "SECRET" not in told
    assert "20200102" not in told
    assert "1.2." not in told


def test_warnings_do_not_quote_the_file(write_dicom, recwarn, caplog):
    path = write_dicom("clip.dcm", np.zeros((3, 40, 40), dtype=np.uint8), SeriesInstanceUID="1.2.99.4", ManufacturerModelName="x")
    path.write_bytes(path.read_bytes().replace(b"1.2.99.4", b"1.2.09.4"))  # not allowed: a component that starts with 0
    with open_source(path) as source:
        list(source.frames())
    assert [str(w.message) for w in recwarn] == []
    assert "1.2.09" not in caplog.text


def test_the_view_code_is_translated(write_dicom):
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "399214001", "SCT", "Apical four chamber"
    with open_source(write_dicom("view.dcm", np.zeros((3, 40, 40), dtype=np.uint8), ViewCodeSequence=[item])) as source:
        assert source.details["view"] == "A4C"


def test_the_name_of_the_file_does_not_matter(stale_path, tmp_path):
    for name in ("IM000001", "clip.mp4", "1.2.840.10008.5"):
        path = tmp_path / name
        path.write_bytes(stale_path.read_bytes())
        with open_source(path) as source:
            assert source.length == 30


def test_memory_stays_flat_while_reading(write_dicom):
    import tracemalloc

    frames = np.zeros((300, 200, 200), dtype=np.uint8)  # 12 MB
    path = write_dicom("long.dcm", frames)
    del frames
    with open_source(path) as source:
        tracemalloc.start()
        count = sum(1 for _ in source.frames())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 300
    assert peak < 2_000_000


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless, RLELossless])
def test_header_alone_is_read_at_opening(syntax):
    """The index of compressed frames holds positions, no pixel data."""
    from echoseg.io.dicom.frames import read_header

    name = {JPEGBaseline8Bit: "examples_ybr_color.dcm", JPEG2000Lossless: "US1_J2KR.dcm", RLELossless: "SC_rgb_rle_2frame.dcm"}[syntax]
    dataset, table = read_header(Path(get_testdata_file(name)))
    assert "PixelData" not in dataset
    assert table.transfer_syntax == syntax
    assert len(table.spans) == table.count


@pytest.mark.parametrize(("modality", "expected"), [("US", True), ("MR", False), ("XA", False), ("OT", None)])
def test_the_modality_tells_ultrasound_and_where_it_cannot_the_picture_does(tmp_path, modality, expected):
    pixels = np.random.default_rng(0).integers(0, 255, (4, 64, 64), dtype=np.uint8)
    path = write_clip(tmp_path / "clip.dcm", pixels, Modality=modality)
    assert open_source(path).ultrasound() is expected
