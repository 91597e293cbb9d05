"""Compressed frames that are not what the header says, or that end a native decoder, are refused before it sees them."""

import struct
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000, UID, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from echoseg.errors import SourceError
from echoseg.io import open_source
from echoseg.io.dicom.codestream import check_codestream
from tests.io.volume.test_volume_fuzz import edited

FILES = {
    JPEG2000: "SC_rgb_gdcm_KY.dcm",
    JPEG2000Lossless: "MR_small_jp2klossless.dcm",
    JPEGBaseline8Bit: "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    JPEGLosslessSV1: "SC_rgb_jpeg_gdcm.dcm",
    JPEGLSLossless: "MR_small_jpeg_ls_lossless.dcm",
    RLELossless: "MR_small_RLE.dcm",
}
HUGE = {  # what puts sizes of 65535 x 65535 (JPEG 2000: 2^31) into the codestream, by its first two bytes of the frame header
    JPEG2000: (b"\xff\x51", 6, struct.pack(">2L", 1 << 31, 1 << 31)),
    JPEG2000Lossless: (b"\xff\x51", 6, struct.pack(">2L", 1 << 31, 1 << 31)),
    JPEGBaseline8Bit: (b"\xff\xc0", 5, struct.pack(">2H", 65535, 65535)),
    JPEGLosslessSV1: (b"\xff\xc3", 5, struct.pack(">2H", 65535, 65535)),
    JPEGLSLossless: (b"\xff\xf7", 5, struct.pack(">2H", 65535, 65535)),
}


def stored_frame(syntax):
    """Header values and the one compressed frame of a real file."""
    dataset = pydicom.dcmread(get_testdata_file(FILES[syntax]))
    header = {
        "rows": dataset.Rows,
        "columns": dataset.Columns,
        "samples_per_pixel": dataset.SamplesPerPixel,
        "bits_allocated": dataset.BitsAllocated,
    }
    return dataset, header, next(generate_frames(dataset.PixelData, number_of_frames=1))


def with_frame(path, dataset, frame):
    dataset.PixelData = encapsulate([frame])
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("syntax", FILES, ids=lambda uid: UID(uid).name)
def test_whole_frames_pass(syntax):
    _, header, frame = stored_frame(syntax)
    check_codestream(frame, syntax, header)


@pytest.mark.parametrize("syntax", HUGE, ids=lambda uid: UID(uid).name)
@pytest.mark.parametrize("header_agrees", [False, True])
def test_a_frame_that_claims_to_be_huge_is_refused(tmp_path, syntax, header_agrees):
    dataset, _, frame = stored_frame(syntax)
    marker, skipped, sizes = HUGE[syntax]
    place = frame.index(marker) + skipped
    spoiled = frame[:place] + sizes + frame[place + len(sizes) :]
    if header_agrees:
        dataset.Rows = dataset.Columns = 65535
    with pytest.raises(SourceError, match=r"frame 0 of 1 cannot be decoded \((it is compressed as|a compressed frame of|damaged)"):
        open_source(with_frame(tmp_path / "spoiled.dcm", dataset, spoiled))


@pytest.mark.parametrize(("keyword", "value"), [("Rows", 99), ("Columns", 101), ("SamplesPerPixel", 4)])
def test_other_sizes_than_in_the_header_are_refused(tmp_path, keyword, value):
    dataset, _, frame = stored_frame(JPEGLosslessSV1)
    setattr(dataset, keyword, value)
    with pytest.raises(SourceError, match="compressed as 100 x 100 pixels of 3 samples"):
        open_source(with_frame(tmp_path / "other.dcm", dataset, frame))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b"Adobe\x00\x64\x00\x00\x00\x00\x00", b"Adobe\x00\x64\x00\x00\x00\x00\xff"),  # unknown colours
        lambda data: data.replace(b"\xff\xee", b"\x01\xee"),  # bytes between two segments
        lambda data: data.replace(b"\xff\xc4", b"\xff\x01"),
        lambda data: data.replace(b"\xff\xc3\x00\x11\x08", b"\xff\xc3\x00\x11\xfe"),  # 254 bits
        lambda data: data.replace(b"\xff\xc3\x00\x11\x08", b"\xff\xc0\x00\x11\x08"),  # not lossless
        lambda data: data.replace(b"\x52\x11\x00\x47", b"\x52\x21\x00\x47"),  # subsampled
        lambda data: data.replace(b"\xff\xc4\x00\x17\x00", b"\xff\xc4\x00\x17\x0f"),  # a table that is not there
        lambda data: data.replace(b"\x00\x42\x00\x01\x00\x00", b"\x00\x42\x00\x09\x00\x00"),  # no such predictor
        lambda data: data[:40],
    ],
    ids=["colours", "between", "marker", "bits", "process", "sampling", "table", "predictor", "cut"],
)
def test_damage_in_a_lossless_header_is_found(damage):
    _, header, frame = stored_frame(JPEGLosslessSV1)
    assert damage(frame) != frame
    with pytest.raises(ValueError):
        check_codestream(damage(frame), JPEGLosslessSV1, header)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(FILES)), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_byte_of_a_codestream_is_read_or_refused(tmp_path, syntax, changes):
    dataset, _, frame = stored_frame(syntax)
    path = with_frame(tmp_path / "frame.dcm", dataset, edited(frame, changes, end=min(len(frame), 150)))
    try:
        with open_source(path) as source:
            assert source.frame(0).shape[:2] == source.size
    except SourceError as error:
        assert "\n" not in str(error) and "frame.dcm" in str(error)


_MANY = """
import random, sys
from tests.io.dicom.test_codestream import *
folder, syntax = Path(sys.argv[1]), sys.argv[2]
for seed in range(400):
    draw = random.Random(seed)
    dataset, _, frame = stored_frame(syntax)
    changes = [(draw.random(), draw.choice([0, 1, 127, 128, 254, 255, draw.randrange(256)])) for _ in range(draw.randint(1, 4))]
    path = with_frame(folder / "frame.dcm", dataset, edited(frame, changes, end=draw.choice([150, len(frame)])))
    try:
        with open_source(path) as source:
            source.frame(0)
    except SourceError:
        pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("syntax", FILES, ids=lambda uid: UID(uid).name)
def test_no_damage_ends_the_process(tmp_path, syntax):
    """In a process of its own, so that its end is a failure and not the end of all tests."""
    root = Path(__file__).parents[3]
    told = subprocess.run([sys.executable, "-c", _MANY, str(tmp_path), syntax], cwd=root, capture_output=True, text=True, timeout=110)
    assert told.returncode == 0, told.stderr[-500:]
