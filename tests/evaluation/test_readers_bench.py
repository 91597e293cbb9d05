"""The readers of video files, timed on a small file."""

import av
import numpy as np
import pytest

from echoseg.errors import MeasureError, SourceError
from echoseg.evaluation.readers import TASKS, bench_readers, example_videos
from echoseg.io import open_source
from echoseg.io.video.opencv import OpencvReader


def video(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "6"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        for index in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 48, 3), 5 * index, dtype=np.uint8))))
        container.mux(stream.encode(None))
    return path


def test_every_reader_is_timed_on_every_task_and_pyav_by_itself_is_one(tmp_path):
    report = bench_readers(video(tmp_path / "clip.mp4", 20), rounds=1)
    assert (report.video, report.codec, report.frames, report.height, report.width) == ("clip.mp4", "h264", 20, 32, 48)
    assert [speed.reader for speed in report.speeds] == ["pyav", "decord", "opencv"] and report.left_out == {}
    assert all(speed.ms[task].wall > 0 and speed.ms[task].cpu > 0 for speed in report.speeds for task in TASKS)
    assert all(report.speeds[0].ratio[task].wall == report.speeds[0].ratio[task].cpu == 1 for task in TASKS)
    decord = report.speeds[1]
    assert decord.ratio["seek"].wall == pytest.approx(report.speeds[0].ms["seek"].wall / decord.ms["seek"].wall)  # of one round


def test_a_reader_that_cannot_read_the_file_is_left_out_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("echoseg.io.video.open.find_spec", lambda module: None if module == "decord" else object())
    report = bench_readers(video(tmp_path / "clip.mp4", 8), rounds=1)
    assert [speed.reader for speed in report.speeds] == ["pyav", "opencv"]
    assert "pip install" in report.left_out["decord"]


def test_a_reader_that_fails_halfway_is_left_out_too(tmp_path, monkeypatch):
    read = OpencvReader.read

    def fails(self, start, stop):
        if stop > 5:
            raise SourceError("no frame 5")
        return read(self, start, stop)

    monkeypatch.setattr(OpencvReader, "read", fails)
    report = bench_readers(video(tmp_path / "clip.mp4", 8), rounds=1)
    assert [speed.reader for speed in report.speeds] == ["pyav", "decord"]
    assert report.left_out == {"opencv": "no frame 5"}


def test_one_frame_or_no_round_is_an_error(tmp_path):
    with pytest.raises(MeasureError, match="two frames"):
        bench_readers(video(tmp_path / "one.mp4", 1))
    with pytest.raises(MeasureError, match="1 round"):
        bench_readers(video(tmp_path / "two.mp4", 2), rounds=0)


@pytest.mark.slow
def test_the_example_is_the_demo_clip_in_two_codecs_and_is_cleared_away():
    with example_videos() as paths:
        for path, codec in zip(paths, ("h264", "mjpeg"), strict=True):
            with open_source(path) as source:
                assert (len(source), source.size, source.details["codec"]) == (120, (480, 640), codec)
    assert not any(path.exists() for path in paths)
