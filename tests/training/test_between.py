"""Frames made between end-diastole and end-systole, of two hearts that are ellipses."""

from __future__ import annotations

import pickle

import cv2
import numpy as np

from echoseg.training.between import frames_between
from echoseg.training.config import CamusData
from echoseg.training.sources import build_dataset
from tests.evaluation.reference_folders import heart, write_camus

COUNT = 3


def ends() -> tuple[np.ndarray, np.ndarray]:
    """Grey frames and label maps ``(2, 120, 90)`` at ED and ES: a cavity in a ring of muscle, both smaller at ES, and an atrium."""
    frames, labels = zip(*(heart(phase) for phase in range(2)), strict=True)
    return np.stack(frames), np.stack(labels)


def test_the_first_and_the_last_frame_are_those_given():
    frames, labels = ends()
    made_frames, made_labels = frames_between(frames, labels, COUNT)
    assert made_frames.shape == made_labels.shape == (COUNT + 2, *frames.shape[1:])
    assert made_frames.dtype == made_labels.dtype == np.uint8
    assert np.array_equal(made_frames[[0, -1]], frames) and np.array_equal(made_labels[[0, -1]], labels)


def test_areas_lie_between_those_of_both_ends_and_shrink_on_the_way():
    _, labels = frames_between(*ends(), COUNT)
    areas = (labels == 1).sum(axis=(1, 2))
    assert areas[0] > areas[-1] and (np.diff(areas) < 0).all()


def test_picture_and_labels_are_moved_by_one_warp():
    """The grey of each structure lies where its label does, but for its border, where greys mix."""
    frames, labels = frames_between(*ends(), COUNT)
    for frame, label in zip(frames, labels, strict=True):
        for value, grey in ((1, 20), (2, 200), (3, 40)):
            inner = cv2.erode((label == value).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
            assert inner.any() and (frame[inner] == grey).all()


def test_a_view_of_camus_gets_them_by_its_configuration(tmp_path):
    root = write_camus(tmp_path)
    dataset = build_dataset(CamusData(kind="camus", root=root, between=COUNT), 0)
    sample = dataset.sample(0, np.random.default_rng(0))
    frames, labels = frames_between(*ends(), COUNT)
    assert np.array_equal(sample.frames, frames) and sample.known.all()
    assert np.array_equal(sample.masks[:, 0], labels == 1)
    plain = build_dataset(CamusData(kind="camus", root=root), 0).sample(0, np.random.default_rng(0))
    assert np.array_equal(plain.frames, frames[[0, -1]])
    elsewhere = pickle.loads(pickle.dumps(dataset))  # as a data process receives it
    assert np.array_equal(elsewhere.sample(0, np.random.default_rng(1)).masks, sample.masks)
