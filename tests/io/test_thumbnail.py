import numpy as np

from echoseg.io import open_source
from echoseg.io.thumbnail import SIDE, thumbnail, thumbnails


def test_a_thumbnail_is_the_box_around_the_region_and_nothing_else():
    frame = np.zeros((100, 200, 3), np.uint8)
    region = np.zeros((100, 200), bool)
    region[20:80, 50:150] = True
    frame[region] = 90
    assert (thumbnail(frame, region) == 90).all()
    assert thumbnail(frame, None).mean() < 60
    assert thumbnail(frame[..., 0], np.zeros_like(region)).shape == (SIDE, SIDE)


def test_thumbnails_are_spread_over_the_clip_and_all_of_a_short_one():
    frames = np.repeat(np.arange(0, 200, 2, dtype=np.uint8)[:, None, None], 80, axis=1).repeat(90, axis=2)
    with open_source(frames, fps=30.0) as source:
        assert thumbnails(source)[:, 0, 0].tolist() == [0, 28, 56, 84, 114, 142, 170, 198]
    with open_source(frames[:3], fps=30.0) as source:
        assert thumbnails(source)[:, 0, 0].tolist() == [0, 2, 4]


def test_a_source_that_can_be_read_once_is_not_looked_at():
    with open_source(iter([np.zeros((60, 60), np.uint8)] * 3)) as source:
        assert thumbnails(source) is None
        assert len(list(source.frames())) == 3
