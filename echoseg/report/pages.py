"""HTML pages that hold everything (styles and pictures included), readable offline and on paper. Everything is escaped."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from echoseg.record.measures import HEADLINE, MEASURES
from echoseg.record.quality import Quality
from echoseg.report.exam import exam_facts
from echoseg.report.remarks import remarks
from echoseg.report.rows import UNKNOWN, measure_rows, range_note, shown
from echoseg.types import Severity

QUALITY_TEXT = {Quality.ACCEPT: "No quality flags", Quality.REVIEW: "Review before use", Quality.REJECT: "Do not use"}
UNVERIFIED = "not verified by a physician"
FRAMES_FROM = "Frames and slices count from 1 here, as in viewers; from 0 in JSON and CSV files, prompts and options."
SEVERITY_TEXT = {Severity.INFO: "Note.", Severity.REVIEW: "Review.", Severity.REJECT: "Do not use."}
SEVERITY_INK = {Severity.INFO: "#52606d", Severity.REVIEW: "#b45309", Severity.REJECT: "#b91c1c"}


@dataclass(frozen=True)
class Picture:
    """A picture to put into the page: PNG or JPEG bytes and one line below it."""

    data: bytes
    caption: str = ""


def render(template: str, record: Mapping[str, Any], **values: Any) -> str:
    """The page of ``template`` (a file beside this one) for a measurements.json or study.json."""
    return (
        _environment()
        .get_template(template)
        .render(
            record=record,
            quality_text=QUALITY_TEXT,
            unverified=UNVERIFIED,
            exam=exam_facts(record),
            remarks=remarks(record),
            frames_from=FRAMES_FROM,
            severity_text=SEVERITY_TEXT,
            numbers=_numbers(record["measures"]),
            rows=measure_rows(record["measures"]),
            range_note=range_note(record),
            facts=facts(record),
            created=created(record),
            **values,
        )
    )


def data_uri(picture: bytes) -> str:
    """PNG or JPEG bytes as a ``data:`` address."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode('ascii')}"


def embedded(pictures: list[Picture]) -> list[dict[str, str]]:
    """Pictures as the templates take them."""
    return [{"data": data_uri(picture.data), "caption": picture.caption} for picture in pictures]


def facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the result comes from, as names and values."""
    provenance = record["provenance"]
    found = [
        ("Model", provenance["model"]["name"] or UNKNOWN),
        ("Weights (SHA-256)", provenance["model"]["weights_sha256"] or UNKNOWN),
        *(
            (f"Licence of {one['name']}", "; cite ".join(filter(None, (licence_text(one), one["citation"]))))
            for one in provenance.get("weights", ())
        ),
        ("Prompt", _text(provenance["prompt"])),
    ]
    if record.get("source", {}).get("view"):
        found.append(("View", f"{record['source']['view']}, {record['source']['view_from']}"))
    found += [
        (f"Seed frames, {item['name']}", ", ".join(str(frame + 1) for frame in item["seed_frames"]) or UNKNOWN)
        for item in record.get("objects", ())
    ]
    found += [(f"Option {name}", _text(value)) for name, value in provenance["options"].items()]
    found.append(("Versions", ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())))
    return found


def model_line(record: Mapping[str, Any]) -> str:
    """Model and weights in one line for reading."""
    model = record["provenance"]["model"]
    return f"Model {model['name'] or 'none: masks were given'}, weights {model['weights_sha256'] or 'none'}"


def licence_lines(record: Mapping[str, Any]) -> list[str]:
    """The licences of the weights in use in a line, and in another what to cite; none for masks that no network made."""
    weights = record["provenance"].get("weights", ())
    licences = [f"{one['name']} {licence_text(one)}" for one in weights]
    cited = dict.fromkeys(part for one in weights for part in one["citation"].split("; ") if part)
    return [*(["Licence of the weights: " + "; ".join(licences)] if licences else []), *(["Cite " + "; ".join(cited)] if cited else [])]


def licence_text(weights: Mapping[str, Any]) -> str:
    """The licence of a set of weights, and what it means for use."""
    licence = weights["licence"] or "unknown"
    return f"{licence} (non-commercial research)" if "-NC-" in licence else licence


def created(record: Mapping[str, Any]) -> str:
    """The time of the run for reading."""
    return str(record["provenance"]["created"]).replace("T", " ").replace("Z", " UTC")


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


@cache
def _environment() -> Environment:
    def load(name: str) -> str:
        return files("echoseg.report").joinpath(name).read_text(encoding="utf-8")

    environment = Environment(loader=FunctionLoader(load), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["shown"] = shown
    environment.filters["sentence"] = sentence
    return environment


def _numbers(measures: Mapping[str, Any]) -> list[dict[str, Any]]:
    numbers = []
    for headline in (*HEADLINE, MEASURES["rv_ef"]):
        if headline.key not in measures:
            continue
        measure, decimals = measures[headline.key], headline.shown
        known, interval = measure["value"] is not None, measure["interval"]
        notes = [] if known else [measure["reason"]]
        if interval is not None:
            low, high = (shown(bound, decimals) for bound in interval)
            if "interval_level" in measure:
                notes.append(f"{low} to {high}, {100 * measure['interval_level']:.0f} % interval")
            else:
                notes.append(f"{low} in every beat" if low == high else f"{low} to {high} over the beats")
        if headline.key == "ef" and known and measure["method"]:
            notes.append(measure["method"])
        numbers.append(
            {"label": headline.label, "value": shown(measure["value"], decimals), "unit": measure["unit"] if known else "", "notes": notes}
        )
    return numbers


def _text(value: object) -> str:
    if value is None:
        return UNKNOWN
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
