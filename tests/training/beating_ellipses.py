"""A training set and a model small enough for a test: beating ellipses, 64 pixels."""

from __future__ import annotations

import cv2
import numpy as np

from echoseg.training.config import TrainConfig
from echoseg.training.dataset import Sample, sample_of_labels

TINY_MODEL = {
    "image_size": 64,
    "trunk": {"channels": [8, 16, 16, 32], "blocks": [1, 1, 1, 1], "norm_groups": 4},
    "d_model": 32,
    "mem_dim": 16,
    "memory_layers": 1,
    "memory_ffn": 32,
    "decoder_mlp": 32,
    "decoder_heads": 2,
    "iou_hidden": 16,
}


class Ellipses:
    """Clips of a beating bright ring (MYO) around a dark cavity (LV) above a second one (LA)."""

    def __init__(self, frames: int = 4, size: int = 64) -> None:
        self.frames, self.size = frames, size

    def __len__(self) -> int:
        return 1000

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        own, size = np.random.default_rng([7, index]), self.size
        x, y, a, b = own.uniform(0.4, 0.6) * size, own.uniform(0.35, 0.45) * size, own.uniform(10, 16), own.uniform(20, 28)
        labels = np.zeros((self.frames, size, size), np.uint8)
        for t in range(self.frames):
            beat = 1 - 0.2 * np.sin(t) ** 2
            cv2.ellipse(labels[t], ((x, y), (a * beat + 10, b * beat + 10), 10), 2, -1)
            cv2.ellipse(labels[t], ((x, y), (a * beat, b * beat), 10), 1, -1)
            cv2.ellipse(labels[t], ((x, y + b * 0.9), (a, a), 0), 3, -1)
        greys = np.array([50, 20, 170, 25])[labels] + own.normal(0, 10, labels.shape)
        return sample_of_labels(np.clip(greys, 1, 255).astype(np.uint8), labels, {1: "LV", 2: "MYO", 3: "LA"})


def tiny_config(**changes: object) -> TrainConfig:
    """A configuration of the tiny model, six steps; its data are to be replaced by :class:`Ellipses`."""
    content = {
        "name": "tiny",
        "model_options": TINY_MODEL,
        "workers": 0,
        "device": "cpu",
        "reuse": 2,
        "data": [{"kind": "simulated"}],
        "stages": [
            {"name": "stills", "steps": 3, "batch": 2, "objects": 2},
            {"name": "clips", "steps": 3, "batch": 2, "frames": 3, "objects": 2},
        ],
        "prompts": {"mask": 0.2, "correct_frame": 0.5},
        "optimizer": {"warmup": 2},
        "evaluation": {"clips": 0},
        "log_every": 1,
    }
    return TrainConfig.model_validate({**content, **changes})
