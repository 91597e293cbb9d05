"""Training of the prompt-free head (:mod:`echoseg.model.volumetric_head`) on the features of a frozen encoder: half an hour on one core.

The encoder runs on every step anew (through ONNX Runtime it costs a tenth of the step), so that windows, grey values and turns are fresh.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from echoseg.datasets.case import Case
from echoseg.datasets.folders import folder_pairs
from echoseg.io.data_path import DataPath
from echoseg.model import Model, load_model
from echoseg.model.checkpoint import load_strict, read_state_dict
from echoseg.model.preprocess import to_unit_range
from echoseg.model.volumetric_head import CLASSES, VolumetricHead
from echoseg.simulate import random_volume
from echoseg.training.augment import change_greys, warp
from echoseg.training.config import AugmentConfig, Fraction, Positive
from echoseg.training.ema import WeightAverage
from echoseg.training.kinds import OfKind, Trained, read_kind
from echoseg.training.licence import joined

Stack = NDArray[np.uint8]
_OTHER_SIDE, _OTHER_SLICES = 160, 10  # side in pixels, and number, of simulated slices that show no heart


class HeadTrainConfig(OfKind):
    """A whole run.

    Attributes:
        kind: tells this file from those that train a model of masks.
        encoder: name of the model whose frozen image encoder is used, with the weights that ship.
        weights: of a head to begin from, of this encoder or of one that it was trained on from: its features are alike.
        data: folder with ``images`` and ``masks`` of short-axis volumes.
        labels: name of each label in the masks, of ``LV``, ``MYO``, ``RV``.
        licence, citation: of the data.
        slices: at most so many neighbouring slices a step. Where the stack ends tells the base: the atrium looks like a cavity, too.
        near, far: share of the window that the heart takes, as in the second and the first look of
            :func:`echoseg.prompting.short_axis.short_axis`.
        first_looks: share of steps that are as the first look.
        shift: of the heart from the window's middle, as a share of the window.
        rotate: degrees to either side.
        others, simulated: share of steps on simulated volumes without a heart, and how many of these there are.
        steps, lr, weight_decay, average: of AdamW, one cosine from ``lr`` to zero, and decay of the average of weights that is kept.
        keep: steps between files written on the way.
    """

    kind: Literal["volumetric-head"]
    name: str
    seed: int = 0
    encoder: str = "compact-volume"
    weights: DataPath | None = None
    data: DataPath
    labels: dict[int, Literal["LV", "MYO", "RV"]]
    licence: str
    citation: str
    slices: Positive = 8
    near: tuple[float, float] = (0.55, 0.85)
    far: tuple[float, float] = (0.25, 0.6)
    first_looks: Fraction = 0.5
    shift: Fraction = 0.08
    rotate: float = 40.0
    others: Fraction = 0.1
    simulated: Annotated[int, Field(ge=0)] = 40
    steps: Positive = 1500
    lr: float = 3e-3
    weight_decay: float = 0.02
    average: Fraction = 0.99
    keep: Positive = 250
    augment: AugmentConfig = AugmentConfig()


def head_config(path: str | Path) -> HeadTrainConfig | None:
    """The configuration in a YAML file; None when it trains something else.

    Raises:
        ModelConfigError: a key is unknown or out of range; the message names each.
    """
    return read_kind(path, "volumetric-head", HeadTrainConfig)


def train_head(config: HeadTrainConfig, out: str | Path, progress: Callable[[int, int], None] | None = None) -> Trained:
    """Trains, and writes ``head.safetensors`` (float16, the average of the weights) into the folder ``out``.

    Args:
        progress: told the steps done and all there are.

    Raises:
        SourceError: no volumes there, or one that cannot be read.
        ModelConfigError, WeightsError: of the encoder.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order are other weights
    try:
        encoder = load_model(config.encoder, device="cpu")
        stacks = [_classes(case, config.labels) for case in folder_pairs(config.data, dict(config.labels))]
        slices = min(config.slices, _OTHER_SLICES)
        others = [random_volume(config.seed + n, _OTHER_SIDE, slices, ("lesion", "organ")).frames for n in range(config.simulated)]
        return _fitted(config, encoder, stacks, others, Path(out), progress or (lambda _done, _all: None))
    finally:
        torch.set_num_threads(threads)


