"""A report as one picture on an A4 page, for records that take no HTML. It shows what the HTML page shows, without the video."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image as PillowImage

from echoseg.record.measures import MEASURES
from echoseg.record.quality import Quality
from echoseg.report.exam import exam_facts
from echoseg.report.pages import QUALITY_TEXT, SEVERITY_INK, UNVERIFIED, Picture, created, sentence
from echoseg.report.remarks import remarks
from echoseg.report.rows import measure_rows, range_note

_INK, _DIM, _RULE = "#1f2933", "#616e7c", "#d5dbe1"
_BADGE = {Quality.ACCEPT: "#15803d", Quality.REVIEW: "#b45309", Quality.REJECT: "#b91c1c"}
_WIDTH, _HEIGHT, _DPI = 8.27, 11.69, 150
_LEFT, _RIGHT = 0.55, 7.72  # inches
_MOST_FLAGS = 7
_LINE = 0.155


class _Sheet:
    """A page that is filled from the top; lengths in inches."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor="white")
        self.top = _HEIGHT - 0.55

    def text(self, x: float, text: str, size: float, colour: str = _INK, *, right: bool = False, bold: bool = False) -> None:
        self.figure.text(
            x / _WIDTH, self.top / _HEIGHT, text, fontsize=size, color=colour, va="top", ha="right" if right else "left",
            weight="bold" if bold else "normal", parse_math=False,
        )  # fmt: skip

    def down(self, inches: float) -> None:
        self.top -= inches

    def rule(self) -> None:
        self.figure.add_artist(_line(self.top))

    def picture(self, data: bytes, left: float, width: float, height: float) -> float:
        """Fits a picture into the box, at its top and middle; gives back the height it takes."""
        image = np.asarray(PillowImage.open(BytesIO(data)).convert("RGB"))
        scale = min(width / image.shape[1], height / image.shape[0])
        wide, tall = image.shape[1] * scale, image.shape[0] * scale
        where = (left + (width - wide) / 2) / _WIDTH, (self.top - tall) / _HEIGHT, wide / _WIDTH, tall / _HEIGHT
        axes = self.figure.add_axes(where)
        axes.imshow(image, interpolation="lanczos", aspect="auto")
        axes.set_axis_off()
        return tall


