"""Rows of studies.parquet: biplane function of every study with a clip of both apical views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from echoseg.archive.ledger import Ledger, Result
from echoseg.archive.shapes import view_beats_of
from echoseg.cardiac import APICAL_VIEWS
from echoseg.cardiac.biplane import biplane_function
from echoseg.cardiac.volume import Method
from echoseg.record.measures import HEADLINE
from echoseg.record.quality import Quality
from echoseg.study import clip_rank

_NUMBER, _TEXT = pa.float64(), pa.string()
_VALUES = [measure.column for measure in HEADLINE if measure.key != "fac"]
STUDIES = pa.schema(
    [
        *[(name, _TEXT) for name in ("study", "patient", "a4c", "a2c", "method")],
        *[(name, _NUMBER) for name in _VALUES],
        ("flags", pa.list_(_TEXT)),
        ("quality", _TEXT),
        ("ef_truth", _NUMBER),
    ]
)
"""Columns of studies.parquet: ``a4c`` and ``a2c`` are the clip_id of the clips that the biplane values come from; ``flags`` are on the
pair, ``quality`` is the worse of the two clips'."""


class _Chosen(NamedTuple):
    """What is kept of the best clip of a view: little, so that a million studies fit."""

    rank: tuple[int, int, float]
    key: str
    patient: str | None
    quality: Quality
    ef_truth: float | None


class StudyPairs:
    """The best A4C and the best A2C clip of every study, by the rule of :func:`echoseg.study.write_study`."""

    def __init__(self) -> None:
        self._studies: dict[str, dict[str, _Chosen]] = {}

    def add(self, study: str | None, result: Result) -> None:
        """Notes a result; of equally good clips of a view the one that is added first stays."""
        clip, shapes = result.result.clip, result.result.shapes
        if study is None or shapes is None:
            return
        quality = Quality(clip["quality"])
        rank = clip_rank(quality, clip["complete_beats"], clip["mean_iou_score"])
        views, view = self._studies.setdefault(study, {}), shapes["view"]
        if view not in views or rank < views[view].rank:
            views[view] = _Chosen(rank, result.key, result.item.patient, quality, result.item.ef_truth)

    def rows(self, ledger: Ledger, method: Method) -> Iterator[dict[str, Any]]:
        """The rows of :data:`STUDIES`, by study.

        Args:
            ledger: where the results came from.
            method: of LV volumes.
        """
        for study, views in sorted(self._studies.items()):
            if len(views) < len(APICAL_VIEWS):
                continue
            a4c, a2c = (views[view] for view in APICAL_VIEWS)
            biplane = biplane_function([view_beats_of(ledger.shapes(each.key)) for each in (a4c, a2c)], method)
            yield {
                "study": study,
                "patient": a4c.patient,
                "a4c": a4c.key,
                "a2c": a2c.key,
                "method": biplane.method,
                **{value: getattr(biplane, value) for value in _VALUES},
                "flags": [flag.code for flag in biplane.flags],
                "quality": max(a4c.quality, a2c.quality, key=lambda quality: quality.rank),
                "ef_truth": a4c.ef_truth if a4c.ef_truth is not None else a2c.ef_truth,
            }
