"""``echoseg info``: what is understood of an input, before anything is segmented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from echoseg.cli.console import output
from echoseg.cli.options import chosen, takes

if TYPE_CHECKING:
    from echoseg.io.source import Source


_PART = "Of slices at several phases (cine MR), from 0: slice:N, a clip of one slice; phase:N, the volume at one phase."


@takes("kind", "series", "part", "axis", "window", "reader", part={"metavar": "slice:N|phase:N", "help": _PART})
def info(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Anything that `echoseg run` takes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    **options: Any,
) -> None:
    """Print frames, timing, spacing and flags of INPUT; patient identifiers are left out.

    A folder of several DICOM series is listed, with their descriptions.
    """
    from echoseg import open_source

    listed = folder_series(Path(source)) if options["series"] is None else []
    if len(listed) > 1:
        if as_json:
            typer.echo(json.dumps({"series": listed}, indent=2))
        else:
            output().print(_series_table(listed))
        return
    with open_source(source, **chosen(options)) as opened:
        facts = describe(opened)
    if as_json:
        typer.echo(json.dumps(facts, indent=2, default=str))
    else:
        output().print(_table(facts))


def folder_series(folder: Path) -> list[dict[str, Any]]:
    """The DICOM series in a folder as plain JSON values; empty for anything else."""
    from echoseg.io.dicom.dicomdir import is_dicomdir
    from echoseg.io.dicom.series import list_series
    from echoseg.io.folder import dicoms_of

    if folder.is_file() and is_dicomdir(folder):
        folder = folder.parent
    dicoms = dicoms_of(folder) if folder.is_dir() else None
    if dicoms is None or len(dicoms.dicoms) < 2:
        return []
    return [
        {
            "number": one.number,
            "modality": one.modality,
            "images": one.images,
            "height": one.size[0],
            "width": one.size[1],
            "description": one.description,
            "uid": one.uid,
        }
        for one in list_series(dicoms.dicoms, folder).series
    ]


def describe(source: Source) -> dict[str, Any]:
    """The facts of a source as plain JSON values; None where a fact is unknown. Flags: all that need no model, as a run says them."""
    from echoseg.record.input_flags import input_flags

    geometry, timing = source.geometry, source.timing
    sector = source.sector() if source.kind == "clip" else None
    duration = None if not timing.fps or source.length is None else source.length / timing.fps
    return {
        "name": source.name,
        "kind": source.kind,
        "frames": source.length,
        "height": source.size[0],
        "width": source.size[1],
        "fps": timing.fps,
        "duration_s": duration,
        "spacing_mm": None if geometry.spacing is None else list(geometry.spacing),
        "slice_spacing_mm": geometry.slice_spacing,
        "heart_rate_per_min": timing.heart_rate,
        "sector_fraction": None if sector is None else float(sector.mean()),
        "flags": [{"code": f.code, "severity": f.severity, "message": f.message} for f in input_flags(source)],
        "details": dict(source.details),
    }


def _series_table(listed: list[dict[str, Any]]) -> Table:
    table = Table("series", "modality", "images", "size", "description", "UID", title="Several series: choose one with --series")
    for one in listed:
        size = f"{one['width']} x {one['height']}"
        cells = ("" if one["number"] is None else one["number"], one["modality"], one["images"], size, one["description"], one["uid"])
        table.add_row(*(Text(str(cell), overflow="fold") for cell in cells))
    return table


def _table(facts: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for label, text in _rows(facts):
        table.add_row(Text(label, "bold"), Text(text, overflow="fold"))
    return table


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    clip, volume = facts["kind"] == "clip", facts["kind"] == "volume"
    unknown_spacing = next((f"unknown: {f['message']}" for f in facts["flags"] if f["code"].startswith("spacing_")), "unknown")
    rows = [
        ("name", facts["name"]),
        ("kind", facts["kind"]),
        ("slices" if volume else "frames", _known(facts["frames"], "{}")),
        ("size", f"{facts['width']} x {facts['height']} pixels"),
        ("spacing", unknown_spacing if facts["spacing_mm"] is None else "{:.4g} x {:.4g} mm (row, column)".format(*facts["spacing_mm"])),
    ]
    if volume:
        rows.append(("slice spacing", _known(facts["slice_spacing_mm"], "{:.4g} mm")))
    if clip:
        rows += [
            ("rate", _known(facts["fps"], "{:.4g} frames/s")),
            ("duration", _known(facts["duration_s"], "{:.2f} s")),
            ("heart rate", _known(facts["heart_rate_per_min"], "{:.0f} /min")),
            ("sector", "none found" if facts["sector_fraction"] is None else f"found, {facts['sector_fraction']:.0%} of the image"),
        ]
    rows += [("flag", f"{f['code']} ({f['severity']}): {f['message']}") for f in facts["flags"]]
    rows += [(key.replace("_", " "), str(value)) for key, value in facts["details"].items()]
    return rows


def _known(value: object, pattern: str) -> str:
    return "unknown" if value is None else pattern.format(value)
