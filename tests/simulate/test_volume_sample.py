"""Simulated slice sequences."""

import numpy as np
import pytest

from echoseg.simulate import SimulationError, random_volume


@pytest.mark.parametrize("kind", ["lesion", "organ", "tube", "cine"])
@pytest.mark.parametrize("seed", range(6))
def test_every_volume_holds_an_object_that_differs_from_nothing(kind, seed):
    sample = random_volume(seed, 64, 8, kinds=(kind,))
    assert sample.kind == kind
    assert sample.frames.shape == sample.masks.shape == (8, 64, 64) and sample.frames.dtype == sample.masks.dtype == np.uint8
    assert (sample.masks > 0).sum() >= 12
    assert len(sample.spacing) == 3 and min(sample.spacing) > 0


def test_same_seed_same_volume():
    one, two = random_volume(5, 64, 6), random_volume(5, 64, 6)
    assert np.array_equal(one.frames, two.frames) and np.array_equal(one.masks, two.masks)


def test_lesions_begin_and_end_within_the_sequence():
    ends = 0
    for seed in range(12):
        slices = (random_volume(seed, 64, 16, kinds=("lesion",)).masks == 1).any(axis=(1, 2))
        ends += bool(slices.any() and not slices.all())
    assert ends >= 6


def test_cine_cavity_shrinks_in_systole_inside_its_wall():
    sample = random_volume(3, 96, 20, kinds=("cine",))
    cavity = (sample.masks == 1).sum(axis=(1, 2))
    assert cavity.min() < 0.95 * cavity[0]
    assert (sample.masks == 2).any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    "call", [lambda: random_volume(0, 16), lambda: random_volume(0, slices=0), lambda: random_volume(0, kinds=("liver",))]
)
def test_impossible_volumes_are_refused(call):
    with pytest.raises(SimulationError):
        call()
