"""Interactive segmentation of one source: prompt, propagate, correct, at any frame and in any order.

Everything else (``segment``, ``stream``, ``run``, servers) is a thin user of this class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from echoseg.errors import NotRereadableError, PromptError
from echoseg.io import open_source
from echoseg.io.source import Source
from echoseg.model.load import Model
from echoseg.model.sam2 import FrameFeatures
from echoseg.options import Direction, MemorySelection
from echoseg.tracking.cache import Cache, LRUCache
from echoseg.tracking.cursor import Cursor
from echoseg.tracking.memory_bank import MemoryBank, ObjectMemory
from echoseg.tracking.spill import SpillingCache, features_bytes
from echoseg.tracking.tracker import Tracker
from echoseg.tracking.window import Window
from echoseg.types import Box, FrameResult, Image, MaskPrompt, Prompt, Structure, as_prompts, whole_number

DEFAULT_CACHE_BYTES = 512 * 2**20
DEFAULT_DISK_BYTES = 4 * 2**30
_MIRROR_BYTES = 16 * 2**20  # objects are prompted on one frame or few


def features_cache(max_bytes: int = DEFAULT_CACHE_BYTES) -> LRUCache[FrameFeatures]:
    """A bounded cache of frame features, least recently used go first."""
    return LRUCache(max_bytes, features_bytes)


def default_window(source: Source, model: Model, prompts: Sequence[Prompt] = ()) -> Window:
    """What a model looks at, as its configuration says: the scan sector if found, a square around ``prompts``, or the whole frame.

    The window always covers ``prompts``.
    """
    if model.config.zoom_to_prompt:
        window = Window.zoomed(prompts, source.size)
    else:
        window = Window.around(source.sector() if model.config.crop_to_sector else None, source.size)
    return window.covering(prompts, source.size)


@dataclass
class _Object:
    bank: MemoryBank
    prompts: dict[int, list[Prompt]] = field(default_factory=dict)
    corrections: dict[int, list[Prompt]] = field(default_factory=dict)

    @property
    def structure(self) -> str | None:
        names = [prompt.name for prompts in self.prompts.values() for prompt in prompts if isinstance(prompt, Structure)]
        return names[0] if names else None


Kept = dict[int, _Object]
"""What :meth:`Session.kept` returns."""


class Session:
    """One source, one model, any number of objects.

    Args:
        source: a :class:`echoseg.io.Source`, or anything :func:`echoseg.open_source` takes.
        model: from :func:`echoseg.load_model`.
        cache: where frame features are kept (``get``, ``put``, ``clear`` by frame index); default: 512 MB in memory, then 4 GB in a
            temporary folder, see :mod:`echoseg.tracking.spill`.
        history: tracked frames remembered an object and direction (see :class:`MemoryBank`).
        max_prompted: bound on the prompted frames a frame attends to; None for all.
        memory_selection: which tracked frames a frame attends to; None for the last ones, however good, as officially.
        length: frames of the sequence when the source itself cannot tell (a live stream).
        window: the part of the frames that the network sees; default: :func:`default_window` of the first prompts.
        cursor: of another session over the same source, so that two models can look at one live stream.

    >>> clip = np.uint8([np.hypot(*np.mgrid[-32:32, -32:32]) < 10] * 3) * 200  # a disc on three frames
    >>> session = echoseg.Session(clip, echoseg.load_model("compact-volume"))
    >>> answer = session.prompt(1, frame=1, prompts=echoseg.Box(22, 22, 43, 43))
    >>> answer.masks[1][[32, 5], [32, 5]]
    array([ True, False])
    >>> [frame.index for frame in session.propagate("both")]
    [1, 2, 0]
    >>> session.reset()
    >>> session.object_ids
    ()
    """

    def __init__(
        self,
        source: Any,
        model: Model,
        *,
        cache: Cache[FrameFeatures] | None = None,
        history: int = 256,
        max_prompted: int | None = None,
        memory_selection: MemorySelection | None = None,
        length: int | None = None,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> None:
        self.source: Source = open_source(source)
        self.model = model
        self._zooms = window is None and model.config.zoom_to_prompt
        self.tracker = Tracker(
            model, self.source.size, self.source.length if length is None else length, window or default_window(self.source, model)
        )
        self.cache: Cache[FrameFeatures] = SpillingCache(DEFAULT_CACHE_BYTES, DEFAULT_DISK_BYTES) if cache is None else cache
        self._mirrors = features_cache(_MIRROR_BYTES)
        self.history = history
        self.max_prompted = max_prompted
        self.memory_selection = memory_selection
        self.cursor = cursor or Cursor(self.source)
        self._objects: dict[int, _Object] = {}

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Objects prompted so far, ascending."""
        return tuple(sorted(self._objects))

    def prompted_frames(self, object_id: int) -> tuple[int, ...]:
        """Frames that hold prompts of an object, ascending."""
        return tuple(sorted(self._known(object_id).prompts))

    def preview(self, frame: int, prompts: Prompt | Sequence[Prompt]) -> ObjectMemory:
        """The answer to prompts on a frame, without remembering it: for policies that try several.

        Raises:
            PromptError, NotRereadableError: as :meth:`prompt`.
        """
        return self.tracker.answer(self._features(whole_number(frame, "frame index")), as_prompts(prompts))

    def prompt(self, object_id: int, frame: int, prompts: Prompt | Sequence[Prompt]) -> FrameResult:
        """Names an object on a frame and returns its mask there; replaces what was said of that object on that frame.

        Raises:
            PromptError: object_id outside 1..255, no such frame, or prompts that do not fit the source or the model.
            NotRereadableError: the frame has passed and the source cannot be read again.
        """
        if not 1 <= whole_number(object_id, "object id") <= 255:
            raise PromptError(f"object ids run from 1 to 255; got {object_id}")
        given = as_prompts(prompts)
        self._check_frame(frame)
        self._show(given)
        memory = self.tracker.answer(self._features(frame), given, mirror=self._mirror(frame, given))
        bank = MemoryBank(self.model.config, self.history, self.max_prompted, self.memory_selection)
        state = self._objects.setdefault(object_id, _Object(bank))
        state.prompts[frame] = given
        state.bank.prompted[frame] = memory
        state.corrections.pop(frame, None)
        state.bank.corrected.pop(frame, None)
        return self.tracker.result(frame, {object_id: memory})

    def correct(self, object_id: int, frame: int, prompts: Prompt | Sequence[Prompt]) -> FrameResult:
        """Corrects the mask an object already has on a frame, prompted or tracked, e.g. by clicks.

        The mask there and, on a tracked frame, the memory enter the answer. Later calls on the same frame add to the clicks; a box
        or a mask begins anew.
        Whoever corrects one object has seen the others on that frame: their masks stand as if given, as in MedSAM2's predictor.
        Propagate again from ``frame`` to carry the correction along.

        Raises:
            PromptError: unknown object, nothing to correct on that frame, or prompts that do not fit.
        """
        state = self._known(object_id)
        self._check_frame(frame)
        tracked_forward, tracked_backward = (state.bank.at(frame, reverse) is not None for reverse in (False, True))
        backward = not tracked_forward and (tracked_backward or frame < min(state.prompts))
        self._catch_up(frame - 1 if backward else frame + 1, backward)
        previous = state.bank.at(frame, reverse=backward)
        if previous is None:
            raise PromptError(f"object {object_id} has no mask on frame {frame} to correct: prompt it there, or propagate first")
        given = as_prompts(prompts)
        self._show(given)
        anew = any(isinstance(prompt, Box | MaskPrompt) for prompt in given)
        clicks = given if anew else state.corrections.get(frame, []) + given
        seeded = frame in state.prompts
        recall = None if seeded else state.bank.recall(frame, backward, self.tracker.length)
        memory = self.tracker.answer(self._features(frame), clicks, previous, recall, self._mirror(frame, clicks) if seeded else None)
        state.corrections[frame] = clicks
        (state.bank.prompted if seeded else state.bank.corrected)[frame] = memory
        self._confirm_others(object_id, frame, backward)
        return self.tracker.result(frame, {object_id: memory})

    def propagate(self, direction: Direction = "both", start: int | None = None) -> Iterator[FrameResult]:
        """Carries all objects along; yields each frame once, forward from the start, then backward from before it.

        Frames that hold a prompt or a correction keep that answer.

        Args:
            direction: ``forward``, ``backward`` or ``both``.
            start: None begins at the first prompted frame (``backward``: the last) with a fresh memory. A frame number
                continues there with what is remembered of the frames before it, tracking them silently when nothing is. The
                backward pass of ``both`` always has a fresh memory.

        Raises:
            PromptError: nothing was prompted, or no such direction or frame.
            NotRereadableError: a backward pass over a source that can be read only once.
        """
        if direction not in ("forward", "backward", "both"):
            raise PromptError(f"direction is 'forward', 'backward' or 'both'; got {direction!r}")
        frames = [frame for state in self._objects.values() for frame in state.prompts]
        if not frames:
            raise PromptError("nothing to propagate: prompt an object first")
        if direction != "forward" and not self.source.rereadable:
            raise NotRereadableError(f"{self.source.name}: direction {direction!r} needs a source that can be read again; use 'forward'")
        if start is not None:
            self._check_frame(start)
        return self._propagate(direction, frames, start)

    def answer_on(self, object_id: int, frame: int) -> FrameResult | None:
        """What was answered of an object on a frame, by a prompt or a correction; None where nothing was.

        Raises:
            PromptError: unknown object.
        """
        memory = self._known(object_id).bank.answered(frame)
        return None if memory is None else self.tracker.result(frame, {object_id: memory})

    def kept(self) -> Kept:
        """All that is known of the objects now, to go back to by :meth:`restore`: what came later is then as if it had never been."""
        return {i: _Object(state.bank.copy(), dict(state.prompts), dict(state.corrections)) for i, state in self._objects.items()}

    def restore(self, kept: Kept) -> None:
        """Goes back to what :meth:`kept` returned; it may be gone back to again."""
        self._objects = {i: _Object(state.bank.copy(), dict(state.prompts), dict(state.corrections)) for i, state in kept.items()}

    def forget_tracked(self) -> None:
        """Forgets what was tracked, both ways; prompts and corrections stay."""
        for reverse in (False, True):
            self._forget(reverse)

    def settle(self, frames: Iterable[int], reverse: bool) -> None:
        """What was tracked on ``frames`` in one direction counts in both from now on: one memory a frame, that of the mask last shown.

        For annotators, who correct what they see and carry it on both ways. A pass of :meth:`propagate` alone never mixes the directions.
        """
        for state in self._objects.values():
            state.bank.settle(frames, reverse)

    def reset(self, object_id: int | None = None) -> None:
        """Forgets one object, or all; cached frame features stay.

        Raises:
            PromptError: unknown object.
        """
        if object_id is None:
            self._objects.clear()
        else:
            self._known(object_id)
            del self._objects[object_id]

    def _propagate(self, direction: Direction, prompted: list[int], start: int | None) -> Iterator[FrameResult]:
        first = start if start is not None else max(prompted) if direction == "backward" else min(prompted)
        if direction != "backward":
            self._forget(reverse=False) if start is None else self._catch_up(first, reverse=False)
            yield from self._pass(self.cursor.forward(first), reverse=False)
        if direction != "forward":
            self._forget(reverse=True) if start is None or direction == "both" else self._catch_up(first, reverse=True)
            yield from self._pass(self.cursor.backward(first if direction == "backward" else first - 1), reverse=True)

    def _pass(self, frames: Iterator[tuple[int, Image]], reverse: bool) -> Iterator[FrameResult]:
        for index, frame in frames:
            if not self._objects:  # reset while under way
                return
            yield self.tracker.result(index, self._step(index, frame, reverse))

    def _step(self, index: int, frame: Image, reverse: bool) -> dict[int, ObjectMemory]:
        """All objects on one frame: answers stand where a person gave them, memory carries the rest."""
        memories: dict[int, ObjectMemory] = {}
        banks: dict[int, MemoryBank] = {}
        for object_id, state in self._objects.items():
            answered = state.bank.answered(index)
            if answered is None:
                banks[object_id] = state.bank
            else:
                memories[object_id] = answered
        if banks:
            structures = {i: state.structure for i, state in self._objects.items() if state.structure and i in banks}
            tracked = self.tracker.track(self._features(index, frame), banks, index, reverse, structures)
            for object_id, memory in tracked.items():
                banks[object_id].remember_tracked(index, memory, reverse)
            memories |= tracked
        return memories

    def _catch_up(self, frame: int, reverse: bool) -> None:
        """Makes sure that what comes before ``frame`` is remembered as far as tracking looks back; tracks it silently if not.

        Forward, that begins at the first prompt. Backward at the nearest one, since a backward pass may start from the last prompt
        or from before the first.
        """
        reach = self.model.config.max_obj_ptrs - 1
        seeds = [
            min((at for at in state.prompts if at > frame), default=frame) if reverse else min(state.prompts)
            for state in self._objects.values()
        ]
        for state, seed in zip(self._objects.values(), seeds, strict=True):
            before = range(frame + 1, min(seed, frame + reach) + 1) if reverse else range(max(seed, frame - reach), frame)
            if any(state.bank.at(index, reverse) is None for index in before):
                frames = self.cursor.backward(max(seeds), frame + 1) if reverse else self.cursor.forward(min(seeds), frame)
                for index, image in frames:
                    self._step(index, image, reverse)
                return

    def _confirm_others(self, corrected: int, frame: int, reverse: bool) -> None:
        for object_id, state in self._objects.items():
            tracked = state.bank.at(frame, reverse)
            if object_id != corrected and tracked is not None and state.bank.answered(frame) is None:
                state.bank.corrected[frame] = self.tracker.confirm(self._features(frame), tracked)

    def _forget(self, reverse: bool) -> None:
        for state in self._objects.values():
            state.bank.forget_tracked(reverse)

    def _features(self, index: int, frame: Image | None = None) -> FrameFeatures:
        cached = self.cache.get(index)
        if cached is not None:
            return cached
        if frame is None:
            self._check_frame(index)
            frame = self.cursor.frame(index)
        features = self.tracker.encode(frame)
        # A copy: the encoder's own outputs lie between its work buffers, and kept there they would hold the heap apart.
        self.cache.put(index, features.clone())
        return features

    def _mirror(self, frame: int, prompts: Sequence[Prompt]) -> FrameFeatures | None:
        """Features of a frame's mirror image, if the model is to look at it and the frame can still be read; a mask alone asks nothing."""
        if not self.model.config.mirror_prompted or all(isinstance(prompt, MaskPrompt) for prompt in prompts):
            return None
        features = self._mirrors.get(frame)
        if features is None:
            try:
                features = self.tracker.encode(self.cursor.frame(frame), mirror=True)
            except NotRereadableError:
                return None
            self._mirrors.put(frame, features.clone())
        return features

    def _show(self, prompts: Sequence[Prompt]) -> None:
        """Makes the network see all that is prompted; possible as long as nothing is remembered from a smaller window."""
        zooms = self._zooms and not self._objects
        now = default_window(self.source, self.model, prompts) if zooms else self.tracker.window
        window = now.covering(prompts, self.source.size)
        if window == self.tracker.window:
            return
        if self._objects:
            raise PromptError("the prompt lies outside the window, all that is looked at here: open the session with a larger window=")
        self.tracker = Tracker(self.model, self.source.size, self.tracker.length, window)
        self.cache.clear()
        self._mirrors.clear()

    def _known(self, object_id: int) -> _Object:
        if object_id not in self._objects:
            there = ", ".join(map(str, self.object_ids)) or "none yet"
            raise PromptError(f"no object {object_id} (there are: {there})")
        return self._objects[object_id]

    def _check_frame(self, frame: int) -> None:
        length = self.source.length
        if whole_number(frame, "frame index") < 0 or (length is not None and frame >= length):
            raise PromptError(f"{self.source.name} has no frame {frame}" + (f": it has {length} frames" if length is not None else ""))
