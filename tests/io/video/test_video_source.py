from fractions import Fraction

import av
import numpy as np
import pytest

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.video.truncation import missing_bytes


def numbers(frames):
    """The frame number that each frame of ``numbered_frames`` shows: the width of its bar."""
    return [int((frame[4:-4, :, 0] > 128).mean(axis=0).round().sum()) - 1 for frame in frames]


CONTAINERS = [
    ("clip.mp4", "libx264", "yuv420p", {"g": "12", "bf": "2"}),
    ("clip.mov", "libx264", "yuv420p", {"g": "7", "bf": "3", "flags": "-cgop"}),
    ("clip.mkv", "libx264", "yuv420p", {"g": "250"}),
    ("clip.avi", "mpeg4", "yuv420p", {"g": "12", "bf": "2", "q": "2"}),
    ("reordered.avi", "libx264", "yuv420p", {"g": "12", "bf": "2"}),
    ("jpeg.avi", "mjpeg", "yuvj420p", {}),
    ("clip.webm", "libvpx", "yuv420p", {"auto-alt-ref": "1", "lag-in-frames": "10", "b": "2M", "threads": "1"}),
    ("nine.webm", "libvpx-vp9", "yuv420p", {"crf": "10", "b": "0", "cpu-used": "8"}),
    ("clip.gif", "gif", "rgb8", {}),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "options"), CONTAINERS, ids=[c[0] for c in CONTAINERS])
def test_every_container_gives_each_frame_once_in_order_and_by_number(write_video, numbered_frames, name, codec, pix_fmt, options):
    path = write_video(name, numbered_frames, codec, pix_fmt, **options)
    with open_source(path) as source:
        assert (source.kind, source.length, source.size) == ("clip", 40, (48, 64))
        assert numbers(source.frames()) == list(range(40))
        assert numbers(source.frames(13, 29)) == list(range(13, 29))
        assert numbers([source.frame(i) for i in (39, 0, 12, 11, 25)]) == [39, 0, 12, 11, 25]
        assert numbers(source.frames_backward(39)) == list(range(39, -1, -1))


def test_random_access_gives_the_very_pixels_of_reading_through(write_video):
    frames = np.random.default_rng(1).integers(0, 255, (30, 32, 32, 3), dtype=np.uint8)
    path = write_video("noise.mp4", frames, g="10", bf="2")
    with open_source(path) as source:
        through = list(source.frames())
        assert all(np.array_equal(source.frame(i), through[i]) for i in range(30))
        assert all(np.array_equal(a, b) for a, b in zip(source.frames_backward(29), reversed(through), strict=True))


def test_times_follow_a_variable_frame_rate(write_video, numbered_frames):
    pts = np.cumsum([0, *([20, 40, 60] * 13)]).tolist()
    path = write_video("variable.mkv", numbered_frames, pts=pts)
    with open_source(path) as source:
        np.testing.assert_allclose(source.timing.times, np.array(pts) / 1000, atol=1e-9)
        assert source.details["variable_frame_rate"] is True
        assert source.timing.fps == pytest.approx(39 / (pts[-1] / 1000))
        np.testing.assert_array_equal(source.times(40), source.timing.times)


def test_constant_rate_is_reported_and_not_called_variable(write_video, numbered_frames):
    with open_source(write_video("clip.mp4", numbered_frames)) as source:
        assert source.timing.fps == pytest.approx(25)
        assert "variable_frame_rate" not in source.details


def test_given_frame_rate_replaces_that_of_the_file(write_video, numbered_frames):
    with open_source(write_video("clip.mp4", numbered_frames), fps=50) as source:
        assert source.timing.fps == 50
        assert source.times(3).tolist() == [0, 0.02, 0.04]
        assert "fps_given" in {flag.code for flag in source.flags}


def test_colour_order_is_rgb(write_video):
    red = np.zeros((4, 32, 32, 3), dtype=np.uint8)
    red[..., 0] = 255
    with open_source(write_video("red.mp4", red)) as source:
        r, g, b = source.frame(2).mean(axis=(0, 1))
        assert r > 230
        assert g < 25
        assert b < 25


def test_grey_video_stays_one_channel(write_video):
    frames = np.random.default_rng(0).integers(0, 255, (3, 16, 20), dtype=np.uint8)
    path = write_video("grey.mkv", frames, "ffv1", "gray")
    with open_source(path) as source:
        np.testing.assert_array_equal(list(source.frames()), frames)


def test_display_rotation_is_applied(tmp_path):
    upright = np.zeros((20, 32, 3), dtype=np.uint8)
    upright[:6, :8] = 255  # a mark at the top left
    path = tmp_path / "rotated.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 20, 32, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(upright)))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") + 4
    matrix = header + 4 + 20 + 16  # version 0: flags, times, id, duration, reserved ..., then nine 32-bit numbers
    one = (1 << 16).to_bytes(4, "big", signed=True)
    minus = (-(1 << 16)).to_bytes(4, "big", signed=True)
    zero = bytes(4)
    rotate_90_clockwise = zero + one + zero + minus + zero + zero + (20 << 16).to_bytes(4, "big") + zero + (1 << 30).to_bytes(4, "big")
    assert bytes(data[matrix : matrix + 4]) == one
    data[matrix : matrix + 36] = rotate_90_clockwise
    path.write_bytes(data)
    with open_source(path) as source:
        assert source.size == (32, 20)
        np.testing.assert_allclose(source.frame(0), np.rot90(upright, -1), atol=40)


def test_anisotropic_pixels_are_flagged(tmp_path, numbered_frames):
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for image in numbered_frames[:3]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))
    with open_source(path) as source:
        assert "pixels_not_square" in {flag.code for flag in source.flags}


@pytest.mark.parametrize(
    ("name", "codec"), [("clip.mp4", "libx264"), ("fast.mp4", "libx264"), ("clip.avi", "mjpeg"), ("clip.mkv", "libx264")]
)
@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_cut_off_video_is_refused(write_video, name, codec, fraction):
    frames = np.random.default_rng(2).integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    options = {"movflags": "faststart"} if name == "fast.mp4" else {}
    path = write_video(name, frames, codec, "yuvj420p" if codec == "mjpeg" else "yuv420p")
    if options:
        path = _remuxed_with_header_first(path)
    assert missing_bytes(path) == 0
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    with pytest.raises(SourceError, match=str(path)):
        open_source(path)


def _remuxed_with_header_first(path):
    """The same packets with the index before the data, so that a cut leaves a file that FFmpeg opens without complaint."""
    target = path.with_name("front.mp4")
    with av.open(str(path)) as source, av.open(str(target), "w", options={"movflags": "faststart"}) as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return target


def test_cut_off_gif_is_refused(write_video, numbered_frames):
    path = write_video("clip.gif", numbered_frames, "gif", "rgb8")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="cut off"):
        open_source(path)


def test_a_file_with_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        for start in range(0, 8192, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(UnsupportedSourceError, match="no video"):
        open_source(path)


def test_damage_in_the_middle_is_an_error_and_never_a_shift_in_time(write_video):
    frames = np.random.default_rng(3).integers(0, 255, (30, 48, 64, 3), dtype=np.uint8)
    path = write_video("clip.avi", frames, "mjpeg", "yuvj420p")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][15]
        data[packet.pos + 8 : packet.pos + 8 + packet.size] = bytes(packet.size)
    path.write_bytes(data)
    with open_source(path) as source, pytest.raises(SourceError, match="frame 15"):
        list(source.frames())
