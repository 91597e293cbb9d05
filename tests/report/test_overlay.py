from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoseg.errors import OutputError
from echoseg.report.drawing import object_colour
from echoseg.report.overlay import OverlayWriter, overlay_scale
from echoseg.report.strip import CURVE_HEIGHT, PLAIN_HEIGHT
from echoseg.report.trace import Trace, TraceBeat

NAMES = {1: "LV"}


def write(path, frames, masks, **options):
    with OverlayWriter(path, frames.shape[1:3], names=NAMES, **{"fps": None, **options}) as writer:
        for frame, mask in zip(frames, masks, strict=True):
            writer.write(frame, mask)


def read(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream, [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture
def clip():
    frames = np.full((10, 481, 641, 3), 60, np.uint8)  # odd sides: not allowed in yuv420p as they are
    masks = np.zeros((10, 481, 641), np.uint8)
    for index in range(10):
        masks[index, 100:300, 100 + 20 * index : 300 + 20 * index] = 1
    return frames, masks


def test_video_is_h264_yuv420p_with_every_frame_at_the_source_rate(tmp_path, clip):
    write(tmp_path / "overlay.mp4", *clip, fps=30000 / 1001)
    stream, frames = read(tmp_path / "overlay.mp4")
    assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert stream.average_rate == pytest.approx(30000 / 1001)
    assert len(frames) == 10
    assert frames[0].shape == (482 + PLAIN_HEIGHT, 642, 3)


def test_a_colon_in_a_relative_path_is_no_protocol(tmp_path, clip, monkeypatch):
    (tmp_path / "12:30").mkdir()
    monkeypatch.chdir(tmp_path)
    write("12:30/overlay.mp4", *clip)
    assert (tmp_path / "12:30" / "overlay.mp4").is_file()


def test_unknown_rate_plays_at_30(tmp_path, clip):
    write(tmp_path / "overlay.mp4", *clip, fps=None)
    assert read(tmp_path / "overlay.mp4")[0].average_rate == 30


def test_index_comes_before_the_frames_so_that_browsers_start_at_once(tmp_path, clip):
    write(tmp_path / "overlay.mp4", *clip)
    data = (tmp_path / "overlay.mp4").read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")


def test_mask_is_tinted_where_it_is_on_each_frame_and_nowhere_else(tmp_path, clip):
    write(tmp_path / "overlay.mp4", *clip)
    frames = read(tmp_path / "overlay.mp4")[1]
    tint = np.array(object_colour(1, "LV")) - 60
    for index, frame in enumerate(frames):
        inside = frame[200, 200 + 20 * index].astype(int) - 60
        assert np.dot(inside, tint) > 0.1 * np.dot(tint, tint)
        assert np.abs(frame[400, 320].astype(int) - 60).max() <= 4  # grey stays grey: no colour shift either


def test_image_carries_no_text_and_the_strip_follows_the_frame(tmp_path, clip):
    frames, masks = clip
    trace = Trace("LV", "area", "cm²", np.linspace(10.0, 20.0, 10), np.arange(10) / 30, (TraceBeat(2, 7, None, 50.0),))
    write(tmp_path / "overlay.mp4", frames, np.zeros_like(masks), fps=30, trace=trace, frame_count=10)
    decoded = read(tmp_path / "overlay.mp4")[1]
    assert decoded[0].shape[0] == 482 + CURVE_HEIGHT
    assert np.abs(decoded[5][:470, :630].astype(int) - 60).max() <= 4  # away from the edges, where the encoder rounds
    cursor = [
        frame[-CURVE_HEIGHT + 12, 180:].astype(int).min(axis=1).argmax() for frame in decoded
    ]  # above the curve only the cursor is bright
    assert cursor[-1] > cursor[0] + 300


def test_small_images_are_enlarged_a_whole_number_of_times():
    assert overlay_scale((112, 112)) == (5.0, 5.0)
    assert overlay_scale((240, 320)) == (2.0, 2.0)
    assert overlay_scale((480, 640)) == (1.0, 1.0)
    assert overlay_scale((4, 4)) == (120.0, 120.0)


def test_pixels_are_shown_square_in_millimetres():
    x, y = overlay_scale((400, 600), (0.154, 0.308))
    assert x / y == pytest.approx(2)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_shown_size_is_bounded(height, width):
    x, y = overlay_scale((height, width))
    assert x == y
    assert max(height, width) * x <= 1600 + 1e-6


def test_one_by_one_frame_makes_a_video(tmp_path):
    write(tmp_path / "overlay.mp4", np.zeros((1, 1, 1), np.uint8), np.ones((1, 1, 1), np.uint8))
    assert len(read(tmp_path / "overlay.mp4")[1]) == 1


def test_frame_of_another_size_is_an_error(tmp_path, clip):
    frames, masks = clip
    with pytest.raises(OutputError, match=r"overlay frame 0.*\(481, 641\)"):
        write(tmp_path / "overlay.mp4", frames, masks[:, :-1])


def test_no_frame_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="at least one frame"), OverlayWriter(tmp_path / "o.mp4", (8, 8), fps=30, names=NAMES):
        pass


def test_unwritable_path_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"o\.mp4.*No such file"):
        write(tmp_path / "missing" / "o.mp4", np.zeros((99, 8, 8), np.uint8), np.zeros((99, 8, 8), np.uint8))


def test_error_in_the_block_is_the_one_that_is_seen(tmp_path):
    with pytest.raises(KeyError), OverlayWriter(tmp_path / "o.mp4", (8, 8), fps=30, names=NAMES):
        raise KeyError("source failed")
