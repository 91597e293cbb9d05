"""What a worker of the archive does with an item of a project: finds its objects by themselves, and says how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.rle import encode
from echoseg.archive.item import Item
from echoseg.archive.jobs import ClipResult
from echoseg.archive.settings import Keep, Settings
from echoseg.errors import PromptError, SourceError
from echoseg.io import open_source
from echoseg.results import Measured
from echoseg.types import Segmentation

_IN_VOLUMES = "auto:LV,MYO,RV"
DRAFT_TASK = "echoseg.annotate.draft_task:DraftTask"


class DraftTask:
    """A loaded model; see :class:`echoseg.archive.clip_task.ClipTask`, in whose place it stands."""

    def __init__(self, settings: Settings, out: str, keep: Keep) -> None:
        from echoseg.model import load_model

        self.settings = settings
        self.model = load_model(settings.model, settings.weights, settings.device, runtime=settings.runtime)

    def fingerprint(self) -> dict[str, Any]:
        """Weights, device and runtime: drafts of different ones are not told apart otherwise."""
        self.model.prepare()  # only then it is known which runtime it is
        execution = {"device": self.model.execution.device.type, "runtime": self.model.ran_by}
        return {"weights_sha256": self.model.weights.sha256, **execution}

    def process(self, item: Item, location: str, key: str) -> ClipResult:
        """The draft of an item: the body of its event, and its masks as rows; ``off`` where nothing can be found by name.

        Raises:
            EchosegError: the item cannot be read.
        """
        from echoseg.pipeline import analyse
        from echoseg.prompting.short_axis import answers_auto

        if item.fault is not None:
            raise SourceError(item.fault)
        row, column = item.row_mm or item.col_mm, item.col_mm or item.row_mm
        spacing = None if row is None or column is None else (row, column)
        with open_source(location, kind=item.kind, fps=item.fps, spacing=spacing) as source:
            prompt = self.settings.prompt
            if source.ultrasound() is False:
                if not answers_auto(source, self.model):
                    return ClipResult({"off": True, "kind": source.kind})
                prompt = _IN_VOLUMES if prompt == "auto" else prompt
            try:
                measured = analyse(source, prompt, self.model, view=item.view)
            except PromptError:
                if source.kind != "volume":
                    raise
                return ClipResult({"off": True, "kind": source.kind})  # no short-axis stack: somebody shows what is wanted
            return ClipResult({"body": draft_body(measured), "masks": draft_masks(measured)})


def draft_body(measured: Measured) -> dict[str, Any]:
    """The body of a ``draft`` event: prompts that give these masks again, and what was found."""
    record, segmentation = measured.measurements, measured.segmentation
    prompts = [
        {"object": int(number), "frame": int(frame), "mode": "prompt", "name": segmentation.names[int(number)], **given}
        for number, frames in record["provenance"]["options"]["seeds"].items()
        for frame, seeds in frames.items()
        for one in seeds
        for given in [_given(one) or _as_drawn(segmentation, int(frame), int(number))]
    ]
    ef = record["measures"].get("ef", {})
    flags = [{"code": flag["code"], "severity": flag["severity"]} for flag in record["flags"]]
    found = {"uncertainty": uncertainty(record), "ef": ef.get("value"), "ef_interval": ef.get("interval"), "flags": flags}
    return {"kind": record["source"]["kind"], "prompts": prompts, "found": found, "model": record["provenance"]["model"]}


def draft_masks(measured: Measured) -> list[list[Any]]:
    """The masks as rows, see :meth:`echoseg.annotate.frame_mask.FrameMask.row`."""
    segmentation = measured.segmentation
    return [
        FrameMask.of(frame, number, labels == number, segmentation.scores[frame, column], segmentation.object_scores[frame, column]).row()
        for frame, labels in enumerate(segmentation.masks)
        for column, number in enumerate(segmentation.object_ids)
        if segmentation.tracked[frame, column]
    ]


def uncertainty(record: Mapping[str, Any]) -> float:
    """1 - mean predicted IoU of the object it is least sure of, and half the width of the EF's interval as a share of 1; 0 is sure."""
    ious = [found["mean_iou_score"] for found in record["objects"] if found["mean_iou_score"] is not None]
    interval = record["measures"].get("ef", {}).get("interval")
    width = 0.0 if interval is None else (interval[1] - interval[0]) / 200
    return round(1 - min(ious, default=0.0) + width, 4)


def _given(prompt: Mapping[str, Any]) -> dict[str, Any] | None:
    """A seed as a prompt of a client; None for a mask, of which a record tells only the size."""
    if "structure" in prompt:
        return {"kind": "auto", "data": prompt["structure"]["name"]}
    return {"kind": "box", "data": prompt["box"]} if "box" in prompt else None


def _as_drawn(segmentation: Segmentation, frame: int, number: int) -> dict[str, Any]:
    """What became of a mask that was the seed, as a mask."""
    mask = segmentation.masks[frame] == number
    return {"kind": "mask", "data": {"rle": {"size": list(mask.shape), "counts": encode(mask)}}}
