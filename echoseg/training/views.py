"""Training of the view classifier (:mod:`echoseg.model.view_net`) on simulated stills: minutes on one core, the same result every time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from safetensors.torch import save_file
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

from echoseg.errors import ModelConfigError
from echoseg.io.thumbnail import FRAMES, SIDE, thumbnail
from echoseg.model.view_net import VIEWS, ViewNet, standardised
from echoseg.simulate import EchoOptions, own_seed, random_clip
from echoseg.training.augment import change_greys, random_warp, warp
from echoseg.training.config import AugmentConfig, Positive, Strict

Pictures = NDArray[np.uint8]
_SIZE = 128  # side of a simulated frame, pixels


class ViewTrainConfig(Strict):
    """A whole run.

    Attributes:
        kind: tells this file from those that train a model of masks.
        clips: simulated clips, the views in turn.
        frames: frames of each, far apart in time (``options.fps``).
        calibration: further clips, of eight frames, on which the probabilities are made to hold.
        options: ranges to replace in the simulator's ``EchoOptions``.
        epochs, batch, lr, weight_decay: of AdamW, one cosine from ``lr`` to zero.
        smoothing: share of a label that is spread over the other views.
        augment: random changes of a thumbnail.
    """

    kind: Literal["view-classifier"]
    name: str
    seed: int = 0
    clips: Positive = 6000
    frames: Positive = 2
    calibration: Annotated[int, Field(ge=0)] = 200
    options: dict[str, float | tuple[float, float]] = Field(default_factory=dict)
    epochs: Positive = 16
    batch: Positive = 64
    lr: float = 2e-3
    weight_decay: float = 0.05
    smoothing: float = 0.05
    augment: AugmentConfig = AugmentConfig()

    def folder(self) -> Path:
        """Where the run writes unless told otherwise: outside the tree."""
        return Path.home() / ".cache" / "echoseg" / "train" / self.name


@dataclass(frozen=True)
class ViewTrainResult:
    """``weights``: the file that was written. ``step``: steps of the optimizer. ``loss``: mean of the last epoch."""

    weights: Path
    step: int
    loss: float


def view_config(path: str | Path) -> ViewTrainConfig | None:
    """The configuration in a YAML file; None when it trains something else.

    Raises:
        ModelConfigError: a key is unknown or out of range; the message names each.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return None  # whoever reads it as another configuration says why
    if not isinstance(content, dict) or content.get("kind") != "view-classifier":
        return None
    try:
        return ViewTrainConfig.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ModelConfigError(f"{path}: {faults}") from error


def train_views(config: ViewTrainConfig, out: str | Path, progress: Callable[[int, int], None] | None = None) -> ViewTrainResult:
    """Simulates the stills, trains, and writes ``view.safetensors`` (float16) into the folder ``out``.

    Args:
        progress: told the work done and all there is: clips simulated, then steps of the optimizer.

    Raises:
        ModelConfigError: an option the simulator does not know.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order are other weights
    try:
        steps = config.epochs * (config.clips * config.frames // config.batch)
        work = config.clips + config.calibration + steps
        told = progress or (lambda _done, _all: None)
        pictures, views = simulated_stills(config, config.clips, config.frames, config.seed, lambda done: told(done, work))
        network, loss = _fitted(config, pictures, views, lambda step: told(config.clips + step, work))
        if config.calibration:
            others = simulated_stills(config, config.calibration, FRAMES, [config.seed, 1], lambda n: told(config.clips + steps + n, work))
            network.sharpness.fill_(_sharpness(network, *others))
    finally:
        torch.set_num_threads(threads)
    return ViewTrainResult(_written(network, config, Path(out) / "view.safetensors"), steps, loss)


def _written(network: ViewNet, config: ViewTrainConfig, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    part = path.with_name(path.name + ".part")
    save_file({key: value.contiguous() for key, value in state.items()}, part, {"config": json.dumps(config.model_dump())})
    os.replace(part, path)
    return path


def simulated_stills(
    config: ViewTrainConfig, clips: int, frames: int, seed: int | list[int], progress: Callable[[int], None]
) -> tuple[Pictures, NDArray[np.int64]]:
    """Thumbnails ``(clips * frames, SIDE, SIDE)`` and their views, indices into :data:`echoseg.model.view_net.VIEWS`, clip after clip."""
    try:
        options = EchoOptions(**config.options)  # type: ignore[arg-type]
    except TypeError as error:
        raise ModelConfigError(f"simulator options: {error}") from error
    pictures = np.empty((clips, frames, SIDE, SIDE), np.uint8)
    views = np.arange(clips) % len(VIEWS)
    for index, view in enumerate(views):
        own = own_seed(*([seed] if isinstance(seed, int) else seed), index)
        clip = random_clip(own, _SIZE, frames, (VIEWS[view],), options)
        pictures[index] = [thumbnail(frame, clip.sector) for frame in clip.frames]
        progress(index + 1)
    return pictures.reshape(-1, SIDE, SIDE), np.repeat(views, frames)


def _sharpness(network: ViewNet, pictures: Pictures, views: NDArray[np.int64]) -> float:
    """The factor of a clip's mean logits that makes its view likeliest, over all clips."""
    with torch.inference_mode():
        logits = network(standardised(pictures)).reshape(-1, FRAMES, len(VIEWS)).mean(1)
    true = torch.from_numpy(views[::FRAMES].copy())
    found = minimize_scalar(lambda log: float(cross_entropy(float(np.exp(log)) * logits, true)), bounds=(-1.5, 1.5), method="bounded")
    return float(np.exp(found.x))


def _fitted(
    config: ViewTrainConfig, pictures: Pictures, views: NDArray[np.int64], progress: Callable[[int], None]
) -> tuple[ViewNet, float]:
    rng = np.random.default_rng([config.seed, 1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = ViewNet().train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        per_epoch = len(pictures) // config.batch
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs * per_epoch)
        step, mean = 0, float("nan")
        for _ in range(config.epochs):
            order, total = rng.permutation(len(pictures)), 0.0
            for first in range(0, per_epoch * config.batch, config.batch):
                chosen = order[first : first + config.batch]
                seen = np.stack([_changed(pictures[index], config.augment, rng) for index in chosen])
                answers: Any = network(standardised(seen))
                loss = cross_entropy(answers, torch.from_numpy(views[chosen]), label_smoothing=config.smoothing)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                step, total = step + 1, total + loss.item()
                progress(step)
            mean = total / per_epoch
    return network.eval(), mean


def _changed(picture: Pictures, config: AugmentConfig, rng: np.random.Generator) -> Pictures:
    return change_greys(warp(picture, random_warp(picture.shape, SIDE, config, rng), SIDE)[None], config, rng)[0]
