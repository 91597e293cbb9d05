"""report.html: one page that holds everything (styles and pictures included), readable offline and on paper.

The page is made from the contents of measurements.json and from pictures; it computes nothing. Everything is HTML-escaped.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

UNKNOWN = "–"
_QUALITY_TEXT = {"accept": "Accept", "review": "Review before use", "reject": "Do not use"}
_SEVERITY_TEXT = {"info": "Note.", "review": "Review.", "reject": "Do not use."}
_LABELS = {
    "ef": ("Ejection fraction", 0),
    "edv": ("End-diastolic volume", 0),
    "esv": ("End-systolic volume", 0),
    "sv": ("Stroke volume", 0),
    "hr": ("Heart rate", 0),
    "co": ("Cardiac output", 1),
    "fac": ("Fractional area change", 0),
}
"""Key numbers in the order shown: measure -> (label, decimals). The page is for reading; the decimals are in measurements.json."""


@dataclass(frozen=True)
class Picture:
    """A picture to put into the page: PNG or JPEG bytes and one line below it."""

    data: bytes
    caption: str = ""


def report_html(
    record: Mapping[str, Any],
    *,
    stills: Sequence[Picture] = (),
    curve: bytes | None = None,
    poster: bytes | None = None,
    preview: bytes | None = None,
) -> str:
    """The page.

    Args:
        record: from :func:`echoseg.report.measurements.measurements`.
        stills: shown side by side (end-diastole and end-systole, or the seeded frame).
        curve: curve.png.
        poster: picture in place of overlay.mp4 while that is not playing (or not there); None leaves the video out.
        preview: preview.png of a volume.
    """
    source = record["source"]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["shown"] = shown
    environment.filters["sentence"] = _sentence
    template = environment.from_string(files("echoseg.report").joinpath("template.html").read_text(encoding="utf-8"))
    return template.render(
        record=record,
        subtitle=_subtitle(source),
        quality_text=_QUALITY_TEXT[record["quality"]],
        severity_text=_SEVERITY_TEXT,
        numbers=_numbers(record["measures"]),
        stills=[{"data": data_uri(still.data), "caption": still.caption} for still in stills],
        stills_title="End-diastole and end-systole" if record["beats"] else "Stills",
        curve=curve and data_uri(curve),
        poster=poster and data_uri(poster),
        preview=preview and data_uri(preview),
        frame_word="Slice" if source["kind"] == "volume" else "Frame",
        volumetric=source["kind"] == "volume",
        facts=_facts(record),
        created=record["provenance"]["created"].replace("T", " ").replace("Z", " UTC"),
    )


def shown(value: float | None, decimals: int) -> str:
    """A number for reading, an en dash when unknown."""
    return UNKNOWN if value is None else f"{value:.{decimals}f}"


def data_uri(picture: bytes) -> str:
    """PNG or JPEG bytes as a ``data:`` address."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode('ascii')}"


def _subtitle(source: Mapping[str, Any]) -> str:
    one = source["frames"] == 1
    count = f"{source['frames']} {'slice' if source['kind'] == 'volume' else 'frame'}{'' if one else 's'}"
    parts = [count, f"{source['width']} × {source['height']} pixels"]
    if source["fps"] and source["kind"] == "clip":
        parts += [f"{source['fps']:.3g} frames/s", f"{source['frames'] / source['fps']:.1f} s"]
    spacing = source["spacing_mm"]
    if spacing is None:
        parts.append("pixel size unknown")
    else:
        sides = [*spacing, source["slice_spacing_mm"]] if source["slice_spacing_mm"] else spacing
        parts.append(" × ".join(f"{side:.3g}" for side in sides) + " mm")
    return " · ".join(parts)


def _numbers(measures: Mapping[str, Any]) -> list[dict[str, Any]]:
    numbers = []
    for key, (label, decimals) in _LABELS.items():
        if key not in measures:
            continue
        measure = measures[key]
        known, interval = measure["value"] is not None, measure["interval"]
        notes = [] if known else [measure["reason"]]
        if interval is not None:
            low, high = (shown(bound, decimals) for bound in interval)
            notes.append(f"{low} in every beat" if low == high else f"{low} to {high} over the beats")
        if key == "ef" and known and measure["method"]:
            notes.append(measure["method"])
        numbers.append(
            {"label": label, "value": shown(measure["value"], decimals), "unit": measure["unit"] if known else "", "notes": notes}
        )
    return numbers


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    provenance = record["provenance"]
    facts = [
        ("Model", provenance["model"]["name"] or UNKNOWN),
        ("Weights (SHA-256)", provenance["model"]["weights_sha256"] or UNKNOWN),
        ("Prompt", _text(provenance["prompt"])),
    ]
    facts += [
        (f"Seed frames, {item['name']}", ", ".join(str(frame) for frame in item["seed_frames"]) or UNKNOWN) for item in record["objects"]
    ]
    facts += [(f"Option {name}", _text(value)) for name, value in provenance["options"].items()]
    facts.append(("Versions", ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())))
    return facts


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _text(value: object) -> str:
    if value is None:
        return UNKNOWN
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
