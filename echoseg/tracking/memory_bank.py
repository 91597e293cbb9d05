"""The rolling memory of one object: prompted frames, the last tracked frames, and their object pointers.

What a frame recalls follows the official SAM 2.1: every prompted frame, the ``num_maskmem - 1`` tracked frames before it, and the
object pointers of up to ``max_obj_ptrs`` frames. Memories are stored in bfloat16, as officially, and only as many as are ever
needed again, so that memory stays flat however long the sequence. Each direction has its own tracked frames: a backward pass
never sees what the forward pass left behind.

With a :class:`MemorySelection` frames that are not admitted are passed over, and those further back move up in their place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from echoseg.model.config import SAM2Config
from echoseg.options import MemorySelection


@dataclass(frozen=True)
class ObjectMemory:
    """What one object leaves behind on one frame.

    Attributes:
        features: ``(1, mem_dim, h, w)`` bfloat16 spatial memory.
        pointer: ``(1, C)`` object pointer.
        mask: ``(1, 1, 4h, 4w)`` float32 mask logits; -1024 everywhere when absent.
        iou: predicted IoU.
        object_score: logit, > 0 when present.
    """

    features: Tensor
    pointer: Tensor
    mask: Tensor
    iou: float
    object_score: float


@dataclass(frozen=True)
class Recall:
    """What a frame attends to, nearest last: ``(distance, features)`` and ``(distance, pointer)``; distance 0 of a feature is a prompt."""

    spatial: tuple[tuple[int, Tensor], ...]
    pointers: tuple[tuple[float, Tensor], ...]

    @property
    def signature(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Objects of equal signature can share one batch."""
        return tuple(d for d, _ in self.spatial), tuple(d for d, _ in self.pointers)


