"""What a container says of its picture is done: turned and mirrored by the display matrix; covers are no video; a GIF may state no time."""

import struct

import av
import numpy as np
import pytest
from PIL import Image

from echoseg.io import open_source
from echoseg.io.video.display import matrix_turn

CORNERS = np.full((48, 64, 3), 20, np.uint8)
CORNERS[:24, :32], CORNERS[:24, 32:], CORNERS[24:, :32] = 90, 160, 230


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "plain.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(CORNERS, "rgb24")))
        container.mux(stream.encode(None))
    return path


def with_matrix(path, out, a, b, c, d):
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 8 + 20 + 16 - 4 + 4
    data[at : at + 36] = struct.pack(">9i", *(int(v * 65536) for v in (a, b, 0, c, d, 0, 0, 0)), 0x40000000)
    out.write_bytes(bytes(data))
    return out


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), lambda x: x),
        ((-1, 0, 0, 1), lambda x: x[:, ::-1]),
        ((1, 0, 0, -1), lambda x: x[::-1]),
        ((-1, 0, 0, -1), lambda x: x[::-1, ::-1]),
        ((0, 1, -1, 0), lambda x: np.rot90(x, -1)),
        ((0, -1, 1, 0), lambda x: np.rot90(x)),
        ((0, 1, 1, 0), lambda x: x.swapaxes(0, 1)),
    ],
)
def test_a_video_is_seen_as_its_matrix_says(plain, tmp_path, matrix, shown):
    with open_source(plain) as stored, open_source(with_matrix(plain, tmp_path / "m.mp4", *matrix)) as source:
        np.testing.assert_array_equal(source.frame(2), shown(stored.frame(2)))
        assert [flag.code for flag in source.flags] == ["spacing_missing"]
        assert ("shown" in source.details) == (matrix != (1, 0, 0, 1))


def test_a_matrix_that_slants_is_told():
    assert not matrix_turn(np.array([1, 0.5, 0, 0, 1, 0, 0, 0, 16384.0])).exact
    assert not matrix_turn(np.array([2.0, 0, 0, 0, 1, 0, 0, 0, 16384.0])).exact


@pytest.mark.parametrize(("delay_ms", "fps"), [(0, None), (10, None), (40, 25.0)])
def test_a_gif_without_delays_has_no_times(tmp_path, delay_ms, fps):
    frames = [Image.fromarray(np.roll(CORNERS, 5 * n, axis=1)).quantize(8) for n in range(4)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=delay_ms)
    with open_source(tmp_path / "a.gif") as source:
        assert source.timing.fps == fps and ("timing_missing" in [flag.code for flag in source.flags]) == (fps is None)
