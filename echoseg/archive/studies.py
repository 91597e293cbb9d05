"""Rows of studies.parquet: biplane function of every study with a clip of both apical views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from echoseg.archive.item import Item
from echoseg.archive.shapes import view_beats_of
from echoseg.cardiac.biplane import biplane_function
from echoseg.cardiac.volume import Method
from echoseg.study import StudyClip, best_clips
from echoseg.types import Subject

_NUMBER, _TEXT = pa.float64(), pa.string()
STUDIES = pa.schema(
    [
        *[(name, _TEXT) for name in ("study", "patient", "a4c", "a2c", "method")],
        *[(name, _NUMBER) for name in ("ef", "edv_ml", "esv_ml", "sv_ml", "hr_bpm", "co_l_min")],
        ("flags", pa.list_(_TEXT)),
        ("quality", _TEXT),
        ("ef_truth", _NUMBER),
    ]
)
"""Columns of studies.parquet: ``a4c`` and ``a2c`` are the clip_id of the clips that the biplane values come from; ``flags`` are on the
pair, ``quality`` is the worse of the two clips'."""

_QUALITIES = ("accept", "review", "reject")


@dataclass(frozen=True)
class ClipOfStudy:
    """What pairing needs of one clip: its study, item and key, and from the ledger its row, beats and shapes."""

    study: str
    item: Item
    key: str
    clip: dict[str, Any]
    beats: list[dict[str, Any]]
    shapes: dict[str, Any]


def study_rows(clips: Iterable[ClipOfStudy], method: Method) -> Iterator[dict[str, Any]]:
    """The rows of :data:`STUDIES`, by study.

    Args:
        clips: only such as can have a part in a biplane measurement.
        method: of LV volumes.
    """
    studies: dict[str, list[ClipOfStudy]] = {}
    for clip in clips:
        studies.setdefault(clip.study, []).append(clip)
    for name in sorted(studies):
        found = [(_study_clip(clip), clip) for clip in studies[name]]
        best = best_clips([each for each, _ in found])
        if len(best) < 2:
            continue
        a4c, a2c = (next(clip for each, clip in found if each is chosen) for chosen in best)
        biplane = biplane_function([each.beats for each in best if each.beats is not None], method)
        yield {
            "study": name,
            "patient": a4c.item.patient,
            "a4c": a4c.key,
            "a2c": a2c.key,
            "method": biplane.method,
            **{value: getattr(biplane, value) for value in ("ef", "edv_ml", "esv_ml", "sv_ml", "hr_bpm", "co_l_min")},
            "flags": [flag.code for flag in biplane.flags],
            "quality": max((each.clip["quality"] for each in (a4c, a2c)), key=_QUALITIES.index),
            "ef_truth": a4c.item.ef_truth if a4c.item.ef_truth is not None else a2c.item.ef_truth,
        }


def _study_clip(clip: ClipOfStudy) -> StudyClip:
    """The clip as :mod:`echoseg.study` ranks it."""
    record = {
        "source": {"view": clip.shapes["view"]},
        "quality": clip.clip["quality"],
        "beats": clip.beats,
        "objects": [{"name": "LV", "mean_iou_score": clip.clip["mean_iou_score"]}],
    }
    return StudyClip(Path(), record, view_beats_of(clip.shapes), False, (clip.study,), Subject())
