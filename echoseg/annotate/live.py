"""One item under somebody's hands: prompts answered, spread, undone and measured, everything in the log before it is told."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.history import History, State, history_of
from echoseg.annotate.log import Event, EventLog
from echoseg.annotate.marks import check_marks
from echoseg.annotate.measuring import Measuring
from echoseg.annotate.prompts import read_prompts
from echoseg.annotate.refused import Refused
from echoseg.annotate.rle import encode
from echoseg.annotate.track import Looking, Track, TrackKept, spread_again
from echoseg.errors import EchosegError, PromptError
from echoseg.types import FrameResult, Prompt

KEPT = 8
"""Earlier states of the network that stay in memory for undo; further back it is asked again, as the log says."""
_Kept = Mapping[int, TrackKept]


@dataclass
class SpreadRun:
    """A spread under way. ``stop``: set to end it at the next frame. ``taken``: results of each object so far."""

    change: int
    stop: threading.Event
    frames: dict[int, tuple[int, ...]]
    fresh: dict[int, bool]
    visible: int
    taken: dict[int, int]
    began: float = field(default_factory=time.monotonic)


class LiveItem:
    """An item of a project that is open.

    Args:
        log: of the project.
        item: its id.
        looking: source and model.
        measuring: how masks are measured.
    """

    def __init__(self, log: EventLog, item: str, looking: Looking, measuring: Measuring) -> None:
        self.log, self.item, self.looking, self.measuring = log, item, looking, measuring
        self.history: History = history_of(log.of(item))
        self._work = threading.RLock()  # one change at a time
        self._tracks: dict[int, Track] | None = None  # None: to be made again from the log
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._spread: SpreadRun | None = None
        self._overlay: dict[tuple[int, int], FrameMask] = {}
        self._told: tuple[int, dict[str, Any]] | None = None
        self._empty = encode_empty(looking.source.size)
        self.version = self.history.sequence + self.history.spreads + len(self.history.standing)

    @property
    def state(self) -> State:
        """What stands, with what a spread under way has found."""
        state = self.history.state()
        return replace(state, masks={**state.masks, **self._overlay}) if self._overlay else state

    def warm(self) -> None:
        """Brings the network to where the log is, so that the next answer is quick; called from a thread of its own."""
        self.measuring.picture  # noqa: B018 - looked at before anybody waits for a measure
        with self._work:
            self._made_tracks()

    def prompt(self, user: str, sequence: int, given: Mapping[str, Any]) -> tuple[int, list[FrameMask]]:
        """Answers a prompt on its frame; the frame, and the mask there.

        Args:
            given: ``object``, ``frame``, ``mode``, ``kind``, ``data`` and perhaps ``name``.

        Raises:
            PromptError: it does not fit the image, the frames or the model.
            Refused: ``seq``, out of turn.
        """
        with self._quiet():
            if self._repeated(sequence):
                last = self.history.standing[-1] if self.history.standing else None
                return (0, []) if last is None or last.kind != "prompt" else (last.body["frame"], list(last.masks))
            state, tracks = self.history.state(), self._made_tracks()
            body = self._completed(state, given)
            prompts = self._read(body)
            self._keep()
            number, frame = body["object"], body["frame"]
            track = tracks.get(number) or Track(self.looking, number)
            began = time.monotonic()
            try:
                result = track.answer(frame, body["mode"], prompts)
                masks = [self._mask(result, number)]
                tracks[number] = track
                self._add(user, "prompt", {**body, "seq": sequence, "wait_s": round(time.monotonic() - began, 3)}, masks)
            except BaseException:
                self._go_back()
                raise
            return frame, masks

    def spread(self, user: str, visible: int) -> Iterator[FrameMask]:
        """Carries what was prompted to the other frames; gives each mask as it is found. Closed early, what came stays.

        Raises:
            Refused: ``not_ready``, nothing was prompted.
        """
        with self._quiet():
            self.check_ready()
            state, tracks = self.history.state(), self._made_tracks()
            waiting = {each.id: each.pending for each in state.objects.values() if each.pending and each.id in tracks}
            if not waiting:
                return
            run = SpreadRun(
                self.history.standing[-1].id,
                threading.Event(),
                waiting,
                {number: tracks[number].fresh for number in waiting},
                visible,
                dict.fromkeys(waiting, 0),
            )
            self._spread, self._overlay = run, {}
            shown = {number: {at for (at, one), mask in state.masks.items() if one == number and mask.bbox} for number in waiting}
            going = {number: tracks[number].spread(waiting[number], visible, shown[number]) for number in waiting}
        complete = False
        try:
            while going and not run.stop.is_set():
                for number in list(going):
                    found = next(going[number], None)
                    if found is None:
                        del going[number]
                        continue
                    if isinstance(found, FrameResult):
                        run.taken[number] += 1
                    mask = self._mask(found, number) if isinstance(found, FrameResult) else FrameMask(found, number, self._empty, None)
                    self._overlay[mask.frame, number] = mask
                    self.version += 1
                    yield mask
            complete = not going
        finally:
            for each in going.values():
                each.close()  # type: ignore[attr-defined]
            self._finish(user, run, complete)

    def check_ready(self) -> None:
        """Raises :class:`Refused`, ``not_ready``, where nothing was prompted."""
        if not self.history.standing or not self.history.state().prompts:
            raise Refused("not_ready", "nothing to follow: prompt an object first")

    def undo(self, user: str, sequence: int, *, again: bool = False) -> list[int]:
        """Takes the last change away, or (``again``) brings it back; the frames whose masks are others now.

        Raises:
            Refused: ``nothing_to_undo``, ``nothing_to_redo``, or ``seq``.
        """
        with self._quiet():
            if self._repeated(sequence):
                return []
            if again and not self.history.undone:
                raise Refused("nothing_to_redo", "nothing was undone")
            if not again and not self.history.can_undo:
                raise Refused("nothing_to_undo", "there is nothing to undo")
            before = self.history.state().masks
            self._keep()
            self._add(user, "redo" if again else "undo", {"seq": sequence})
            self._go_back()
            after = self.history.state().masks
            return sorted({key[0] for key in {*before, *after} if before.get(key) != after.get(key)})

    def change(self, user: str, sequence: int, kind: str, body: Mapping[str, Any]) -> None:
        """Notes an ``object`` that was named, one to ``remove``, or ``marks``.

        Raises:
            Refused: ``seq``, or ``unknown_object``.
        """
        with self._quiet():
            if self._repeated(sequence):
                return
            if kind == "remove" and body["object"] not in self.history.state().objects:
                raise Refused("unknown_object", f"there is no object {body['object']}")
            self._keep()
            self._add(user, kind, {**body, "seq": sequence})
            if kind == "remove" and self._tracks is not None:
                self._tracks.pop(body["object"], None)

    def mark(self, user: str, sequence: int, marks: Mapping[str, Any]) -> None:
        """Notes ``beats``, ``landmarks`` and ``stops``, those that are given.

        Raises:
            PromptError: a frame or a point that is not there.
            Refused: ``seq``.
        """
        source = self.looking.source
        check_marks(marks, source.length or 1, source.size)
        self.change(user, sequence, "marks", marks)

    def decide(self, user: str, sequence: int, body: Mapping[str, Any]) -> bool:
        """Notes a decision; False where it had been noted already.

        Raises:
            Refused: ``seq``, or ``nothing_to_accept``.
        """
        with self._quiet():
            if self._repeated(sequence):
                return False
            masks = self.history.state().masks.values()
            if body["decision"] == "accept" and not any(mask.bbox for mask in masks):
                raise Refused("nothing_to_accept", "there is no mask to accept: prompt the object, or reject the item")
            self._add(user, "decision", {**body, "seq": sequence})
            return True

    def measures(self) -> dict[str, Any]:
        """What is measured of the masks that stand."""
        version = self.version
        told = self._told
        if told is None or told[0] != version:
            self._told = told = version, {**self.measuring.told(self.state), "masks_version": version}
        return told[1]

    def stop(self) -> None:
        """Ends a spread under way."""
        with self._quiet():
            pass

    def close(self) -> None:
        """Ends what is under way and lets the source go."""
        self.stop()
        self.looking.source.close()

    def _quiet(self) -> _Held:
        """Holds the lock of changes for a block, with no spread under way."""
        return _Held(self._work, self)

    def _finish(self, user: str, run: SpreadRun, complete: bool) -> None:
        with self._work:
            masks = sorted(self._overlay.values(), key=lambda mask: (mask.object, mask.frame))
            how = {
                str(number): {"frames": run.frames[number], "visible": run.visible, "fresh": run.fresh[number], "taken": run.taken[number]}
                for number in run.frames
            }
            try:
                if masks or complete:
                    took = round(time.monotonic() - run.began, 3)
                    self._add(user, "spread", {"change": run.change, "how": how, "complete": complete, "wait_s": took}, masks)
            finally:
                self._overlay = {}
                self._spread = None

    def _repeated(self, sequence: int) -> bool:
        """Whether the change of this number was made already."""
        expected = self.history.sequence + 1
        if sequence == expected - 1 and sequence > 0:
            return True
        if sequence != expected:
            raise Refused("seq", f"the item has changed since: number {expected} was expected, {sequence} came", expected=expected)
        return False

    def _add(self, user: str, kind: str, body: Mapping[str, Any], masks: list[FrameMask] | tuple[FrameMask, ...] = ()) -> Event:
        event = self.log.append(self.item, user, kind, body, masks)
        self.history = self.history.then(event)
        self.version += 1
        return event

    def _completed(self, state: State, given: Mapping[str, Any]) -> dict[str, Any]:
        """The prompt as it is noted: with the frame that the model chose, and the mode that there is reason for."""
        body = {key: given[key] for key in ("object", "frame", "mode", "kind", "data")}
        source = self.looking.source
        if body["kind"] == "auto":
            body |= {"mode": "prompt", "frame": self._found_frame(body["data"]) if body["frame"] is None else body["frame"]}
        if body["frame"] is None or not 0 <= body["frame"] < (source.length or 1):
            raise PromptError(f"there is no frame {body['frame']}: there are {source.length}")
        known = state.objects.get(body["object"])
        shown = state.masks.get((body["frame"], body["object"]))
        if body["mode"] == "correct" and (shown is None or known is None):
            body["mode"] = "prompt"
        if known is None or not known.name:
            first = "LV" if body["object"] == 1 and source.kind != "volume" and source.ultrasound() is not False else None
            named = body["data"] if body["kind"] == "auto" else first
            body["name"] = given.get("name") or named or f"object {body['object']}"
        return body

    def _found_frame(self, structure: str) -> int:
        from echoseg.prompting.auto import auto_plan

        looking = self.looking
        with looking.lock:
            plan = auto_plan(looking.session(looking.window(0, [])), (structure,))
        return int(next(iter(plan.prompts[1])))

    def _read(self, body: Mapping[str, Any]) -> list[Prompt]:
        prompts = read_prompts(body["kind"], body["data"], self.looking.source.size)
        if body["kind"] == "auto":
            from echoseg.prompting.auto import check_structures

            if self.looking.source.ultrasound() is False:
                raise PromptError("no structure is known here: give a box, points, a border or a RECIST line")
            check_structures((body["data"],), self.looking.model.config)
        return prompts

    def _mask(self, result: FrameResult, number: int) -> FrameMask:
        return FrameMask.of(result.index, number, result.logits[number] > 0, result.scores[number], result.object_scores[number])

    def _keep(self) -> None:
        """Remembers the network as it is after the last change, for undo."""
        if self._tracks is None:
            return
        last = self.history.standing[-1].id if self.history.standing else 0
        self._kept[last] = {number: track.kept() for number, track in self._tracks.items()}
        self._kept.move_to_end(last)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _go_back(self) -> None:
        """The network as it was after the last change that stands now."""
        kept = self._kept.get(self.history.standing[-1].id if self.history.standing else 0)
        self._tracks = None if kept is None else {number: Track.back(self.looking, number, one) for number, one in kept.items()}

    def _made_tracks(self) -> dict[int, Track]:
        if self._tracks is None:
            self._tracks = tracks_of(self.history, self.looking)
        return self._tracks


class _Held:
    """Holds the lock of changes for a block, once no spread is under way."""

    def __init__(self, lock: threading.RLock, live: LiveItem) -> None:
        self._lock, self._live = lock, live

    def __enter__(self) -> None:
        while True:
            self._lock.acquire()
            run = self._live._spread
            if run is None:
                return
            run.stop.set()
            self._lock.release()
            time.sleep(0.002)

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def tracks_of(history: History, looking: Looking) -> dict[int, Track]:
    """The network's memory of every object after the changes that stand: asked again, in their order."""
    tracks: dict[int, Track] = {}
    for change in history.standing:
        if change.kind == "remove":
            tracks.pop(change.body["object"], None)
        for body in [change.body] if change.kind == "prompt" else change.body.get("prompts", []) if change.kind == "draft" else []:
            track = tracks.setdefault(body["object"], Track(looking, body["object"]))
            try:
                track.answer(body["frame"], body["mode"], read_prompts(body["kind"], body["data"], looking.source.size))
            except EchosegError:  # other weights than those of that day need not know what they were asked
                continue
            if change.kind == "draft":
                for _ in track.spread([body["frame"]], body["frame"]):
                    pass
        for spread in change.spreads:
            for number, how in spread.how.items():
                if int(number) in tracks:
                    spread_again(tracks[int(number)], how)
    return tracks


def encode_empty(size: tuple[int, int]) -> str:
    """The run lengths of an empty mask."""
    return encode(np.zeros(size, dtype=bool))
