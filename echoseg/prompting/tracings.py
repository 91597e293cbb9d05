"""A reader's tracings of the LV as prompts: ``tracings``, ``tracings:ES`` or ``tracings:all``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from echoseg.errors import PromptError
from echoseg.prompting.plan import Plan
from echoseg.types import BoolMask, MaskPrompt

Which = Literal["ED", "ES", "all"]


def tracing_choice(prompt: object) -> Which | None:
    """Which traced frames ``"tracings"`` (ED), ``"tracings:ES"`` or ``"tracings:all"`` asks for; None for a prompt of another kind.

    Raises:
        PromptError: ``tracings:`` and something else.
    """
    if not isinstance(prompt, str) or prompt.split(":", 1)[0].strip().lower() != "tracings":
        return None
    choice = prompt.partition(":")[2].strip() if ":" in prompt else "ED"
    found = {"ed": "ED", "es": "ES", "all": "all"}.get(choice.lower())
    if found is None:
        raise PromptError(f"cannot read the prompt {prompt!r}; give tracings (end-diastole), tracings:ES or tracings:all")
    return cast(Which, found)


def tracings_plan(traced: Mapping[int, BoolMask], which: Which = "ED") -> Plan:
    """The LV, object 1, given by its traced masks on the frames that ``which`` names.

    What is prompted is no longer a reference: by default one frame is given, the one with the largest cavity, and the others stay to
    compare with.

    Args:
        traced: ``{frame: (H, W)}``.
        which: ``ED`` (the largest cavity), ``ES`` (the smallest) or ``all``.

    Raises:
        PromptError: nothing was traced, or a tracing marks no pixel.
    """
    if not traced:
        raise PromptError("nothing was traced that could be a prompt")
    by_area = sorted(traced, key=lambda frame: int(traced[frame].sum()))
    frames = {"ED": by_area[-1:], "ES": by_area[:1], "all": sorted(traced)}[which]
    return Plan({1: {frame: [MaskPrompt(traced[frame])] for frame in frames}}, {1: "LV"})
