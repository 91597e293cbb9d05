"""``echoseg demo``: the main job on a real clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from echoseg.cli.console import output
from echoseg.cli.result_table import measure_text
from echoseg.cli.run import run_one


def demo(out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("out")) -> None:
    """Find, track and measure the left ventricle in a real apical 4-chamber clip of 120 frames."""
    from echoseg.datasets.demo import demo_clip

    result = run_one(str(demo_clip()), out, overwrite=True)
    ef = result.measurements.get("measures", {}).get("ef", {})
    console = output()
    console.print(f"\nEjection fraction: {measure_text('ef', ef)}")
    console.print("Pictures:")
    for path in result.files.values():
        if Path(path).suffix in {".html", ".mp4", ".png"}:
            console.print(f"  {path}", markup=False, soft_wrap=True)
