"""What stands of an item: its events folded into changes, masks and marks. A pure function, so that undo and restart agree.

Kinds of events
    ``draft``   what the model found by itself, before anyone looked; counts only where nothing but an earlier draft stands.
    ``object``, ``remove``, ``prompt``, ``marks``   changes. A new one forgets what was undone.
    ``spread``  masks of the frames that the last change was carried to; belongs to it.
    ``undo``, ``redo``   take the last change away, bring it back.
    ``decision``   what the annotator decided; stands beside the changes.
Others, such as ``opened``, tell of costs alone, see :mod:`echoseg.annotate.cost`; so does ``wait_s``, how long the network took.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.log import Event

CHANGES = ("object", "remove", "prompt", "marks")
SEQUENCED = (*CHANGES, "undo", "redo", "decision")
"""Events that a client numbers, so that one sent twice counts once."""
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
"""Okabe and Ito's palette, told apart by colour-blind readers; given to objects in turn."""


@dataclass(frozen=True)
class Spread:
    """How far a change was carried. ``how``: as :mod:`echoseg.annotate.track` needs it to do so again. ``complete``: to the end."""

    how: Mapping[str, Any]
    masks: tuple[FrameMask, ...]
    complete: bool


@dataclass(frozen=True)
class Change:
    """One thing that can be undone, with what came of it. ``id``: of its event."""

    id: int
    kind: str
    body: Mapping[str, Any]
    masks: tuple[FrameMask, ...] = ()
    spreads: tuple[Spread, ...] = ()

    @property
    def label(self) -> str:
        """What it was, for the button that undoes it."""
        if self.kind == "prompt":
            words = {"points": "click", "contour": "border", "mask": "brush", "recist": "RECIST line", "auto": "automatic find"}
            return f"{words.get(self.body['kind'], self.body['kind'])} on frame {self.body['frame']}"
        return {"object": "object", "remove": "removal", "marks": "marks"}.get(self.kind, self.kind)

    @property
    def masks_left(self) -> Iterable[FrameMask]:
        """The masks it brought, the later ones over the earlier."""
        yield from self.masks
        for spread in self.spreads:
            yield from spread.masks


@dataclass(frozen=True)
class ObjectState:
    """An object: how it is called and shown, on which frames a person answered, and which of those were not carried on yet."""

    id: int
    name: str
    colour: str
    prompted: tuple[int, ...] = ()
    corrected: tuple[int, ...] = ()
    pending: tuple[int, ...] = ()
    spread: bool = False


@dataclass(frozen=True)
class State:
    """What an annotator sees.

    Attributes:
        objects: by id, ascending.
        prompts: bodies of the prompts that stand, in order.
        masks: ``{(frame, object): mask}``.
        marks: ``beats``, ``landmarks`` and ``stops`` as a person set them.
        by_hand: whether a person changed anything of the masks.
        draft: the draft's own findings, or None.
    """

    objects: Mapping[int, ObjectState] = field(default_factory=dict)
    prompts: tuple[Mapping[str, Any], ...] = ()
    masks: Mapping[tuple[int, int], FrameMask] = field(default_factory=dict)
    marks: Mapping[str, Any] = field(default_factory=dict)
    by_hand: bool = False
    draft: Mapping[str, Any] | None = None

    @property
    def stale(self) -> bool:
        """Whether a prompt has not been carried to the other frames."""
        return any(each.pending for each in self.objects.values())


@dataclass(frozen=True)
class History:
    """The changes of one item that stand, and those undone, the last one last; how many numbered events and spreads; the decision."""

    standing: tuple[Change, ...] = ()
    undone: tuple[Change, ...] = ()
    sequence: int = 0
    decision: Mapping[str, Any] | None = None
    spreads: int = 0

    def then(self, event: Event) -> History:
        """With one event more."""
        told = replace(self, sequence=self.sequence + (event.kind in SEQUENCED))
        if event.kind in CHANGES or (event.kind == "draft" and not self.can_undo):
            change = Change(event.id, event.kind, event.body, event.masks)
            before = self.standing if event.kind in CHANGES else ()  # a later round's draft takes the place of the one before
            return replace(told, standing=(*before, change), undone=())
        if event.kind == "spread" and self.standing and self.standing[-1].id == event.body["change"]:
            last = self.standing[-1]
            more = Spread(event.body["how"], event.masks, bool(event.body["complete"]))
            return replace(told, standing=(*self.standing[:-1], replace(last, spreads=(*last.spreads, more))), spreads=self.spreads + 1)
        if event.kind == "undo" and self.can_undo:
            return replace(told, standing=self.standing[:-1], undone=(*self.undone, self.standing[-1]))
        if event.kind == "redo" and self.undone:
            return replace(told, standing=(*self.standing, self.undone[-1]), undone=self.undone[:-1])
        if event.kind == "decision":
            return replace(told, decision=event.body)
        return told

    @property
    def can_undo(self) -> bool:
        return bool(self.standing) and self.standing[-1].kind != "draft"

    def state(self) -> State:
        """All changes that stand, one after the other."""
        state = State()
        for change in self.standing:
            state = _with(state, change)
        return state


