"""Training of the view classifier (:mod:`echoseg.model.view_net`): minutes on one core, the same result every time.

Simulated stills of all views, stills of patients where there are any (CAMUS: A4C and A2C), and pictures of something else, of which it
learns to be sure of nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import torch
from natsort import natsorted
from numpy.typing import NDArray
from pydantic import Field
from safetensors.torch import save_file
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

from echoseg.datasets.camus import PHASES, find_views
from echoseg.datasets.folders import part_of
from echoseg.errors import ModelConfigError, SourceError
from echoseg.io.data_path import DataPath, Strict
from echoseg.io.open import open_source
from echoseg.io.sector import find_sector
from echoseg.io.thumbnail import FRAMES, SIDE, thumbnail
from echoseg.model.config import CAMUS_CITATION, PATIENTS_LICENCE
from echoseg.model.view_net import VIEWS, ViewNet, standardised
from echoseg.simulate import EchoOptions, own_seed, random_clip
from echoseg.training.augment import change_greys, random_warp, warp
from echoseg.training.config import AugmentConfig, Fraction, Positive
from echoseg.training.kinds import OfKind, Trained, read_kind

Pictures = NDArray[np.uint8]
_SIZE = 128  # side of a simulated frame, pixels


class Patients(Strict):
    """Real stills of A4C and A2C.

    Attributes:
        camus: folder of CAMUS patients, as released. Both views are squeezed to one size and blurred alike, at random: nothing but what
            they show may tell them apart.
        looks: pictures made of each still.
        share: of a batch.
        aside: one patient in so many is kept to make the probabilities hold.
    """

    camus: DataPath
    looks: Positive = 4
    share: Fraction = 0.5
    aside: Annotated[int, Field(ge=2)] = 8


class Others(Strict):
    """Pictures of no heart, or of no apical or short-axis echo: the answer is a quarter for each view.

    Attributes:
        folders: of images or volumes, of which up to four slices each are taken; the last 8 of each 40 files in the natural order of their
            names are kept for choosing.
        share: of a batch.
    """

    folders: Annotated[tuple[DataPath, ...], Field(min_length=1)]
    share: Fraction = 0.2


class ViewTrainConfig(OfKind):
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
        citation: what else whoever uses the weights cites.
        patients, others: what else is learned from; the simulator fills the rest of a batch.
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
    citation: str = ""
    patients: Patients | None = None
    others: Others | None = None


def view_config(path: str | Path) -> ViewTrainConfig | None:
    """The configuration in a YAML file; None when it trains something else.

    Raises:
        ModelConfigError: a key is unknown or out of range; the message names each.
    """
    return read_kind(path, "view-classifier", ViewTrainConfig)


def train_views(config: ViewTrainConfig, out: str | Path, progress: Callable[[int, int], None] | None = None) -> Trained:
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
        pools, aside = [], None
        if config.patients is not None:
            learned, aside = patient_stills(config.patients, config.seed)
            pools.append(_Pool(learned[0], _answers(learned[1], config.smoothing), config.patients.share))
        if config.others is not None:
            others = other_stills(config.others)
            pools.append(_Pool(others, np.full((len(others), len(VIEWS)), 1 / len(VIEWS), np.float32), config.others.share))
        pools.append(_Pool(pictures, _answers(views, config.smoothing), 1 - sum(pool.share for pool in pools)))
        network, loss = _fitted(config, pools, steps, lambda step: told(config.clips + step, work))
        if aside is None and config.calibration:
            stills, of = simulated_stills(
                config, config.calibration, FRAMES, [config.seed, 1], lambda n: told(config.clips + steps + n, work)
            )
            aside = stills.reshape(-1, FRAMES, SIDE, SIDE), of[::FRAMES]
        if aside is not None:
            network.sharpness.fill_(_sharpness(network, *aside))
    finally:
        torch.set_num_threads(threads)
    return Trained(_written(network, config, Path(out) / "view.safetensors"), steps, loss)


def _written(network: ViewNet, config: ViewTrainConfig, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    part = path.with_name(path.name + ".part")
    licence, citation = (PATIENTS_LICENCE, CAMUS_CITATION) if config.patients else ("Apache-2.0", "")
    settings = config.model_dump(mode="json", exclude={"patients": {"camus"}, "others": {"folders"}})  # folders are nobody's business
    save_file(
        {key: value.contiguous() for key, value in state.items()},
        part,
        {"config": json.dumps(settings), "licence": licence, "citation": "; ".join(part for part in (citation, config.citation) if part)},
    )
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


def patient_stills(config: Patients, seed: int) -> tuple[tuple[Pictures, NDArray[np.int64]], tuple[Pictures, NDArray[np.int64]]]:
    """Thumbnails of CAMUS's stills: ``(N, SIDE, SIDE)`` with their ``(N,)`` views to learn from, and ``(n, 2, SIDE, SIDE)``, ED and ES of a
    view, with ``(n,)`` views of the patients kept aside.

    Raises:
        SourceError: no patients there, or a file that cannot be read.
    """
    rng = np.random.default_rng([seed, 2])
    views = find_views(config.camus)
    kept = set(sorted({view.folder.name for view in views})[:: config.aside])
    stills: dict[bool, list[Pictures]] = {True: [], False: []}
    names: dict[bool, list[int]] = {True: [], False: []}
    for view in views:
        frames = view.read().frames
        aside = view.folder.name in kept
        looks = [_equalised(frames, None)] if aside else [_equalised(frames, rng) for _ in range(config.looks)]
        stills[aside] += looks
        names[aside] += [VIEWS.index(view.view)] * len(looks)
    learned = np.concatenate(stills[False]), np.repeat(np.array(names[False]), len(PHASES))
    return learned, (np.stack(stills[True]), np.array(names[True]))


def _equalised(frames: Pictures, rng: np.random.Generator | None) -> Pictures:
    """Thumbnails of a view's frames at a size and sharpness drawn at random, or one fixed: those of the file would give the view away."""
    side = 224 if rng is None else int(rng.integers(100, 225))
    width = side if rng is None else int(side * rng.uniform(0.85, 1.3))
    sigma = 0.6 if rng is None else rng.uniform(0.0, 1.2)
    squeezed = [
        cv2.resize(frame, (width, side), interpolation=cv2.INTER_AREA if side * width < frame.size else cv2.INTER_LINEAR)
        for frame in frames
    ]
    clip = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) if sigma > 0.3 else frame for frame in squeezed]).astype(np.uint8)
    region = find_sector(clip if rng is None or rng.random() < 0.5 else clip[:1])
    return np.stack([thumbnail(frame, region) for frame in clip])


