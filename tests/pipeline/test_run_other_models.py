"""Models that know no structure: MedSAM2 with a user's weights, seeded by the compact model's box."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch

import echoseg
from echoseg import Box
from echoseg.model import Model, build_model


@pytest.fixture(scope="module")
def medsam2_weights(tmp_path_factory):
    """A checkpoint as MedSAM2 publishes them, but random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_model("medsam2")
    path = tmp_path_factory.mktemp("weights") / "MedSAM2_random.pt"
    torch.save({"model": network.state_dict()}, path)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def plain_model(micro_model) -> Model:
    """The small random model without its structure prompts."""
    network = build_model(dataclasses.replace(micro_model.config, name="plain", structures=())).requires_grad_(False)
    state = {key: value for key, value in micro_model.network.state_dict().items() if "structure" not in key}
    network.load_state_dict(state)
    return dataclasses.replace(micro_model, network=network)


def compact_box(frames, compact, frame):
    return Box.around(echoseg.segment(frames, model=compact, frame_index=frame).masks[frame] == 1)


def test_medsam2_runs_with_a_users_weights_and_the_compact_box(frames, compact, medsam2_weights, tmp_path):
    short = frames[:2]
    model = echoseg.load_model("medsam2", weights=medsam2_weights, device="cpu")
    result = echoseg.run(short, tmp_path, model=model)
    record = result.measurements
    assert record["provenance"]["model"]["name"] == "medsam2"
    assert record["provenance"]["model"]["weights_sha256"] == hashlib.sha256(medsam2_weights.read_bytes()).hexdigest()
    assert result.segmentation.names == {1: "LV"}
    ((seed,),) = result.segmentation.seeds.values()
    answer = echoseg.Session(short, model).prompt(1, seed, compact_box(short, compact, seed))
    np.testing.assert_array_equal(result.segmentation.masks[seed], answer.label_map())


def test_auto_gives_a_model_without_structures_the_compact_box(frames, compact, plain_model):
    frames = frames[:6]
    got = echoseg.segment(frames, "auto", plain_model, frame_index=3)
    wanted = echoseg.segment(frames, compact_box(frames, compact, 3), plain_model, frame_index=3)
    np.testing.assert_array_equal(got.masks, wanted.masks)
    assert got.names == {1: "LV"} and got.seeds == {1: (3,)}


def test_auto_gives_it_to_a_live_stream_too(frames, plain_model):
    frames = frames[:6]
    live = echoseg.segment(iter(frames), "auto", plain_model, direction="forward", length=len(frames))
    whole = echoseg.segment(frames, "auto", plain_model, frame_index=0, direction="forward")
    overlap = ((live.masks > 0) & (whole.masks > 0)).sum() / ((live.masks > 0) | (whole.masks > 0)).sum()
    assert overlap > 0.5 and live.seeds == {1: (0,)}  # a stream has no sector, so compact sees it whole: the box differs a little
