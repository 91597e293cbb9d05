"""Accuracy during training, on a fixed hold-out: the numbers that pick the best checkpoint."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from echoseg.metrics.overlap import dice
from echoseg.model.config import STRUCTURES
from echoseg.model.sam2 import SAM2
from echoseg.training.augment import stretch, warp, warp_mask
from echoseg.training.config import EvaluationConfig, PromptConfig
from echoseg.training.dataset import UNNAMED, Sample
from echoseg.training.feed import Batch
from echoseg.training.log import contact_sheet
from echoseg.training.prompts import CORNER_FIRST, CORNER_LAST
from echoseg.training.rollout import merge, rollout
from echoseg.training.sources import build_dataset
from echoseg.types import Box, Image

_dice = partial(dice, empty=1.0)
_UNCORRECTED = PromptConfig(corrections=0, correct_frame=0)
HOLD_OUT_SEED = 2**30
"""Seed of a simulated hold-out, apart from any run's."""


def hold_out(config: EvaluationConfig, side: int) -> list[Sample]:
    """The fixed samples, carried to the model's input size without augmentation.

    Raises:
        SourceError: a folder is missing or holds nothing usable.
    """
    dataset = build_dataset(config.data, HOLD_OUT_SEED)
    count = min(config.clips, len(dataset))
    return [at_input_size(dataset.sample(i, np.random.default_rng([HOLD_OUT_SEED, i])), side) for i in range(count)]


def at_input_size(sample: Sample, side: int) -> Sample:
    """A sample stretched to ``side`` x ``side``, as the model sees any frame."""
    matrix = stretch(sample.frames.shape[1:3], side)
    frames = np.stack([warp(frame, matrix, side) for frame in sample.frames])
    masks = np.zeros((*sample.masks.shape[:2], side, side), bool)
    for index in np.ndindex(*masks.shape[:2]):
        masks[index] = warp_mask(sample.masks[index], matrix, side)
    return replace(sample, frames=frames, masks=masks)


def plain_batch(frames: Image, masks: NDArray[np.bool_], structure: int | None = None, *, stills: bool) -> Batch:
    """One object, without augmentation, prompted by its exact box or by its ``structure``.

    Args:
        frames: ``(T, S, S)`` or ``(T, S, S, 3)`` uint8; masks: ``(T, S, S)``, not empty where a box is asked for.
        stills: each frame on its own, with its own prompt (else one clip, prompted on its first frame).
    """
    clips, truth = torch.from_numpy(frames), torch.from_numpy(masks)
    clips, truth = (clips[:, None], truth[:, None]) if stills else (clips[None], truth[None])
    count, named = len(truth), structure is not None
    boxes = np.zeros((count, 0, 2), np.float32) if named else np.stack([_corners(m) for m in truth[:, 0].numpy()])
    return Batch(
        frames=clips,
        masks=truth,
        known=torch.ones(truth.shape[:2], dtype=torch.bool),
        points=torch.from_numpy(boxes),
        labels=torch.tensor([CORNER_FIRST, CORNER_LAST][: boxes.shape[1]], dtype=torch.int64).expand(count, -1),
        structure=torch.full((count,), structure if structure is not None else UNNAMED),
        keep=torch.full((count,), named),
        from_mask=torch.zeros(count, dtype=torch.bool),
        seeds=torch.zeros(count, dtype=torch.int64),
        step_seed=0,
    )


@torch.no_grad()
def predict(model: SAM2, batch: Batch) -> NDArray[np.bool_]:
    """``(N, T, S, S)`` masks; an object whose score is not above 0 is absent."""
    batch = batch.to(model.no_mem_embed.device)
    side = batch.masks.shape[-1]
    frames = []
    for answers, last in rollout(model, batch, _UNCORRECTED):
        if last:
            logits = F.interpolate(merge(answers, "mask"), (side, side), mode="bilinear", align_corners=False)[:, 0]
            frames.append((logits > 0) & (merge(answers, "object_score")[:, :1, None] > 0))
    return torch.stack(frames, dim=1).cpu().numpy()


def evaluate(model: SAM2, samples: list[Sample], names: tuple[str, ...] = (*STRUCTURES, "object")) -> dict[str, float]:
    """Mean Dice by structure and prompt; objects without a name count as ``object``.

    Returns:
        ``LV_box``, ``LV_structure`` and so on (each frame that shows the object prompted alone), ``LV_box_clip``, ``LV_structure_clip``
        (prompted on the first frame that shows it, tracked; that frame not counted) for the LV and unnamed objects, and ``score``, the
        mean of the LV's, or where there is none, of all. Empty when there was nothing to measure.
    """
    was_training = model.training
    model.eval()
    dices: dict[str, list[float]] = {}
    for sample in samples:
        for layer, structure in enumerate(sample.structures.tolist()):
            name = "object" if structure == UNNAMED else STRUCTURES[structure]
            truth = sample.masks[:, layer]
            shown = np.flatnonzero(sample.known & truth.any(axis=(1, 2)))
            if name not in names or len(shown) == 0:
                continue
            askable = structure != UNNAMED and bool(model.config.structures)
            for prompt in (None, structure) if askable else (None,):
                key = f"{name}_{'box' if prompt is None else 'structure'}"
                stills = predict(model, plain_batch(sample.frames[shown], truth[shown], prompt, stills=True))[:, 0]
                dices.setdefault(key, []).extend(map(_dice, stills, truth[shown]))
                tail = slice(int(shown[0]), None)
                scored = np.flatnonzero(sample.known[tail])[1:]
                if name in ("LV", "object") and len(scored):
                    clip = predict(model, plain_batch(sample.frames[tail], truth[tail], prompt, stills=False))[0]
                    dices.setdefault(f"{key}_clip", []).extend(map(_dice, clip[scored], truth[tail][scored]))
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
    predicted = predict(model, batch)
    model.train(was_training)
    count, clips = min(len(predicted), 16), batch.frames.cpu().numpy()
    rows = [(n, t) for n in range(count) for t in range(predicted.shape[1])][:48]
    frames = np.stack([clips[n // batch.objects, t] for n, t in rows])
    truth = batch.masks.cpu().numpy()
    return contact_sheet(frames, np.stack([truth[r] for r in rows]), np.stack([predicted[r] for r in rows]))
