"""How prompts are followed through a volume: each object by itself, both ways from its own key slice.

Two recipes, as in MedSAM2's scripts. ``mask`` (its CT lesion script): the prompt's answer on the key slice becomes a mask prompt, which
is propagated each way from a fresh memory. ``box`` (its 3D CT script): the prompt itself is propagated each way from a fresh memory,
and of what it finds the largest 3D component stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import PromptError
from echoseg.io.source import Source
from echoseg.model.load import Model
from echoseg.model.sam2 import FrameFeatures
from echoseg.options import Direction, MemorySelection, VolumeOptions
from echoseg.prompting.key_slice import found_around, key_slice
from echoseg.prompting.plan import Plan
from echoseg.prompting.stop_rules import SliceState, has_ended
from echoseg.tracking import Session, Window, default_window, features_cache
from echoseg.tracking.cache import Cache
from echoseg.types import ABSENT_LOGIT, Box, FrameResult, MaskPrompt, Points, Prompt

Progress = Callable[[int, "int | None"], None]

_FAINT = -6.3  # logits below this are less than half of 1/255, the least that a fractional segmentation stores
_TOUCHING = np.ones((3, 3, 3))  # 26-connected, as in MedSAM2's script


@dataclass(frozen=True)
class _Answer:
    """One object on one slice; logits only where they are not faint."""

    logits: NDArray[np.float32]
    rows: slice
    columns: slice
    state: SliceState

    @classmethod
    def of(cls, frame: FrameResult, object_id: int) -> _Answer:
        logits = frame.logits[object_id]
        seen = logits > _FAINT
        rows, columns = (_span(np.asarray(seen.any(axis=axis))) for axis in (1, 0))
        state = SliceState(int(np.count_nonzero(logits > 0)), frame.scores[object_id], frame.object_scores[object_id])
        return cls(logits[rows, columns].copy(), rows, columns, state)

    def whole(self, size: tuple[int, int]) -> NDArray[np.float32]:
        logits = np.full(size, ABSENT_LOGIT, dtype=np.float32)
        logits[self.rows, self.columns] = self.logits
        return logits


_Track = dict[int, _Answer]


@dataclass(frozen=True)
class _Object:
    session: Session
    window: Window
    prompts: dict[int, list[Prompt]]
    seeds: _Track
    extent: range


@dataclass(frozen=True)
class _Leg:
    """A way through ``slices``, from what the session remembers of one prompted slice at their end, or of two, one at either end."""

    session: Session
    seeds: _Track
    direction: Literal["forward", "backward"]
    slices: range


def volume_tracks(
    source: Source,
    model: Model,
    plan: Plan,
    options: VolumeOptions,
    progress: Progress | None,
    memory_selection: MemorySelection | None = None,
) -> VolumeTracks | None:
    """The tracks of a volume's objects; None for other sources, which a :class:`~echoseg.tracking.Session` follows as a whole.

    Raises:
        PromptError: 3D prompts for another source; else as :class:`VolumeTracks`.
    """
    if source.kind == "volume":
        return VolumeTracks(source, model, plan, options, progress, memory_selection)
    if plan.in_depth:
        raise PromptError(f"3D boxes and 3D points are for volumes, but {source.name} is a{'n' * (source.kind == 'image')} {source.kind}")
    return None


class VolumeTracks:
    """All prompted objects of a volume; answers as a :class:`~echoseg.tracking.Session` does, whose part it takes in the pipeline.

    Objects are prompted when it is made, so that wrong prompts are known before anything is tracked.

    Args:
        source: a volume.
        model: looks at it.
        plan: what is prompted.
        options: how it is followed.
        progress: told after every tracked slice.
        memory_selection: which tracked slices a slice attends to, see :class:`~echoseg.tracking.Session`.

    Raises:
        PromptError: prompts that do not fit the volume or the model.
    """

    def __init__(
        self,
        source: Source,
        model: Model,
        plan: Plan,
        options: VolumeOptions,
        progress: Progress | None = None,
        memory_selection: MemorySelection | None = None,
    ) -> None:
        assert source.length is not None  # volumes come from files and arrays
        self.source, self.model, self.options = source, model, options
        self.plan = plan
        self._progress = progress
        self._memory_selection = memory_selection
        self._length = source.length
        self._caches: dict[Window, Cache[FrameFeatures]] = {}
        self._objects = {object_id: self._prompted(object_id) for object_id in sorted(plan.prompts)}

    @property
    def record(self) -> dict[str, Any]:
        """How objects were followed, for the provenance of a run."""
        followed = {"recipe": self.options.recipe, "stop_rules": None if self.options.stop is None else asdict(self.options.stop)}
        extents = {"slices": dict(self.plan.extents)} if self.plan.extents else {}
        return {**followed, "zoom": self.options.zoom, **extents}

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The prompted objects, ascending."""
        return tuple(self._objects)

    def prompted_frames(self, object_id: int) -> tuple[int, ...]:
        """Slices that hold prompts of an object, ascending."""
        return tuple(sorted(self._objects[object_id].seeds))

    def propagate(self, direction: Direction = "both") -> Iterator[FrameResult]:
        """Tracks every object, then yields each slice once: from the first prompted one on, then backward from before it.

        On slices that an object was not tracked to it is absent, its scores are NaN.

        Raises:
            PromptError: no such direction.
        """
        if direction not in ("forward", "backward", "both"):
            raise PromptError(f"direction is 'forward', 'backward' or 'both'; got {direction!r}")
        tracks: dict[int, _Track] = {}
        for done, (object_id, tracked) in enumerate(self._objects.items()):
            tracks[object_id] = self._track(object_id, tracked, direction, done)
            if self._progress is not None:
                self._progress((done + 1) * self._length, len(self._objects) * self._length)
        seeds = [index for tracked in self._objects.values() for index in tracked.seeds]
        first = max(seeds) if direction == "backward" else min(seeds)
        if direction != "backward":
            yield from (self._result(index, tracks) for index in range(first, self._length))
        if direction != "forward":
            yield from (self._result(index, tracks) for index in range(first - (direction == "both"), -1, -1))

    def _prompted(self, object_id: int) -> _Object:
        frames = {index: [clipped(prompt, self.source) for prompt in given] for index, given in self.plan.prompts[object_id].items()}
        extent = range(*self.plan.extents.get(object_id, (0, self._length)))
        if extent.stop > self._length:
            raise PromptError(f"the 3D box ends with slice {extent.stop - 1}, but {self.source.name} has {self._length} slices")
        outside = [index for index in frames if index not in extent]
        if outside:
            where = f"{self.source.name}, which has {self._length} slices" if len(extent) == self._length else "its 3D box"
            raise PromptError(f"object {object_id} is prompted on slice {outside[0]}, outside {where}")
        if object_id in self.plan.anywhere:
            frames = self._moved(object_id, frames)
        window = volume_window(self.source, self.model, frames, self.options.zoom)
        session = self._session(window)
        seeds: _Track = {}
        for index, given in sorted(frames.items()):
            answer = session.prompt(object_id, index, given)
            seeds[index] = _Answer.of(answer, object_id)
            mask = answer.masks[object_id]
            if self.options.recipe == "mask" and mask.any():
                session.prompt(object_id, index, MaskPrompt(mask))
        return _Object(session, window, frames, seeds, extent)

    def _moved(self, object_id: int, frames: Mapping[int, list[Prompt]]) -> dict[int, list[Prompt]]:
        """The click of a 3D point on the slice that the policy chooses for it."""
        ((index, (click,)),) = frames.items()
        assert isinstance(click, Points)
        chosen = key_slice(self.source, self.model, index, click)
        self.plan = replace(self.plan, prompts={**self.plan.prompts, object_id: {chosen: [click]}})
        return {chosen: [click]}

    def _session(self, window: Window) -> Session:
        cache = self._caches.setdefault(window, features_cache())
        return Session(self.source, self.model, cache=cache, history=0, window=window, memory_selection=self._memory_selection)

    def _track(self, object_id: int, tracked: _Object, direction: Direction, done: int) -> _Track:
        track = dict(tracked.seeds)
        for leg in self._legs(object_id, tracked, direction):
            self._follow(track, leg, object_id, done)
        if self.options.recipe == "box":
            track = _largest_part(track, self.source.size)
        if not any(other is not tracked and other.session.cache is tracked.session.cache for other in self._objects.values()):
            tracked.session.cache.clear()
        return track

    def _legs(self, object_id: int, tracked: _Object, direction: Direction) -> Iterator[_Leg]:
        """Between prompted slices with the memory of both, beyond the outermost ones with that of the nearest.

        A slice that holds none of the object is where it ends: it is followed up to there, and not from there.
        """
        order, extent = sorted(tracked.seeds), tracked.extent
        stretches = [((low, high), range(low, high + 1)) for low, high in pairwise(order)]
        if direction != "backward":
            stretches.append(((order[-1], order[-1]), range(order[-1], extent.stop)))
        if direction != "forward":
            stretches.append(((order[0], order[0]), range(extent.start, order[0] + 1)))
        for ends, slices in stretches:
            held = {index: tracked.seeds[index] for index in ends if tracked.seeds[index].state.area or len(order) == 1}
            if held and len(slices) > 1:
                onward = direction != "backward" if len(held) == 2 else slices.start in held
                yield _Leg(self._remembering(object_id, tracked, held), held, "forward" if onward else "backward", slices)

    def _remembering(self, object_id: int, tracked: _Object, held: _Track) -> Session:
        """A session that remembers the prompted slices ``held`` alone."""
        if len(tracked.seeds) == 1:
            return tracked.session
        session = self._session(tracked.window)
        for index, answer in sorted(held.items()):
            asked = [MaskPrompt(answer.whole(self.source.size) > 0)] if self.options.recipe == "mask" else tracked.prompts[index]
            session.prompt(object_id, index, asked)
        return session

    def _follow(self, track: _Track, leg: _Leg, object_id: int, done: int) -> None:
        """Adds to ``track`` what is found along ``leg``, until the object has ended."""
        order = sorted(leg.seeds, reverse=leg.direction == "backward")
        largest = max(answer.state.area for answer in leg.seeds.values())
        before = leg.seeds[order[0]].state
        start = None if leg.direction == "forward" else order[0] - 1
        if start is not None and start < 0:
            return
        for frame in leg.session.propagate(leg.direction, start=start):
            if frame.index not in leg.slices:
                break
            if frame.index in track:
                continue
            answer = _Answer.of(frame, object_id)
            stop = self.options.stop if len(order) == 1 else None
            if stop is not None and has_ended(answer.state, before, largest, stop):
                break
            track[frame.index], before = answer, answer.state
            if self._progress is not None:
                self._progress(done * self._length + len(track), len(self._objects) * self._length)

    def _result(self, index: int, tracks: Mapping[int, _Track]) -> FrameResult:
        logits, scores, object_scores = {}, {}, {}
        for object_id, track in tracks.items():
            answer = track.get(index)
            logits[object_id] = np.full(self.source.size, ABSENT_LOGIT, np.float32) if answer is None else answer.whole(self.source.size)
            scores[object_id] = np.nan if answer is None else answer.state.iou
            object_scores[object_id] = np.nan if answer is None else answer.state.object_score
        return FrameResult(index, logits, scores, object_scores)


