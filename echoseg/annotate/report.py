"""What rounds cost and saved, as rounds.html, items.parquet, items.csv and rounds.csv: the same files for a project and for a study."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jinja2 import Environment

from echoseg.annotate.cost import item_cost
from echoseg.annotate.project import Project
from echoseg.annotate.rounds import in_rounds, patient_of, rounds_of
from echoseg.annotate.savings import RoundSum, Row, paired_saving, round_sums
from echoseg.annotate.simulated import CostModel
from echoseg.errors import OutputError
from echoseg.io.atomic import atomic_path
from echoseg.metrics.agreement import Estimate

_HEAD = ("round", "items", "patients", "frames", "s a frame", "saved", "correction s a frame", "of it saved", "untouched", "clicks an item",
         "Dice", "EF error, points")  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table of the page: cells are text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def project_rows(project: Project) -> list[Row]:
    """One row a decided item of a project that people work on, in seconds of their own. Unknown (NaN): Dice, EF error, and of the
    seconds those of correction alone."""
    rows = []
    for key, number in in_rounds(project).items():
        cost = item_cost(key, project.log.of(key))
        rows.append(
            Row(
                "project", number, key, patient_of(project, key), cost.frames, cost.active_s, float("nan"),
                cost.clicks, cost.boxes, cost.drawn, cost.touched, cost.undos, cost.untouched,
            )
        )  # fmt: skip
    return rows


def project_tables(project: Project, base_rate: float) -> tuple[list[Row], list[RoundSum], list[Table], list[str]]:
    """Rows, sums, tables and notes of a project. ``base_rate``: seconds of a frame traced by hand."""
    rows = project_rows(project)
    sums = round_sums(rows, base_rate)
    made = [
        [str(each.number), str(len(each.learned)), str(len(each.held)), f"{each.before:.3f}", f"{each.after:.3f}",
         "taken" if each.accepted else "refused", each.sha256[:12]]
        for each in rounds_of(project)
    ]  # fmt: skip
    notes = [
        "Seconds are those at work, by the event log: a pause counts 30 s at most, a hidden tab nothing.",
        f"Saved: 1 - seconds a frame / {base_rate:g} s, the assumed time to trace a frame by hand.",
        "In brackets: 95 % bootstrap intervals over patients.",
    ]
    weights = Table("Weights", ("round", "learned from", "judged by", "Dice before", "after", "", "sha256"), made)
    return rows, sums, [*sum_tables(sums), weights], notes


def study_tables(rows: Sequence[Row], other_prices: Mapping[str, Sequence[Row]], by_outline: Mapping[float, Sequence[Row]]) -> list[Table]:
    """The tables of a study.

    Args:
        rows: at the prices of the study.
        other_prices: the same work with one constant changed, by what was changed. ``by_outline``: with another price of an outline.
    """
    tables = list(sum_tables(round_sums(rows)))
    last = max((row.round for row in rows), default=0)
    compared = []
    for number in range(1, last + 1):
        tuned, untuned = ([row for row in rows if row.arm == arm and row.round == number] for arm in ("tuned", "untuned"))
        for what, of in (("seconds", lambda row: row.seconds), ("correction", lambda row: row.correction)):
            compared.append([str(number), what, percent(paired_saving(tuned, untuned, of))])
    tables.append(Table("Fine-tuning against none, same items", ("round", "of", "saved"), compared))
    varied = [
        [what, *(percent(each.saving) for each in round_sums(priced) if each.round == last)]
        for what, priced in [*((f"outline {seconds:g} s", priced) for seconds, priced in by_outline.items()), *other_prices.items()]
    ]
    arms = sorted({row.arm for row in rows})
    tables.append(Table(f"Saved in round {last} at other prices", ("changed", *arms), varied))
    return tables


def sum_tables(sums: Sequence[RoundSum]) -> list[Table]:
    """One table an arm."""
    arms = dict.fromkeys(each.arm for each in sums)
    return [Table(f"Rounds: {arm}", _HEAD, [_line(each) for each in sums if each.arm == arm]) for arm in arms]


def prices(costs: CostModel) -> str:
    """The constants in words."""
    return ", ".join(f"{name} {value:g} s" for name, value in asdict(costs).items())


def write_report(
    folder: Path, title: str, rows: Sequence[Row], sums: Sequence[RoundSum], tables: Sequence[Table], notes: Sequence[str]
) -> list[Path]:
    """Writes rounds.html, items.csv, items.parquet and rounds.csv; each appears complete or not at all.

    Raises:
        OutputError: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the report cannot be written to {folder}: {error.strerror}; choose another --out") from error
    page = Environment(autoescape=True).from_string(files(__package__).joinpath("rounds.html").read_text(encoding="utf-8"))
    paths = [folder / name for name in ("rounds.html", "items.csv", "items.parquet", "rounds.csv")]
    with atomic_path(paths[0]) as path:
        path.write_text(page.render(title=title, tables=tables, notes=notes), encoding="utf-8")
    names = [one.name for one in fields(Row)]
    _csv(paths[1], names, [astuple(row) for row in rows])
    with atomic_path(paths[2]) as path:
        pq.write_table(pa.Table.from_pylist([_known(asdict(row)) for row in rows], schema=_SCHEMA), path)
    values = [one.name for one in fields(RoundSum) if one.name not in ("arm", "round", "items", "patients", "frames")]
    flat = [f"{name}{end}" for name in values for end in ("", "_low", "_high")]
    _csv(
        paths[3],
        ["arm", "round", "items", "patients", "frames", *flat],
        [
            [
                each.arm,
                each.round,
                each.items,
                each.patients,
                each.frames,
                *(part for name in values for part in astuple(getattr(each, name))),
            ]
            for each in sums
        ],
    )
    return paths


_TYPES = {"str": pa.string(), "int": pa.int64(), "float": pa.float64()}
_SCHEMA = pa.schema([(one.name, _TYPES[str(one.type)]) for one in fields(Row)])


def percent(value: Estimate) -> str:
    """A share with its interval, in percent."""
    return _text(Estimate(100 * value.value, 100 * value.low, 100 * value.high), 1, " %")


def _line(each: RoundSum) -> list[str]:
    return [
        str(each.round), str(each.items), str(each.patients), str(each.frames),
        _text(each.seconds, 1), percent(each.saving), _text(each.correction, 1), percent(each.correction_saving),
        percent(each.untouched), _text(each.clicks, 1), _text(each.dice, 3), _text(each.ef_error, 1),
    ]  # fmt: skip


def _text(value: Estimate, decimals: int, unit: str = "") -> str:
    if not np.isfinite(value.value):
        return "unknown"
    told = f"{value.value:.{decimals}f}{unit}"
    return told if not np.isfinite(value.low) else f"{told} [{value.low:.{decimals}f}, {value.high:.{decimals}f}]"


def _known(row: Mapping[str, object]) -> dict[str, object]:
    return {name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in row.items()}


def _csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            cells = [
                ("" if isinstance(cell, float) and not np.isfinite(cell) else f"{cell:.6g}" if isinstance(cell, float) else cell)
                for cell in row
            ]
            writer.writerow(cells)
