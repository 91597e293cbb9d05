"""How a model answers to prompts: clicks it needs, and what sloppy boxes and other seed frames cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from echoseg.datasets.case import Case
from echoseg.evaluation.clicks import MOST, TARGET, click_until_good, clicks_needed, dice_by_click
from echoseg.evaluation.plots import plot_curves
from echoseg.evaluation.robustness import JITTERS, dice_by_jitter, dice_by_seed_frame
from echoseg.evaluation.scores import Score, write_tables
from echoseg.metrics.bootstrap import Mean, mean_interval
from echoseg.model import Model
from echoseg.tracking import Session

CLICKS, JITTER, SEED = "clicks", "box jitter", "seed frame"
HEADLINE = (
    *("noc_90", "failed", "dice_click_1", "dice_click_3"),
    *(f"dice_jitter_{100 * jitter:g}" for jitter in JITTERS),
    *("dice_seed", "worst_seed", "spread_seed"),
)
"""The measures worth a column; the others are in the files."""


def score_prompts(reference: Case, model: Model, label: str = "LV", seed: int = 0) -> list[Score]:
    """Three settings of one structure; none when the reference does not show it.

    ``clicks``: ``noc_90``, the clicks until Dice 0.9 (20 when never), ``failed`` (1 when never), and ``dice_click_1`` ...
    ``dice_click_20``, the best with so many clicks. ``box jitter``: ``dice_jitter_0`` ... ``dice_jitter_20``, by percent. ``seed frame``
    (clips only): ``dice_seed``, the mean over seed frames, ``worst_seed`` and ``spread_seed`` (best minus worst). Clicks and jitter are on
    the first frame that shows the structure.

    Args:
        seed: of the jitter.

    Raises:
        EchosegError: the case cannot be segmented.
    """
    shown = reference.shown(label)
    if not len(shown):
        return []
    frame = int(shown[0])
    truth = reference.truth[label][frame]
    with reference.source() as source:
        session = Session(source, model, history=0)
        reached = click_until_good(session, frame, truth)
        by_jitter = dice_by_jitter(session, frame, truth, np.random.default_rng(seed))
    needed = {"noc_90": float(clicks_needed(reached)), "failed": float(max(reached) < TARGET)}
    by_click = {f"dice_click_{i}": float(value) for i, value in enumerate(dice_by_click(reached), start=1)}
    measured = {CLICKS: needed | by_click, JITTER: {f"dice_jitter_{100 * jitter:g}": value for jitter, value in by_jitter.items()}}
    if by_seed := list(dice_by_seed_frame(reference, label, model).values()):
        measured[SEED] = {"dice_seed": float(np.mean(by_seed)), "worst_seed": min(by_seed), "spread_seed": max(by_seed) - min(by_seed)}
    return [Score(reference.name, reference.subject, setting, label, values) for setting, values in measured.items()]


def write_prompt_scores(folder: Path, scores: list[Score]) -> list[Path]:
    """Writes ``cases.csv``, ``summary.csv`` and ``prompts.png`` into ``folder``, made when missing; returns their paths.

    Raises:
        OutputError: the folder or a file cannot be written.
    """
    tables = write_tables(folder, scores)
    panels: Mapping[str, Mapping[float, Mean]] = {
        "clicks": _curve(scores, CLICKS, {float(i): f"dice_click_{i}" for i in range(1, MOST + 1)}),
        "box jitter, %": _curve(scores, JITTER, {100 * j: f"dice_jitter_{100 * j:g}" for j in JITTERS}),
    }
    plot_curves(folder / "prompts.png", panels)
    return [*tables, folder / "prompts.png"]


def _curve(scores: Iterable[Score], setting: str, names: Mapping[float, str]) -> dict[float, Mean]:
    members = [score for score in scores if score.setting == setting]
    subjects = [member.subject for member in members]
    return {x: mean_interval([member.measures[name] for member in members], subjects) for x, name in names.items()}
