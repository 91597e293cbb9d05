"""Cases with truth for a study of rounds, of one structure each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from echoseg.datasets.camus import find_views
from echoseg.datasets.case import Case
from echoseg.datasets.folders import folder_pairs
from echoseg.errors import SourceError

CAMUS_STRUCTURE = "LV"
Layout = Literal["camus", "folders"]


def study_cases(root: Path, layout: Layout, label: int | None, count: int | None) -> tuple[list[Case], str]:
    """The cases of the first ``count`` patients that show the structure, and its name.

    Args:
        layout: ``camus``: the LV of both views, a clip of ED and ES. ``folders``: ``label`` of ``images/`` and ``masks/``; files
            ``NAME_frame01`` and ``NAME_frame12`` are one patient's.

    Raises:
        SourceError: nothing there, or no label was named.
    """
    if layout == "camus":
        names = sorted(path.name for path in root.glob("patient*") if path.is_dir())[:count]
        return [view.read() for view in find_views(root, names)], CAMUS_STRUCTURE
    if label is None:
        raise SourceError(f"{root}: say by --label which number of the masks is labelled")
    name = str(label)
    found: dict[str, list[Case]] = {}
    for case in folder_pairs(root):
        if label in case.names:
            subject = case.name.split("_frame")[0]
            found.setdefault(subject, []).append(replace(case, subject=subject, names={label: name}))
        if count is not None and len(found) > count:
            break
    return [case for subject in list(found)[:count] for case in found[subject]], name


def patients_of(cases: Sequence[Case]) -> int:
    """How many patients the cases come from."""
    return len({case.subject for case in cases})
