"""What is kept of an accepted item: its masks as NIfTI beside a record of who, when, with which model and which prompts."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from echoseg import __version__
from echoseg.annotate.items import StudioItem
from echoseg.annotate.live import LiveItem
from echoseg.annotate.project import Project
from echoseg.errors import OutputError
from echoseg.io.labels.nifti import write_label_map

RECORD = "record.json"
MASKS = "masks.nii.gz"


def label_folder(project: Project, item_id: str) -> Path:
    """Where the label of an item lies, once it was accepted."""
    return project.folder / "labels" / item_id


def write_label(project: Project, item: StudioItem, live: LiveItem, user: str, decision: Mapping[str, Any]) -> Path:
    """Writes ``labels/<item>/masks.nii.gz`` and ``record.json``; the folder appears complete, in place of an earlier one.

    The record names no file and no person but the annotator.

    Raises:
        OutputError: it cannot be written.
    """
    state = live.state
    measured, _ = live.measuring.measured(state)
    source = live.looking.source
    record = {
        "schema": "urn:echoseg:label:1",
        "item": item.id,
        "annotator": user,
        "accepted": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "objects": {str(each.id): each.name for each in state.objects.values()},
        "prompts": [dict(prompt) for prompt in state.prompts],
        "prompted": {str(each.id): list(each.prompted) for each in state.objects.values()},
        "corrected": {str(each.id): list(each.corrected) for each in state.objects.values()},
        "marks": dict(state.marks),
        "by_hand": state.by_hand,
        "decision": dict(decision),
        "model": {"name": live.looking.model.name, "weights_sha256": live.looking.model.weights.sha256},
        "echoseg": __version__,
        "measurements": measured.measurements,
    }
    target = label_folder(project, item.id)
    draft = target.with_name(f".{item.id}-{secrets.token_hex(4)}")
    try:
        draft.mkdir(parents=True)
        write_label_map(draft / MASKS, measured.segmentation.masks, source)
        (draft / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        _swap(draft, target)
    except OSError as error:
        raise OutputError(f"the label cannot be written ({error.strerror}); check disk space and the project folder's rights") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a label."""
    return dict(json.loads((folder / RECORD).read_text(encoding="utf-8")))


def _swap(draft: Path, target: Path) -> None:
    """Puts ``draft`` in the place of ``target``; an interruption leaves the one or the other."""
    old = target.with_name(f".{target.name}-replaced-{secrets.token_hex(4)}")
    if target.exists():
        target.rename(old)
    os.rename(draft, target)
    shutil.rmtree(old, ignore_errors=True)
