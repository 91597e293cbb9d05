"""Annotation rounds on data with truth, by a simulated annotator: what drafts, order and fine-tuning each save.

Arms: ``tuned`` takes what the weights are least sure of first and fine-tunes after each round; ``untuned`` labels the same items, drafted
by the weights that all began with; ``random`` fine-tunes, with items in random order. Round 0 is traced by hand in every arm. Everything is
in each arm's project, so that a study that was killed goes on where it stood.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from echoseg.annotate.cost import item_cost
from echoseg.annotate.desk import Desk
from echoseg.annotate.draft_task import DraftTask
from echoseg.annotate.drafts import draft_here
from echoseg.annotate.learning import Recipe, train_round
from echoseg.annotate.ordering import ordered
from echoseg.annotate.report import Table
from echoseg.annotate.rounds import PROJECT, current_weights, patient_of, rounds_of
from echoseg.annotate.savings import Row
from echoseg.annotate.settings import ProjectSettings, open_project, write_settings
from echoseg.annotate.simulated import Annotator, CostModel, Outcome, Persona, ef_of
from echoseg.datasets.case import Case
from echoseg.io.atomic import atomic_path
from echoseg.metrics.overlap import dice
from echoseg.types import Box

if TYPE_CHECKING:
    from echoseg.model import Model

Arm = Literal["tuned", "untuned", "random"]
ARMS: tuple[Arm, ...] = ("tuned", "untuned", "random")
Told = Callable[[str], None]


@dataclass(frozen=True)
class StudyPlan:
    """A study.

    Attributes:
        settings: model, weights, structure, licence and seed; its inputs are made from the cases.
        rounds: patients of round 0, 1, ...
        persona, costs: who annotates, and what that costs. ``recipe``: how a round learns.
        device: of the network.
    """

    settings: ProjectSettings
    rounds: Sequence[int]
    persona: Persona
    costs: CostModel = field(default_factory=CostModel)
    recipe: Recipe = field(default_factory=Recipe)
    device: str = "auto"


@dataclass(frozen=True)
class Reported:
    """What the weights after a round do on patients that no round saw. ``ef_mae``: mean absolute error of single-plane EF, points."""

    arm: str
    round: int
    labels: int
    dice: float
    ef_mae: float


def pool_of(folder: Path, cases: Sequence[Case]) -> tuple[Path, Mapping[str, Case]]:
    """Writes the pictures of ``cases`` as a manifest with arrays, and no truth; the manifest, and the cases by file name.

    Volumes are written as NIfTI without a scale, as their grid may be unknown.
    """
    import SimpleITK as sitk

    folder.mkdir(parents=True, exist_ok=True)
    by_name: dict[str, Case] = {}
    rows: list[list[str]] = []
    for number, case in enumerate(cases, start=1):
        name = f"case-{number:04d}.{'nii.gz' if case.kind == 'volume' else 'npy'}"
        path = folder / name
        by_name[name] = case
        if not path.is_file():
            with atomic_path(path) as temporary:
                if case.kind == "volume":
                    sitk.WriteImage(sitk.GetImageFromArray(np.ascontiguousarray(case.frames)), str(temporary))
                else:
                    np.save(temporary, case.frames)
        row_mm, column_mm = case.spacing if case.spacing is not None and case.kind != "volume" else ("", "")
        kind = "" if case.kind == "volume" else "clip"
        rows.append([name, case.subject, case.view or "", str(row_mm), str(column_mm), kind])
    manifest = folder / "pool.csv"
    with atomic_path(manifest) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "patient", "view", "row_mm", "col_mm", "kind"])
        writer.writerows(rows)
    return manifest, by_name


class Running:
    """One arm of a study in its folder.

    Args:
        plan: of the study. ``arm``: which. ``folder``: of its project.
        pool: manifest and cases as of :func:`pool_of`. ``held``: cases that are only reported.
        follow: the items of each round, where the arm labels what another chose.
    """

    def __init__(
        self,
        plan: StudyPlan,
        arm: Arm,
        folder: Path,
        pool: tuple[Path, Mapping[str, Case]],
        held: Sequence[Case] = (),
        follow: Sequence[Sequence[str]] | None = None,
        told: Told = lambda _: None,
    ) -> None:
        self.plan, self.arm, self.held, self.follow, self.told = plan, arm, held, follow, told
        write_settings(folder, plan.settings.model_copy(update={"inputs": (str(pool[0]),)}))
        self.project, self.settings = open_project(folder)
        self.cases = {key: pool[1][Path(item.location).name] for key, item in self.project.items.items()}

    def go(self) -> tuple[list[Row], list[Reported]]:
        """Does all rounds that were not done yet; every row, and what was reported after each round."""
        for number, patients in enumerate(self.plan.rounds):
            chosen = self._chosen(number, patients)
            self._annotate(number, chosen)
            if self.arm != "untuned" and number > 0 and len(rounds_of(self.project)) < number:
                made = train_round(self.project, self.settings, self.plan.recipe, device=self.plan.device)
                self.told(f"{self.arm}, round {number}: hold-out {made.before:.3f} -> {made.after:.3f}, {made.seconds:.0f} s")
            self._report(number)
        reports = [Reported(self.arm, **_read(event.body)) for event in self.project.log.of_kinds(("reported",))]
        return self.rows(), reports

    def close(self) -> None:
        """Lets the project go."""
        self.project.log.close()

    def chosen(self) -> list[list[str]]:
        """The items of each round so far."""
        return [list(event.body["items"]) for event in self.project.log.of_kinds(("chosen",))]

    def rows(self, costs: CostModel | None = None) -> list[Row]:
        """One row a labelled item, priced by ``costs``."""
        costs = costs or self.plan.costs
        outcomes = {event.item: Outcome(**_read(event.body)) for event in self.project.log.of_kinds(("outcome",))}
        rows = []
        for number, items in enumerate(self.chosen()):
            for key in items:
                if key in outcomes:
                    rows.append(self._row(number, key, outcomes[key], costs))
        return rows

    def _row(self, number: int, key: str, outcome: Outcome, costs: CostModel) -> Row:
        cost, case = item_cost(key, self.project.log.of(key)), self.cases[key]
        times = case.times()
        clip_s = 0.0 if times is None else float(times[-1])
        return Row(
            self.arm, number, key, patient_of(self.project, key), len(case.shown(self.settings.structure)),
            round(costs.seconds(cost, clip_s), 2), round(costs.correction(cost), 2),
            cost.clicks, cost.boxes, cost.drawn, cost.touched, cost.undos, cost.untouched,
            outcome.dice, outcome.ef_error, outcome.drafted_dice,
        )  # fmt: skip

    def _chosen(self, number: int, patients: int) -> list[str]:
        before = self.chosen()
        if number < len(before):
            return before[number]
        if self.follow is not None:
            items = list(self.follow[number])
        else:
            active = self.arm != "random" and number > 0
            if active:
                self._draft(self.project.items)
            queue = ordered(self.project, "uncertain" if active else "random", self.settings.seed)
            whose = list(dict.fromkeys(patient_of(self.project, item.id) for item in queue))[:patients]
            items = [item.id for item in queue if patient_of(self.project, item.id) in set(whose)]
        self.project.log.append(PROJECT, "study", "chosen", {"round": number, "items": items})
        return items

    def _annotate(self, number: int, items: Sequence[str]) -> None:
        done = {event.item for event in self.project.log.of_kinds(("outcome",))}
        left = [key for key in items if key not in done]
        if not left:
            return
        if number > 0:
            self._draft(left)
        desk = Desk(self.project, self._model())
        annotator = Annotator(desk, self.plan.persona, self.settings.structure, self.settings.seed)
        for place, key in enumerate(left, start=1):
            outcome = (annotator.trace if number == 0 else annotator.annotate)(key, self.cases[key])
            self.project.log.append(key, annotator.user, "outcome", _stored(asdict(outcome)))
            if place % 20 == 0 or place == len(left):
                self.told(f"{self.arm}, round {number}: {place} of {len(left)} items")

    def _draft(self, items: Sequence[str] | Mapping[str, object]) -> None:
        if not self._model().config.structures:
            return  # nothing can be found by name: each item begins with a box
        from echoseg.archive.settings import Settings

        path = current_weights(self.project, self.settings)
        settings = Settings(
            model=self.settings.model,
            weights=None if path is None else str(path),
            prompt=f"auto:{self.settings.structure}",
            device=self.plan.device,
        )
        task = DraftTask(settings, str(self.project.folder), "rows")
        draft_here(self.project, task, task.model.weights.sha256, list(items))

    def _model(self) -> Model:
        from echoseg.model import load_model

        return load_model(self.settings.model, current_weights(self.project, self.settings), self.plan.device)

    def _report(self, number: int) -> None:
        known = {event.body["round"] for event in self.project.log.of_kinds(("reported",))}
        if number in known or not self.held:
            return
        labels = sum(state.decision == "accept" for state in self.project.states().values())
        model = self._model()
        found = [_measured(case, model, self.settings.structure) for case in self.held]
        ef = [abs(error) for _, error in found if np.isfinite(error)]
        body = {"round": number, "labels": labels, "dice": round(float(np.mean([score for score, _ in found])), 4)}
        self.project.log.append(PROJECT, "study", "reported", {**body, "ef_mae": round(float(np.mean(ef)), 3) if ef else None})
        self.told(f"{self.arm}, after round {number}: Dice {body['dice']:.3f} on patients that no round saw")


def run_study(
    plan: StudyPlan, cases: Sequence[Case], held: Sequence[Case], folder: Path, arms: Sequence[Arm] = ARMS, told: Told = lambda _: None
) -> tuple[dict[Arm, Running], list[Row], list[Reported]]:
    """All arms, one after the other, in ``folder``; ``untuned`` follows ``tuned``. Each arm, for other prices; rows; reports.

    Raises:
        EchosegError: as of the desk and of training.
    """
    pool = pool_of(folder / "pool", cases)
    running: dict[Arm, Running] = {}
    rows: list[Row] = []
    reports: list[Reported] = []
    follow: list[list[str]] | None = None
    for arm in arms:
        one = Running(plan, arm, folder / arm, pool, held, follow if arm == "untuned" else None, told)
        got, reported = one.go()
        rows, reports, running[arm] = rows + got, reports + reported, one
        if arm == "tuned":
            follow = [sorted({row.item for row in got if row.round == number}) for number in range(len(plan.rounds))]
    return running, rows, reports


def _measured(case: Case, model: Model, structure: str) -> tuple[float, float]:
    """Dice by the model alone (a volume: from an exact box), and the error of EF in points or NaN."""
    from echoseg.pipeline import segment

    truth = case.truth[structure]
    with case.source() as source:
        if structure in model.config.structures and case.kind != "volume":
            found = segment(source, f"auto:{structure}", model).masks == 1
        else:
            frame = int(truth.sum(axis=(1, 2)).argmax())
            found = segment(source, Box.around(truth[frame]), model, frame_index=frame).masks == 1
    if case.kind == "volume":
        return dice(found, truth), float("nan")
    scores = [dice(found[at], truth[at]) for at in case.shown(structure)]
    return float(np.mean(scores)), ef_of(found, case) - ef_of(truth, case)


def _stored(values: Mapping[str, object]) -> dict[str, object]:
    """As the log holds it: None for what is unknown, as JSON has no NaN."""
    return {name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in values.items()}


def _read(body: Mapping[str, object]) -> dict[str, Any]:
    told = {name: float("nan") if value is None else value for name, value in body.items()}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


def priced(running: Mapping[Arm, Running], costs: CostModel) -> list[Row]:
    """The same work at other prices."""
    return [row for one in running.values() for row in one.rows(costs)]


def reported_table(reports: Sequence[Reported]) -> Table:
    """What each arm's weights do on patients that no round saw."""
    rows = [
        [each.arm, str(each.round), str(each.labels), f"{each.dice:.3f}", f"{each.ef_mae:.1f}" if np.isfinite(each.ef_mae) else "unknown"]
        for each in reports
    ]
    return Table("On patients that no round saw", ("arm", "after round", "labels", "Dice", "EF MAE, points"), rows)
