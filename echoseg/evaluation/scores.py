"""The result of an evaluation: one score a case, setting and structure; their summary; both as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from echoseg.errors import OutputError
from echoseg.io.atomic import atomic_path
from echoseg.metrics.bootstrap import Mean, mean_interval


@dataclass(frozen=True)
class Score:
    """The measures of one structure in one case.

    Attributes:
        case: name of the image, clip or volume.
        subject: whom it comes from; intervals resample subjects.
        setting: how the prediction was made, such as ``box`` or ``auto``.
        label: the structure.
        measures: by name; NaN where there was nothing to measure.
    """

    case: str
    subject: str
    setting: str
    label: str
    measures: Mapping[str, float]


@dataclass(frozen=True)
class Summary:
    """The means of one structure in one setting, over all cases that have it."""

    setting: str
    label: str
    means: Mapping[str, Mean]


def summarise(scores: Sequence[Score]) -> list[Summary]:
    """One summary a setting and label, in the order in which they first appear."""
    groups: dict[tuple[str, str], list[Score]] = {}
    for score in scores:
        groups.setdefault((score.setting, score.label), []).append(score)
    out = []
    for (setting, label), members in groups.items():
        means = {
            name: mean_interval([m.measures.get(name, np.nan) for m in members], [m.subject for m in members])
            for name in measure_names(members)
        }
        out.append(Summary(setting, label, {name: mean for name, mean in means.items() if mean.cases}))
    return out


def measure_names(scores: Iterable[Score]) -> list[str]:
    """The names of all measures, in the order in which they first appear."""
    return list(dict.fromkeys(name for score in scores for name in score.measures))


def write_tables(folder: Path, scores: Sequence[Score], together: Sequence[Score] = ()) -> list[Path]:
    """Writes ``cases.csv`` and ``summary.csv`` into ``folder``, made when missing; returns their paths.

    Args:
        folder: where.
        scores: one row each in ``cases.csv``, one row a setting, label and measure in ``summary.csv``.
        together: the same cases under the name of a larger group; in ``summary.csv`` alone, first.

    Raises:
        OutputError: the folder or a file cannot be written.
    """
    make_folder(folder)
    names = measure_names(scores)
    cases = [[s.case, s.subject, s.setting, s.label, *(_text(s.measures.get(name, np.nan)) for name in names)] for s in scores]
    summary = [
        [s.setting, s.label, name, _text(mean.value), _text(mean.low), _text(mean.high), str(mean.cases), str(mean.subjects)]
        for s in summarise([*together, *scores])
        for name, mean in s.means.items()
    ]
    write_csv(folder / "cases.csv", ["case", "subject", "setting", "label", *names], cases)
    write_csv(folder / "summary.csv", ["setting", "label", "measure", "mean", "low", "high", "cases", "subjects"], summary)
    return [folder / "cases.csv", folder / "summary.csv"]


def make_folder(folder: Path) -> None:
    """Makes ``folder`` and those above it where they are missing.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"results cannot be written to {folder}: {error.strerror}; choose another --out") from error


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """UTF-8 with ``\\n`` line ends; complete or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _text(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""
