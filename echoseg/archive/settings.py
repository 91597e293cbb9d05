"""How every clip of an archive is processed, and what must stay the same for results to stand in one table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from echoseg.errors import ArchiveError, PromptError
from echoseg.options import Asking, Direction, Following, Measuring, MemorySelection, Method, Opening, Reader

_NOT_DECIDING = frozenset({"__main__.py", "cli", "serve", "annotate", "evaluation", "training", "simulate", "weights"})
"""Rooms that no worker enters. Every other one can change a number in the tables, a new one too; weights are told apart themselves."""

Keep = Literal["rows", "frames", "all"]
"""What a clip leaves behind: its rows; also its per-frame table; also masks, overlay and report."""
KEEPS: tuple[Keep, ...] = get_args(Keep)
"""The least first."""


@dataclass(frozen=True)
class Settings(Asking):
    """The settings of an archive run that can change a result: options of :func:`echoseg.run`.

    Attributes:
        prompt: an item's own comes first. ``tracings``, ``tracings:ES`` or ``tracings:all``: an item's own outlines, see
            :func:`echoseg.archive.source.open_archive`.
        model, weights, device, runtime: see :func:`echoseg.load_model`. ``weights`` are told apart by content, not by path.
        direction, memory_selection, method: see there.
        reader: what decodes video files; files of other kinds have their own.
    """

    direction: Direction = Following.direction
    memory_selection: MemorySelection | None = Following.memory_selection
    method: Method = Measuring.method
    reader: Reader | None = Opening.reader

    def config(self, fingerprint: Mapping[str, Any]) -> dict[str, Any]:
        """What is noted in the ledger: these settings, and code, weights and versions as a worker reports them."""
        from echoseg.prompting.parse import bare_prompt, prompt_file  # here: numpy and more come with them
        from echoseg.prompting.tracings import tracing_choice

        mine = {name: value for name, value in asdict(self).items() if name not in ("weights", "device", "runtime")}
        mine["reader"] = None if self.reader == "pyav" else self.reader  # the default, said or not
        if (which := tracing_choice(self.prompt)) is not None:
            mine["prompt"] = f"tracings:{which}"
        if (given := prompt_file(self.prompt)) is not None:
            mine |= {"prompt": bare_prompt(self.prompt), "prompt_sha256": _file_sha256(given[1])}
        return {**mine, **fingerprint}


def check_config(noted: Mapping[str, Any], config: Mapping[str, Any], where: str) -> None:
    """Raises ArchiveError, which names each difference, unless the two are the same."""
    changed = [name for name in sorted({*noted, *config}) if noted.get(name) != config.get(name)]
    if changed:
        told = "; ".join(f"{name} was {_short(noted.get(name))}, now {_short(config.get(name))}" for name in changed)
        raise ArchiveError(
            f"{where}: its results were computed differently ({told}), and are not mixed; use another --out, or --recompute to replace them"
        )


@cache
def code_sha256(package: Path | None = None) -> str:
    """Hex digest of the code and constants in ``package`` (default: echoseg's folder) that decide results, and of the weights that ship:
    those of the view classifier and of the model that finds names for others have a part in results beside the model's own."""
    digest, package = hashlib.sha256(), package or Path(str(files("echoseg")))
    paths = [path for kind in ("*.py", "*.json") for path in sorted(package.rglob(kind))]
    deciding = [path for path in paths if path.relative_to(package).parts[0] not in _NOT_DECIDING]
    for path in [*deciding, *sorted(package.glob("weights/*.safetensors"))]:
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _file_sha256(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise PromptError(f"{path}: the file of the prompt cannot be read ({error.strerror})") from error


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return f"{text[:12]}..." if len(text) == 64 else text
