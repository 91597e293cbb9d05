"""curve.png: one measure over time, with beats, ED and ES, EF per beat and the flags that concern the reader."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from echoseg.cardiac.cycle import NOMINAL_FPS, smooth_curve
from echoseg.record.entries import number
from echoseg.record.quality import by_severity
from echoseg.report.pages import SEVERITY_INK
from echoseg.report.rows import shown
from echoseg.report.trace import Trace
from echoseg.types import Flag, Severity

INK, DIM, RULE = "#1f2933", "#7b8794", "#e4e7eb"
LINE = "#0d9488"
ED, ES = "#2563eb", "#dc2626"


def curve_png(trace: Trace, flags: Sequence[Flag] = (), *, dpi: int = 160) -> bytes:
    """The curve as PNG, 9 x 3.7 inches.

    Dots are the values as measured, frame by frame, and ED and ES marks sit on them; the line is the smooth curve that beats
    are found on (:func:`echoseg.cardiac.cycle.smooth_curve`). Shaded bands are beats, numbered from 1 as in the table of the page; their
    darker part is systole (ED to ES). Ticks along the bottom are the R waves of the file.
    """
    figure = Figure(figsize=(9, 3.7), dpi=dpi, facecolor="white")
    axes = figure.add_axes((0.075, 0.215, 0.905, 0.63))
    x, y = trace.x, trace.values
    known = np.isfinite(y)
    if known.any():
        low, high = float(y[known].min()), float(y[known].max())
        pad = 0.5 * abs(high) or 1.0 if low == high else 0.0
        axes.set_ylim(low - 0.14 * (high - low) - pad, high + 0.26 * (high - low) + pad)
        axes.plot(x, y, "o", color=LINE, markersize=2.6, alpha=0.45, markeredgewidth=0)
        axes.plot(x, smoothed(trace), color=LINE, linewidth=2, solid_capstyle="round")
        _draw_beats(axes, trace)
        _draw_r_waves(axes, trace)
    else:
        axes.text(0.5, 0.5, f"{trace.object_name} was not found in any frame", transform=axes.transAxes, ha="center", color=DIM)
        axes.set_yticks([])
    if len(x) > 1 and x[-1] > x[0]:
        axes.set_xlim(float(x[0]), float(x[-1]))
    _style(axes, trace)
    _write_flags(figure, flags)
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # the same picture for the same result, byte for byte
    return buffer.getvalue()


def smoothed(trace: Trace) -> NDArray[np.float64]:
    """``(T,)`` the trace without noise and spikes, as beats are found on it; NaN stays NaN."""
    known = np.isfinite(trace.values)
    if known.sum() < 3:  # ED and ES alone: the line joins them
        return trace.values
    clock = trace.x if trace.times is not None else trace.x / NOMINAL_FPS
    return np.where(known, smooth_curve(trace.values, clock)[0], np.nan)


def _draw_beats(axes: Axes, trace: Trace) -> None:
    x, y = trace.x, trace.values
    top = axes.get_ylim()[1]
    for number_of_beat, beat in enumerate(trace.beats, start=1):
        end = beat.next_ed if beat.next_ed is not None else beat.es
        first, last = min(beat.ed, end), max(beat.ed, end)
        axes.axvspan(x[first], x[last], color="#f0f4f8", zorder=0, linewidth=0)
        axes.axvspan(x[min(beat.ed, beat.es)], x[max(beat.ed, beat.es)], color="#e1e9f1", zorder=0, linewidth=0)
        known = beat.ef is not None and np.isfinite(beat.ef)
        text = f"{number_of_beat}: EF {shown(number(beat.ef, 1), 0)} %" if known else str(number_of_beat)
        star = "*" if beat.partial else ""
        axes.text((x[first] + x[last]) / 2, top, text + star, ha="center", va="bottom", fontsize=9, color=INK, weight="bold")
    for frames, colour, name, offset in ((trace.ed_frames, ED, "ED", 7), (trace.es_frames, ES, "ES", -7)):
        marks = list(frames)
        axes.plot(
            x[marks], y[marks], "o", color=colour, markersize=6.5, markeredgecolor="white", markeredgewidth=1.2, clip_on=False, zorder=4
        )
        for frame in marks:
            axes.annotate(
                name,
                (x[frame], y[frame]),
                (0, offset),
                textcoords="offset points",
                ha="center",
                va="bottom" if offset > 0 else "top",
                fontsize=8,
                color=colour,
            )


def _draw_r_waves(axes: Axes, trace: Trace) -> None:
    x = trace.x
    shown_waves = [wave for wave in trace.r_waves if x[0] <= wave <= x[-1]]
    along = axes.get_xaxis_transform()  # seconds across, shares of the height upwards
    for wave in shown_waves:
        axes.plot([wave, wave], [0, 0.05], color=INK, linewidth=1.4, transform=along, clip_on=False, zorder=5)
        axes.text(wave, 0.06, "R", transform=along, ha="center", va="bottom", fontsize=7.5, color=INK)


def _style(axes: Axes, trace: Trace) -> None:
    axes.set_xlabel(trace.x_label, color=DIM, fontsize=9)
    axes.text(
        0, 1.105, f"{trace.object_name} {trace.quantity} ({trace.unit})", transform=axes.transAxes, color=INK, fontsize=10.5, weight="bold"
    )
    if any(beat.partial for beat in trace.beats):
        axes.text(1, 1.105, "* not a complete beat", transform=axes.transAxes, color=DIM, fontsize=8, ha="right")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(DIM)
    axes.tick_params(colors=DIM, labelsize=8.5, length=3)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)


def _write_flags(figure: Figure, flags: Sequence[Flag]) -> None:
    shown = [flag for flag in flags if flag.severity is not Severity.INFO]
    if not shown:
        return
    worst = by_severity(shown)[0].severity
    text = (
        "Flags: " + ", ".join(flag.code.replace("_", " ") for flag in shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
    )
    figure.text(0.075, 0.03, text, fontsize=8.5, color=SEVERITY_INK[worst])
