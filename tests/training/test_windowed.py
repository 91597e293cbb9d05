"""Labelled volumes as training sees them: windows that hold the object, prompted where it is large, beyond its end as well."""

import nibabel
import numpy as np
import pytest

from echoseg.training.config import FolderData, StageConfig
from echoseg.training.dataset import Sample
from echoseg.training.feed import choose_frames
from echoseg.training.sources import build_dataset
from echoseg.training.windowed import Seen, through_window


@pytest.fixture
def cone():
    """Twelve slices of 100 x 80: a square that is 24 pixels wide on slice 3, shrinks by 4 a slice and has ended from slice 9 on."""
    masks = np.zeros((12, 2, 100, 80), bool)
    for t in range(3, 9):
        half = 12 - 2 * (t - 3)
        masks[t, 0, 60 - half : 60 + half, 40 - half : 40 + half] = True
    frames = np.where(masks[:, 0], 200, 10 + np.arange(12, dtype=np.uint8)[:, None, None]).astype(np.uint8)
    return Sample(frames, masks, np.array([-1, -1]), np.ones(12, bool))


def test_a_window_holds_the_object_at_a_share_within_the_bounds(cone):
    for seed in range(20):
        seen = through_window(cone, Seen((0.3, 0.4)), np.random.default_rng(seed))
        height, width = seen.frames.shape[1:]
        assert seen.masks.shape == (12, 2, height, width)
        assert height == width and 24 / 0.4 - 1 <= height <= 24 / 0.3
        assert seen.masks[:, 0].sum() == cone.masks[:, 0].sum(), "nothing of it is cut off"
        assert np.array_equal(seen.frames == 200, seen.masks[:, 0])


def test_it_is_prompted_where_it_is_large_and_met_in_both_orders(cone):
    orders = set()
    for seed in range(10):
        seen = through_window(cone, Seen((0.3, 0.4)), np.random.default_rng(seed))
        forward = seen.frames[0, 0, 0] == 10
        orders.add(bool(forward))
        areas = seen.masks[:, 0].sum(axis=(1, 2))
        assert seen.starts is not None and np.array_equal(seen.starts, areas >= areas.max() / 2)
        walk = choose_frames(seen, StageConfig(name="slices", steps=1, batch=1, frames=4, stride=2), np.random.default_rng(seed))
        assert seen.starts[walk[0]]
    assert orders == {True, False}


def test_a_stride_that_would_not_fit_after_a_prompted_slice_is_shortened(cone):
    starts = np.zeros(12, bool)
    starts[7] = True
    sample = Sample(cone.frames, cone.masks, cone.structures, cone.known, starts)
    stage = StageConfig(name="slices", steps=1, batch=1, frames=4, stride=3)
    walks = {tuple(choose_frames(sample, stage, np.random.default_rng(seed)).tolist()) for seed in range(12)}
    assert walks == {(7, 8, 9, 10)}, "beyond slice 8 the object is absent"


def test_coarse_windows_are_small_and_keep_their_object(cone):
    for seed in range(10):
        seen = through_window(cone, Seen((0.3, 0.4), coarse=1.0), np.random.default_rng(seed))
        assert 27 <= seen.frames.shape[1] <= 64
        share = np.sqrt(seen.masks[:, 0].sum(axis=(1, 2)).max()) / seen.frames.shape[1]
        assert 0.25 < share < 0.45


def test_a_folder_of_volumes_is_seen_through_windows_when_it_says_how(tmp_path, cone):
    for name, array in (("images", cone.frames), ("masks", cone.masks[:, 0].astype(np.uint8) * 3)):
        (tmp_path / name).mkdir()
        nibabel.save(nibabel.Nifti1Image(array.T, np.diag([-1.0, -1.0, 2.0, 1.0])), tmp_path / name / "a.nii.gz")
    folders = {"kind": "folders", "images": tmp_path / "images", "masks": tmp_path / "masks", "frames": 40}
    whole = build_dataset(FolderData(**folders), 0).sample(0, np.random.default_rng(0))
    seen = build_dataset(FolderData(**folders, fill=(0.3, 0.4)), 0).sample(0, np.random.default_rng(0))
    assert whole.frames.shape == (12, 100, 80) and whole.starts is None
    assert seen.frames.shape[1] <= 80 and seen.starts is not None
