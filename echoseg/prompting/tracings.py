"""A reader's tracings of the LV as prompts: ``tracings``, ``tracings:ES`` or ``tracings:all``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from echoseg.datasets.echonet import is_traced_folder
from echoseg.errors import PromptError
from echoseg.prompting.parse import parse_prompt
from echoseg.prompting.plan import Plan, auto_structures
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


def checked_prompt(text: str, inputs: Sequence[str], frame_index: int | None = None) -> str | Plan:
    """The prompt for all ``inputs`` as :func:`~echoseg.prompting.parse.parse_prompt` reads it; tracings stay the text they are.

    Raises:
        PromptError: not a prompt, tracings for an input that has none, or with a frame of its own beside those that are traced, or one
            box, click or mask for all videos of a folder.
    """
    traced = [is_traced_folder(Path(given)) for given in inputs]
    if tracing_choice(text) is not None:
        if not all(traced):
            other = inputs[traced.index(False)]
            raise PromptError(f"{other}: tracings are the prompt for a folder with FileList.csv, VolumeTracings.csv and Videos/ only")
        if frame_index is not None:
            raise PromptError(f"tracings name their frames themselves; leave the frame {frame_index} out")
        return text
    if any(traced) and auto_structures(text) is None:
        raise PromptError(f"{inputs[traced.index(True)]}: videos of a traced folder are prompted by auto or by tracings, not by {text!r}")
    return parse_prompt(text, frame_index)


def tracings_plan(traced: Mapping[int, BoolMask], which: Which = "ED", where: str = "the clip") -> Plan:
    """The LV, object 1, given by its traced masks on the frames that ``which`` names.

    What is prompted is no longer a reference: by default one frame is given, the one with the largest cavity, and the others stay to
    compare with.

    Args:
        traced: ``{frame: (H, W)}``.
        which: ``ED`` (the largest cavity), ``ES`` (the smallest) or ``all``.
        where: what was traced, for an error.

    Raises:
        PromptError: nothing was traced, or a tracing marks no pixel.
    """
    if not traced:
        raise PromptError(f"{where}: there is no tracing of it to prompt with; --prompt auto needs none")
    by_area = sorted(traced, key=lambda frame: int(traced[frame].sum()))
    frames = {"ED": by_area[-1:], "ES": by_area[:1], "all": sorted(traced)}[which]
    return Plan({1: {frame: [MaskPrompt(traced[frame])] for frame in frames}}, {1: "LV"})
