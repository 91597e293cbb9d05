"""From datasets to batches: every random draw is a function of (seed, step, slot), so that a run can stop, resume, and be split over
processes without changing what it sees."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from echoseg.errors import SourceError
from echoseg.model.config import STRUCTURES, SAM2Config
from echoseg.training.augment import Matrix, bent, bent_mask, change_greys, random_bend, random_warp, stretch, warp, warp_mask
from echoseg.training.config import StageConfig, TrainConfig
from echoseg.training.dataset import UNNAMED, Dataset, Sample
from echoseg.training.prompts import DrawnPrompt, draw_prompt

REUSE_PERIOD = 12
"""Steps between two uses of one sample. A multiple of most worker counts, so that a sample returns to the worker that holds it."""
_SMALLEST = 4
"""Pixels of an object at the model's input below which it counts as out of view."""
_SAMPLES, _SLOTS, _STEPS = 1, 2, 3  # what a random stream is for


@dataclass(frozen=True)
class Batch:
    """What one step trains on: ``K`` clips of ``T`` frames, ``O`` objects each, ``N = K * O`` objects (clip by clip).

    Attributes:
        frames: ``(K, T, S, S)`` or ``(K, T, S, S, 3)`` uint8.
        masks: ``(N, T, S, S)`` bool.
        known: ``(N, T)`` bool; False: no truth there, no loss.
        points: ``(N, P, 2)`` float32 first-frame points, model-input pixels; ``labels``: ``(N, P)`` int64, -1 padding.
        structure: ``(N,)`` int64 structure prompt, or -1.
        keep: ``(N,)`` bool; the structure is given on tracked frames, too.
        from_mask: ``(N,)`` bool; prompted by the true mask.
        seeds: ``(N,)`` int64, for draws that depend on the model's answer.
        step_seed: the same for decisions shared by the whole batch, equal in every process.
    """

    frames: Tensor
    masks: Tensor
    known: Tensor
    points: Tensor
    labels: Tensor
    structure: Tensor
    keep: Tensor
    from_mask: Tensor
    seeds: Tensor
    step_seed: int

    @property
    def objects(self) -> int:
        """``O``, objects a clip."""
        return len(self.masks) // len(self.frames)

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""
        moved = {name: value.to(device, non_blocking=True) for name, value in self._tensors().items()}
        return replace(self, **moved)

    def parts(self, count: int) -> list[Batch]:
        """Split by clips into ``count`` equal batches (``K`` must be divisible)."""
        clips, step = len(self.frames), len(self.frames) // count
        if step * count != clips:
            raise ValueError(f"a batch of {clips} clips cannot be split into {count} equal parts")
        if count == 1:
            return [self]
        out = []
        for first in range(0, clips, step):
            rows = slice(first * self.objects, (first + step) * self.objects)
            cut = {name: value[rows] for name, value in self._tensors().items() if name != "frames"}
            out.append(replace(self, frames=self.frames[first : first + step], **cut))
        return out

    def _tensors(self) -> dict[str, Any]:
        return {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}


