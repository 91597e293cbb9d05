"""``echoseg eval ef``: how well ejection fractions agree with a reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from echoseg.cli.console import messages, output

if TYPE_CHECKING:
    from echoseg.metrics.agreement import Agreement, Estimate

_LABELS = {
    "mae": ("mean absolute error", "points"),
    "rmse": ("root mean square error", "points"),
    "bias": ("bias (prediction less reference)", "points"),
    "sd": ("SD of the differences", "points"),
    "loa_low": ("95 % limit of agreement, lower", "points"),
    "loa_high": ("95 % limit of agreement, upper", "points"),
    "pearson_r": ("Pearson r", ""),
    "icc_2_1": ("ICC(2,1)", ""),
    "kappa": ("Cohen's kappa of the EF classes", ""),
    "kappa_linear": ("the same, weighted linearly", ""),
}


def ef(
    pred: Annotated[Path, typer.Argument(metavar="PRED.csv", help="A table with a row a case.")],
    ref: Annotated[Path, typer.Argument(metavar="REF.csv", help="The reference, likewise.")],
    key: Annotated[str, typer.Option(help="Column of the cases' names, by which the tables are joined.")] = "name",
    ref_key: Annotated[str | None, typer.Option(help="The same in REF  [default: as --key]")] = None,
    column: Annotated[str, typer.Option(help="Column of the ejection fractions in percent.")] = "ef",
    ref_column: Annotated[str | None, typer.Option(help="The same in REF  [default: as --column]")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Column of REF that says whom a case comes from; cases of one subject are resampled together.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for tables, Bland-Altman and scatter plot.")] = None,
) -> None:
    """Agreement of ejection fractions: errors, Bland-Altman, correlation, ICC, EF classes, with 95 % bootstrap intervals."""
    from echoseg.evaluation.ef_tables import paired_values
    from echoseg.metrics.agreement import ef_agreement

    paired = paired_values(
        pred, ref, key=key, reference_key=ref_key, column=column, reference_column=ref_column, subject=subject
    )  # fmt: skip
    for names, what in (
        (paired.unpredicted, "in the reference have no prediction"),
        (paired.unreferenced, "in the prediction have no reference"),
        (paired.empty, "have no value in one of the tables"),
    ):
        if names:
            messages().print(f"{len(names)} cases {what}, such as {names[0]}", markup=False, soft_wrap=True)
    agreement = ef_agreement(paired.predicted, paired.reference, paired.subjects)
    output().print(statistics_table(agreement))
    output().print(confusion_table(agreement))
    if out is not None:
        from echoseg.evaluation.agreement_files import write_agreement

        for path in write_agreement(out, agreement, paired):
            output().print(str(path), markup=False, soft_wrap=True)


def statistics_table(agreement: Agreement) -> Table:
    """A row a statistic, with its interval."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption_justify="left")
    table.caption = f"{len(agreement.predicted)} cases of {agreement.subjects} subjects; 95 % bootstrap intervals, subjects resampled"
    for name in ("", "value", "95 % interval"):
        table.add_column(name, justify="left" if not name else "right")
    for name, (label, unit) in _LABELS.items():
        found = agreement.statistics[name]
        decimals = 2 if unit else 3
        table.add_row(label, f"{found.value:.{decimals}f} {unit}".rstrip(), _interval(found, decimals))
    return table


def _interval(found: Estimate, decimals: int) -> str:
    return "" if found.low != found.low else f"{found.low:.{decimals}f} to {found.high:.{decimals}f}"


def confusion_table(agreement: Agreement) -> Table:
    """How often a class was taken for another."""
    from echoseg.metrics.agreement import EF_CLASSES

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption="rows: reference, columns: prediction", caption_justify="left")
    for name in ("EF class", *EF_CLASSES):
        table.add_column(name, justify="left" if name == "EF class" else "right")
    for name, row in zip(EF_CLASSES, agreement.confusion.tolist(), strict=True):
        table.add_row(name, *map(str, row))
    return table
