"""The model over a clip as a user would drive it, differentiable: prompt the first frame, track, correct now and then.

Stills are clips of one frame: nothing is remembered, only the prompt and its corrections are answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from echoseg.model.preprocess import to_unit_range
from echoseg.model.prompt_encoder import PromptTensors
from echoseg.model.sam2 import SAM2, FrameFeatures, MaskPrediction, MemoryTokens
from echoseg.training.config import PromptConfig
from echoseg.training.feed import Batch
from echoseg.training.prompts import corrective_click

_LOGIT_LIMIT = 32.0  # SAM 2 clamps an earlier answer to this before it is given back as a mask prompt


@dataclass(frozen=True)
class Answer:
    """What was predicted for some objects on one frame.

    Attributes:
        frame: frame index in the clip.
        rows: ``(n,)`` int64 which objects of the batch.
        said: the model's prediction for them.
        learns: False for a mask prompt, which is taken as the answer: there is nothing to learn from it.
    """

    frame: int
    rows: Tensor
    said: MaskPrediction
    learns: bool = True


@dataclass(frozen=True)
class Remembered:
    """One frame in the memory: ``memory (N, mem_dim, h, w)``, ``pointer (N, C)``, and whether it was prompted."""

    frame: int
    memory: Tensor
    pointer: Tensor
    prompted: bool


@dataclass(frozen=True)
class Given:
    """Prompts of all objects on one frame.

    Attributes:
        points: ``(N, P, 2)``; labels: ``(N, P)``, -1 padding at the end; structure: ``(N,)``, -1 for none.
        mask: ``(N, 1, h, w)`` logits of the answer to correct, or None.
        adopted: ``(N,)`` bool, objects given by their true mask ``truth (N, S, S)``; None: none are.
    """

    points: Tensor
    labels: Tensor
    structure: Tensor
    mask: Tensor | None = None
    adopted: Tensor | None = None
    truth: Tensor | None = None

    def with_click(self, xy: Tensor, labels: Tensor, mask: Tensor) -> Given:
        """One more click an object, ``xy (N, 2)``, ``labels (N,)``, beside the logits ``mask (N, 1, h, w)`` it corrects."""
        count = (self.labels >= 0).sum(dim=1)
        points = F.pad(self.points, (0, 0, 0, 1))
        kinds = F.pad(self.labels, (0, 1), value=-1)
        rows = torch.arange(len(count), device=count.device)
        points[rows, count], kinds[rows, count] = xy, labels
        return Given(points, kinds, self.structure, mask.detach().clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT))


def rollout(model: SAM2, batch: Batch, config: PromptConfig, *, checkpointing: bool = False) -> Iterator[tuple[list[Answer], bool]]:
    """Drive ``model`` through the clips of ``batch``.

    Yields:
        Answers to one round of questions, together covering every object once, and whether the round is the frame's last. A frame has
        one round, and one more for each corrective click.
    """
    frames = batch.frames.shape[1]
    device = batch.masks.device
    choices = np.random.default_rng(batch.step_seed)
    clicks = [np.random.default_rng(int(seed)) for seed in batch.seeds.tolist()]
    features = encode(model, batch, checkpointing)
    bank: list[Remembered] = []
    nothing = Given(batch.points[:, :0], batch.labels[:, :0], torch.full_like(batch.structure, -1))
    for t in range(frames):
        here = features[torch.arange(t, len(features.embedding), frames, device=device).repeat_interleave(batch.objects)]
        if t == 0:
            given = Given(batch.points, batch.labels, batch.structure, adopted=batch.from_mask, truth=batch.masks[:, 0])
            rounds = int(choices.integers(0, config.corrections + 1))
        else:
            given = replace(nothing, structure=torch.where(batch.keep, batch.structure, -1))
            rounds = int(choices.random() < config.correct_frame)
        embedding = model.attend_memory(here.embedding, recall(model, bank, t))
        for done in range(rounds + 1):
            answers = ask(model, here, embedding, given, t)
            yield answers, done == rounds
            if done < rounds:
                mask = merge(answers, "mask")
                xy, labels = _click(mask, batch.masks[:, t], batch.known[:, t], clicks)
                given = given.with_click(xy.to(device), labels.to(device), mask)
        if t + 1 < frames:
            prompted = t == 0 or rounds > 0
            memory = model.encode_memory(here.embedding, merge(answers, "mask"), merge(answers, "object_score"), prompted)
            bank.append(Remembered(t, memory, merge(answers, "object_pointer"), prompted))


def encode(model: SAM2, batch: Batch, checkpointing: bool = False) -> FrameFeatures:
    """Features of all frames of all clips, ``(K * T, ...)``, clip by clip."""
    images = to_unit_range(batch.frames.flatten(0, 1).cpu().numpy()).to(batch.masks.device)
    features: FrameFeatures = checkpoint(model.encode_image, images, use_reentrant=False) if checkpointing else model.encode_image(images)
    return features


def recall(model: SAM2, bank: list[Remembered], t: int) -> MemoryTokens | None:
    """What frame ``t`` attends to, as in tracking: every prompted frame, the last tracked ones, and the latest pointers.

    Pointers are placed as in a clip of 16 frames or more, which is what the model meets in use however short the training clip is.
    """
    if not bank:
        return None
    config = model.config
    spatial = [(0, r.memory) for r in bank if r.prompted]
    spatial += [(t - r.frame, r.memory) for r in bank if not r.prompted and t - r.frame < config.num_maskmem]
    latest = sorted(bank, key=lambda r: (not r.prompted, -r.frame))[: config.max_obj_ptrs]
    return model.gather_memory(spatial, [(float(t - r.frame), r.pointer) for r in latest], config.max_obj_ptrs - 1)


def ask(model: SAM2, here: FrameFeatures, embedding: Tensor, given: Given, frame: int) -> list[Answer]:
    """One round of questions. Objects with the same number of points go together: each sees the tokens it will see in use, no padding."""
    counts = (given.labels >= 0).sum(dim=1)
    keys = counts * 2 + (given.structure >= 0)
    if given.adopted is not None:
        keys = torch.where(given.adopted, -1, keys)
    listed = keys.tolist()
    answers = []
    for key in sorted(set(listed)):
        rows = torch.tensor([i for i, k in enumerate(listed) if k == key], device=embedding.device)
        if key < 0 and given.truth is not None:
            answers.append(Answer(frame, rows, model.adopt_mask(here[rows], given.truth[rows, None].float()), learns=False))
            continue
        count, named = key // 2, bool(key % 2)
        prompt = PromptTensors(
            points=given.points[rows, :count] if count else None,
            labels=given.labels[rows, :count] if count else None,
            mask=None if given.mask is None else given.mask[rows],
            structure=given.structure[rows] if named else None,
        )
        said = model.decode(embedding[rows], tuple(level[rows] for level in here.high_res), prompt, prompt.ambiguous)
        answers.append(Answer(frame, rows, said))
    return answers


def merge(answers: list[Answer], name: str) -> Tensor:
    """One field of a round's predictions, in the order of the batch's objects."""
    order = torch.argsort(torch.cat([a.rows for a in answers]))
    merged: Tensor = torch.cat([getattr(a.said, name) for a in answers])[order]
    return merged


def _click(mask: Tensor, truth: Tensor, known: Tensor, rngs: list[np.random.Generator]) -> tuple[Tensor, Tensor]:
    """A corrective click an object: ``(N, 2)`` float32 xy in input pixels and ``(N,)`` int64 labels.

    Where the truth is not ``known`` the click confirms the answer.
    """
    logits = F.interpolate(mask.detach().float(), truth.shape[-2:], mode="bilinear", align_corners=False)
    predicted = logits[:, 0] > 0
    true = torch.where(known[:, None, None], truth, predicted)
    pairs = zip(predicted.cpu().numpy(), true.cpu().numpy(), rngs, strict=True)
    drawn = [corrective_click(p, t, rng) for p, t, rng in pairs]
    return torch.from_numpy(np.stack([xy for xy, _ in drawn])), torch.tensor([label for _, label in drawn], dtype=torch.int64)
