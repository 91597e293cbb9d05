"""EfficientTAM with a user's weights, on clips and volumes: a small network of its kind in most tests, the published size in a slow one."""

import hashlib
import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import torch

import echoseg
from echoseg import Box
from echoseg.model import REGISTRY, SAM2Config, ViTConfig, build_model

TINY = replace(
    REGISTRY["efficienttam-tiny"],
    image_size=64,
    trunk=ViTConfig(24, 2, depth=3, window_size=3, global_att_blocks=(2,)),
    d_model=32,
    mem_dim=16,
    memory_layers=1,
    memory_ffn=32,
    decoder_mlp=32,
    iou_hidden=16,
)
SPACING = (1.5, 1.0, 3.0)


def random_weights(config: SAM2Config, folder):
    """A checkpoint as its authors publish it, of random weights that take every object to be present."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_model(config).requires_grad_(False)
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(10.0)
    path = folder / "efficienttam_ti_512x512.pt"
    torch.save({"model": network.state_dict()}, path)
    return path


@pytest.fixture
def weights(monkeypatch, tmp_path):
    monkeypatch.setitem(REGISTRY, "efficienttam-tiny", TINY)
    return random_weights(TINY, tmp_path)


@pytest.fixture
def volume(tmp_path):
    """``(x, y, z)`` of 24 x 20 x 6 voxels: a bright block in noise."""
    voxels = np.random.default_rng(0).integers(0, 40, (24, 20, 6)).astype(np.int16)
    voxels[8:16, 6:14, 1:5] += 100
    path = tmp_path / "block.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([*SPACING, 1.0])), path)
    return path


def test_a_clip_runs_from_the_command_line_and_is_seeded_by_the_compact_box(frames, compact, command, weights, tmp_path):
    clip = frames[:3]
    np.save(tmp_path / "clip.npy", clip)
    done = command(tmp_path / "clip.npy", "--model", "efficienttam-tiny", "--weights", weights)
    assert done.exit_code == 0, done.output
    record = json.loads((done.out / "clip" / "measurements.json").read_text())
    assert record["provenance"]["model"]["name"] == "efficienttam-tiny"
    assert record["provenance"]["model"]["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    seen = echoseg.segment(clip, model=compact)
    (seed,) = seen.seeds[1]
    session = echoseg.Session(clip, echoseg.load_model("efficienttam-tiny", weights, "cpu"))
    session.prompt(1, seed, Box.around(seen.masks[seed] == 1))
    masks = np.asarray(nibabel.load(done.out / "clip" / "masks.nii.gz").dataobj)
    assert masks.any()
    for frame in session.propagate("both"):
        np.testing.assert_array_equal(masks[:, :, frame.index].T, frame.label_map())


def test_a_volume_runs_from_the_command_line(volume, command, weights):
    done = command(volume, "--model", "efficienttam-tiny", "--weights", weights, "--prompt", "box:8,6,16,14@2")
    assert done.exit_code == 0, done.output
    masks = nibabel.load(done.out / "block" / "masks.nii.gz")
    np.testing.assert_allclose(masks.affine, np.diag([*SPACING, 1.0]))
    (item,) = json.loads((done.out / "block" / "measurements.json").read_text())["objects"]
    found = np.asarray(masks.dataobj) == 1
    assert item["volume_ml"] == pytest.approx(found.sum() * np.prod(SPACING) / 1000, abs=1e-3)
    assert found.any()


def test_a_stream_gives_the_masks_of_the_whole_clip(frames, weights):
    model = echoseg.load_model("efficienttam-tiny", weights, "cpu")
    clip, box = frames[:6], Box(100, 60, 200, 160)
    whole = echoseg.segment(clip, box, model, frame_index=3)
    shown = {frame.index: frame.label_map() for frame in echoseg.stream(clip, box, model, frame_index=3)}
    assert list(shown) == [3, 4, 5, 2, 1, 0] and whole.masks.any()
    for index, mask in shown.items():
        np.testing.assert_array_equal(mask, whole.masks[index])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficienttam-tiny", "efficienttam-small"])
def test_networks_of_the_published_size_run_on_clips_and_volumes(name, frames, volume, tmp_path):
    model = echoseg.load_model(name, random_weights(REGISTRY[name], tmp_path), "cpu")
    clip = echoseg.run(frames[:3], tmp_path / "clip", model=model)
    assert clip.segmentation.names == {1: "LV"} and clip.segmentation.masks.shape == (3, *frames.shape[1:3])
    assert np.isfinite(clip.segmentation.scores).all()
    block = echoseg.run(volume, tmp_path / "volume", Box(8, 6, 16, 14), model, frame_index=2)
    assert block.segmentation.masks.shape == (6, 20, 24) and np.isfinite(block.segmentation.scores[2]).all()