def page_png(
    record: Mapping[str, Any],
    title: str,
    subtitle: str,
    stills: Sequence[Picture],
    curves: Sequence[Picture],
    *,
    footer: Sequence[str] = (),
) -> bytes:
    """The page as PNG, 1240 x 1754 pixels.

    Args:
        record: the content of measurements.json or study.json.
        title, subtitle: of the page.
        stills: up to four, side by side.
        curves: up to two, side by side when there are two.
        footer: lines on where the result comes from.
    """
    sheet = _Sheet()
    _header(sheet, record, title, subtitle)
    _table(sheet, record)
    _remarks(sheet, record)
    end = 0.30 + 0.15 * (len(footer) + 1)
    flags = _flag_lines(record["flags"])
    heights = (2.75 if len(stills) < 3 else 2.0) if stills else 0.0, (2.75 if len(curves) < 2 else 1.55) if curves else 0.0
    captions = 0.30 * sum(height > 0 for height in heights)
    # A long table and many flags make the pictures smaller: nothing runs into the footer.
    room = sheet.top - end - 0.1 - _LINE * len(flags) - captions
    shrunk = min(1.0, room / (sum(heights) or 1.0))
    for pictures, height in zip((stills, curves), heights, strict=True):
        if pictures:
            _row_of(sheet, pictures, height * shrunk)
    for x, text, colour in flags:
        sheet.text(x, text, 7.5, colour)
        sheet.down(_LINE)
    sheet.top = end
    for line in footer:
        sheet.text(_LEFT, _shortened(line, 132), 6.8, _DIM)
        sheet.down(0.15)
    made_by = f"echoseg {record['provenance']['versions']['echoseg']}, {created(record)}"
    sheet.text(_LEFT, f"Not a medical device. For research use. Made by {made_by}.", 6.8, _INK)
    buffer = BytesIO()
    FigureCanvasAgg(sheet.figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def _header(sheet: _Sheet, record: Mapping[str, Any], title: str, subtitle: str) -> None:
    sheet.text(_LEFT, _shortened(title, 46), 17, bold=True)
    badge = {"boxstyle": "round,pad=0.45", "facecolor": _BADGE[record["quality"]], "edgecolor": "none"}
    sheet.figure.text(
        (_RIGHT - 0.08) / _WIDTH, (sheet.top - 0.05) / _HEIGHT, QUALITY_TEXT[record["quality"]], fontsize=9, color="white", va="top",
        ha="right", weight="bold", bbox=badge,
    )  # fmt: skip
    sheet.down(0.36)
    sheet.text(_LEFT, subtitle, 8.5, _DIM)
    sheet.text(_RIGHT, UNVERIFIED, 7.2, _DIM, right=True)
    sheet.down(0.22)
    facts = "  ·  ".join(f"{name}: {value}" if name == "Not known" else _unbroken(f"{name}: {value}") for name, value in exam_facts(record))
    for line in textwrap.wrap(facts, 122):
        sheet.text(_LEFT, line, 7.5)
        sheet.down(_LINE)
    sheet.down(0.10)


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _remarks(sheet: _Sheet, record: Mapping[str, Any]) -> None:
    for heading, text in remarks(record):
        for line in textwrap.wrap(f"{heading}: {text}", 122):
            sheet.text(_LEFT, line, 7.5)
            sheet.down(_LINE)
    sheet.down(0.06)


def _table(sheet: _Sheet, record: Mapping[str, Any]) -> None:
    """Value, range over the beats, normal range and method of every measure."""
    columns = (_LEFT, 3.78, 3.90, 4.85, 5.75)
    for x, heading, right in zip(columns, ("Measure", "Value", "Interval", "Normal range", "Method"), (0, 1, 0, 0, 0), strict=True):
        sheet.text(x, heading, 7.5, _DIM, right=bool(right), bold=True)
    sheet.down(0.17)
    sheet.rule()
    sheet.down(0.05)
    for row in measure_rows(record["measures"]):
        sheet.text(columns[0], row.label, 8.0 if len(row.label) < 40 else 7.2, bold=row.label == MEASURES["ef"].label)
        sheet.text(columns[1], f"{row.value} {row.unit}".strip(), 8.5, right=True, bold=True)
        sheet.text(columns[2], row.interval, 7.5)
        colour = _BADGE[Quality.REVIEW] if row.abnormal else _INK
        sheet.text(columns[3], row.range, 8.5)
        method = f"{row.grade}; {row.method}" if row.grade else row.method
        lines = textwrap.wrap(method, 42, max_lines=2, placeholder=" …")
        for line in lines:
            sheet.text(columns[4], line, 6.9 if len(lines) == 1 else 6.2, colour if row.abnormal else _DIM)
            sheet.down(0.09)
        sheet.down(0.185 - 0.09 * len(lines) + (0.04 if len(lines) > 1 else 0))
    if record["measures"]:
        sheet.down(0.03)
        sheet.text(_LEFT, range_note(record), 7.2, _DIM)
        sheet.down(0.24)


def _row_of(sheet: _Sheet, pictures: Sequence[Picture], height: float) -> None:
    gap = 0.12
    width = (_RIGHT - _LEFT - gap * (len(pictures) - 1)) / len(pictures)
    tallest = 0.0
    for index, picture in enumerate(pictures):
        left = _LEFT + index * (width + gap)
        tall = sheet.picture(picture.data, left, width, height)
        if picture.caption:
            x, y = (left + width / 2) / _WIDTH, (sheet.top - tall - 0.05) / _HEIGHT
            sheet.figure.text(x, y, picture.caption, fontsize=7.5, color=_DIM, va="top", ha="center", parse_math=False)
            tall += 0.18
        tallest = max(tallest, tall)
    sheet.down(tallest + 0.12)


def _flag_lines(flags: Sequence[Mapping[str, Any]]) -> list[tuple[float, str, str]]:
    """Lines of text: where they start, inches, what they say, in which colour."""
    found = []
    for flag in flags[:_MOST_FLAGS]:
        lines = textwrap.wrap(f"{sentence(flag['message'])} ({flag['code']})", 118)[:2]
        found += [(_LEFT + (0 if index == 0 else 0.1), line, SEVERITY_INK[flag["severity"]]) for index, line in enumerate(lines)]
    if len(flags) > _MOST_FLAGS:
        found.append((_LEFT, f"and {len(flags) - _MOST_FLAGS} more flags, in the JSON file beside this page", _DIM))
    return found


def _line(y: float) -> Line2D:
    return Line2D([_LEFT / _WIDTH, _RIGHT / _WIDTH], [y / _HEIGHT, y / _HEIGHT], color=_RULE, linewidth=0.8)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
