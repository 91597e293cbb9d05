"""What is measured of the masks that stand: the same functions as those of a run, and a curve for the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from echoseg.annotate.history import State
from echoseg.cardiac import Beat
from echoseg.errors import MeasureError
from echoseg.io.picture.flags import picture_flags
from echoseg.io.source import Source
from echoseg.io.tables import object_areas
from echoseg.io.views import ViewAnswer
from echoseg.record.input_flags import may_be_apical
from echoseg.record.measures import MEASURES
from echoseg.record.provenance import provenance
from echoseg.results import Measured, MeasureOptions, measure_result
from echoseg.types import Flag, Segmentation

if TYPE_CHECKING:
    from echoseg.model import Model

DOUBTFUL_IOU = 0.8
"""Predicted IoU below which a frame is marked for a look; a choice, not a guideline's."""


@dataclass(frozen=True)
class Measuring:
    """What of an item does not change while it is annotated.

    Attributes:
        source: its frames.
        model: whose masks they are.
        view: as stated for the item, or None.
        seen: what the view classifier says of the pictures.
    """

    source: Source
    model: Model
    view: str | None = None
    seen: ViewAnswer | None = None

    @cached_property
    def picture(self) -> tuple[Flag, ...]:
        """What is to be said of the pictures: three quarters of a measurement's time, and always the same."""
        return tuple(picture_flags(self.source)) if may_be_apical(self.source, self.view) else ()

    def segmentation(self, state: State) -> Segmentation:
        """The masks as a label map; where objects overlap that of the lower id lies on top."""
        source, ids = self.source, tuple(state.objects)
        count = source.length or 1
        masks = np.zeros((count, *source.size), dtype=np.uint8)
        scores, object_scores = np.full((2, count, len(ids)), np.nan, dtype=np.float32)
        for (frame, object_id), mask in sorted(state.masks.items(), key=lambda each: -each[0][1]):
            if object_id not in ids or frame >= count:
                continue
            if mask.bbox is not None:
                masks[frame][mask.mask(source.size)] = object_id
            column = ids.index(object_id)
            scores[frame, column] = 1.0 if mask.iou is None else mask.iou
            object_scores[frame, column] = 10.0 if mask.score is None else mask.score
        return Segmentation(
            masks=masks,
            scores=scores,
            object_scores=object_scores,
            object_ids=ids,
            names={each.id: each.name for each in state.objects.values()},
            seeds={each.id: tuple(sorted({*each.prompted, *each.corrected})) for each in state.objects.values()},
            geometry=source.geometry,
            timing=source.timing,
            flags=source.flags,
            options={"model": self.model.name},
            automatic=bool(ids) and not state.by_hand and not state.marks.get("beats"),  # no interval is calibrated for named phases
        )

    def measured(self, state: State) -> tuple[Measured, bool]:
        """The result of the masks; and whether the beats are those that a person named (False also where they cannot be measured)."""
        made_by = provenance(
            model=self.model.name,
            weights_sha256=self.model.weights.sha256,
            weights=[{"name": self.model.name, "sha256": self.model.weights.sha256, "licence": self.model.weights.licence,
                      "citation": self.model.weights.citation}],
            prompt=[_told(each) for each in state.prompts],
        )  # fmt: skip
        segmentation = self.segmentation(state)
        beats = named_beats(state.marks.get("beats"))
        try:
            options = MeasureOptions(view=self.view, beats=beats, seen=self.seen, picture=self.picture)
            return measure_result(self.source, segmentation, made_by, options), beats is not None
        except MeasureError as error:
            if beats is None:
                raise
            refused = Flag("phases_not_used", f"The phases that were named cannot be measured: {error}.")
            return measure_result(
                self.source, segmentation, made_by, MeasureOptions(view=self.view, seen=self.seen, picture=self.picture), [refused]
            ), False

    def told(self, state: State) -> dict[str, Any]:
        """What a client is told, plain JSON values; see the API's reference."""
        if not state.objects:
            return self._nothing()
        measured, named = self.measured(state)
        record, spacing = measured.measurements, measured.segmentation.geometry.spacing
        return {
            "kind": self.source.kind,
            "frames_with_mask": len({frame for (frame, _), mask in state.masks.items() if mask.bbox is not None}),
            "complete": not state.stale,
            "measures": {key: {**entry, "label": MEASURES[key].label} for key, entry in record["measures"].items()},
            "view": record["source"]["view"],
            "view_from": record["source"]["view_from"],
            "spacing_mm": None if spacing is None else list(spacing),
            "volume_note": None if spacing is not None else "no mL: the pixel spacing is unknown",
            "beats": record["beats"],
            "beats_from": "marks" if named else "found",
            "flags": record["flags"],
            "quality": record["quality"],
            "curve": self._curve(measured),
            "iou": _lowest(state, self.source.length or 1),
            "doubtful": sorted({frame for (frame, _), mask in state.masks.items() if mask.iou is not None and mask.iou < DOUBTFUL_IOU}),
            "objects": record["objects"],
        }

    def _curve(self, measured: Measured) -> dict[str, Any] | None:
        segmentation = measured.segmentation
        times = self.source.times(len(segmentation.masks))
        seconds = None if times is None else [round(float(at), 4) for at in times]
        if measured.analysis is not None:
            curve = measured.analysis.curve
            values, unit = (curve.relative, "relative") if curve.volume_ml is None else (curve.volume_ml, "mL")
            return {"label": "LV volume", "unit": unit, "values": _numbers(values), "times": seconds}
        if not segmentation.object_ids:
            return None
        area, spacing = object_areas(segmentation)[:, 0].astype(float), segmentation.geometry.spacing
        label = f"Area of {segmentation.names[segmentation.object_ids[0]]}"
        if spacing is None:
            return {"label": label, "unit": "px", "values": _numbers(area), "times": seconds}
        return {"label": label, "unit": "cm²", "values": _numbers(area * spacing[0] * spacing[1] / 100), "times": seconds}

    def _nothing(self) -> dict[str, Any]:
        spacing = self.source.geometry.spacing
        empty: dict[str, Any] = {"kind": self.source.kind, "frames_with_mask": 0, "complete": True, "measures": {}, "view": self.view}
        empty |= {"view_from": None, "spacing_mm": None if spacing is None else list(spacing), "beats": [], "beats_from": "found"}
        empty |= {"volume_note": None if spacing is not None else "no mL: the pixel spacing is unknown", "flags": [], "quality": "accept"}
        return empty | {"curve": None, "iou": [None] * (self.source.length or 1), "doubtful": [], "objects": []}


def named_beats(marks: Sequence[Mapping[str, int]] | None) -> tuple[Beat, ...] | None:
    """The beats that a person named by their ED and ES frames; each is closed by the ED of the next. None where none was."""
    if not marks:
        return None
    order = sorted(marks, key=lambda each: each["ed"])
    ends: list[int | None] = [each["ed"] for each in order[1:]]
    return tuple(Beat(each["ed"], each["es"], end, False, None) for each, end in zip(order, [*ends, None], strict=True))


def _told(given: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt for the provenance; of drawn masks only where they are."""
    drawn = given["kind"] in ("mask", "contour")
    return {"object": given["object"], "frame": given["frame"], "mode": given["mode"], given["kind"]: "drawn" if drawn else given["data"]}


def _lowest(state: State, count: int) -> list[float | None]:
    found: list[float | None] = [None] * count
    for (frame, _), mask in state.masks.items():
        if mask.iou is not None and frame < count:
            known = found[frame]
            found[frame] = mask.iou if known is None else min(known, mask.iou)
    return found


def _numbers(values: Any) -> list[float | None]:
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]