def volume_window(source: Source, model: Model, frames: Mapping[int, Sequence[Prompt]], zoom: bool | None = None) -> Window:
    """What the network is shown of an object of a volume that is prompted on ``frames``; ``zoom`` as of :class:`VolumeOptions`."""
    prompts = [prompt for given in frames.values() for prompt in given]
    if model.config.zoom_to_prompt if zoom is None else zoom:
        if all(isinstance(prompt, Points) for prompt in prompts):  # clicks do not tell how large the object is
            prompts += [box for index, given in frames.items() for box in found_around(source, model, index, given)]
        marks = [prompt for prompt in prompts if not isinstance(prompt, Points)]
        return Window.zoomed(marks, source.size).covering(prompts, source.size)
    return Window.whole(source.size) if zoom is not None else default_window(source, model, prompts)


def _largest_part(track: _Track, size: tuple[int, int]) -> _Track:
    """The track without what is not connected in 3D to the largest part of the object."""
    if not track:
        return track
    from scipy import ndimage  # here: no clip needs it

    indices = range(min(track), max(track) + 1)
    masks = np.stack([track[i].whole(size) > 0 if i in track else np.zeros(size, bool) for i in indices])
    parts, count = ndimage.label(masks, structure=_TOUCHING)
    if count < 2:
        return track
    largest = np.bincount(parts.ravel())[1:].argmax() + 1
    kept = {}
    for index, here in zip(indices, parts, strict=True):
        if index not in track:
            continue
        answer = track[index]
        other = (here > 0) & (here != largest)
        logits = np.where(other[answer.rows, answer.columns], np.float32(ABSENT_LOGIT), answer.logits)
        kept[index] = replace(answer, logits=logits, state=replace(answer.state, area=int(np.count_nonzero(logits > 0))))
    return kept


def clipped(prompt: Prompt, source: Source) -> Prompt:
    """A box without what lies beyond the image, as MedSAM2 clips that of a RECIST line."""
    height, width = source.size
    if not isinstance(prompt, Box) or prompt.x1 <= 0 or prompt.y1 <= 0 or prompt.x0 >= width or prompt.y0 >= height:
        return prompt
    return Box(max(prompt.x0, 0), max(prompt.y0, 0), min(prompt.x1, width), min(prompt.y1, height))


def _span(occupied: NDArray[np.bool_]) -> slice:
    found = np.flatnonzero(occupied)
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)
