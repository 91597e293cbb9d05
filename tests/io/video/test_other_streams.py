"""What lies in a container beside its video, and what it says of its clock: covers are no video, other videos and slow motion are told."""

import av
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from echoseg.errors import UnsupportedSourceError
from echoseg.io import open_source


def put(path, streams, rate=25, **metadata):
    """``streams``: codec, size, frames, grey and whether it is a cover, of each."""
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(metadata)
        made = []
        for codec, (height, width), frames, grey, cover in streams:
            stream = container.add_stream(codec, rate=rate)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if cover:
                stream.disposition = Disposition.attached_pic
            made.append((stream, frames, grey))
        for stream, frames, grey in made:
            for moment in range(frames):
                picture = np.full((stream.height, stream.width, 3), grey + 5 * moment, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(stream.encode(None))
    return path


VIDEO = ("mpeg4", (64, 96), 8, 50, False)
COVER = ("mjpeg", (64, 64), 1, 200, True)


def told(path):
    with open_source(path) as source:
        rate = None if source.timing.fps is None else round(source.timing.fps, 6)
        return len(source), source.size, rate, {flag.code for flag in source.flags} - {"spacing_missing"}


@pytest.mark.parametrize("streams", [[VIDEO], [COVER, VIDEO], [VIDEO, COVER]])
def test_a_cover_is_no_video(tmp_path, streams):
    assert told(put(tmp_path / "v.mp4", streams)) == (8, (64, 96), 25.0, set())


def test_a_file_of_nothing_but_a_cover_says_so(tmp_path):
    with pytest.raises(UnsupportedSourceError, match="holds no video"):
        open_source(put(tmp_path / "v.mp4", [COVER]))


def test_another_video_is_left_out_and_told(tmp_path):
    assert told(put(tmp_path / "v.mp4", [VIDEO, ("mpeg4", (48, 80), 8, 120, False)])) == (8, (64, 96), 25.0, {"videos_left_out"})


@pytest.mark.parametrize(("stated", "fps"), [("240.0", None), ("25.0", 25.0), ("nonsense", 25.0)])
@pytest.mark.parametrize("key", ["com.android.capture.fps", "com.apple.quicktime.capture.fps"])
def test_slow_motion_has_no_times(tmp_path, key, stated, fps):
    found = told(put(tmp_path / "v.mp4", [VIDEO], **{key: stated}))
    assert found == (8, (64, 96), fps, set() if fps else {"capture_rate_differs"})


@settings(max_examples=15, deadline=None)
@given(delays=st.lists(st.sampled_from([0, 10, 20, 40, 200]), min_size=3, max_size=6))
def test_a_gif_has_times_only_where_it_states_all_of_them(tmp_path_factory, delays):
    path = tmp_path_factory.mktemp("gif") / "a.gif"
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (40, 48), dtype=np.uint8)) for _ in delays]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays)
    with open_source(path) as source:
        known = all(delay >= 20 for delay in delays[:-1])
        assert len(source) == len(delays)
        assert ("timing_missing" in {flag.code for flag in source.flags}) == (not known)
        if known:
            np.testing.assert_allclose(source.times(len(delays)), np.cumsum([0, *delays[:-1]]) / 1000, atol=1e-6)
        else:
            assert source.times(len(delays)) is None


@pytest.mark.parametrize("interlaced", [False, True])
def test_frames_of_two_fields_are_told(tmp_path, interlaced):
    with av.open(str(tmp_path / "clip.mpg"), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"flags": "+ilme+ildct"} if interlaced else {})
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for moment in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 40 + 5 * moment, np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert told(tmp_path / "clip.mpg")[3] == ({"interlaced"} if interlaced else set())
