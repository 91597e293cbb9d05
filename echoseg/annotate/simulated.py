"""A simulated annotator: opens items at the same desk as a person, prompts, looks, clicks where it is wrong, accepts.

It knows the truth. What it did is in the log like anybody's work; what that would have cost a person is a model of constants,
:class:`CostModel`, because a robot's clock says nothing. Robots overestimate tools (arXiv 2404.01816), so a hand that is not exact is the
persona to quote.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from echoseg.annotate.cost import ItemCost
from echoseg.annotate.desk import Desk, Sitting
from echoseg.annotate.frame_mask import FrameMask
from echoseg.cardiac import lv_ef
from echoseg.datasets.case import Case
from echoseg.errors import MeasureError
from echoseg.evaluation.clicks import next_click
from echoseg.metrics.overlap import dice
from echoseg.types import BoolMask, Box

OBJECT = 1
CLICKS_A_FRAME, CLICKS_AN_ITEM = 5, 10
"""After so many clicks a frame that is still not good is traced by hand."""


@dataclass(frozen=True)
class CostModel:
    """Seconds of each thing that an annotator does.

    ``box`` (arXiv 2104.06404) and ``outline`` (doi 10.1007/978-3-319-46478-7_34: 54 to 79 s; 79.2 s in COCO) are published; the others are
    assumed. Refit them on logs of your own.

    Attributes:
        open, decide: of an item. ``watch``: of an item, at least; a longer clip is watched once.
        box, click, drag, outline: each prompt. ``seek``: to another frame.
    """

    open: float = 3.0
    watch: float = 2.0
    box: float = 7.0
    click: float = 2.5
    drag: float = 4.0
    seek: float = 1.0
    decide: float = 2.0
    outline: float = 54.0

    def seconds(self, cost: ItemCost, clip_s: float = 0.0) -> float:
        """Of a whole item, with the measured wait for the network. ``clip_s``: how long the clip runs."""
        return self.open + max(self.watch, clip_s) + self.decide + self.correction(cost)

    def correction(self, cost: ItemCost) -> float:
        """Without opening, watching and deciding, which no model spares."""
        return (
            self.box * cost.boxes
            + self.click * cost.clicks
            + self.drag * cost.drags
            + self.outline * cost.drawn
            + self.seek * cost.seeks
            + cost.wait_s
        )

    def varied(self, share: float) -> dict[str, CostModel]:
        """Each constant by itself less and more by ``share``: ``{"click -50 %": ...}``."""
        return {
            f"{one.name} {sign}{100 * share:g} %": replace(self, **{one.name: getattr(self, one.name) * (1 + way * share)})
            for one in fields(self)
            for sign, way in (("-", -1), ("+", 1))
        }


@dataclass(frozen=True)
class Persona:
    """A way to annotate.

    Attributes:
        click_sigma: standard deviation of a click around the middle of the largest error, a share of the object's size.
        box_sigma: of each edge of a box, a share of the box's side.
        dice: a frame (a volume: the whole) is good from here on. ``ef_points``: and EF, where it can be told, within so many points.
    """

    name: str
    click_sigma: float = 0.0
    box_sigma: float = 0.0
    dice: float = 0.90
    ef_points: float | None = 5.0


PERSONAS: Mapping[str, Persona] = {
    "ideal": Persona("ideal"),
    "noisy": Persona("noisy", 0.03, 0.05),
    "hasty": Persona("hasty", 0.03, 0.05, 0.85, None),
}


@dataclass(frozen=True)
class Outcome:
    """What an item came to: ``dice`` and ``ef_error`` (points, NaN where EF cannot be told) when accepted, ``drafted_dice`` at the start,
    ``by_click`` Dice of the first corrected frame after 0, 1, ... clicks."""

    item: str
    dice: float
    ef_error: float
    drafted_dice: float
    by_click: tuple[float, ...] = ()


class Annotator:
    """Works at ``desk`` as ``persona``.

    Args:
        structure: the one that is labelled, such as ``LV``.
        seed: with the case's name, of everything that is drawn: a case is met by the same hand in every arm and folder.
    """

    def __init__(self, desk: Desk, persona: Persona, structure: str, seed: int = 0) -> None:
        self.desk, self.persona, self.structure, self.seed = desk, persona, structure, seed

    @property
    def user(self) -> str:
        return f"simulated {self.persona.name}"

    def annotate(self, item: str, case: Case) -> Outcome:
        """Takes the item from opening to acceptance, by a draft if there is one, else from a box.

        Raises:
            EchosegError: as of the desk.
        """
        return self._at(item, case, self._correct)

    def trace(self, item: str, case: Case) -> Outcome:
        """Traces every frame by hand, as if there were no model."""

        def by_hand(work: _Work) -> tuple[float, ...]:
            for frame in case.shown(self.structure):
                work.trace(int(frame))
            return ()

        return self._at(item, case, by_hand)

    def _at(self, item: str, case: Case, work: Any) -> Outcome:
        sitting = self.desk.open(item, self.user)
        try:
            rng = np.random.default_rng([self.seed, zlib.crc32(case.name.encode())])
            doing = _Work(sitting, case, self.structure, self.persona, rng)
            drafted = doing.score() if doing.drafted else float("nan")
            by_click = work(doing)
            made = Outcome(item, doing.score(), doing.ef_error(), drafted, by_click)
            self.desk.decide(sitting, doing.number, {"decision": "accept", "reason": None, "quality": None})
            return made
        finally:
            self.desk.close(sitting.id)

    def _correct(self, work: _Work) -> tuple[float, ...]:
        if not work.drafted:
            work.box()
        by_click: list[float] = [work.frame_dice(work.worst())] if len(work.frames) else []
        first = work.worst()
        clicks: dict[int, int] = {}
        traced: set[int] = set()
        while (frame := work.to_mend(traced)) is not None:
            if clicks.get(frame, 0) >= CLICKS_A_FRAME or sum(clicks.values()) >= CLICKS_AN_ITEM or not work.click(frame):
                work.trace(frame)
                traced.add(frame)
            else:
                clicks[frame] = clicks.get(frame, 0) + 1
                if frame == first:
                    by_click.append(work.frame_dice(frame))
        return tuple(by_click)


class _Work:
    """One item under the hands of an annotator, with its truth."""

    def __init__(self, sitting: Sitting, case: Case, structure: str, persona: Persona, rng: np.random.Generator) -> None:
        self.sitting, self.case, self.persona, self.rng, self.structure = sitting, case, persona, rng, structure
        self.truth = case.truth[structure]
        self.frames = case.shown(structure)
        state = sitting.live.state
        self.drafted = any(mask.bbox for mask in state.masks.values())
        names = {each.name: number for number, each in state.objects.items()}
        self.object = names.get(structure, OBJECT)

    @property
    def number(self) -> int:
        """Of the next change."""
        return self.sitting.live.history.sequence + 1

    def found(self) -> BoolMask:
        """``(T, H, W)``: the masks as they stand."""
        masks = np.zeros(self.truth.shape, dtype=bool)
        for (frame, number), mask in self.sitting.live.state.masks.items():
            if number == self.object and mask.bbox is not None:
                masks[frame] = mask.mask(self.truth.shape[1:])
        return masks

    def frame_dice(self, frame: int) -> float:
        return dice(self.found()[frame], self.truth[frame])

    def score(self) -> float:
        """Mean Dice of a clip's frames with truth; 3D Dice of a volume."""
        found = self.found()
        if self.case.kind == "volume":
            return dice(found, self.truth)
        return float(np.mean([dice(found[at], self.truth[at]) for at in self.frames]))

    def ef_error(self) -> float:
        """EF of the masks less that of the truth, in points; NaN where there is none."""
        found = self.found()
        return ef_of(found, self.case) - ef_of(self.truth, self.case)

    def worst(self) -> int:
        """The frame with the lowest Dice; of a volume that with most wrong pixels."""
        found = self.found()
        if self.case.kind == "volume":
            return int((found ^ self.truth).sum(axis=(1, 2)).argmax())
        return int(min(self.frames, key=lambda at: dice(found[at], self.truth[at])))

    def to_mend(self, traced: set[int]) -> int | None:
        """The frame to look at next; None when the item is good."""
        found = self.found()
        if self.case.kind == "volume":
            wrong = (found ^ self.truth).sum(axis=(1, 2))
            wrong[list(traced)] = 0
            return int(wrong.argmax()) if wrong.any() and dice(found, self.truth) < self.persona.dice else None
        reached = {int(at): dice(found[at], self.truth[at]) for at in self.frames if int(at) not in traced}
        if not reached:
            return None
        worst = min(reached, key=lambda at: reached[at])
        error = self.ef_error()
        off = self.persona.ef_points is not None and np.isfinite(error) and abs(error) > self.persona.ef_points
        return worst if reached[worst] < self.persona.dice or off else None

    def box(self) -> None:
        """Draws the first box, in a clip around ED (or the first frame with truth), in a volume where most of the object is seen."""
        volume = self.case.kind == "volume"
        frame = int(self.truth.sum(axis=(1, 2)).argmax()) if volume else int(self.case.phases.get("ED", self.frames[0]))
        exact = Box.around(self.truth[frame])
        height, width = self.truth.shape[1:]
        sides = np.array([exact.x1 - exact.x0, exact.y1 - exact.y0] * 2)
        x0, y0, x1, y1 = np.array([exact.x0, exact.y0, exact.x1, exact.y1]) + self.persona.box_sigma * sides * self.rng.standard_normal(4)
        x0, y0 = max(min(x0, x1 - 1), 0.0), max(min(y0, y1 - 1), 0.0)
        self._prompt(frame, "prompt", "box", [float(x0), float(y0), float(min(x1, width)), float(min(y1, height))])

    def click(self, frame: int) -> bool:
        """Clicks at the largest error; False where there is none."""
        found, truth = self.found()[frame], self.truth[frame]
        exact = next_click(found, truth)
        if exact is None:
            return False
        size = float(np.sqrt(max(truth.sum(), found.sum(), 1)))
        height, width = truth.shape
        x, y = exact.xy[0] + self.persona.click_sigma * size * self.rng.standard_normal(2)
        point = [float(np.clip(x, 0, width - 0.5)), float(np.clip(y, 0, height - 0.5))]
        mode = "correct" if found.any() else "prompt"
        self._prompt(frame, mode, "points", {"points": [point], "labels": [int(exact.labels[0])]})
        return True

    def trace(self, frame: int) -> None:
        """Draws the outline by hand: the truth itself."""
        drawn = FrameMask.of(frame, self.object, self.truth[frame])
        self._prompt(frame, "prompt", "mask", {"rle": {"size": list(self.truth.shape[1:]), "counts": drawn.counts}})

    def _prompt(self, frame: int, mode: str, kind: str, data: Any) -> None:
        live = self.sitting.live
        given = {"object": self.object, "frame": frame, "mode": mode, "kind": kind, "data": data, "name": self.structure}
        live.prompt(self.sitting.user, self.number, given)
        for _ in live.spread(self.sitting.user, frame):
            pass


def ef_of(masks: BoolMask, case: Case) -> float:
    """Single-plane EF of the LV between the phases that the case names, by the method of disks; NaN where it cannot be told."""
    if not {"ED", "ES"} <= case.phases.keys() or case.view is None or "LV" not in case.truth:
        return float("nan")
    try:
        ed, es = ({case.view: (masks[case.phases[phase]], case.spacing)} for phase in ("ED", "ES"))
        return lv_ef(ed, es).ef
    except MeasureError:
        return float("nan")
