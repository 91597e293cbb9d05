"""Simulated clips: determinism, shapes, and masks that are whole, exclusive and continuous."""

import dataclasses

import numpy as np
import pytest

from echoseg.simulate import VIEWS, EchoOptions, SimulationError, random_clip, simulate_clip, simulate_study
from echoseg.simulate.compression import Codec, round_trip
from echoseg.simulate.gallery import write_gallery
from echoseg.simulate.heart import random_heart
from echoseg.simulate.plane import Drift, moved, random_plane


def test_same_seed_same_clip_and_other_seed_other_clip():
    one, two, other = random_clip(7, 64, frames=3), random_clip(7, 64, frames=3), random_clip(8, 64, frames=3)
    assert np.array_equal(one.frames, two.frames) and np.array_equal(one.masks, two.masks)
    assert one.truth == two.truth
    assert one.frames.shape != other.frames.shape or not np.array_equal(one.frames, other.frames)


def test_a_clip_does_not_touch_the_global_random_state():
    before = np.random.get_state()[1].copy()
    random_clip(1, 64)
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("seed", range(50))
def test_every_still_holds_a_ventricle_and_known_labels(seed):
    clip = random_clip(seed, 64, views=VIEWS[:3])
    assert clip.frames.dtype == np.uint8 and clip.frames.shape[:3] == (1, 64, 64) == clip.masks.shape
    assert set(np.unique(clip.masks)) <= {0, 1, 2, 3, 4} and set(clip.present) == set(np.unique(clip.masks)) - {0}
    assert (clip.masks == 1).mean() > 0.01
    assert clip.frames.max() > clip.frames.min()
    assert 15 <= clip.truth.ef <= 75 and clip.truth.esv_ml == pytest.approx(clip.truth.edv_ml * (1 - clip.truth.ef / 100))


def test_size_may_be_rows_and_columns():
    clip = random_clip(3, (72, 96), frames=2)
    assert clip.masks.shape == (2, 72, 96) and clip.sector.shape == (72, 96) and clip.frames.shape[1:3] == (72, 96)


def test_masks_move_a_little_from_frame_to_frame():
    options = EchoOptions(fps=(50.0, 50.0), heart_rate=(70.0, 70.0))
    for seed in range(5):
        masks = random_clip(seed, 96, frames=20, options=options).masks == 1
        for a, b in zip(masks[:-1], masks[1:], strict=True):
            assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.88


def test_mask_area_follows_the_true_volume():
    clip = random_clip(11, 96, frames=40, options=EchoOptions(fps=(40.0, 40.0), heart_rate=(70.0, 75.0), ef=(55.0, 60.0)))
    area = (clip.masks == 1).sum(axis=(1, 2))
    assert np.corrcoef(area, clip.lv_volume_ml)[0, 1] > 0.95
    assert clip.lv_volume_ml.max() <= clip.truth.edv_ml + 1e-6 and clip.lv_volume_ml.min() >= clip.truth.esv_ml - 1e-6


def test_end_diastole_and_end_systole_frames_are_where_the_volume_turns():
    clip = random_clip(5, 64, frames=60, options=EchoOptions(fps=(40.0, 40.0), heart_rate=(60.0, 60.0)))
    assert clip.truth.ed_frames and clip.truth.es_frames
    assert clip.phase[list(clip.truth.ed_frames)].max() < 0.1
    assert clip.phase[list(clip.truth.es_frames)].min() > 0.9


@pytest.mark.parametrize("seed", range(8))
def test_a_clip_centred_on_systole_has_it_in_the_middle(seed):
    clip = random_clip(seed, 32, frames=5, options=EchoOptions(systole=1.0))
    assert clip.phase[2] == pytest.approx(1.0) and 2 in clip.truth.es_frames and clip.times[0] == 0


def test_views_of_a_study_share_one_heart():
    study = simulate_study(4, 64, frames=2)
    assert set(study) == {"A4C", "A2C"}
    a, b = study["A4C"].truth, study["A2C"].truth
    assert (a.edv_ml, a.esv_ml, a.ef) == (b.edv_ml, b.esv_ml, b.ef)
    assert not np.array_equal(study["A4C"].masks, study["A2C"].masks)


def test_a_given_heart_keeps_its_volumes_in_every_clip():
    heart = random_heart(np.random.default_rng(0), EchoOptions(ef=(40.0, 45.0)))
    one, two = simulate_clip(heart, "A4C", 1, 64, frames=1), simulate_clip(heart, "A2C", 2, 64, frames=1)
    assert one.truth.edv_ml == two.truth.edv_ml == heart.edv_ml and 40 <= one.truth.ef <= 45
    assert (one.view, two.view) == ("A4C", "A2C")


