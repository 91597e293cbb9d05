"""A clip's number of frames is what its pixel data holds, or the difference is said."""

import io

import numpy as np
import pydicom
import pytest
from dicom_objects import write_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from echoseg.errors import UnsupportedSourceError
from echoseg.io import open_source

FRAMES = np.full((5, 40, 48, 3), 40, np.uint8) * np.arange(1, 6, dtype=np.uint8)[:, None, None, None]


def coded(frame):
    made = io.BytesIO()
    Image.fromarray(frame).save(made, "JPEG", quality=90)
    return made.getvalue()


def clip(folder, storage, stated, fragments=1):
    path = write_clip(folder / "clip.dcm", FRAMES)
    dataset = pydicom.dcmread(path)
    if storage == "jpeg":
        dataset.file_meta.TransferSyntaxUID, dataset.PhotometricInterpretation = JPEGBaseline8Bit, "YBR_FULL_422"
        dataset.PixelData = encapsulate([coded(frame) for frame in FRAMES], fragments_per_frame=fragments, has_bot=False)
    elif storage == "rle":
        dataset.compress(RLELossless)
    if stated is None:
        del dataset.NumberOfFrames
    else:
        dataset.NumberOfFrames = stated
    dataset.save_as(path)
    return path


def codes(source):
    return {flag.code for flag in source.flags}


@pytest.mark.parametrize("storage", ["native", "jpeg", "rle"])
@pytest.mark.parametrize(
    ("stated", "length", "code"), [(5, 5, None), (None, 5, "frames_counted"), (3, 3, "surplus_frames"), (1, 1, "surplus_frames")]
)
def test_frames_that_are_not_declared_are_counted_or_named(tmp_path, storage, stated, length, code):
    with open_source(clip(tmp_path, storage, stated)) as source:
        assert source.length == length
        assert codes(source) & {"frames_counted", "surplus_frames"} == ({code} if code else set())
        assert abs(source.frame(length - 1).astype(int) - FRAMES[length - 1]).mean() < 5


@settings(max_examples=10, deadline=None)
@given(fragments=st.integers(1, 3), stated=st.sampled_from([None, 1, 4, 5]))
def test_fragments_are_no_frames(tmp_path_factory, fragments, stated):
    with open_source(clip(tmp_path_factory.mktemp("clip"), "jpeg", stated, fragments)) as source:
        assert source.length == (stated or 5)
        assert bool(codes(source) & {"frames_counted", "surplus_frames"}) is (stated != 5)


def test_one_image_in_fragments_is_one_image(tmp_path):
    path = clip(tmp_path, "jpeg", 1)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([coded(FRAMES[0])], fragments_per_frame=3, has_bot=False)
    del dataset.NumberOfFrames
    dataset.save_as(path)
    with open_source(path) as source:
        assert (source.length, codes(source) & {"frames_counted", "surplus_frames"}) == (1, set())


def test_a_video_stream_in_dicom_is_named_as_one(tmp_path):
    path = clip(tmp_path, "native", 5)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.MPEG4HP41
    dataset.PixelData = encapsulate([b"\0\0\0 ftypisom" + bytes(200)], has_bot=False)
    dataset.save_as(path)
    with pytest.raises(UnsupportedSourceError, match=r"video stream \(MPEG-4 AVC/H.264.*extract"):
        open_source(path)


def stated_as(folder, said):
    """A clip whose Number of Frames is these characters."""
    path = write_clip(folder / "clip.dcm", FRAMES)
    said += " " * (len(said) % 2)
    whole, field = path.read_bytes(), b"\x28\x00\x08\x00IS"
    at = whole.index(field) + len(field)
    length = int.from_bytes(whole[at : at + 2], "little")
    path.write_bytes(whole[:at] + len(said).to_bytes(2, "little") + said.encode() + whole[at + 2 + length :])
    return path


@pytest.mark.parametrize("said", ["5", "+5", "05", "5.0", r"5\5"])
def test_a_number_of_frames_in_odd_characters_is_a_number(tmp_path, said):
    with open_source(stated_as(tmp_path, said)) as source:
        assert (len(source), source.flags) == (5, ())


@pytest.mark.parametrize("said", ["0", "", " "])
def test_no_number_and_zero_frames_state_nothing_and_all_are_read(tmp_path, said):
    with open_source(stated_as(tmp_path, said)) as source:
        assert (len(source), [flag.code for flag in source.flags]) == (5, ["frames_counted"])
