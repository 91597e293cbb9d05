"""Prompts that name a file (a mask, a segmentation, RECIST lines, prompts in JSON), as a manifest may have one for each clip."""

from __future__ import annotations

import os
import re

_NAMES_FILE = re.compile(r"(mask:|recist:|recist-points:)(.+?)(@\d+)?")


def prompt_file(prompt: str) -> tuple[str, str, str] | None:
    """What stands before the name of a file in a prompt, the name, and what stands behind it; None for a prompt without a file."""
    if prompt.lower().endswith(".json"):
        return "", prompt, ""
    match = _NAMES_FILE.fullmatch(prompt)
    if match is None or (match[1] != "mask:" and not match[2].lower().endswith(".npz")):  # else the ends of a line
        return None
    return match[1], match[2], match[3] or ""


def located_prompt(prompt: str, folder: str | os.PathLike[str]) -> str:
    """The prompt with its file, where it names one, taken relative to ``folder``."""
    found = prompt_file(prompt)
    return prompt if found is None else f"{found[0]}{os.path.join(folder, found[1])}{found[2]}"


def bare_prompt(prompt: str) -> str:
    """The prompt with its file, where it names one, without a folder: what it says wherever the archive lies."""
    found = prompt_file(prompt)
    return prompt if found is None else f"{found[0]}{os.path.basename(found[1])}{found[2]}"
