"""``echoseg eval rounds``: what annotation in rounds saves, by a simulated annotator on data with truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from echoseg.cli.console import note, output
from echoseg.cli.options import takes

OUTLINES = (79.0, 30.0)
"""Other prices of a traced outline, seconds."""


@takes("model", "weights", "device")
def rounds(
    root: Annotated[Path, typer.Argument(help="The pool: CAMUS patients, or a folder with images/ and masks/.")],
    out: Annotated[Path, typer.Option(help="Folder of the study; one that was killed goes on.")],
    held: Annotated[Path | None, typer.Option(help="Patients that are only reported, in the same layout.")] = None,
    layout: Annotated[Literal["camus", "folders"], typer.Option(help="How both lie on the disk.")] = "camus",
    label: Annotated[int | None, typer.Option(help="Of folders: the number of the one structure that is labelled.")] = None,
    sizes: Annotated[str, typer.Option(help="Patients of round 0 (traced by hand), 1, 2, ...")] = "20,50,100,200",
    persona: Annotated[Literal["ideal", "noisy", "hasty"], typer.Option(help="Who annotates.")] = "noisy",
    arms: Annotated[str, typer.Option(help="Of tuned, untuned (the items of tuned, if it runs) and random.")] = "tuned,untuned,random",
    stills: Annotated[int, typer.Option(min=1, help="Steps of a round on single frames.")] = 100,
    clips: Annotated[int, typer.Option(min=0, help="Steps of a round on stretches of frames.")] = 40,
    frozen: Annotated[bool, typer.Option("--frozen", help="Leave the image encoder as it is.")] = False,
    held_out: Annotated[float, typer.Option(min=0.01, max=0.5, help="Share of a round's patients that it is judged by.")] = 0.1,
    licence: Annotated[str, typer.Option(help="Of the pictures; the weights that are made carry it.")] = "",
    citation: Annotated[str, typer.Option(help="What is to be cited for the pictures.")] = "",
    count: Annotated[int | None, typer.Option(min=1, help="At most so many patients of the pool, and a fifth as many of HELD.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    **asked: Any,
) -> None:
    """Label in rounds by a simulated annotator at the same desk as people; print what each round saved beside Dice and EF error."""
    from echoseg.annotate.learning import Recipe
    from echoseg.annotate.report import prices, study_tables, write_report
    from echoseg.annotate.savings import round_sums
    from echoseg.annotate.settings import ProjectSettings
    from echoseg.annotate.simulated import PERSONAS, CostModel
    from echoseg.annotate.study import ARMS, Arm, StudyPlan, priced, reported_table, run_study
    from echoseg.annotate.study_data import patients_of, study_cases

    chosen: list[Arm] = [arm for arm in ARMS if arm in arms.split(",")]
    if set(arms.split(",")) != set(chosen):
        raise typer.BadParameter(f"{arms!r}: some of {', '.join(ARMS)}", param_hint="--arms")
    try:
        patients = [int(part) for part in sizes.split(",")]
    except ValueError as error:
        raise typer.BadParameter("numbers with commas between them, such as 20,50,100", param_hint="--sizes") from error
    cases, structure = study_cases(root, layout, label, count)
    shown = [] if held is None else study_cases(held, layout, label, None if count is None else max(1, count // 5))[0]
    if sum(patients) > patients_of(cases):
        raise typer.BadParameter(f"the rounds ask for {sum(patients)} patients, the pool has {patients_of(cases)}", param_hint="--sizes")
    settings = ProjectSettings(
        inputs=("pool",), model=asked["model"], weights=asked["weights"], structure=structure, licence=licence, citation=citation,
        seed=seed, held_out=held_out,
    )  # fmt: skip
    costs = CostModel()
    plan = StudyPlan(settings, patients, PERSONAS[persona], costs, Recipe(stills, clips, frozen=frozen), asked["device"])
    running, rows, reports = run_study(plan, cases, shown, out, chosen, note)
    others = {what: priced(running, other) for what, other in costs.varied(0.5).items()}
    by_outline = {seconds: priced(running, CostModel(outline=seconds)) for seconds in OUTLINES}
    tables = [*study_tables(rows, others, by_outline), reported_table(reports)]
    notes = [
        f"Simulated annotator {persona!r}, {structure}, {asked['model']}; patients of the rounds: {sizes}; {stills} + {clips} steps a round"
        f"{', encoder frozen' if frozen else ''}.",
        f"Prices: {prices(costs)}. Published: box, outline; the others are assumed. The wait for the network is measured.",
        "Correction: without opening, watching and deciding, which no model spares. In brackets: 95 % bootstrap intervals over patients.",
    ]
    for table in tables:
        _print(table)
    for path in write_report(out, "Annotation rounds, simulated", rows, round_sums(rows), tables, notes):
        output().print(str(path), markup=False, soft_wrap=True)


def _print(table: Any) -> None:
    from rich import box
    from rich.table import Table

    shown = Table(*table.columns, title=table.title, box=box.SIMPLE_HEAD)
    for row in table.rows:
        shown.add_row(*row)
    output().print(shown)
