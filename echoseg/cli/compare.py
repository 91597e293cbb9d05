"""``echoseg compare``: results beside earlier ones of the same patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from echoseg.cli.console import note, output
from echoseg.errors import MeasureError
from echoseg.record.measures import MEASURES

if TYPE_CHECKING:
    from echoseg.record.documents import EarlierEntry

_RESULTS = "Its folder, measurements.json or study.json."


def compare(
    old: Annotated[Path, typer.Argument(help=f"The earlier result. {_RESULTS}")],
    new: Annotated[Path, typer.Argument(help=f"The later one. {_RESULTS}")],
) -> None:
    """Say what changed from OLD to NEW, two results of one patient: clips of one view, or studies.

    That both are of one patient nobody checks: results do not name whom they are of. EF by 2D echo varies by about 10 points between
    examinations and readers; a smaller change shows nothing. The same comparison stands on the page of `echoseg run --earlier OLD`.
    """
    from echoseg.record.comparison import alike, compared, earlier_records

    before, after = earlier_records(old), earlier_records(new)
    pairs = [(first, second) for second in after for first in before if alike(first, second)]
    if not pairs:  # the reason is that of the first two
        compared(before[0], after[0])
        raise MeasureError(f"{old} and {new} hold no two results that can be compared")
    for first, second in pairs:
        output().print(_table(_name(second), compared(first, second)))
        if first["provenance"]["model"] != second["provenance"]["model"]:
            note(f"{_name(second)}: the two were segmented by different models or weights")


def _name(record: dict[str, Any]) -> str:
    return f"{record['source']['name']} ({record['source']['view'] or 'no view'})" if "source" in record else "study, biplane"


def _table(name: str, changes: EarlierEntry) -> Table:
    table = Table(title=name, title_justify="left")
    for heading in ("measure", "old", "new", "change"):
        table.add_column(heading, justify="left" if heading == "measure" else "right")
    table.add_column("what it means")
    for key, one in changes.changes.items():
        label, digits = MEASURES[key].label, MEASURES[key].decimals
        numbers = (
            f"{one.old:.{digits}f}",
            f"{one.new:.{digits}f}",
            f"{one.change:+.{digits}f} {'' if one.unit == '1' else one.unit}".strip(),
        )
        table.add_row(label, *numbers, one.meaning or "")
    return table
