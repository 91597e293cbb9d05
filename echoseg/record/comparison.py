"""Results beside earlier ones of the same patient: what changed, and what a change of that size means.

Nothing in a result names the patient: that both are one is the user's word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from echoseg.cardiac.thresholds import EF_CHANGE
from echoseg.errors import MeasureError, SourceError
from echoseg.record.documents import ChangeEntry, EarlierEntry, Measurements, StudyRecord
from echoseg.record.measures import MEASURES

OTHER_METHOD = "measured by another method: not comparable"
WITHIN = f"less than the {EF_CHANGE:.0f} points by which EF by 2D echo varies: no change is shown"
BEYOND = f"{EF_CHANGE:.0f} points or more, beyond what EF by 2D echo varies by: look at both examinations"
_KINDS = {Measurements.identifier(): "a clip", StudyRecord.identifier(): "a study"}


def earlier_records(path: str | Path) -> tuple[dict[str, Any], ...]:
    """The results at ``path``: a measurements.json or study.json, or the folder that holds one, or whose folders do; studies first.

    Raises:
        SourceError: there are none.
    """
    path = Path(path)
    files = (
        [path]
        if path.is_file()
        else [*sorted(path.glob("study*.json")), path / "measurements.json", *sorted(path.glob("*/measurements.json"))]
    )
    found = tuple(record for file in files for record in _record(file))
    if not found:
        raise SourceError(f"{path}: no results of echoseg are there; give a result folder, a measurements.json or a study.json")
    return found


def compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> EarlierEntry:
    """What changed from ``old`` to ``new``, both the content of a measurements.json or both that of a study.json.

    Only measures that both know are compared. An EF is held against :data:`echoseg.cardiac.thresholds.EF_CHANGE`; of other measures
    nothing is said but the numbers.

    Raises:
        MeasureError: one is of a clip and one of a study, they are of different views, or of persons of different sex.
    """
    if old["schema"] != new["schema"]:
        raise MeasureError(f"the earlier results are of {_KINDS[old['schema']]}, these of {_KINDS[new['schema']]}: give two alike")
    shown, showing = view_of(old), view_of(new)
    if shown != showing:
        raise MeasureError(f"the earlier clip shows {shown}, this one {showing}: give two of one view")
    sexes = {record["subject"]["sex"] for record in (old, new)} - {None}
    if len(sexes) > 1:
        raise MeasureError("the earlier results are of a person of another sex: give those of one patient")
    changes = {}
    for key, after in new["measures"].items():
        before = old["measures"].get(key)
        if key in MEASURES and before is not None and before["value"] is not None and after["value"] is not None:
            changes[key] = _change(key, before, after)
    created = old["provenance"]["created"]
    return EarlierEntry(created=created, date=old.get("exam", {}).get("date"), changes=changes)


def with_earlier(new: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``new`` beside the first of ``earlier`` that is of the same kind and view; as it is where there is none.

    Raises:
        MeasureError: that one is of a person of another sex.
    """
    like = next((old for old in earlier if alike(old, new)), None)
    return dict(new) if like is None else {**new, "earlier": compared(like, new).model_dump(mode="json")}


def alike(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether both are of a clip of one view, or both of a study."""
    return bool(old["schema"] == new["schema"]) and view_of(old) == view_of(new)


def _change(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> ChangeEntry:
    change = round(after["value"] - before["value"], MEASURES[key].decimals)
    comparable = before["method"] == after["method"]
    of_ef = None if key != "ef" else BEYOND if abs(change) >= EF_CHANGE else WITHIN
    meaning = of_ef if comparable else OTHER_METHOD
    return ChangeEntry(old=before["value"], new=after["value"], change=change, unit=after["unit"], comparable=comparable, meaning=meaning)


def view_of(record: Mapping[str, Any]) -> str | None:
    """The view of a clip's record; None for a study, and for a clip of unknown view."""
    view: str | None = record["source"]["view"] if "source" in record else None
    return view


def _record(path: Path) -> Iterator[dict[str, Any]]:
    """The record in ``path``, if it holds one that this version knows."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(record, dict) and record.get("schema") in _KINDS and {"measures", "subject", "provenance"} <= record.keys():
        yield record