def other_stills(config: Others) -> Pictures:
    """``(N, SIDE, SIDE)`` thumbnails of images and slices in the folders, each looked at as a clip of one frame is.

    Raises:
        SourceError: a folder is missing or holds nothing, or a file cannot be read.
    """
    pictures = []
    for folder in config.folders:
        files = part_of([path for path in natsorted(folder.iterdir()) if path.is_file()], "train") if folder.is_dir() else []
        if not files:
            raise SourceError(f"{folder}: no images to learn from that are no heart")
        for path in files:
            with open_source(path) as source:
                for index in np.unique(np.linspace(0, len(source) - 1, 4).round().astype(int)):
                    frame = source.frame(int(index))
                    pictures.append(thumbnail(frame, find_sector([frame])))
    return np.stack(pictures)


@dataclass(frozen=True)
class _Pool:
    """``pictures`` ``(N, SIDE, SIDE)``, the answer to each ``(N, 4)``, and their ``share`` of a batch."""

    pictures: Pictures
    answers: NDArray[np.float32]
    share: float


def _answers(views: NDArray[np.int64], smoothing: float) -> NDArray[np.float32]:
    """``(N, 4)``: the view, but for ``smoothing`` spread over all."""
    return np.asarray((1 - smoothing) * np.eye(len(VIEWS))[views] + smoothing / len(VIEWS), np.float32)


def _sharpness(network: ViewNet, clips: Pictures, views: NDArray[np.int64]) -> float:
    """The factor of a clip's mean logits that makes its view likeliest, over all ``clips`` ``(n, T, SIDE, SIDE)``."""
    with torch.inference_mode():
        logits = torch.stack([network(standardised(pictures)).mean(0) for pictures in clips])
    true = torch.from_numpy(views.copy())
    found = minimize_scalar(lambda log: float(cross_entropy(float(np.exp(log)) * logits, true)), bounds=(-1.5, 1.5), method="bounded")
    return float(np.exp(found.x))


def _fitted(config: ViewTrainConfig, pools: Sequence[_Pool], steps: int, progress: Callable[[int], None]) -> tuple[ViewNet, float]:
    """The network, and the mean loss of the last epoch."""
    rng = np.random.default_rng([config.seed, 1])
    ends = np.cumsum([round(config.batch * pool.share) for pool in pools[:-1]])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = ViewNet().train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        losses = []
        for step in range(steps):
            chosen = [
                (pool, rng.integers(len(pool.pictures), size=count))
                for pool, count in zip(pools, np.diff([0, *ends, config.batch]), strict=True)
            ]
            seen = np.stack([_changed(pool.pictures[index], config.augment, rng) for pool, indices in chosen for index in indices])
            wanted = np.concatenate([pool.answers[indices] for pool, indices in chosen])
            loss = cross_entropy(network(standardised(seen)), torch.from_numpy(wanted))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            progress(step + 1)
    return network.eval(), float(np.mean(losses[-max(steps // config.epochs, 1) :]))


def _changed(picture: Pictures, config: AugmentConfig, rng: np.random.Generator) -> Pictures:
    return change_greys(warp(picture, random_warp(picture.shape, SIDE, config, rng), SIDE)[None], config, rng)[0]