class MemoryBank:
    """Bounded memory of one object.

    ``prompted`` and ``corrected`` hold what a person answered, by frame, and are never evicted. A corrected frame counts as a
    tracked one, officially, not as a conditioning frame.

    Args:
        config: the model's configuration (how many memories and pointers it attends to).
        history: tracked frames kept a direction; at least what attention needs (``max_obj_ptrs - 1``). More lets a correction
            start at an older frame without tracking again from the prompt.
        max_prompted: attend only to so many prompted frames, the nearest; None for all, as officially in MedSAM2.
        selection: which tracked frames are recalled; None for all, as officially.
    """

    def __init__(
        self, config: SAM2Config, history: int = 16, max_prompted: int | None = None, selection: MemorySelection | None = None
    ) -> None:
        self.config = config
        self.history = max(history, config.max_obj_ptrs - 1, config.num_maskmem - 1)
        self.max_prompted = max_prompted
        self.selection = selection
        self.prompted: dict[int, ObjectMemory] = {}
        self.corrected: dict[int, ObjectMemory] = {}
        self._tracked: dict[bool, OrderedDict[int, ObjectMemory]] = {False: OrderedDict(), True: OrderedDict()}
        self._older: dict[bool, OrderedDict[int, ObjectMemory]] = {False: OrderedDict(), True: OrderedDict()}

    def remember_tracked(self, index: int, memory: ObjectMemory, reverse: bool) -> None:
        """Stores a tracked frame of one direction and forgets the oldest beyond ``history``, but for the last that were admitted."""
        tracked, older = self._tracked[reverse], self._older[reverse]
        tracked[index] = memory
        tracked.move_to_end(index)
        older.pop(index, None)
        while len(tracked) > self.history:
            at, oldest = tracked.popitem(last=False)
            if self.selection is not None and self.selection.admits(oldest.iou, oldest.object_score):
                older[at] = oldest
        while len(older) >= self.config.num_maskmem:
            older.popitem(last=False)

    def answered(self, index: int) -> ObjectMemory | None:
        """What a person said of frame ``index``: a correction, else a prompt, else None."""
        return self.corrected.get(index) or self.prompted.get(index)

    def at(self, index: int, reverse: bool) -> ObjectMemory | None:
        """What is known of frame ``index``: answered by a person, or tracked in the given direction."""
        return self.answered(index) or self._tracked[reverse].get(index)

    def forget_tracked(self, reverse: bool) -> None:
        """Empties one direction: the next pass starts from the prompts alone."""
        self._tracked[reverse].clear()
        self._older[reverse].clear()

    def copy(self) -> MemoryBank:
        """A bank that holds the same and changes by itself; memories are shared, they never change."""
        made = MemoryBank(self.config, self.history, self.max_prompted, self.selection)
        made.prompted, made.corrected = dict(self.prompted), dict(self.corrected)
        made._tracked = {reverse: OrderedDict(tracked) for reverse, tracked in self._tracked.items()}
        made._older = {reverse: OrderedDict(older) for reverse, older in self._older.items()}
        return made

    def settle(self, frames: Iterable[int], reverse: bool) -> None:
        """What was tracked on ``frames`` in one direction is remembered in the other, too."""
        for index in frames:
            memory = self._tracked[reverse].get(index)
            if memory is not None:
                self.remember_tracked(index, memory, not reverse)

    def recall(self, index: int, reverse: bool, length: int | None) -> Recall:
        """What frame ``index`` attends to when tracked in the given direction over a sequence of ``length`` frames (None: unknown)."""
        step = -1 if reverse else 1
        chosen, passed_over = self._choose_prompted(index)
        before = self._before(index, reverse, passed_over)
        spatial = [(0, memory.features) for memory in chosen.values()]
        for place, (_, memory) in reversed(list(enumerate(before[: self.config.num_maskmem - 1], start=1))):
            if memory is not None:
                spatial.append((place, memory.features))
        # Pointers look back only: a prompt ahead of the frame gives its memory but not its pointer.
        pointers = [(float(step * (index - at)), memory.pointer) for at, memory in chosen.items() if step * (index - at) >= 0]
        for distance, memory in before:
            if memory is not None and distance <= pointer_span(self.config, length):
                pointers.append((float(distance), memory.pointer))
        return Recall(tuple(spatial), tuple(pointers))

    def _before(self, index: int, reverse: bool, passed_over: Mapping[int, ObjectMemory]) -> list[tuple[int, ObjectMemory | None]]:
        """``(distance, memory)`` of the frames before ``index``, nearest first, that take a place among the recalled ones.

        The memory is None where nothing is known, and where a prompt stands for itself: what was tracked there before it is void.
        Without a selection these are all frames as far back as attention looks.
        """
        step, tracked = -1 if reverse else 1, self._tracked[reverse]
        void = dict.fromkeys(self.prompted)
        if self.selection is None:
            known: dict[int, ObjectMemory | None] = {**tracked, **self.corrected, **void, **passed_over}
            reach = max(self.config.num_maskmem, self.config.max_obj_ptrs)
            return [(distance, known.get(index - step * distance)) for distance in range(1, reach)]
        admitted = {at: memory for at, memory in tracked.items() if self.selection.admits(memory.iou, memory.object_score)}
        known = {**self._older[reverse], **admitted, **self.corrected, **void, **passed_over}
        before = ((step * (index - at), memory) for at, memory in known.items() if step * (index - at) > 0)
        return sorted(before, key=lambda one: one[0])

    def _choose_prompted(self, index: int) -> tuple[dict[int, ObjectMemory], dict[int, ObjectMemory]]:
        if self.max_prompted is None or len(self.prompted) <= self.max_prompted:
            return self.prompted, {}
        nearest = set(sorted(self.prompted, key=lambda at: (abs(at - index), at))[: self.max_prompted])
        chosen = {at: memory for at, memory in self.prompted.items() if at in nearest}
        return chosen, {at: memory for at, memory in self.prompted.items() if at not in nearest}


def pointer_span(config: SAM2Config, length: int | None) -> int:
    """How many frames back pointers are recalled, and the scale of their temporal encoding: min(length, 16) - 1."""
    return (config.max_obj_ptrs if length is None else min(length, config.max_obj_ptrs)) - 1


def store(features: Tensor) -> Tensor:
    """A memory as it is kept: detached bfloat16, as the official code keeps it."""
    return features.detach().to(torch.bfloat16)
