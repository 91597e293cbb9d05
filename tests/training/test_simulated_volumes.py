"""Simulated volumes as training samples: windows around objects, the same for the same seed."""

import numpy as np
import pytest

from echoseg.training.simulated_volumes import SimulatedVolumes
from echoseg.training.sources import build_dataset
from echoseg.training.windowed import Seen

KINDS = ("lesion", "organ", "cine")


def volumes(seed=3, fill=(0.3, 0.6)):
    return SimulatedVolumes(seed, 5, 96, KINDS, Seen(fill))


def test_a_sample_depends_on_seed_and_index_alone():
    a, b = volumes().sample(7, np.random.default_rng(0)), volumes().sample(7, np.random.default_rng(1))
    np.testing.assert_array_equal(a.frames, b.frames)
    np.testing.assert_array_equal(a.masks, b.masks)
    assert not np.array_equal(a.frames, volumes(4).sample(7, np.random.default_rng(0)).frames)


@pytest.mark.parametrize("index", range(12))
def test_a_window_is_square_and_holds_an_object_of_the_asked_share(index):
    sample = volumes().sample(index, np.random.default_rng(0))
    side = sample.frames.shape[1]
    assert sample.frames.shape == (5, side, side) and sample.masks.shape[2:] == (side, side)
    assert (sample.structures == -1).all() and sample.known.all()
    shares = [
        max(np.ptp(np.nonzero(m)[0]), np.ptp(np.nonzero(m)[1])) + 1 for layer in sample.masks.swapaxes(0, 1) for m in layer if m.any()
    ]
    allowed = 0.3 if side in (48, 96) else 0.29  # a window at its least or greatest size holds a smaller share
    assert max(shares) / side >= allowed or side == 48


def test_the_configuration_names_them():
    from echoseg.training.config import SimulatedVolumeData

    dataset = build_dataset(SimulatedVolumeData(kind="simulated-volumes", size=64, frames=3), 1)
    assert isinstance(dataset, SimulatedVolumes) and dataset.sample(0, np.random.default_rng(0)).frames.shape[0] == 3