@pytest.mark.parametrize(("mirrored", "side"), [(0.0, -1), (1.0, 1)])
def test_right_ventricle_lies_left_unless_mirrored(mirrored, side):
    sides = []
    for seed in range(8):
        mask = random_clip(seed, 64, views=("A4C",), options=EchoOptions(mirrored=mirrored)).masks[0]
        if (mask == 4).sum() > 20:
            sides.append(np.sign(np.nonzero(mask == 4)[1].mean() - np.nonzero(mask == 1)[1].mean()))
    assert len(sides) >= 4 and set(sides) == {side}


def test_short_axis_shows_a_ring():
    clip = random_clip(2, 96, views=("PSAX",))
    assert clip.view == "PSAX" and {1, 2} <= set(clip.present) and 3 not in clip.present


def test_colour_frames_have_three_channels_and_the_same_masks():
    grey = random_clip(9, 64, options=EchoOptions(colour=0.0))
    colour = random_clip(9, 64, options=EchoOptions(colour=1.0))
    assert grey.frames.ndim == 3 and colour.frames.shape == (1, 64, 64, 3)
    assert np.array_equal(grey.masks, colour.masks)


@pytest.mark.parametrize(
    "call",
    [
        lambda: random_clip(0, 16),
        lambda: random_clip(0, frames=0),
        lambda: random_clip(0, views=("A5C",)),
        lambda: random_clip(0, views=()),
    ],
)
def test_impossible_requests_say_so(call):
    with pytest.raises(SimulationError):
        call()


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(EchoOptions)])
def test_options_reject_reversed_ranges_and_impossible_probabilities(field):
    bad = (2.0, 1.0) if isinstance(getattr(EchoOptions(), field), tuple) else 1.5
    with pytest.raises(SimulationError, match=field):
        EchoOptions(**{field: bad})


def test_gallery_is_a_picture_of_the_stated_size(tmp_path):
    import cv2

    write_gallery(tmp_path / "gallery.png", seed=1, rows=1, cols=2, size=64)
    assert cv2.imread(str(tmp_path / "gallery.png")).shape == (128, 128, 3)


def test_a_video_codec_changes_the_frames_of_a_clip_alone():
    plain, coded = (random_clip(6, (65, 71), frames=4, options=EchoOptions(video=share, overlay=0)) for share in (0.0, 1.0))
    assert coded.frames.shape == plain.frames.shape and np.array_equal(coded.masks, plain.masks)
    assert 0 < np.abs(coded.frames.astype(int) - plain.frames).mean() < 15
    assert np.array_equal(*(random_clip(6, 64, options=EchoOptions(video=share)).frames for share in (0.0, 1.0)))


@pytest.mark.parametrize("name", ["libx264", "mpeg4"])
def test_a_codec_is_deterministic_keeps_odd_sizes_and_is_worse_at_lower_quality(name):
    frames = random_clip(4, (63, 75), frames=5, options=EchoOptions(colour=1.0, video=0)).frames
    fine, again, coarse = (round_trip(Codec(name, quality), frames) for quality in (4, 4, 30))
    assert fine.shape == frames.shape and np.array_equal(fine, again)
    assert 0 < np.abs(fine.astype(int) - frames).mean() < np.abs(coarse.astype(int) - frames).mean()


def test_swaying_probe_turns_about_its_tip():
    plane = random_plane(np.random.default_rng(4), random_heart(np.random.default_rng(4), EchoOptions()), "A4C", EchoOptions())
    sway = 0.1
    tilted = moved(plane, Drift(np.zeros(3), 4.0, np.zeros(3), 0.0, 0.0, 0.0, sway), 1.0, 0.0)  # a quarter of the period: all of it

    def at(p, depth):
        return np.ravel(p.to_heart(np.float32([0]), np.float32([depth]), 0.0))

    assert np.allclose(at(plane, 0), at(tilted, 0), atol=1e-3)
    assert np.linalg.norm(at(plane, 100) - at(tilted, 100)) == pytest.approx(200 * np.sin(sway / 2), rel=1e-3)


def test_one_atrium_in_seven_hardly_shows():
    hearts = [random_heart(np.random.default_rng(seed), EchoOptions()) for seed in range(300)]
    assert np.mean([heart.atrium[0] < 0.3 * heart.length for heart in hearts]) == pytest.approx(1 / 7, abs=0.05)
