"""Accuracy during training, on a fixed simulated hold-out: the numbers that pick the best checkpoint."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from echoseg.model.config import STRUCTURES
from echoseg.model.sam2 import SAM2
from echoseg.training.config import EvaluationConfig, PromptConfig
from echoseg.training.dataset import Sample, structure_index
from echoseg.training.feed import Batch
from echoseg.training.log import contact_sheet
from echoseg.training.prompts import CORNER_FIRST, CORNER_LAST
from echoseg.training.rollout import merge, rollout
from echoseg.training.simulated import SimulatedClips
from echoseg.types import Box

_UNCORRECTED = PromptConfig(corrections=0, correct_frame=0)
HOLD_OUT_SEED = 2**30
"""Seed of the hold-out's simulator, apart from any run's."""


def hold_out(config: EvaluationConfig, side: int) -> list[Sample]:
    """The fixed clips, carried to the model's input size without augmentation."""
    clips = SimulatedClips(HOLD_OUT_SEED, config.frames, config.size, options={"fps": (6.0, 25.0)})
    rng = np.random.default_rng(0)
    return [at_input_size(clips.sample(i, rng), side) for i in range(config.clips)]


def at_input_size(sample: Sample, side: int) -> Sample:
    """A sample stretched to ``side`` x ``side``, as the model sees any frame."""
    from echoseg.training.augment import warp, warp_mask

    height, width = sample.frames.shape[1:3]
    matrix = np.array([[side / width, 0, 0], [0, side / height, 0]])
    frames = np.stack([warp(frame, matrix, side) for frame in sample.frames])
    masks = np.stack([[warp_mask(mask, matrix, side) for mask in layers] for layers in sample.masks])
    return Sample(frames, masks, sample.structures, sample.known)


def plain_batch(sample: Sample, layer: int, prompt: str, *, stills: bool) -> Batch:
    """One object of a sample, without augmentation, prompted exactly.

    Args:
        prompt: ``box`` (exact) or ``structure``.
        stills: each frame on its own, with its own prompt (else one clip, prompted on its first frame).
    """
    frames = torch.from_numpy(sample.frames)
    masks = torch.from_numpy(sample.masks[:, layer])
    frames, masks = (frames[:, None], masks[:, None]) if stills else (frames[None], masks[None])
    count = len(masks)
    boxes = [_corners(m[0]) for m in masks.numpy()] if prompt == "box" else []
    return Batch(
        frames=frames,
        masks=masks,
        known=torch.ones(masks.shape[:2], dtype=torch.bool),
        points=torch.from_numpy(np.stack(boxes)) if boxes else torch.zeros(count, 0, 2),
        labels=torch.tensor([[CORNER_FIRST, CORNER_LAST]] * count) if boxes else torch.zeros(count, 0, dtype=torch.int64),
        structure=torch.full((count,), int(sample.structures[layer]) if prompt == "structure" else -1),
        keep=torch.full((count,), prompt == "structure"),
        from_mask=torch.zeros(count, dtype=torch.bool),
        seeds=torch.zeros(count, dtype=torch.int64),
        step_seed=0,
    )


@torch.no_grad()
def predict(model: SAM2, batch: Batch) -> Tensor:
    """``(N, T, S, S)`` bool masks; an object whose score is not above 0 is absent."""
    side = batch.masks.shape[-1]
    frames = []
    for answers, last in rollout(model, batch, _UNCORRECTED):
        if last:
            logits = F.interpolate(merge(answers, "mask"), (side, side), mode="bilinear", align_corners=False)[:, 0]
            frames.append((logits > 0) & (merge(answers, "object_score")[:, :1, None] > 0))
    return torch.stack(frames, dim=1)


def dice_score(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Dice coefficient; 1 when both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 1.0 if total == 0 else 2.0 * int((a & b).sum()) / total


def evaluate(model: SAM2, samples: list[Sample], structures: tuple[str, ...] = STRUCTURES) -> dict[str, float]:
    """Mean Dice over hold-out frames, by structure and prompt.

    Returns:
        ``LV_box``, ``LV_structure`` and so on (each frame prompted alone), ``LV_box_clip``, ``LV_structure_clip`` (prompted on the first
        frame, tracked; the first frame not counted), and ``score``, the mean of LV's four.
    """
    was_training = model.training
    model.eval()
    dices: dict[str, list[float]] = {}
    for sample in samples:
        for name in structures:
            layers = np.flatnonzero(sample.structures == structure_index(name))
            if len(layers) == 0 or not sample.masks[:, layers[0]].any(axis=(1, 2)).all():
                continue
            for prompt in ("box", "structure"):
                if prompt == "structure" and not model.config.structures:
                    continue
                for stills in (True, False):
                    if not stills and name != "LV":
                        continue
                    batch = plain_batch(sample, int(layers[0]), prompt, stills=stills)
                    predicted, truth = predict(model, batch).numpy(), batch.masks.numpy()
                    if not stills:
                        predicted, truth = predicted[:, 1:], truth[:, 1:]
                    key = f"{name}_{prompt}" + ("" if stills else "_clip")
                    pairs = zip(predicted.reshape(-1, *truth.shape[2:]), truth.reshape(-1, *truth.shape[2:]), strict=True)
                    dices.setdefault(key, []).extend(dice_score(p, t) for p, t in pairs)
    model.train(was_training)
    means = {key: float(np.mean(values)) for key, values in dices.items()}
    lv = [value for key, value in means.items() if key.startswith("LV")] or list(means.values())
    return {**means, "score": float(np.mean(lv))} if means else {}


def _corners(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    box = Box.around(mask)
    return np.array([[box.x0, box.y0], [box.x1, box.y1]], np.float32)


def sample_picture(model: SAM2, batch: Batch) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8: what the model makes of up to 16 objects of a training batch, truth green, prediction red."""
    was_training = model.training
    model.eval()
    predicted = predict(model, batch).cpu().numpy()
    model.train(was_training)
    count, clips = min(len(predicted), 16), batch.frames.cpu().numpy()
    rows = [(n, t) for n in range(count) for t in range(predicted.shape[1])][:48]
    frames = np.stack([clips[n // batch.objects, t] for n, t in rows])
    truth = batch.masks.cpu().numpy()
    return contact_sheet(frames, np.stack([truth[r] for r in rows]), np.stack([predicted[r] for r in rows]))


def evaluate_real(model: SAM2) -> dict[str, float]:
    """Dice on the CAMUS patients under ``$ECHOSEG_DATA/echo/camus``: a measurement for the log, nothing is chosen by it.

    Returns:
        ``real_LV_box``, ``real_LV_structure`` and likewise for LA and MYO; empty when the variable is unset or there are no patients.
    """
    from echoseg.training.camus import Camus

    root = Path(os.environ.get("ECHOSEG_DATA", "")) / "echo" / "camus"
    if not os.environ.get("ECHOSEG_DATA") or not root.is_dir():
        return {}
    patients = Camus(root)
    rng = np.random.default_rng(0)
    samples = [at_input_size(patients.sample(i, rng), model.config.image_size) for i in range(len(patients))]
    return {f"real_{key}": value for key, value in evaluate(model, samples, ("LV", "LA", "MYO")).items() if key != "score"}
