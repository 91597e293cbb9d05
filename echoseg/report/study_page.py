"""study.html and study.png: the biplane values of one study, its views and its clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echoseg.report.page_png import page_png
from echoseg.report.pages import Picture, data_uri, embedded, licence_lines, model_line, render

Pictures = Mapping[str, Mapping[str, bytes | None]]
"""``{view: {"ed": PNG, "es": PNG, "curve": PNG}}`` of the clips in use; None where there is none."""


def study_html(record: Mapping[str, Any], pictures: Pictures) -> str:
    """The page.

    Args:
        record: from :func:`echoseg.record.study.study_record`.
        pictures: of the clips in use.
    """
    views = []
    for view, found in pictures.items():
        clip = _clip(record, view)
        views.append(
            {
                "title": f"{view}: {clip['name']}",
                "stills": embedded(_stills(view, found)),
                "curve": found["curve"] and data_uri(found["curve"]),
            }
        )
    return render("study.html", record, subtitle=_subtitle(record), views=views)


def study_png(record: Mapping[str, Any], pictures: Pictures) -> bytes:
    """The same on one A4 page, as PNG."""
    stills = [still for view, found in pictures.items() for still in _stills(view, found)]
    curves = [Picture(found["curve"], view) for view, found in pictures.items() if found["curve"]]
    footer = [
        "Clips in use: " + ", ".join(f"{clip['view']} {clip['name']} ({clip['view_from']})" for clip in record["clips"] if clip["used"]),
        model_line(record),
        *licence_lines(record),
    ]
    return page_png(record, "Biplane study", _subtitle(record), stills, curves, footer=footer)


def _subtitle(record: Mapping[str, Any]) -> str:
    counts = {view: sum(clip["view"] == view for clip in record["clips"]) for view in ("A4C", "A2C")}
    clips = ", ".join(f"{count} {view} clip{'' if count == 1 else 's'}" for view, count in counts.items())
    method = record["measures"]["ef"]["method"]
    return f"{clips} · {method}" if method else clips


def _stills(view: str, found: Mapping[str, bytes | None]) -> list[Picture]:
    stills = ((phase, found[phase]) for phase in ("ed", "es"))
    return [Picture(data, f"{view}, {phase.upper()}") for phase, data in stills if data]


def _clip(record: Mapping[str, Any], view: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(clip for clip in record["clips"] if clip["used"] and clip["view"] == view)
    return found
