"""Rounds of a project: which labels each learned from, what it was judged by, the weights that came of it, and going back.

A round is an event of the log: ``round`` when it ends, ``weights`` when somebody goes back. What is under way lies in ``rounds/NNN`` and
begins with ``plan.json``, so that a round that was killed goes on as it was planned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from echoseg.annotate.project import Project
from echoseg.annotate.refused import Refused
from echoseg.annotate.settings import ProjectSettings

PROJECT = ""
"""The item of events that belong to no item."""
_USER = "echoseg"


@dataclass(frozen=True)
class Round:
    """A finished round.

    Attributes:
        number: from 1. ``parent``: sha256 of the weights it began with; ``sha256``: of its own; ``weights``: their path in the project.
        learned, held: ids of items that it learned from, and that it was judged by: no patient is in both.
        before, after: mean Dice on ``held`` with the parent's weights and its own.
        accepted: whether its weights were taken. ``seconds``: of training.
        items: ids decided since the round before, whose cost is this round's.
    """

    number: int
    parent: str
    sha256: str
    weights: str
    learned: tuple[str, ...]
    held: tuple[str, ...]
    before: float
    after: float
    accepted: bool
    seconds: float
    items: tuple[str, ...]

    def body(self) -> dict[str, Any]:
        """As it stands in the log."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def of(cls, body: Any) -> Round:
        """What :meth:`body` wrote."""
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}
        return cls(**values)


def rounds_of(project: Project) -> list[Round]:
    """All rounds, refused ones too, in order."""
    return [Round.of(event.body) for event in project.log.of_kinds(("round",))]


def note_round(project: Project, made: Round) -> None:
    """Writes a round into the log; from now on its weights are the project's, if it was accepted."""
    project.log.append(PROJECT, _USER, "round", made.body())


def go_back(project: Project, number: int) -> None:
    """Makes the weights of an accepted round those of the project again; 0: those that it began with.

    Raises:
        Refused: ``unknown_round``.
    """
    known = {each.number for each in rounds_of(project)}
    if number != 0 and number not in known:
        raise Refused("unknown_round", f"there is no round {number}; there are {', '.join(map(str, sorted(known))) or 'none'}")
    project.log.append(PROJECT, _USER, "weights", {"round": number})


def current_round(project: Project) -> Round | None:
    """The round whose weights are the project's now; None: those that it began with."""
    by_number = {each.number: each for each in rounds_of(project)}
    now: int = 0
    for event in project.log.of_kinds(("round", "weights")):
        if event.kind == "weights":
            now = event.body["round"]
        elif event.body["accepted"]:
            now = event.body["number"]
    return by_number.get(now)


def current_weights(project: Project, settings: ProjectSettings) -> Path | None:
    """The weights to draft and to begin with; None: those that the model ships with.

    Raises:
        Refused: ``weights_changed``, the file is not the one that the log names.
    """
    now = current_round(project)
    if now is None:
        return settings.weights
    path = project.folder / now.weights
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != now.sha256:
        raise Refused("weights_changed", f"{now.weights} is not what round {now.number} wrote; go back to another round")
    return path


def in_rounds(project: Project) -> dict[str, int]:
    """The number of the round in whose time each decided item fell; those after the last round get the next number."""
    done = rounds_of(project)
    found = {item: each.number for each in done for item in each.items}
    states = project.states()
    return {key: found.get(key, len(done) + 1) for key, state in states.items() if state.decision in ("accept", "reject")}


def patient_of(project: Project, item: str) -> str:
    """Whom an item comes from, as far as its source says; else the item itself."""
    facts = project.items[item].item
    return facts.patient or facts.study or item


def held_out(project: Project, items: Sequence[str], share: float, seed: int) -> tuple[str, ...]:
    """The items of some of the patients of ``items``: ``share`` of the patients, one at least, by a hash, so that all agree.

    Raises:
        Refused: ``too_few``: there are not two patients.
    """
    patients = sorted(
        {patient_of(project, item) for item in items},
        key=lambda patient: hashlib.sha256(f"{seed}\0{patient}".encode()).hexdigest(),
    )
    if len(patients) < 2:
        raise Refused("too_few", "a round needs labels of two patients at least: it is judged by those that it does not learn from")
    chosen = set(patients[: max(1, round(share * len(patients)))])
    return tuple(item for item in items if patient_of(project, item) in chosen)
