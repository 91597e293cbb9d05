"""A round's fine-tuning: from all accepted labels but those it is judged by, on top of the weights that the project has, in minutes."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from echoseg.annotate.export import Accepted, accepted, training_folder
from echoseg.annotate.project import Project
from echoseg.annotate.refused import Refused
from echoseg.annotate.rounds import Round, current_weights, held_out, note_round, patient_of, rounds_of
from echoseg.annotate.settings import ProjectSettings
from echoseg.io.atomic import atomic_path
from echoseg.metrics.overlap import dice
from echoseg.types import Box

if TYPE_CHECKING:
    from echoseg.model import Model
    from echoseg.training.config import TrainConfig

PLAN = "plan.json"
_LABELS = {1: "LV", 2: "MYO", 3: "LA", 4: "RV"}
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Recipe:
    """How a round learns.

    Attributes:
        stills, clips: steps on single frames (16 a step), and on stretches of frames (4 a step). ``rate``: the highest learning rate.
        frozen: the image encoder stays as it is; no gradient is computed there.
    """

    stills: int = 100
    clips: int = 40
    rate: float = 4e-4
    frozen: bool = False


@dataclass(frozen=True)
class Plan:
    """What a round learns from, and is judged by; written before it begins. Fields as of :class:`echoseg.annotate.rounds.Round`."""

    number: int
    parent: str
    learned: tuple[str, ...]
    held: tuple[str, ...]
    items: tuple[str, ...]


def train_round(
    project: Project,
    settings: ProjectSettings,
    recipe: Recipe | None = None,
    *,
    device: str = "auto",
    accept_worse: bool = False,
    progress: Progress | None = None,
) -> Round:
    """Trains the next round, or goes on with the one that was interrupted, judges it and notes it in the log.

    Its weights become the project's, unless the hold-out says that they are worse than those before.

    Args:
        accept_worse: take them nevertheless.

    Raises:
        Refused: ``nothing_new``, no item was decided since the last round; ``too_few``; ``nothing_to_learn``.
        TrainingError, WeightsError, SourceError, OutputError: as of the training.
    """
    from echoseg.model import load_model
    from echoseg.model.checkpoint import sha256
    from echoseg.training import train
    from echoseg.training.export import export_weights

    recipe = recipe or Recipe()
    begin = current_weights(project, settings)
    before_model = load_model(settings.model, begin, device)
    plan = _planned(project, settings, before_model.weights.sha256)
    folder = project.folder / "rounds" / f"{plan.number:03d}"
    weights = folder / "weights.safetensors"
    began = time.monotonic()
    if not weights.exists():
        data = _data(project, settings, plan, folder)
        config = training_config(settings, recipe, data, _start(settings, begin), folder.name)
        train(config, folder / "run", resume=True, progress=None if progress is None else lambda step, steps, _: progress(step, steps))
        export_weights(folder / "run" / "last.pt", weights)
    spent = time.monotonic() - began
    before = judged(project, plan.held, before_model, settings.structure)
    after = judged(project, plan.held, load_model(settings.model, weights, device), settings.structure)
    made = Round(
        plan.number, plan.parent, sha256(weights), weights.relative_to(project.folder).as_posix(), plan.learned, plan.held,
        round(before, 4), round(after, 4), bool(after >= before or accept_worse), round(spent, 1), plan.items,
    )  # fmt: skip
    note_round(project, made)
    shutil.rmtree(folder / "run", ignore_errors=True)
    shutil.rmtree(folder / "data", ignore_errors=True)
    return made


def judged(project: Project, items: Collection[str], model: Model, structure: str) -> float:
    """Mean Dice of what ``model`` finds by itself with the labels of ``items``; NaN without one. Volumes are prompted by an exact box."""
    return float(np.mean([_dice(one, model, structure) for one in accepted(project, items)] or [np.nan]))


def training_config(settings: ProjectSettings, recipe: Recipe, data: dict[str, Path], weights: Path, name: str) -> TrainConfig:
    """The configuration of a round's training.

    Args:
        data: as of :func:`echoseg.annotate.export.training_folder`.
        weights: to begin from.
    """
    from echoseg.training import TrainConfig

    sets: list[dict[str, Any]] = []
    for kind, folder in data.items():
        one: dict[str, Any] = {"kind": "folders", "images": folder / "images", "masks": folder / "masks", "frames": 40}
        one |= {"licence": settings.licence, "citation": settings.citation}
        sets.append(one | ({"structures": _LABELS} if kind == "clip" else {"fill": (0.2, 0.75), "coarse": 0.15}))
    volumes = "clip" not in data
    stages = [
        {"name": "stills", "steps": recipe.stills, "batch": 16, "frames": 1, "objects": 2},
        {"name": "clips", "steps": recipe.clips, "batch": 4, "frames": 4 if volumes else 2, "objects": 2, "stride": 2, "lr_scale": 0.6},
    ]
    prompts = {"box": 0.7, "points": 0.15, "structure": 0.0, "mask": 0.15} if volumes else {"box": 0.35, "points": 0.05, "structure": 0.58}
    return TrainConfig.model_validate(
        {
            **{"name": name, "model": settings.model, "weights": weights, "seed": settings.seed, "workers": 0, "reuse": 2},
            **{"channels_last": True, "ema_decay": 0.97, "save_minutes": 0.5, "picture_every": 10**6, "data": sets},
            "stages": [stage for stage in stages if stage["steps"]],
            "prompts": {**prompts, "box_jitter": 0.04, "corrections": 1, "correct_frame": 0.08},
            "augment": {"bend": 0.02, "gamma": 0.4, "blur": 1.0, "noise": 8.0, "plain": 0.2, "aspect": 0.3},
            "loss": {"focal": 5.0, "focal_alpha": 0.5, "focal_gamma": 0.0, "motion": 0.0 if volumes else 1.5},
            "optimizer": {"lr": recipe.rate, "warmup": 10, "weight_decay": 0.02, "encoder_scale": 0.0 if recipe.frozen else 1.0},
            "evaluation": {"clips": 0},
        }
    )


def _planned(project: Project, settings: ProjectSettings, parent: str) -> Plan:
    """The plan of the round that is under way, or a new one, written down."""
    done = rounds_of(project)
    number = len(done) + 1
    path = project.folder / "rounds" / f"{number:03d}" / PLAN
    if path.is_file():
        noted: dict[str, Any] = json.loads(path.read_text("utf-8"))
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in noted.items()}
        plan = Plan(**values)
        if plan.parent == parent:
            return plan
        shutil.rmtree(path.parent)  # somebody went back since: it would begin from other weights
    counted = {item for each in done for item in each.items}
    states = project.states()
    labelled = [key for key, state in states.items() if state.decision == "accept"]
    new = [key for key, state in states.items() if state.decision in ("accept", "reject") and key not in counted]
    fresh = [key for key in labelled if key in set(new)]
    if not fresh:
        raise Refused("nothing_new", "no item was accepted since the last round: accept some first")
    held = held_out(project, fresh, settings.held_out, settings.seed)
    apart = {patient_of(project, item) for item in held}
    learned = tuple(key for key in labelled if patient_of(project, key) not in apart)
    plan = Plan(number, parent, learned, held, tuple(new))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(plan.__dict__, indent=2) + "\n", encoding="utf-8")
    return plan


def _data(project: Project, settings: ProjectSettings, plan: Plan, folder: Path) -> dict[str, Path]:
    """The labels to learn from, written anew: what a killed run left may be half of them."""
    shutil.rmtree(folder / "data", ignore_errors=True)
    data = training_folder(project, plan.learned, folder / "data")
    if not data:
        raise Refused("nothing_to_learn", f"no label of a structure that can be learned by name ({', '.join(_LABELS.values())})")
    return data


def _start(settings: ProjectSettings, begin: Path | None) -> Path:
    from echoseg.model import model_config, shipped_weights

    path = begin or shipped_weights(model_config(settings.model))
    if path is None:
        raise Refused("no_weights", f"{settings.model} ships without weights: give them to init by --weights")
    return path


def _dice(one: Accepted, model: Model, structure: str) -> float:
    from echoseg.pipeline import segment

    number = next((number for number, name in one.names.items() if name == structure), min(one.names))
    truth = one.masks == number
    if one.source.kind != "volume" and structure in model.config.structures:
        found = segment(one.source, f"auto:{structure}", model)
    else:
        frame = int(truth.sum(axis=(1, 2)).argmax())
        found = segment(one.source, Box.around(truth[frame]), model, frame_index=frame)
    return dice(found.masks == 1, truth)
