"""One object of one item in the network's memory: answers on a frame, and how an answer spreads to the frames around it.

An answer spreads both ways, up to the next frames that a person answered, those nearest to the frame in view first. After that a frame
has one memory, that of the mask which is shown, so that a correction begins from what the annotator sees. The first spread is that of
:func:`echoseg.segment`; in a volume the rules of :mod:`echoseg.prompting.volume` say where an object ends.

Each object has a session of its own: what is said of one changes no other. Frame features are shared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from echoseg.io.source import Source
from echoseg.options import STOP_RULES
from echoseg.types import FrameResult, MaskPrompt, Prompt, Structure

if TYPE_CHECKING:
    from echoseg.model import Model
    from echoseg.model.sam2 import FrameFeatures
    from echoseg.prompting.stop_rules import SliceState
    from echoseg.tracking import Session, Window
    from echoseg.tracking.cache import Cache


@dataclass
class Looking:
    """What the objects of one item share.

    Attributes:
        source: the item's frames.
        model: the one model of the server; ``lock`` is held for every frame that it is asked about.
        cache_bytes: bound on the frame features kept for this item.
    """

    source: Source
    model: Model
    lock: AbstractContextManager[Any]
    cache_bytes: int
    _caches: dict[Window, Cache[FrameFeatures]] = field(default_factory=dict)

    @property
    def in_depth(self) -> bool:
        return self.source.kind == "volume"

    def session(self, window: Window) -> Session:
        """A session that sees ``window``; one cache of features for all of the same window, the last two windows are kept."""
        from echoseg.tracking import Session, features_cache

        if window not in self._caches:
            for old in list(self._caches)[:-1]:
                del self._caches[old]
            self._caches[window] = features_cache(self.cache_bytes // 2)
        length = self.source.length or 0
        return Session(self.source, self.model, cache=self._caches[window], history=max(256, length), window=window)

    def window(self, frame: int, prompts: Sequence[Prompt]) -> Window:
        """What the network is shown of an object first prompted so."""
        from echoseg.prompting.volume import volume_window
        from echoseg.tracking import default_window

        if self.in_depth:
            return volume_window(self.source, self.model, {frame: list(prompts)})
        return default_window(self.source, self.model, prompts)


@dataclass(frozen=True)
class Answer:
    """What was said of the object on a frame, and whether by a person."""

    frame: int
    mode: str
    prompts: tuple[Prompt, ...]

    @property
    def by_hand(self) -> bool:
        return not any(isinstance(prompt, Structure) for prompt in self.prompts)


@dataclass(frozen=True)
class TrackKept:
    """A track as it was, see :meth:`Track.kept`."""

    session: Session | None
    memory: Any
    answers: tuple[Answer, ...]
    fresh: bool


class Track:
    """One object. ``looking``: what it shares with others; ``object_id``: its number."""

    def __init__(self, looking: Looking, object_id: int) -> None:
        self.looking, self.object_id = looking, object_id
        self._session: Session | None = None
        self._answers: tuple[Answer, ...] = ()
        self._fresh = True

    def kept(self) -> TrackKept:
        """The track as it is now; memories are shared, not copied."""
        return TrackKept(self._session, None if self._session is None else self._session.kept(), self._answers, self._fresh)

    @classmethod
    def back(cls, looking: Looking, object_id: int, kept: TrackKept) -> Track:
        """The track as it was."""
        track = cls(looking, object_id)
        track._session, track._answers, track._fresh = kept.session, kept.answers, kept.fresh
        if track._session is not None:
            track._session.restore(kept.memory)
        return track

    def answer(self, frame: int, mode: str, prompts: Sequence[Prompt]) -> FrameResult:
        """The mask on a frame, by prompts that say anew what the object is there, or (``correct``) that correct the mask it has.

        Raises:
            PromptError: as of :meth:`echoseg.Session.prompt` and ``correct``.
        """
        from echoseg.prompting.volume import clipped

        source = self.looking.source
        given = Answer(frame, mode, tuple(clipped(prompt, source) for prompt in prompts))
        with self.looking.lock:
            session = self._seeing(given)
            result = _said(session, self.object_id, given, self.looking.in_depth)
        self._answers = (*self._answers, given)
        return result

    def spread(
        self, frames: Sequence[int], visible: int, shown: Collection[int] = (), fresh: bool | None = None
    ) -> Iterator[FrameResult | int]:
        """Carries what was answered on ``frames`` to the frames around, those near ``visible`` first.

        Args:
            frames: the answered frames that are new.
            visible: the frame in view.
            shown: frames on which a mask is shown now.
            fresh: begin anew from all prompts, as :func:`echoseg.segment` does; None: the first time only.

        Yields:
            A frame's result; or the number of a frame of ``shown`` on which the object has been found to be no more.
        """
        session = self._session
        assert session is not None
        anew = self._fresh if fresh is None else fresh
        done: dict[bool, list[int]] = {False: [], True: []}
        if anew:
            session.forget_tracked()
        try:
            for result, reverse in _nearest_first(self._paths(session, frames, anew, shown), visible):
                if isinstance(result, FrameResult):
                    done[reverse].append(result.index)
                yield result
        finally:
            for reverse, indices in done.items():
                session.settle(indices, reverse)
            self._fresh = False

    @property
    def fresh(self) -> bool:
        """Whether nothing was spread yet."""
        return self._fresh

    def _seeing(self, given: Answer) -> Session:
        """A session whose window holds what is prompted; a larger one begins anew with all that was said."""
        session, size = self._session, self.looking.source.size
        if session is None:
            self._session = session = self.looking.session(self.looking.window(given.frame, given.prompts))
            return session
        window = session.tracker.window.covering(given.prompts, size)
        if window != session.tracker.window:
            self._session = session = self.looking.session(window)
            for each in self._answers:
                _said(session, self.object_id, each, self.looking.in_depth)
            self._fresh = True
        return session

    def _paths(
        self, session: Session, frames: Sequence[int], anew: bool, shown: Collection[int]
    ) -> list[tuple[bool, Iterator[FrameResult | int]]]:
        length = self.looking.source.length or 1
        if anew:
            first = min(session.prompted_frames(self.object_id))
            return [(reverse, self._path(session, first, -1 if reverse else length, reverse, shown)) for reverse in (False, True)]
        hand = sorted({each.frame for each in self._answers if each.by_hand})
        paths: list[tuple[bool, Iterator[FrameResult | int]]] = []
        for frame in sorted(set(frames)):
            before, after = [at for at in hand if at < frame], [at for at in hand if at > frame]
            paths.append((False, self._path(session, frame, after[0] if after else length, False, shown)))
            paths.append((True, self._path(session, frame, before[-1] if before else -1, True, shown)))
        return paths

    def _path(self, session: Session, start: int, end: int, reverse: bool, shown: Collection[int]) -> Iterator[FrameResult | int]:
        """From beside ``start`` up to but without ``end``."""
        step = -1 if reverse else 1
        if start + step == end:
            return
        answered = {each.frame for each in self._answers}
        passing = session.propagate("backward" if reverse else "forward", start + step)
        before = self._state_at(session, start, reverse) if self.looking.in_depth else None
        largest = max((state.area for at in answered if (state := self._state_at(session, at, reverse))), default=0)
        while True:
            with self.looking.lock:
                result = next(passing, None)
            if result is None or (result.index - end) * step >= 0:
                return
            if result.index in answered:
                before = self._state_at(session, result.index, reverse) if before is not None else None
                continue
            if before is not None:
                now = _state(result, self.object_id)
                if _ended(now, before, largest):
                    rest = range(result.index, end, step)
                    yield from (at for at in rest if at in shown and at not in answered)
                    return
                before = now
            yield result

    def _state_at(self, session: Session, frame: int, reverse: bool) -> SliceState | None:
        memory = session.answer_on(self.object_id, frame)
        return None if memory is None else _state(memory, self.object_id)


def _said(session: Session, object_id: int, given: Answer, in_depth: bool) -> FrameResult:
    if given.mode == "correct" and object_id in session.object_ids:
        return session.correct(object_id, given.frame, given.prompts)
    result = session.prompt(object_id, given.frame, given.prompts)
    mask = result.masks[object_id]
    if in_depth and mask.any() and not all(isinstance(prompt, MaskPrompt) for prompt in given.prompts):
        session.prompt(object_id, given.frame, MaskPrompt(mask))  # the recipe ``mask`` of :mod:`echoseg.prompting.volume`
    return result


def _nearest_first(
    paths: Sequence[tuple[bool, Iterator[FrameResult | int]]], visible: int
) -> Iterator[tuple[FrameResult | int, bool]]:  # fmt: skip
    """The results of all paths, at any moment that of the path which stands nearest to the frame in view."""
    heads: list[tuple[int, int]] = [(0, place) for place in range(len(paths))]
    while heads:
        _, place = heads.pop(heads.index(min(heads)))
        reverse, path = paths[place]
        result = next(path, None)
        if result is None:
            continue
        index = result.index if isinstance(result, FrameResult) else result
        heads.append((abs(index + (-1 if reverse else 1) - visible), place))
        yield result, reverse


def _state(result: FrameResult, object_id: int) -> SliceState:
    from echoseg.prompting.stop_rules import SliceState

    area = int(np.count_nonzero(result.logits[object_id] > 0))
    return SliceState(area, result.scores[object_id], result.object_scores[object_id])


def _ended(now: SliceState, before: SliceState, largest: int) -> bool:
    from echoseg.prompting.stop_rules import has_ended

    return has_ended(now, before, largest, STOP_RULES)


def spread_again(track: Track, how: Mapping[str, Any]) -> None:
    """Does what an earlier spread did, as far as it came. ``how``: ``frames``, ``visible``, ``fresh`` and ``taken`` of it."""
    spreading = track.spread(how["frames"], how["visible"], fresh=how["fresh"])
    taken = 0
    while taken < how["taken"] and next(spreading, None) is not None:
        taken += 1
    spreading.close()  # type: ignore[attr-defined]
