"""What ``--overwrite`` did not replace, and what it left out of date: said on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from echoseg.cli.console import messages

if TYPE_CHECKING:
    from echoseg.results import RunResult
    from echoseg.study import StudyResult


def say_if_not_replaced(result: RunResult) -> None:
    """Says why results are in a folder with a number although earlier ones may be overwritten."""
    directory, name = result.directory, result.measurements["source"]["name"]
    if directory.name != name:
        kept = f"{directory.parent / name} holds an input, results of this call, or what is no earlier result of that name"
        _say(f"results are in {directory}: {kept}, and --overwrite leaves it as it is")


def say_outdated(out: Path, written: Sequence[Path], study: StudyResult | None) -> None:
    """Names the studies in ``out`` whose clips have new results.

    Args:
        out: the folder of studies and results.
        written: folders of results of this call.
        study: that this call wrote, which is up to date.
    """
    from echoseg.study import outdated_studies

    renewed = None if study is None else study.files["study.json"]
    for path, folders in outdated_studies(out, written).items():
        if path != renewed:
            again = f"give all its clips ({', '.join(folders)}) in one call with --overwrite, or delete it"
            _say(f"{path} is out of date, with its page and picture: results that it was made of have been replaced. To renew it, {again}")


def _say(text: str) -> None:
    messages().print(text, markup=False, soft_wrap=True)
