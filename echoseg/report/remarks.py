"""What stands in words below the numbers: the band of EF, the index beat, the change from earlier results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from echoseg.metrics.agreement import ef_classes
from echoseg.record.measures import MEASURES
from echoseg.report.rows import shown

BANDS = tuple(band.replace(" ", "\N{NO-BREAK SPACE}") for band in ("≤ 40 %", "41 to 49 %", "≥ 50 %"))
"""Bands of EF: the limits of Bozkurt B et al., J Card Fail 2021;27:387-413, without its names, which are those of heart failure."""
_COMPARED = ("ef", "edv", "esv")


def remarks(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Headings and sentences, in the order of a page."""
    found = [("EF band", ef_band(record)), ("Index beat", index_beat_line(record)), ("Earlier results", earlier_line(record))]
    return [(heading, text) for heading, text in found if text]


def ef_band(record: Mapping[str, Any]) -> str:
    """In which band EF lies, and in which its interval ends; empty without an EF, and for a child, whose EF no band of adults describes."""
    entry = record["measures"].get("ef")
    if entry is None or entry["value"] is None or any(flag["code"] == "child" for flag in record["flags"]):
        return ""
    band, *ends = ef_classes(np.array([entry["value"], *(entry["interval"] or ())])).tolist()
    text = f"{BANDS[band]}, a range of ejection fraction and no diagnosis."
    if len(set(ends)) < 2:
        return text
    low, high = (shown(bound, 0) for bound in entry["interval"])
    return f"{text} The interval, {low} to {high} %, reaches from {BANDS[ends[0]]} to {BANDS[ends[1]]}: the band is uncertain."


def index_beat_line(record: Mapping[str, Any]) -> str:
    """The index beat beside the average, of an irregular rhythm; empty for any other."""
    if "index_beat" not in record:
        return ""
    beat = record["index_beat"]
    if beat is None:
        return "no beat follows two intervals within 60 ms of each other: record a longer clip."
    first, second = beat["before_s"]
    volumes = "" if beat["edv_ml"] is None else f", EDV {shown(beat['edv_ml'], 0)} mL, ESV {shown(beat['esv_ml'], 0)} mL"
    measured = f"EF {shown(beat['ef'], 0)} %{volumes} (average of all beats: {shown(record['measures']['ef']['value'], 0)} %)"
    return f"beat {beat['beat'] + 1}, after intervals of {first:.2f} and {second:.2f} s: {measured}."


def earlier_line(record: Mapping[str, Any]) -> str:
    """EF and volumes before and now, and what the change of EF means; empty without earlier results."""
    if "earlier" not in record:
        return ""
    earlier = record["earlier"]
    changes = {key: earlier["changes"][key] for key in _COMPARED if key in earlier["changes"]}
    parts = [f"{MEASURES[key].short} {shown(one['old'], 0)}, now {shown(one['new'], 0)} {one['unit']}" for key, one in changes.items()]
    when = f"examined {earlier['date']}" if earlier["date"] else f"measured {earlier['created'][:10]}"
    if not parts:
        return f"those {when} hold no number that these hold too."
    meaning = changes["ef"]["meaning"] if "ef" in changes else None
    return f"{when}: {'; '.join(parts)}.{f' EF: {meaning}.' if meaning else ''}"
