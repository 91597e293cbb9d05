"""The strip below an overlay frame: current value, frame and time, ED/ES tag, legend, and the curve with a moving cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from echoseg.report.drawing import ED_COLOUR, ES_COLOUR, Colour, draw_text, object_colour, text_width
from echoseg.report.trace import Trace
from echoseg.types import Image

BACKGROUND: Colour = (14, 17, 22)
CURVE_HEIGHT = 112
PLAIN_HEIGHT = 52
_DIM: Colour = (139, 148, 158)
_BRIGHT: Colour = (240, 243, 246)
_MARGIN = 14
_TEXT_COLUMN = 196
_TAG_FADE_S = 0.25


class Strip:
    """Draws the strip of any frame; what does not change is drawn once.

    Args:
        width: in pixels.
        trace: the curve, or None for a lower strip without one.
        names: ``{object_id: name}`` for the legend.
        fps: frames per second, or None when unknown (then no time is shown, unless the trace has times).
        frame_count: where known, it is shown too. Frames count from 1, as in everything that people read.
    """

    def __init__(self, width: int, *, trace: Trace | None, names: Mapping[int, str], fps: float | None, frame_count: int | None) -> None:
        self._trace = trace if trace is not None and len(trace.values) else None
        self._fps, self._count = fps, frame_count
        if self._trace is None:
            self._still = np.full((PLAIN_HEIGHT, width, 3), BACKGROUND, dtype=np.uint8)
        else:
            self._still, self._xs, self._ys = _curve(width, self._trace, names)
            draw_text(self._still, (_MARGIN, 10), f"{self._trace.object_name} {self._trace.quantity}", _DIM, 12)
        _draw_legend(self._still, names)

    @property
    def height(self) -> int:
        return len(self._still)

    def draw(self, index: int) -> Image:
        """``(height, width, 3)`` uint8 RGB, the strip of frame ``index``."""
        strip = self._still.copy()
        seconds = self._seconds(index)
        position = f"frame {index + 1}" + (f" / {self._count}" if self._count else "") + ("" if seconds is None else f"   {seconds:.2f} s")
        draw_text(strip, (_MARGIN, self.height - 44), position, _DIM, 12)
        trace = self._trace
        if trace is None or index >= len(trace.values):
            return strip
        value = trace.text(index)
        draw_text(strip, (_MARGIN, 28), value, _BRIGHT, 22, bold=True)
        tag_x = _MARGIN + text_width(value, 22, bold=True) + 9
        for tag, frames, colour in (("ED", trace.ed_frames, ED_COLOUR), ("ES", trace.es_frames, ES_COLOUR)):
            strength = self._tag_strength(index, frames)
            if strength > 0:
                _draw_tag(strip, (tag_x, 31), tag, colour, strength, exact=index in frames)
        x = round(float(self._xs[index]))
        cv2.line(strip, (x, 10), (x, self.height - 26), (200, 205, 210), 1)
        if np.isfinite(self._ys[index]):
            cv2.circle(strip, (x, round(float(self._ys[index]))), 4, _BRIGHT, -1, cv2.LINE_AA)
        return strip

    def _seconds(self, index: int) -> float | None:
        times = None if self._trace is None else self._trace.times
        if times is not None and index < len(times):
            return float(times[index])
        return index / self._fps if self._fps else None

    def _tag_strength(self, index: int, frames: Iterable[int]) -> float:
        """1 on the frame itself, then fading: a single frame is too short to be seen in play."""
        ages = [index - frame for frame in frames if frame <= index]
        return max(0.0, 1 - min(ages) / (_TAG_FADE_S * (self._fps or 30))) if ages else 0.0


def _curve(width: int, trace: Trace, names: Mapping[int, str]) -> tuple[Image, NDArray[np.float64], NDArray[np.float64]]:
    """The curve on its background, and each frame's x and y in pixels of it (y is NaN where the value is unknown)."""
    # Half a pixel more than needed, cut off below: matplotlib rounds its own way.
    figure = Figure(figsize=((width + 0.5) / 100, (CURVE_HEIGHT + 0.5) / 100), dpi=100, facecolor=_unit(BACKGROUND))
    left, right, bottom, top = _TEXT_COLUMN / width, 1 - 18 / width, 26 / CURVE_HEIGHT, 1 - 14 / CURVE_HEIGHT
    axes = figure.add_axes((left, bottom, right - left, top - bottom), facecolor="none")
    ids = {name: object_id for object_id, name in names.items()}
    colour = _unit(object_colour(ids.get(trace.object_name, 1), trace.object_name))
    x, y = trace.x, trace.values
    known = y[np.isfinite(y)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    pad = 0.12 * (high - low) or 0.5 * abs(high) or 1.0
    axes.set_xlim(float(x[0]), float(x[-1]) if x[-1] > x[0] else float(x[0]) + 1)
    axes.set_ylim(low - pad, high + pad)
    axes.fill_between(x, low - pad, y, color=colour, alpha=0.13, linewidth=0)
    axes.plot(x, y, color=colour, linewidth=1.6, marker="o" if len(known) < 3 else None, markersize=3)
    for frames, mark in ((trace.ed_frames, ED_COLOUR), (trace.es_frames, ES_COLOUR)):
        axes.plot(x[list(frames)], y[list(frames)], "o", color=_unit(mark), markersize=5, clip_on=False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_unit(_DIM))
    axes.tick_params(colors=_unit(_DIM), labelsize=6.5, length=2, pad=2)
    axes.tick_params(axis="y", length=0)
    if len(known):
        axes.set_yticks([low, high], [f"{low:.0f}", f"{high:.0f}"] if high - low >= 2 else [f"{low:.3g}", f"{high:.3g}"])
    else:
        axes.set_yticks([])
    axes.grid(axis="y", color=_unit(_DIM), alpha=0.25, linewidth=0.6)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.array(np.asarray(canvas.buffer_rgba())[:CURVE_HEIGHT, :width, :3])
    pixels = axes.transData.transform(np.column_stack([x, np.nan_to_num(y, nan=low)]))
    return picture, pixels[:, 0], np.where(np.isfinite(y), CURVE_HEIGHT - pixels[:, 1], np.nan)


def _draw_tag(strip: Image, corner: tuple[int, int], tag: str, colour: Colour, strength: float, *, exact: bool) -> None:
    x, y = corner
    red, green, blue = (round(dark * (1 - strength) + light * strength) for dark, light in zip(BACKGROUND, colour, strict=True))
    shade = (red, green, blue)
    cv2.rectangle(strip, (x, y), (x + 31, y + 20), shade, -1 if exact else 1, cv2.LINE_AA)
    draw_text(strip, (x + 16, y + 10), tag, BACKGROUND if exact else shade, 12, bold=True, anchor="mm")


def _draw_legend(strip: Image, names: Mapping[int, str]) -> None:
    x, y = _MARGIN, len(strip) - 22
    for object_id, name in sorted(names.items()):
        if x + 13 + text_width(name, 11) > _TEXT_COLUMN - 24:
            draw_text(strip, (x, y), "…", _DIM, 11)
            return
        cv2.rectangle(strip, (x, y + 3), (x + 8, y + 11), object_colour(object_id, name), -1)
        draw_text(strip, (x + 13, y), name, _DIM, 11)
        x += 13 + text_width(name, 11) + 12


def _unit(colour: Colour) -> tuple[float, float, float]:
    return colour[0] / 255, colour[1] / 255, colour[2] / 255
