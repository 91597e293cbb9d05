"""cine.html and cine.png: both ventricles of one cine MR over the beat, and the slices at end-diastole and end-systole."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from echoseg.report.curve import DIM, ED, ES, INK, LINE, RULE
from echoseg.report.page_png import page_png
from echoseg.report.pages import Picture, data_uri, embedded, licence_lines, model_line, render

_RV = "#b45309"
_TITLE = "Cine MR, short axis"


def cine_html(record: Mapping[str, Any], sheets: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        record: from :func:`echoseg.record.cine.cine_record`.
        sheets: PNG of the slices of the phases ``ed`` and ``es``, as far as there are any.
    """
    stills = embedded(_stills(record, sheets))
    return render("cine.html", record, subtitle=_subtitle(record), stills=stills, curve=data_uri(cine_curve(record)))


def cine_png(record: Mapping[str, Any], sheets: Mapping[str, bytes]) -> bytes:
    """The same on one A4 page, as PNG."""
    footer = [model_line(record), *licence_lines(record)]
    return page_png(record, _TITLE, _subtitle(record), _stills(record, sheets), [Picture(cine_curve(record))], footer=footer)


def cine_curve(record: Mapping[str, Any], *, dpi: int = 160) -> bytes:
    """Both cavities over the phases, in mL or as a share of the LV's at ED; PNG, 9 x 3.4 inches."""
    phases = record["phases"]
    in_ml = all(phase["lv_ml"] is not None for phase in phases)
    column, unit = ("ml", "mL") if in_ml else ("voxels", "% of the LV at ED")
    largest = max(phase["lv_voxels"] for phase in phases) or 1
    scale = 1.0 if in_ml else 100 / largest
    figure = Figure(figsize=(9, 3.4), dpi=dpi, facecolor="white")
    axes = figure.add_axes((0.075, 0.15, 0.905, 0.72))
    numbers = [phase["phase"] + 1 for phase in phases]
    for name, colour in (("lv", LINE), ("rv", _RV)):
        values = [scale * phase[f"{name}_{column}"] for phase in phases]
        axes.plot(numbers, values, "o-", color=colour, linewidth=2, markersize=3.5, label=name.upper())
    for name, colour in (("ed", ED), ("es", ES)):
        if record[name] is not None:
            axes.axvline(record[name] + 1, color=colour, linewidth=1, zorder=0)
            axes.text(record[name] + 1, 1.01, name.upper(), color=colour, transform=axes.get_xaxis_transform(), ha="center", va="bottom")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("phase", color=DIM)
    axes.set_ylabel(f"volume, {unit}", color=DIM)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=RULE, linewidth=0.6)
    axes.tick_params(colors=DIM, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.legend(frameon=False, labelcolor=INK, loc="lower left", ncols=2)
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def _subtitle(record: Mapping[str, Any]) -> str:
    count = len(record["phases"])
    return f"{record['slices']} slices, {count} phase{'' if count == 1 else 's'} · slice summation"


def _stills(record: Mapping[str, Any], sheets: Mapping[str, bytes]) -> list[Picture]:
    words = {"ed": "End-diastole", "es": "End-systole"}
    return [Picture(data, f"{words[name]}, phase {record[name] + 1}") for name, data in sheets.items()]