def _fitted(
    config: HeadTrainConfig,
    encoder: Model,
    stacks: Sequence[tuple[Stack, Stack]],
    others: Sequence[Stack],
    out: Path,
    progress: Callable[[int, int], None],
) -> Trained:
    rng = np.random.default_rng([config.seed, 1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        head = VolumetricHead(encoder.config).train()
        if config.weights is not None:
            load_strict(head, read_state_dict(config.weights), config.weights.name)
        average = WeightAverage(head, config.average)
        optimizer = torch.optim.AdamW(head.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
        losses = []
        for step in range(1, config.steps + 1):
            if others and rng.random() < config.others:
                frames = others[int(rng.integers(len(others)))]
                seen, wanted = window_of(frames, np.zeros_like(frames), encoder.config.image_size, config, rng)
            else:
                frames, labels = stacks[int(rng.integers(len(stacks)))]
                seen, wanted = window_of(frames, labels, encoder.config.image_size, config, rng)
            images = to_unit_range(seen)
            with torch.inference_mode():
                found = encoder.verbs.encode_image(images)
            loss = head_loss(head(found.clone(), images), torch.from_numpy(wanted.astype(np.int64)))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            average.update(head)
            losses.append(loss.item())
            progress(step, config.steps)
            if step % config.keep == 0 or step == config.steps:
                weights = _written(average.state, config, encoder, out / "head.safetensors")
    return Trained(weights, config.steps, float(np.mean(losses[-100:])))


def window_of(frames: Stack, labels: Stack, side: int, config: HeadTrainConfig, rng: np.random.Generator) -> tuple[Stack, Stack]:
    """Neighbouring slices and their labels, both ``(Z, side, side)``, as a window shows them whose place, size and turn are drawn.

    Either order of slices is drawn: stacks are stored from base to apex, and from apex to base.
    """
    count = min(config.slices, len(frames))
    first = int(rng.integers(len(frames) - count + 1))
    chosen = slice(first, first + count)
    matrix = _matrix(labels, side, config, rng)
    seen = np.stack([warp(frame, matrix, side) for frame in frames[chosen]])
    named = [np.stack([warp((slice_ == one).astype(np.uint8) * 255, matrix, side) for slice_ in labels[chosen]]) for one in (1, 2, 3)]
    rest = 255 - np.minimum(np.sum(named, axis=0, dtype=np.int32), 255)
    wanted = np.argmax(np.stack([rest.astype(np.uint8), *named]), axis=0).astype(np.uint8)
    order = slice(None, None, int(rng.choice([-1, 1])))
    return change_greys(seen, config.augment, rng)[order].copy(), wanted[order].copy()


def _matrix(labels: Stack, side: int, config: HeadTrainConfig, rng: np.random.Generator) -> NDArray[np.float64]:
    """``(2, 3)``, in edge coordinates: the heart, or the whole picture where there is none, takes a share of the window."""
    rows, columns = (np.flatnonzero(labels.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if len(rows) == 0:
        rows, columns = np.arange(labels.shape[1]), np.arange(labels.shape[2])
    centre = np.array([columns[0] + columns[-1] + 1, rows[0] + rows[-1] + 1]) / 2
    low, high = config.far if rng.random() < config.first_looks else config.near
    zoom = side * np.exp(rng.uniform(np.log(low), np.log(high))) / max(np.ptp(rows) + 1, np.ptp(columns) + 1)
    squeeze = np.exp(rng.uniform(-0.5, 0.5) * np.log1p(config.augment.aspect))
    angle = np.deg2rad(rng.uniform(-config.rotate, config.rotate))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([zoom * squeeze, zoom / squeeze])
    middle = side * (0.5 + rng.uniform(-config.shift, config.shift, 2))
    return np.hstack([linear, (middle - linear @ centre)[:, None]])


def head_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy plus one less the soft Dice of the three structures, over a stack: ``(Z, 4, S, S)`` against ``(Z, S, S)`` int64."""
    shares = logits.softmax(1)
    truth = nn.functional.one_hot(wanted, len(CLASSES)).movedim(-1, 1).to(shares.dtype)
    both = (shares * truth).sum((0, 2, 3))[1:]
    each = (shares + truth).sum((0, 2, 3))[1:]
    smooth = 50.0  # pixels: a structure that is not there costs little where little is found
    return cross_entropy(logits, wanted) + (1 - (2 * both + smooth) / (each + smooth)).mean()


def _classes(case: Case, names: dict[int, Literal["LV", "MYO", "RV"]]) -> tuple[Stack, Stack]:
    """Frames and labels of a case, the labels numbered as :data:`CLASSES`."""
    table = np.zeros(256, np.uint8)
    for label, name in names.items():
        table[label] = CLASSES.index(name)
    return np.asarray(case.frames), table[case.labels]


def _written(state: dict[str, Tensor], config: HeadTrainConfig, encoder: Model, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    info = encoder.weights
    licence, citation = joined([(info.licence or "", info.citation), (config.licence, config.citation)])
    settings = json.dumps(config.model_dump(mode="json", exclude={"data"}))  # folders are nobody's business
    said = {"config": settings, "encoder": encoder.name, "encoder_sha256": info.sha256, "licence": licence, "citation": citation}
    save_file({key: value.half().contiguous() for key, value in state.items()}, part, said)
    os.replace(part, path)
    return path
