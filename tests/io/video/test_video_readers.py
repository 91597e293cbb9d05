"""decord and OpenCV give the frames that PyAV gives, at the same times, or an error."""

import os
import struct
import time
from fractions import Fraction
from itertools import zip_longest

import av
import numpy as np
import psutil
import pytest

import echoseg.io.video.decord
import echoseg.io.video.open
from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.video.decord import DecordReader
from echoseg.io.video.index import index_frames
from echoseg.io.video.opencv import OpencvReader
from echoseg.io.video.pyav import PyavReader

MIXED = np.cumsum([0, *([20, 40, 60] * 13)])
GAP = np.arange(40) * 40 + (np.arange(40) > 25) * 3000
"""Milliseconds at which 40 frames are shown."""

OTHERS = ("decord", "opencv")
others = pytest.mark.parametrize("reader", OTHERS)
FILES = [
    ("groups.mp4", "libx264", "yuv420p", {"g": "12", "bf": "2"}),
    ("open.mp4", "libx264", "yuv420p", {"g": "10", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
    ("one_group.mkv", "libx264", "yuv420p", {"g": "250"}),
    ("packed.avi", "mpeg4", "yuv420p", {"g": "12", "bf": "2", "q": "2"}),
    ("jpeg.avi", "mjpeg", "yuvj420p", {}),
    ("hidden.webm", "libvpx", "yuv420p", {"auto-alt-ref": "1", "lag-in-frames": "10", "b": "2M", "threads": "1"}),
    ("full_range.mp4", "libx264", "yuvj420p", {"g": "12"}),
    ("clip.gif", "gif", "rgb8", {}),
]


def read(path, reader, kind=None):
    with open_source(path, reader=reader, kind=kind) as source:
        return list(source.frames())


@others
@pytest.mark.parametrize(("name", "codec", "pixels", "options"), FILES, ids=[f[0] for f in FILES])
def test_frames_and_times_are_those_of_pyav_in_whatever_order_they_are_read(
    write_video, numbered_frames, reader, name, codec, pixels, options
):
    path = write_video(name, numbered_frames, codec, pixels, **options)
    with open_source(path) as ours, open_source(path, reader=reader) as theirs:
        expected = list(ours.frames())
        assert (theirs.length, theirs.size, theirs.kind) == (ours.length, ours.size, ours.kind)
        assert theirs.timing.fps == ours.timing.fps
        np.testing.assert_array_equal(theirs.timing.times, ours.timing.times)
        np.testing.assert_array_equal(list(theirs.frames()), expected)
        for index in (39, 0, 12, 11, 25, 10, 9, 20, 21, 38):
            np.testing.assert_array_equal(theirs.frame(index), expected[index])
        np.testing.assert_array_equal(list(theirs.frames(13, 29)), expected[13:29])
        np.testing.assert_array_equal(list(theirs.frames_backward(39)), expected[::-1])


@others
@pytest.mark.parametrize("pts", [MIXED, GAP], ids=["mixed", "gap"])
def test_a_variable_frame_rate_moves_no_frame(write_video, numbered_frames, reader, pts):
    path = write_video("variable.mp4", numbered_frames, pts=(pts + 700).tolist(), g="12", bf="2")
    expected = read(path, "pyav")
    with open_source(path, reader=reader) as source:
        np.testing.assert_allclose(source.timing.times, pts / 1000, atol=1e-9)
        assert source.details["variable_frame_rate"] is True
        for index in (39, 3, 26, 25, 27, 14):
            np.testing.assert_array_equal(source.frame(index), expected[index])


@others
def test_odd_sizes_and_ten_bits_agree_within_rounding(write_video, reader):
    frames = np.random.default_rng(0).integers(0, 255, (4, 6, 8, 3), dtype=np.uint8).repeat(9, axis=1).repeat(9, axis=2)[:, :47, :63]
    for name, codec, pixels in (("odd.mkv", "mpeg4", "yuv420p"), ("ten.mkv", "ffv1", "yuv420p10le")):
        path = write_video(name, frames, codec, pixels)
        for image, expected in zip(read(path, reader), read(path, "pyav"), strict=True):
            assert image.shape == expected.shape == (47, 63, 3)
            assert np.abs((image.astype(int) - expected) @ [0.299, 0.587, 0.114]).mean() < 1


@others
def test_grey_stays_one_channel_and_colour_is_rgb(write_video, reader):
    frames = np.random.default_rng(0).integers(0, 255, (3, 16, 20), dtype=np.uint8)
    np.testing.assert_array_equal(read(write_video("grey.mkv", frames, "ffv1", "gray"), reader), frames)
    colours = np.random.default_rng(0).integers(0, 255, (3, 16, 20, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read(write_video("rgb.mkv", colours, "ffv1", "bgr0"), reader), colours)


@others
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_display_rotation_is_applied(write_video, numbered_frames, reader, turns):
    path = write_video("turned.mp4", numbered_frames[:6])
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") + 4
    matrix = header + 4 + 20 + 16  # of nine 32-bit numbers, after flags, times, id, duration, reserved
    cos, sin = [(1, 0), (0, 1), (-1, 0), (0, -1)][turns]
    data[matrix : matrix + 36] = struct.pack(">9l", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    expected = read(path, "pyav")
    assert expected[0].shape == ((64, 48, 3) if turns % 2 else (48, 64, 3))
    np.testing.assert_array_equal(read(path, reader), expected)


@others
def test_a_video_of_one_frame_is_an_image(write_video, numbered_frames, reader):
    for name, codec, pixels in (("one.mp4", "libx264", "yuv420p"), ("one.gif", "gif", "rgb8")):
        path = write_video(name, numbered_frames[:1], codec, pixels)
        with open_source(path, reader=reader) as source:
            assert (source.kind, source.length) == ("image", 1)
            np.testing.assert_array_equal(source.frame(0), read(path, "pyav")[0])


@others
@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip.gif"])
def test_a_cut_off_video_is_refused(write_video, numbered_frames, reader, name):
    codec, pixels = {"mp4": ("libx264", "yuv420p"), "avi": ("mjpeg", "yuvj420p"), "gif": ("gif", "rgb8")}[name[-3:]]
    path = write_video(name, numbered_frames, codec, pixels)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(SourceError, match="cut off"):
        open_source(path, reader=reader)


@pytest.mark.parametrize(("name", "codec", "pixels"), [("a.avi", "mjpeg", "yuvj420p"), ("a.mp4", "libx264", "yuv420p")])
@pytest.mark.parametrize("place", [7, 15, 22])
def test_damage_is_an_error_and_never_a_frame_in_the_place_of_another(write_video, numbered_frames, name, codec, pixels, place):
    path = write_video(name, numbered_frames, codec, pixels, g="12")
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][place]
        where = slice(packet.pos + 8, packet.pos + packet.size)
    data = bytearray(path.read_bytes())
    expected = read(path, "pyav")
    data[where] = np.random.default_rng(place).bytes(where.stop - where.start)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="damaged"):
        read(path, "pyav")
    with pytest.raises(SourceError, match="damaged"):
        open_source(path, reader="decord")  # its frames carry no times: damage is looked for before any is given out
    with open_source(path, reader="opencv") as source:
        seen = []
        with pytest.raises(SourceError, match="damaged"):
            for image in source.frames():
                seen.append(image)
    for image, right in zip(seen, expected[: len(seen)], strict=True):
        assert np.abs(image.astype(int) - right).mean() < 2


def test_a_frame_that_opencv_cannot_convert_is_an_error_and_never_the_frame_before_it(tmp_path, numbered_frames):
    path = tmp_path / "mixed.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("prores_ks", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv422p10le"
        for number, packet in enumerate([*prores(numbered_frames[:4]), *prores(numbered_frames[4:8], flags="+ildct")]):
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), number, number
            container.mux(packet)
    expected = read(path, "pyav")
    with open_source(path, reader="opencv") as source:
        for number, right in enumerate(expected):  # one build of OpenCV converts interlaced frames, another does not
            try:
                image = source.frame(number)
            except SourceError as error:
                assert number >= 4 and f"OpenCV cannot convert frame {number}; read this file with the reader pyav" in str(error)
            else:
                assert np.abs(image.astype(int) - right).mean() < 2


def prores(frames, **options):
    encoder = av.CodecContext.create("prores_ks", "w")
    encoder.height, encoder.width, encoder.pix_fmt = *frames.shape[1:3], "yuv422p10le"
    encoder.time_base, encoder.options = Fraction(1, 25), options
    for number, image in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(image)
        frame.pts, frame.time_base = number, Fraction(1, 25)
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def test_frozen_frames_are_read_as_they_are(write_video, numbered_frames):
    path = write_video("frozen.mkv", numbered_frames[[3] * 6 + [9] * 6], "ffv1", "bgr0")
    np.testing.assert_array_equal(read(path, "opencv"), read(path, "pyav"))


def test_times_that_go_back_are_an_error_from_opencv_and_no_matter_to_decord(write_video, numbered_frames):
    path = write_video("untimed.mpg", numbered_frames, "mpeg1video", g="12", bf="2")
    np.testing.assert_array_equal(read(path, "decord"), read(path, "pyav"))
    with pytest.raises(SourceError, match="reader pyav"):
        read(path, "opencv")


def test_where_seeking_misses_the_beginning_decord_refuses_and_opencv_reads_on_from_it(write_video, numbered_frames):
    path = write_video("stream.ts", numbered_frames, g="12", bf="2")
    index = index_frames(path)
    expected = list(PyavReader(path, index).read(0, 40))
    with pytest.raises(UnsupportedSourceError, match="decord.*reader pyav"):
        DecordReader(path, index, expected[0])
    opencv = OpencvReader(path, index, expected[0])
    for number in (8, 0, 39, 13, 3):  # OpenCV alone gives frame 13 in place of 3 and 8
        np.testing.assert_array_equal(next(opencv.read(number, number + 1)), expected[number])


def test_decord_in_small_blocks_gives_the_same_frames(write_video, numbered_frames, monkeypatch):
    for name, group in (("groups.mp4", "12"), ("one_group.mp4", "250")):
        path = write_video(name, numbered_frames, g=group, bf="2")
        whole = read(path, "decord")
        monkeypatch.setattr(echoseg.io.video.decord, "_BLOCK_BYTES", 5 * 48 * 64 * 3)
        np.testing.assert_array_equal(read(path, "decord"), whole)
        monkeypatch.undo()


@others
def test_two_readings_of_one_source_do_not_disturb_each_other(write_video, numbered_frames, reader):
    path = write_video("clip.mp4", numbered_frames, g="12", bf="2")
    expected = read(path, "pyav")
    with open_source(path, reader=reader) as source:
        for number, (early, late) in enumerate(zip_longest(source.frames(0, 20), source.frames(20, 40))):
            np.testing.assert_array_equal(early, expected[number])
            np.testing.assert_array_equal(late, expected[20 + number])
            np.testing.assert_array_equal(source.frame(39 - number), expected[39 - number])


@pytest.mark.parametrize("reader", ["pyav", *OTHERS])
def test_a_colon_in_a_relative_name_is_no_protocol(write_video, numbered_frames, reader, monkeypatch):
    monkeypatch.chdir(write_video("clip.mp4", numbered_frames[:3]).parent)
    os.rename("clip.mp4", "12:30.mp4")
    assert len(read("12:30.mp4", reader)) == 3


def test_a_reader_that_is_not_installed_says_how_to_install_it(write_video, numbered_frames, monkeypatch):
    path = write_video("clip.mp4", numbered_frames[:2])
    monkeypatch.setattr(echoseg.io.video.open, "find_spec", lambda module: None if module == "decord" else object())
    with pytest.raises(SourceError, match=r"pip install 'echoseg\[video\]'"):
        open_source(path, reader="decord")


def test_an_unknown_reader_and_a_reader_for_no_video_are_refused(write_video, numbered_frames):
    with pytest.raises(SourceError, match="pyav, decord, opencv"):
        open_source(write_video("clip.mp4", numbered_frames[:2]), reader="ffmpeg")
    with pytest.raises(SourceError, match="video file"):
        open_source(np.zeros((3, 40, 40), dtype=np.uint8), reader="opencv")


def test_what_read_the_frames_is_told(write_video, numbered_frames):
    path = write_video("clip.mp4", numbered_frames[:2])
    for reader, named in ((None, "pyav"), ("decord", "decord"), ("opencv", "opencv")):
        with open_source(path, reader=reader) as source:
            assert source.details["reader"] == named


def test_frames_cut_by_an_edit_list_are_shown_by_no_reader(write_video, numbered_frames):
    path = write_video("cut.mp4", numbered_frames, g="12", bf="2")
    data = bytearray(path.read_bytes())
    entry = data.index(b"elst") + 12  # version, flags, number of entries; then duration and where it begins
    duration, begin = struct.unpack_from(">Ll", data, entry)
    struct.pack_into(">Ll", data, entry, duration - 5 * 40, begin + 5 * 512)  # 5 frames, in the clocks of the file and of the track
    path.write_bytes(data)
    expected = read(path, "pyav")
    assert len(expected) == 35
    np.testing.assert_array_equal(read(path, "opencv"), expected)
    with pytest.raises(UnsupportedSourceError, match="counts 40 frames where 35 are shown"):
        open_source(path, reader="decord")


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["pyav", *OTHERS])
def test_memory_does_not_grow_with_length_while_frames_are_used_slowly(write_video, reader):
    picture = np.random.default_rng(0).integers(0, 255, (30, 240, 320, 3), dtype=np.uint8)
    frames = picture[np.arange(3000) % 30]
    path = write_video("long.mp4", frames, g="50", preset="ultrafast", crf="40")
    del frames
    with open_source(path, reader=reader) as source:
        before, most = psutil.Process().memory_info().rss, 0
        for _ in source.frames():
            time.sleep(0.001)  # decord alone decodes the whole file meanwhile, 690 MB of it
            most = max(most, psutil.Process().memory_info().rss)
    assert most - before < 250e6