class Feed(TorchDataset[Batch]):
    """Batch of every step: ``feed[step]``. Process ``rank`` prepares its own slots of the step."""

    def __init__(self, config: TrainConfig, datasets: Sequence[tuple[Dataset, float]], model: SAM2Config, rank: int = 0) -> None:
        self.config, self.side, self.named, self.rank = config, model.image_size, bool(model.structures), rank
        self.datasets = [dataset for dataset, _ in datasets]
        weights = np.array([weight for _, weight in datasets], float)
        self.shares = weights / weights.sum()
        self.cache: OrderedDict[tuple[int, ...], Sample] = OrderedDict()

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, step: int) -> Batch:
        stage = self.config.stage_at(step)
        slots = range(self.rank * stage.batch, (self.rank + 1) * stage.batch)
        step_rng = np.random.default_rng([self.config.seed, _STEPS, step])
        clicks = int(step_rng.integers(1, self.config.prompts.max_clicks + 1))
        clips = [self._clip(step, slot, stage, clicks) for slot in slots]
        return collate([c for c, _ in clips], [o for _, objects in clips for o in objects], int(step_rng.integers(2**31)))

    def _clip(self, step: int, slot: int, stage: StageConfig, clicks: int) -> tuple[NDArray[np.uint8], list[_Object]]:
        rng = np.random.default_rng([self.config.seed, _SLOTS, step, slot])
        return prepare(self._sample(step, slot, stage), stage, self.config, self.side, clicks, rng)

    def _sample(self, step: int, slot: int, stage: StageConfig) -> Sample:
        """The sample behind a slot: used ``reuse`` times, ``REUSE_PERIOD`` steps apart; a share of the slots is new at each step."""
        start = 0
        for other in self.config.stages:
            if other is stage:
                break
            start += other.steps
        reuse = self.config.reuse
        cycle, phase = divmod(step - start + REUSE_PERIOD * (slot % reuse), REUSE_PERIOD * reuse)
        key = (start, cycle, phase % REUSE_PERIOD, slot)
        if key in self.cache:
            return self.cache[key]
        rng = np.random.default_rng([self.config.seed, _SAMPLES, *key])
        dataset = self.datasets[rng.choice(len(self.datasets), p=self.shares)]
        sample = dataset.sample(int(rng.integers(len(dataset))), rng)
        if not self.named:  # the published models cannot be asked by name
            sample = replace(sample, structures=np.full_like(sample.structures, UNNAMED))
        if self.config.reuse > 1:
            self.cache[key] = sample
            while len(self.cache) > REUSE_PERIOD * stage.batch:
                self.cache.popitem(last=False)
        return sample


@dataclass(frozen=True)
class _Object:
    """One object of a prepared clip: ``masks`` ``(T, S, S)`` bool, ``known`` ``(T,)``, its prompt and private seed."""

    masks: NDArray[np.bool_]
    known: NDArray[np.bool_]
    prompt: DrawnPrompt
    keep: bool
    seed: int


def prepare(
    sample: Sample, stage: StageConfig, config: TrainConfig, side: int, clicks: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[_Object]]:
    """Choose frames and objects of a sample, augment, and draw prompts.

    Returns:
        ``(T, side, side[, 3])`` uint8 frames and ``stage.objects`` objects.

    Raises:
        SourceError: no object of the sample is a pixel large at the model's input, and none can be asked for by name.
    """
    augment = config.augment.drawn(rng)
    chosen = choose_frames(sample, stage, rng)
    if rng.random() < augment.reverse and sample.known[chosen[-1]] and sample.masks[chosen[-1]].any():
        chosen = chosen[::-1]
    matrix = random_warp(sample.frames.shape[1:3], side, augment, rng)
    present = _in_view(sample, chosen[0], matrix, side, _SMALLEST)
    missing = sorted(set(range(len(STRUCTURES))) - set(sample.structures[present].tolist())) if (sample.structures >= 0).any() else []
    if not present and not missing:
        matrix = stretch(sample.frames.shape[1:3], side)
        present = _in_view(sample, chosen[0], matrix, side, 1)
        if not present:
            raise SourceError(f"a training sample shows no object of at least one pixel at the model's input of {side} x {side}")
    bend = random_bend(side, augment, rng) if augment.bend else None
    frames = np.stack([bent(warp(sample.frames[t], matrix, side), bend) for t in chosen])
    frames = change_greys(frames, augment, rng)

    def masks_of(i: int) -> NDArray[np.bool_]:
        return np.stack([bent_mask(warp_mask(sample.masks[t, i], matrix, side), bend) for t in chosen])

    weights = np.array([_weight(int(sample.structures[i]), config) for i in present], float)
    objects = []
    for _ in range(stage.objects):
        keep, seed = bool(rng.random() < config.prompts.keep_structure), int(rng.integers(2**31))
        absent = bool(missing) and (rng.random() < config.prompts.absent or not present)
        if absent or not present:
            structure = int(rng.choice(missing)) if missing else 0
            layers = np.flatnonzero(sample.structures == structure)
            masks = masks_of(int(layers[0])) if len(layers) else np.zeros((len(chosen), side, side), bool)
            masks[0] = False  # too small in view is not there
            prompt = draw_prompt(masks[0], structure, config.prompts, rng, clip=len(chosen) > 1)
        else:
            # Objects of a clip differ until all are used up.
            fresh = weights if weights.sum() > 0 else np.array([_weight(int(sample.structures[i]), config) for i in present], float)
            at = int(rng.choice(len(present), p=fresh / fresh.sum()))
            weights = fresh.copy()
            weights[at] = 0
            masks = masks_of(present[at])
            prompt = draw_prompt(masks[0], int(sample.structures[present[at]]), config.prompts, rng, clip=len(chosen) > 1, clicks=clicks)
        objects.append(_Object(masks, sample.known[chosen], prompt, keep, seed))
    return frames, objects


