"""Outputs of MedSAM2's and EfficientTAM's own predictors with small random models of the official architectures.

``ECHOSEG_ORACLE`` names the folder that holds their weights, ``*_micro.safetensors``, and the outputs, ``*_micro_reference.npz``.

The official ``init_state`` encodes frame 0 as soon as it has loaded the clip, and keeps those features until another frame is encoded.
The reference was recorded with clips loaded from JPEG files (Pillow's default quality, 75) and then replaced by the exact frames, so
wherever frame 0 was prompted first, its features are those of the JPEG: ``seen_by_the_official_run`` gives our engine the same
picture. Everywhere else the exact frames were used.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from echoseg.model import HieraConfig, Model, SAM2Config, ViTConfig, WeightsInfo, build_model, model_config
from echoseg.model.checkpoint import load_strict, read_state_dict
from echoseg.model.device import choose_execution
from echoseg.model.preprocess import normalize
from echoseg.tracking import Session
from echoseg.types import Box, MaskPrompt, Points

FOLDER = os.environ.get("ECHOSEG_ORACLE")
pytestmark = pytest.mark.skipif(not FOLDER, reason="ECHOSEG_ORACLE is unset: no reference outputs of the official predictor")

CONFIG = SAM2Config(
    "micro", image_size=128, trunk=HieraConfig(16, 1, (1, 2, 3, 1), (4, 5)), d_model=64, mem_dim=16, memory_layers=2, memory_ffn=128
)
EFFICIENT_TAM = replace(
    model_config("efficienttam-tiny"),
    name="efficienttam-micro",
    image_size=128,
    trunk=ViTConfig(48, 3, depth=3, window_size=3, global_att_blocks=(2,)),
    d_model=64,
    mem_dim=16,
    memory_layers=2,
    memory_ffn=128,
)
FIRST_BOX, SECOND_BOX = Box(22, 38, 62, 82), Box(78, 28, 112, 72)
CLICK = Points(np.array([[42, 60]]), np.array([1]))
TOLERANCE = 1e-5  # of the logit range; the agreed bound is 1e-3 where memory is stored in bfloat16


@pytest.fixture(scope="module", params=["torch", "onnx"])
def model(request) -> Model:
    return load_micro(CONFIG, "sam2_micro.safetensors", request.param)


@pytest.fixture(scope="module", params=["torch", "onnx"])
def efficient_tam(request) -> Model:
    return load_micro(EFFICIENT_TAM, "efficienttam_micro.safetensors", request.param)


@pytest.fixture(autouse=True)
def what_was_asked_for_ran(request) -> Iterator[None]:
    yield
    for name in {"model", "efficient_tam"} & set(request.fixturenames):
        assert request.getfixturevalue(name).runtime_failure is None


def load_micro(config: SAM2Config, file: str, runtime: Literal["torch", "onnx"]) -> Model:
    network = build_model(config)
    load_strict(network, read_state_dict(Path(str(FOLDER)) / file), file)
    return Model(network.requires_grad_(False), choose_execution("cpu"), WeightsInfo(file, ""), runtime=runtime)


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    return read_arrays("sam2_micro_reference.npz")


def read_arrays(file: str) -> dict[str, np.ndarray]:
    with np.load(Path(str(FOLDER)) / file) as content:
        return dict(content)


@pytest.fixture(scope="module")
def seen_by_the_official_run(reference) -> np.ndarray:
    frames = reference["frames"].copy()
    coded = io.BytesIO()
    PillowImage.fromarray(frames[0]).save(coded, "JPEG", quality=75)
    frames[0] = np.asarray(PillowImage.open(coded))
    return frames


def assert_equal_to_reference(results, expected: np.ndarray, first_frame: int = 0) -> None:
    seen = set()
    for result in results:
        for column, object_id in enumerate(sorted(result.logits)):
            ours, theirs = result.logits[object_id], expected[result.index - first_frame, column]
            assert np.abs(ours - theirs).max() < TOLERANCE * np.ptp(expected), f"frame {result.index}, object {object_id}"
            assert np.array_equal(ours > 0, theirs > 0) or iou(ours > 0, theirs > 0) > 0.999
            seen.add((result.index, column))
    assert len(seen) == expected.shape[0] * expected.shape[1]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_frame_encoder_equals_the_official_one(model, reference):
    features = model.verbs.encode_image(normalize(reference["frames"][:1], 128))
    for level, ours in enumerate((*features.high_res, features.embedding)):
        theirs = torch.from_numpy(reference[f"encoder_level{level}"])
        assert (ours[0] - theirs).abs().max() < TOLERANCE * (theirs.max() - theirs.min())


@pytest.mark.parametrize(("name", "prompt", "count"), [("box_forward_20", FIRST_BOX, 20), ("box_forward_5", FIRST_BOX, 5)])
def test_box_tracked_forward(model, reference, seen_by_the_official_run, name, prompt, count):
    session = Session(seen_by_the_official_run[:count], model)
    session.prompt(1, 0, prompt)
    assert_equal_to_reference(session.propagate("forward"), reference[name])


def test_click_tracked_forward(model, reference, seen_by_the_official_run):
    session = Session(seen_by_the_official_run[:12], model)
    session.prompt(1, 0, CLICK)
    assert_equal_to_reference(session.propagate("forward"), reference["click_forward_12"])


def test_mask_prompt_tracked_both_ways(model, reference):
    session = Session(reference["frames"], model)
    session.prompt(1, 6, MaskPrompt(reference["mask_prompt"]))
    assert_equal_to_reference(session.propagate("both"), reference["mask_frame6_both"])


def test_two_objects_and_a_correction_carried_on(model, reference, seen_by_the_official_run):
    session = Session(seen_by_the_official_run, model)
    session.prompt(1, 0, FIRST_BOX)
    session.prompt(2, 0, SECOND_BOX)
    assert_equal_to_reference(session.propagate("forward"), reference["two_boxes_forward_20"])
    session.correct(1, 8, Points(np.array([[48, 60], [100, 100]]), np.array([1, 0])))
    assert_equal_to_reference(session.propagate("forward", start=8), reference["two_boxes_corrected_at_8"], first_frame=8)


@pytest.mark.parametrize(("name", "prompt", "count"), [("box_forward_20", FIRST_BOX, 20), ("click_forward_8", CLICK, 8)])
def test_efficienttam_tracks_as_its_own_predictor(efficient_tam, seen_by_the_official_run, name, prompt, count):
    session = Session(seen_by_the_official_run[:count], efficient_tam)
    session.prompt(1, 0, prompt)
    assert_equal_to_reference(session.propagate("forward"), read_arrays("efficienttam_micro_reference.npz")[name])
