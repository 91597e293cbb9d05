"""What an archive consists of: one clip, and what its source says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal


@dataclass(frozen=True)
class Item:
    """One clip of an archive.

    Attributes:
        path: relative to the source's root, with ``/``; or as a manifest gives it. It names the item.
        study, patient: pseudonyms, or None.
        view: ``A4C`` or ``A2C``, when known before the clip is opened.
        sex: ``M`` or ``F``. ``height_cm``, ``weight_kg``, ``age_years``: of the subject.
        prompt: as on the command line, for this clip alone.
        row_mm, col_mm: pixel spacing in place of what the file says. ``fps``: frames per second, likewise.
        kind: ``clip`` where the file could also be read as a volume.
        ef_truth: a reader's ejection fraction in percent, to compare with; never used for a result.
        outlines: a reader's tracings of the LV, where they are the prompt: ``{frame: [[x, y], ...]}``, frames as text (these are JSON
            values); see :data:`echoseg.datasets.echonet.Outline`.
        fault: what is wrong with what the source says of it; such an item fails.
        stamp: size and time of its file when it was found, see :mod:`echoseg.archive.stamp`; of an address None.
        left_out: why it is no clip to be worked on; such an item is counted and listed, and that is all.
    """

    path: str
    study: str | None = None
    patient: str | None = None
    view: str | None = None
    sex: Literal["M", "F"] | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    age_years: float | None = None
    prompt: str | None = None
    row_mm: float | None = None
    col_mm: float | None = None
    fps: float | None = None
    kind: Literal["clip"] | None = None
    ef_truth: float | None = None
    outlines: Mapping[str, Sequence[Sequence[float]]] | None = None
    fault: str | None = None
    stamp: str | None = field(default=None, compare=False)
    left_out: str | None = None

    def facts(self) -> str:
        """Everything but the path as JSON, without what is unknown."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "path" and value is not None}, sort_keys=True)

    def choices(self) -> dict[str, Any]:
        """Those facts that a result depends on."""
        return {name: value for name in _CHOICES if (value := getattr(self, name)) is not None}

    @staticmethod
    def from_facts(path: str, facts: str) -> Item:
        """The item of which ``facts`` came from :meth:`facts`."""
        return Item(path, **json.loads(facts))


_CHOICES = ("view", "sex", "height_cm", "weight_kg", "age_years", "prompt", "row_mm", "col_mm", "fps", "kind", "outlines")
FACTS = tuple(one.name for one in fields(Item) if one.name not in ("path", "outlines", "fault", "stamp", "left_out"))
"""What a manifest may say of an item."""
