"""DICOM whose pixel data is one video stream: its frames, their number and their times."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pydicom
import pytest
from dicom_objects import write_clip
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import HEVCMP51, MPEG2MPML, MPEG4HP41

from echoseg.errors import SourceError
from echoseg.io import open_source

FRAMES = np.stack([np.full((64, 96, 3), 20 + 15 * t, np.uint8) for t in range(12)])


def stream(frames: np.ndarray = FRAMES, container: str = "mp4", codec: str = "libx264", rate: int = 25) -> bytes:
    held = io.BytesIO()
    with av.open(held, "w", format=container) as out:
        video = out.add_stream(codec, rate=rate)
        video.height, video.width, video.pix_fmt = frames.shape[1], frames.shape[2], "yuv420p"
        for frame in frames:
            out.mux(video.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        out.mux(video.encode(None))
    return held.getvalue()


def clip(folder: Path, data: bytes, syntax: str = MPEG4HP41, fragments: int = 1, **attributes: object) -> Path:
    path = write_clip(folder / "clip.dcm", FRAMES, PhotometricInterpretation="YBR_PARTIAL_420", **attributes)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([data], fragments_per_frame=fragments, has_bot=False)
    dataset.save_as(path)
    return path


def codes(path: Path) -> set[str]:
    with open_source(path) as source:
        return {flag.code for flag in source.flags}


@pytest.mark.parametrize(
    ("container", "codec", "syntax", "fragments"),
    [
        ("mp4", "libx264", MPEG4HP41, 1),
        ("mp4", "libx264", MPEG4HP41, 5),
        ("mpegts", "libx264", MPEG4HP41, 1),
        ("h264", "libx264", MPEG4HP41, 3),
        ("mpegts", "mpeg2video", MPEG2MPML, 1),
        ("mp4", "libx265", HEVCMP51, 1),
    ],
)
def test_every_frame_of_a_stream_is_read_in_its_place(tmp_path, container, codec, syntax, fragments):
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    path = clip(tmp_path, stream(container=container, codec=codec), syntax, fragments)
    with open_source(path) as source:
        assert (source.kind, len(source), source.timing.fps, source.geometry.spacing) == ("clip", 12, 25.0, (0.5, 0.5))
        assert {flag.code for flag in source.flags} == set()
        greys = [float(frame.mean()) for frame in source.frames()]
        assert greys == pytest.approx([20 + 15 * t for t in range(12)], abs=4)
        assert float(next(source.frames(7)).mean()) == pytest.approx(125, abs=4)


def test_a_stream_with_fewer_frames_than_declared_is_refused_and_more_are_told(tmp_path):
    with pytest.raises(SourceError, match="declares 12 frames but holds 7 complete ones"):
        open_source(clip(tmp_path, stream(FRAMES[:7])))
    path = clip(tmp_path, stream(), NumberOfFrames=9)
    assert codes(path) == {"surplus_frames"}
    with open_source(path) as source:
        assert len(source) == 9


def test_a_stream_that_was_cut_off_is_refused(tmp_path):
    path = clip(tmp_path, stream())
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(SourceError, match="incomplete; the file was cut off"):
        open_source(path)


def test_a_stream_of_another_size_is_refused(tmp_path):
    with pytest.raises(SourceError, match="frame 0 has size"):
        open_source(clip(tmp_path, stream(FRAMES[:, :32])))


@pytest.mark.parametrize(("header", "fps", "told"), [(40, None, "timing_contradictory"), (None, 50.0, "frame_rate_assumed")])
def test_header_and_stream_must_agree_on_the_time(tmp_path, header, fps, told):
    path = clip(tmp_path, stream(rate=50), FrameTime=header)
    with open_source(path) as source:
        assert source.timing.fps == fps
    assert codes(path) == {told}


def test_a_stream_without_clock_leaves_the_rate_unknown(tmp_path):
    path = clip(tmp_path, stream(container="h264"), FrameTime=None)
    assert codes(path) == {"timing_missing"}


def test_fragments_join_as_they_were(tmp_path):
    data = stream()
    path = clip(tmp_path, data, fragments=4)
    pieces = list(generate_fragments(pydicom.dcmread(path).PixelData))[1:]
    assert b"".join(pieces).rstrip(b"\0") == data.rstrip(b"\0") and len(pieces) == 4
