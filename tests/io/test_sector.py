import numpy as np
import pytest

from echoseg.io import open_source
from echoseg.io.sector import find_sector, is_wedge


def fan(height=240, width=320, apex=(160, -10), reach=220, half_angle=0.7):
    """``(H, W)`` bool: the true sector of a synthetic clip."""
    y, x = np.mgrid[:height, :width]
    dx, dy = x - apex[0], y - apex[1]
    radius, angle = np.hypot(dx, dy), np.arctan2(dx, dy)
    return (radius > 25) & (radius < reach) & (np.abs(angle) < half_angle)


def synthetic(truth, count=12, seed=0):
    """Speckle inside the sector, black outside, with text, a colour bar and a running ECG."""
    rng = np.random.default_rng(seed)
    frames = np.zeros((count, *truth.shape, 3), dtype=np.uint8)
    for index, frame in enumerate(frames):
        frame[truth] = (rng.rayleigh(12, truth.sum()) + 2).clip(0, 255).astype(np.uint8)[:, None]
        frame[5:15, 5:60] = 200  # text, a block here
        frame[40:200, 305:315] = np.linspace(0, 255, 160)[:, None, None]  # grey bar
        trace = 228 + (4 * np.sin(np.arange(320) / 7)).astype(int)
        frame[trace, np.arange(320)] = (0, 255, 0)
        frame[220:238, 25 * index : 25 * index + 4] = 0  # the gap where the ECG is being written
    return frames


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def test_the_sector_is_found_and_annotations_are_not_in_it():
    truth = fan()
    found = find_sector(synthetic(truth))
    assert overlap(found, truth) > 0.95
    assert not found[5:15, 5:60].any()
    assert not found[40:200, 305:315].any()
    assert not found[222:238].any()


def test_grey_frames_give_the_same_sector():
    frames = synthetic(fan())
    grey = frames.max(axis=-1)
    np.testing.assert_array_equal(find_sector(grey), find_sector(frames))


def test_demo_clip(demo_path):
    with open_source(demo_path) as source:
        sector = source.sector()
        assert source.sector() is sector  # found once
    assert sector[120:380, 250:420].all()  # the heart
    assert not sector[:40].any()  # name and settings
    assert not sector[:, 600:].any()  # scale and indices
    assert not sector[430:].any()  # buttons
    assert 0.3 < sector.mean() < 0.45


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((5, 120, 160), dtype=np.uint8),
        np.full((5, 120, 160), 90, dtype=np.uint8),
        np.random.default_rng(0).integers(20, 255, (5, 120, 160, 3), dtype=np.uint8),
        np.random.default_rng(0).integers(20, 255, (1, 120, 160, 3), dtype=np.uint8),
        np.random.default_rng(0).integers(0, 255, (5, 8, 8), dtype=np.uint8),
        [],
    ],
    ids=["black", "constant", "moving scene", "photograph", "tiny", "nothing"],
)
def test_none_where_there_is_no_sector(frames):
    assert find_sector(frames) is None


def test_one_frame_is_judged_by_brightness():
    truth = fan()
    still = np.zeros((1, *truth.shape), dtype=np.uint8)
    still[0][truth] = np.random.default_rng(0).integers(5, 200, truth.sum())
    assert overlap(find_sector(still), truth) > 0.95


def test_a_live_source_has_the_sector_of_its_first_frames_and_loses_none():
    frames = synthetic(fan())
    live, whole = open_source(iter(frames)), open_source(frames)
    assert np.array_equal(live.sector(), whole.sector())
    assert all(np.array_equal(a, b) for a, b in zip(live.frames(), whole.frames(), strict=True))


def test_a_volume_has_none():
    frames = synthetic(fan())
    assert open_source(frames[..., 0], kind="volume").sector() is None


def ellipse(height=200, width=260):
    y, x = np.mgrid[:height, :width]
    return ((x - 130) / 110) ** 2 + ((y - 100) / 85) ** 2 < 1


@pytest.mark.parametrize("half_angle", [0.5, 0.7, 0.87])
def test_a_sector_is_a_wedge(half_angle):
    assert is_wedge(fan(half_angle=half_angle))


@pytest.mark.parametrize("region", [ellipse(), np.ones((30, 40), dtype=bool), fan()[::-1]], ids=["ellipse", "rectangle", "upside down"])
def test_a_body_or_a_full_frame_is_no_wedge(region):
    assert not is_wedge(region)


def test_an_array_is_ultrasound_where_its_picture_says_so_and_else_unknown():
    rng = np.random.default_rng(0)
    body = np.where(ellipse(), rng.integers(20, 200, (4, 200, 260)), 0).astype(np.uint8)
    assert open_source(synthetic(fan())).ultrasound() is True
    assert open_source(iter(synthetic(fan()))).ultrasound() is True
    assert open_source(body).ultrasound() is None
