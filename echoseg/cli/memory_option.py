"""The option ``--memory-selection``, worded and read once for every command that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from echoseg.errors import ModelConfigError

if TYPE_CHECKING:
    from echoseg.tracking import MemorySelection

METAVAR = "IOU[,SCORE]"
MEMORY_HELP = (
    "Remember only tracked frames whose predicted IoU (0..1) is at least IOU and whose object score is above SCORE (default 0)  "
    "[default: the last frames, however good]"
)


def parse_memory_selection(text: str, option: str = "--memory-selection") -> MemorySelection:
    """``IOU[,SCORE]``, such as ``0.6`` or ``0.6,-1``, the value of ``option``.

    Raises:
        typer.BadParameter: anything else.
    """
    from echoseg.tracking import MemorySelection

    try:
        iou, *score = (float(part) for part in text.split(","))
        return MemorySelection(iou, *score)
    except (ValueError, TypeError, ModelConfigError) as error:
        reason = f": {error}" if isinstance(error, ModelConfigError) else ""
        raise typer.BadParameter(f"{text!r} is not {METAVAR}, such as 0.6 or 0.6,0{reason}", param_hint=option) from error
