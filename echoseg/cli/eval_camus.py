"""``echoseg eval camus``: every figure that is quoted of CAMUS patients, by one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from echoseg.cli.console import output
from echoseg.cli.eval_study import load
from echoseg.cli.options import takes
from echoseg.cli.progress import job_progress


@takes("model", "weights", "device")
def camus(
    root: Annotated[Path, typer.Argument(help="A folder of CAMUS patients, as released (mhd or NIfTI).")],
    out: Annotated[Path | None, typer.Option(help="Folder for cases.csv and table.csv.")] = None,
    **asked: Any,
) -> None:
    """Accuracy on patients: stills and ED/ES clips by box and by name, EF of one plane and of two, the view."""
    from echoseg.evaluation.camus_table import camus_lines, camus_scores, write_camus

    loaded = load(**asked)
    with job_progress("CAMUS", "views") as report:
        scores = list(camus_scores(root, loaded, report))
    lines = camus_lines(scores)
    table = Table("what", "value [95 % interval]", "n", "patients", box=box.SIMPLE_HEAD)
    for line in lines:
        values = "; ".join(
            f"{'' if name == 'mean' else name + ' '}{v:.3f} [{low:.3f}, {high:.3f}]" for name, (v, low, high) in line.values.items()
        )
        table.add_row(line.what, values, str(line.cases), str(line.patients))
    output().print(table)
    if out is not None:
        for path in write_camus(out, scores, lines):
            output().print(str(path), markup=False, soft_wrap=True)