def _in_view(sample: Sample, frame: int, matrix: Matrix, side: int, smallest: int) -> list[int]:
    """Objects with at least ``smallest`` pixels on ``frame`` once it is warped."""
    layers = sample.masks[frame]
    return [i for i, mask in enumerate(layers) if mask.any() and warp_mask(mask, matrix, side).sum() >= smallest]


def choose_frames(sample: Sample, stage: StageConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """``(stage.frames,)`` indices at one stride; the first has truth and, where possible, an object that may be prompted there.

    A sample shorter than that is walked to and fro.
    """
    length = len(sample.frames)
    shown = sample.known & sample.masks.any(axis=(1, 2, 3))
    asked = shown if sample.starts is None else shown & sample.starts
    good = next((np.flatnonzero(where) for where in (asked, shown, sample.known) if where.any()), np.zeros(0, np.intp))
    stride = int(rng.integers(1, stage.stride + 1))
    stride = max(1, min(stride, (length - 1) // max(stage.frames - 1, 1)))
    while stride > 1 and sample.starts is not None and good[0] > length - 1 - stride * (stage.frames - 1):
        stride -= 1
    fitting = good[good <= length - 1 - stride * (stage.frames - 1)]
    start = int(rng.choice(fitting if len(fitting) else good))
    walk = start + stride * np.arange(stage.frames)
    period = max(2 * (length - 1), 1)
    walk = walk % period
    return np.where(walk < length, walk, period - walk)


def collate(clips: Sequence[NDArray[np.uint8]], objects: Sequence[_Object], step_seed: int) -> Batch:
    """Stack prepared clips; grey clips become colour when the batch holds colour."""
    if any(clip.ndim == 4 for clip in clips):
        clips = [clip if clip.ndim == 4 else np.repeat(clip[..., None], 3, axis=-1) for clip in clips]
    width = max(len(o.prompt.labels) for o in objects)
    points = np.zeros((len(objects), width, 2), np.float32)
    labels = np.full((len(objects), width), -1, np.int64)
    for row, o in enumerate(objects):
        points[row, : len(o.prompt.labels)] = o.prompt.points
        labels[row, : len(o.prompt.labels)] = o.prompt.labels
    return Batch(
        frames=torch.from_numpy(np.stack(clips)),
        masks=torch.from_numpy(np.stack([o.masks for o in objects])),
        known=torch.from_numpy(np.stack([o.known for o in objects])),
        points=torch.from_numpy(points),
        labels=torch.from_numpy(labels),
        structure=torch.tensor([o.prompt.structure for o in objects], dtype=torch.int64),
        keep=torch.tensor([o.keep for o in objects]),
        from_mask=torch.tensor([o.prompt.kind == "mask" for o in objects]),
        seeds=torch.tensor([o.seed for o in objects], dtype=torch.int64),
        step_seed=step_seed,
    )


def loader(feed: Feed, start: int, stop: int, workers: int) -> DataLoader[Batch]:
    """Batches of steps ``start`` .. ``stop - 1`` in order, prepared ahead in ``workers`` processes.

    The processes start afresh: one forked from a process in which OpenCV has started threads can wait for ever on a lock of theirs.
    """
    return DataLoader(
        feed,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=3 if workers else None,
        worker_init_fn=_one_thread,
    )


def _one_thread(_: int) -> None:
    """A data process keeps to one core: OpenCV and torch would each start a thread a core."""
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _weight(structure: int, config: TrainConfig) -> float:
    return 1.0 if structure == UNNAMED else config.structure_weights.get(STRUCTURES[structure], 1.0)
