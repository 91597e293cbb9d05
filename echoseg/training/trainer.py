"""The training loop: ``train(config)`` runs, or goes on with, one run."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from echoseg.errors import DeviceError, EchosegError, ModelConfigError
from echoseg.model import ConvTrunkConfig, HieraConfig, SAM2Config, TrunkConfig, ViTConfig, build_model, model_config
from echoseg.model.checkpoint import load_strict, read_state_dict
from echoseg.model.sam2 import SAM2
from echoseg.training.checkpoint import load_checkpoint, save_checkpoint
from echoseg.training.clip_loss import ClipLoss
from echoseg.training.config import TrainConfig, load_config
from echoseg.training.curves import draw_curves
from echoseg.training.dataset import Sample
from echoseg.training.distributed import Rank, process_group
from echoseg.training.ema import WeightAverage
from echoseg.training.evaluate import evaluate, hold_out, sample_picture
from echoseg.training.feed import Batch, Feed, loader
from echoseg.training.licence import licence_of_run
from echoseg.training.log import RunLog
from echoseg.training.optimizer import build_optimizer, rate_at, set_rate
from echoseg.training.sources import build_datasets

_LOGGER = logging.getLogger(__name__)
_HOPELESS = 20
"""Steps in a row without a finite gradient after which a run is given up."""

Progress = Callable[[int, int, dict[str, float]], None]
"""Called after each step with the steps done, the steps in all, and the step's numbers."""


@dataclass(frozen=True)
class TrainResult:
    """Where a run stands.

    Attributes:
        folder: checkpoints (``last.pt``, ``best.pt``), ``train.csv``, ``eval.csv``, ``samples/``.
        step: optimizer steps done.
        evaluation: the latest evaluation, empty when none was made.
        best: highest ``score`` of an evaluation so far.
        skipped: steps of this call whose gradient was not finite: the weights were left as they were.
    """

    folder: Path
    step: int
    evaluation: dict[str, float]
    best: float
    skipped: int


class TrainingError(EchosegError):
    """A run cannot go on."""


