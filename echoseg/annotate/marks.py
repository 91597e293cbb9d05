"""What a person marks besides masks: phases of beats, mitral points and apex, and the slices at which an object ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echoseg.errors import PromptError


def check_marks(marks: Mapping[str, Any], frames: int, size: tuple[int, int]) -> None:
    """Passes where every mark lies within the frames and the image of ``size`` ``(H, W)``.

    Raises:
        PromptError: one does not, end-systole is end-diastole, two beats begin on one frame, or an object ends before it begins.
    """
    beats = marks.get("beats") or ()
    for beat in beats:
        _frame(beat["ed"], frames)
        _frame(beat["es"], frames)
        if beat["ed"] == beat["es"]:
            raise PromptError(f"frame {beat['ed']} cannot be both end-diastole and end-systole")
    if len({beat["ed"] for beat in beats}) < len(beats):
        raise PromptError("two beats begin on the same end-diastolic frame")
    for frame, points in (marks.get("landmarks") or {}).items():
        _frame(int(frame), frames)
        for x, y in [*(points.get("mitral") or ()), *([points["apex"]] if points.get("apex") else [])]:
            if not (0 <= x <= size[1] and 0 <= y <= size[0]):
                raise PromptError(f"({x:g}, {y:g}) lies outside the {size[1]} x {size[0]} image")
    for number, (first, last) in (marks.get("stops") or {}).items():
        _frame(first, frames)
        _frame(last, frames)
        if last < first:
            raise PromptError(f"object {number} cannot end on slice {last}, before it begins on {first}")


def _frame(index: int, frames: int) -> None:
    if not 0 <= index < frames:
        raise PromptError(f"there is no frame {index}: there are {frames}")