def history_of(events: Iterable[Event]) -> History:
    """The events of one item, in order, folded."""
    history = History()
    for event in events:
        history = history.then(event)
    return history


def _with(state: State, change: Change) -> State:
    body, objects, masks = change.body, dict(state.objects), dict(state.masks)
    prompts, marks, by_hand, draft = state.prompts, dict(state.marks), state.by_hand, state.draft
    if change.kind == "object":
        there = objects.get(body["object"])
        colour = body.get("colour") or (there.colour if there else COLOURS[(body["object"] - 1) % len(COLOURS)])
        objects[body["object"]] = replace(there or ObjectState(body["object"], "", ""), name=body["name"], colour=colour)
    elif change.kind == "remove":
        gone = body["object"]
        objects.pop(gone, None)
        masks = {key: mask for key, mask in masks.items() if key[1] != gone}
        prompts = tuple(each for each in prompts if each["object"] != gone)
        marks["stops"] = {key: value for key, value in marks.get("stops", {}).items() if key != str(gone)}
        by_hand = True
    elif change.kind == "marks":
        marks |= {key: body[key] for key in ("beats", "landmarks", "stops") if key in body}
    elif change.kind in ("prompt", "draft"):
        for noted in [body] if change.kind == "prompt" else body["prompts"]:
            given = {key: value for key, value in noted.items() if key not in ("seq", "wait_s")}
            prompts = _standing_prompts(prompts, given)
            objects[given["object"]] = _prompted(objects.get(given["object"]), given)
        by_hand = by_hand or (change.kind == "prompt" and body["kind"] != "auto")
        draft = body.get("found") if change.kind == "draft" else draft
    for mask in change.masks_left:
        masks[mask.frame, mask.object] = mask
    if change.kind == "draft":
        objects = {key: replace(each, pending=(), spread=True) for key, each in objects.items()}
    for spread in change.spreads:
        for key in map(int, spread.how):
            if key in objects:
                pending = () if spread.complete else objects[key].pending
                objects[key] = replace(objects[key], pending=pending, spread=True)
    for key, (first, last) in marks.get("stops", {}).items():
        masks = {at: mask for at, mask in masks.items() if at[1] != int(key) or first <= at[0] <= last}
    return State(dict(sorted(objects.items())), prompts, masks, marks, by_hand, draft)


def _standing_prompts(prompts: tuple[Mapping[str, Any], ...], given: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Clicks add up; whatever else is said of an object on a frame takes the place of what was said there."""
    if given["mode"] == "correct" and given["kind"] == "points":
        return (*prompts, given)
    return (*(each for each in prompts if (each["object"], each["frame"]) != (given["object"], given["frame"])), given)


def _prompted(there: ObjectState | None, given: Mapping[str, Any]) -> ObjectState:
    number, frame = given["object"], given["frame"]
    known = there or ObjectState(number, given.get("name") or f"object {number}", COLOURS[(number - 1) % len(COLOURS)])
    if not known.name:
        known = replace(known, name=given.get("name") or f"object {number}")
    prompted, corrected = set(known.prompted), set(known.corrected)
    (corrected if given["mode"] == "correct" else prompted).add(frame)
    if given["mode"] == "prompt":
        corrected.discard(frame)
    return replace(
        known,
        prompted=tuple(sorted(prompted)),
        corrected=tuple(sorted(corrected)),
        pending=tuple(sorted({*known.pending, frame})),
    )