def train(
    config: TrainConfig | str | Path,
    out: str | Path | None = None,
    *,
    resume: bool = True,
    max_steps: int | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Train by ``config`` until its stages are done, or ``max_steps`` more steps are.

    Args:
        config: a configuration or the YAML file that holds one.
        out: folder of the run; default ``~/.cache/echoseg/train/NAME``.
        resume: go on from ``last.pt`` in that folder where there is one. A resumed run equals one that never stopped.
        max_steps: stop (with a checkpoint) after this many steps of this call.
        progress: told after every step.

    Raises:
        ModelConfigError, WeightsError, SourceError: the configuration, its weights or its data cannot be used.
        TrainingError: the gradient was not finite in many steps in a row.
    """
    config = config if isinstance(config, TrainConfig) else load_config(config)
    folder = Path(out) if out is not None else config.folder()
    torch.set_num_threads(config.threads)
    with process_group(_device(config.device, 0)) as rank:
        return _Run(config, folder, rank, resume).go(max_steps, progress)


class _Run:
    """The state of one run in one process."""

    def __init__(self, config: TrainConfig, folder: Path, rank: Rank, resume: bool) -> None:
        self.config, self.folder, self.rank = config, folder, rank
        self.device = _device(config.device, rank.local)
        torch.manual_seed(config.seed)
        self.model = network(config).to(self.device)
        if config.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = WeightAverage(self.model, config.ema_decay)
        self.optimizer = build_optimizer(self.model, config.optimizer)
        self.loss: nn.Module = ClipLoss(self.model, config.loss, config.prompts, checkpointing=config.checkpoint_activations)
        if rank.world > 1:
            # Stills leave the memory's parameters unused.
            self.loss = DistributedDataParallel(self.loss, find_unused_parameters=True)
        self.step, self.best, self.evaluation = 0, -math.inf, dict[str, float]()
        self.skipped = self.skipped_in_a_row = 0
        last = folder / "last.pt"
        if resume and last.is_file():
            stored = load_checkpoint(last, self.model, self.average, self.optimizer)
            self.step, self.best, self.evaluation = int(stored["step"]), float(stored["best"]), dict(stored["evaluation"])
        self.log = RunLog(folder, self.step) if rank.leads else None
        if rank.leads:
            (folder / "config.json").write_text(config.model_dump_json(indent=2), encoding="utf-8")
        self.hold_out: list[Sample] | None = None
        self.licence = licence_of_run(config)

    def go(self, max_steps: int | None, progress: Progress | None) -> TrainResult:
        config = self.config
        stop = config.steps if max_steps is None else min(config.steps, self.step + max_steps)
        feed = Feed(config, build_datasets(config), self.model.config, self.rank.index)
        saved, tallied, frames = time.monotonic(), time.monotonic(), 0
        self.model.train()
        for batch in loader(feed, self.step, stop, config.workers):
            numbers = self._step(batch)
            frames += batch.frames.shape[0] * batch.frames.shape[1] * self.rank.world
            self.step += 1
            now = time.monotonic()
            if self.log is not None and (self.step % config.log_every == 0 or self.step == stop):
                numbers["frames_per_s"] = frames / max(now - tallied, 1e-9)
                stage = config.stage_at(self.step - 1).name
                self.log.row("train", self.step, {"stage": stage, **numbers, "skipped": self.skipped})
                tallied, frames = now, 0
            if self.log is not None and self.step % config.picture_every == 0:
                self.log.picture(self.step, sample_picture(self.model, batch.to(self.device)))
            if self.rank.leads and config.evaluation.clips and (self.step % config.evaluation.every == 0 or self.step == config.steps):
                self._evaluate()
            if self.rank.leads and (now - saved > 60 * config.save_minutes or self._stage_ends()):
                self._save("last.pt")
                saved = time.monotonic()
            if progress is not None:
                progress(self.step, config.steps, numbers)
        if self.rank.leads:
            self._save("last.pt")
        if self.log is not None:
            self.log.close()
        return TrainResult(self.folder, self.step, self.evaluation, self.best, self.skipped)

    def _step(self, batch: Batch) -> dict[str, float]:
        """One optimizer step; returns its numbers. Dropout depends on (seed, step) alone, as all else does."""
        config = self.config
        torch.manual_seed(config.seed * 1_000_003 + self.step * self.rank.world + self.rank.index)
        rate = rate_at(self.step, config)
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        parts = batch.to(self.device).parts(config.stage_at(self.step).accumulate)
        numbers: dict[str, float] = {}
        for i, part in enumerate(parts):
            with self._synchronised(last=i == len(parts) - 1), self._precision():
                loss, terms = self.loss(part)
                (loss / len(parts)).backward()
            for name, value in terms.items():
                numbers[name] = numbers.get(name, 0.0) + float(value) / len(parts)
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), config.optimizer.clip))
        if math.isfinite(norm):
            self.optimizer.step()
            self.average.update(self.model)
            self.skipped_in_a_row = 0
        else:
            self._skip(norm, numbers["loss"])
        return {**numbers, "grad_norm": norm, "lr": rate}

    def _skip(self, norm: float, loss: float) -> None:
        """Say that a step was not made, and give up when none is any more."""
        self.skipped += 1
        self.skipped_in_a_row += 1
        said = f"step {self.step + 1}: the norm of the gradient is {norm}, the loss {loss:.4g}; the weights are left as they were"
        _LOGGER.warning(said)
        if self.skipped_in_a_row == _HOPELESS:
            raise TrainingError(
                f"{said}, for {_HOPELESS} steps in a row: lower optimizer.lr, or look for broken values in the data or weights"
            )

    def _precision(self) -> Any:
        """bfloat16 where the run asks for it and the device has it; no loss scaling is needed, its exponent is that of float32."""
        mixed = self.config.amp and self.device.type == "cuda"
        return torch.autocast("cuda", torch.bfloat16) if mixed else nullcontext()

    def _synchronised(self, last: bool) -> Any:
        """Gradients travel between processes with the last part of a step only."""
        return self.loss.no_sync() if isinstance(self.loss, DistributedDataParallel) and not last else nullcontext()

    def _evaluate(self) -> None:
        if self.hold_out is None:
            self.hold_out = hold_out(self.config.evaluation, self.model.config.image_size)
        with _averaged(self.model, self.average):
            self.evaluation = evaluate(self.model, self.hold_out)
        if self.log is not None:
            self.log.row("eval", self.step, self.evaluation)
            draw_curves(self.folder)
        if self.evaluation.get("score", -math.inf) > self.best:
            self.best = self.evaluation["score"]
            self._save("best.pt")

    def _stage_ends(self) -> bool:
        ends, total = set(), 0
        for stage in self.config.stages:
            total += stage.steps
            ends.add(total)
        return self.step in ends

    def _save(self, name: str) -> None:
        progress = {
            "step": self.step,
            "best": self.best,
            "evaluation": self.evaluation,
            "config": self.config.model_dump_json(),
            "licence": self.licence[0],
            "citation": self.licence[1],
        }
        save_checkpoint(self.folder / name, self.model, self.average, self.optimizer, progress)


def network(config: TrainConfig) -> SAM2:
    """The model a run begins with: its architecture, and weights where some are given.

    Raises:
        ModelConfigError: an option is not a field of the model's config.
        WeightsError: the weights do not fit.
    """
    model = build_model(architecture(config))
    if config.weights is not None:
        state = read_state_dict(config.weights)
        if not model.config.structures:  # a model without names may begin from one with them
            state = {key: value for key, value in state.items() if not key.endswith("structure_embed.weight")}
        load_strict(model, state, Path(config.weights).name)
    if config.optimizer.encoder_scale == 0:
        model.image_encoder.requires_grad_(False)  # no gradient is computed there
    return model


def architecture(config: TrainConfig) -> SAM2Config:
    """The registered architecture with the run's ``model_options`` in place."""
    base = model_config(config.model)
    options = _with_tuples(config.model_options)
    try:
        if isinstance(trunk := options.get("trunk"), dict):
            options["trunk"] = _trunk(base.trunk, _with_tuples(trunk))
        return replace(base, **options)
    except TypeError as error:
        raise ModelConfigError(f"model_options of {config.name}: {error}") from error


def _trunk(base: TrunkConfig, options: dict[str, Any]) -> TrunkConfig:
    """A trunk of the kind that ``base`` is, or else of the one that has all the ``options``."""
    kinds = (type(base), HieraConfig, ConvTrunkConfig, ViTConfig)
    kind = next((kind for kind in kinds if options.keys() <= {field.name for field in fields(kind)}), kinds[0])
    return kind(**options)


def _with_tuples(options: dict[str, Any]) -> dict[str, Any]:
    """YAML has lists where the model's configs have tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}


class _averaged:
    """Within the block the model holds the averaged weights."""

    def __init__(self, model: nn.Module, average: WeightAverage) -> None:
        self.model, self.average = model, average

    def __enter__(self) -> None:
        self.own = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.state)

    def __exit__(self, *_: object) -> None:
        self.model.load_state_dict(self.own)


def _device(name: str, local: int) -> torch.device:
    """``auto`` is CUDA where there is one.

    Raises:
        DeviceError: the device asked for is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceError(f"device {name!r} was asked for, but this machine has no CUDA device: set device: cpu")
    return torch.device(f"cuda:{local}" if name == "cuda" else name)
