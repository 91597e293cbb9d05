"""The items of two public data sets in the layout they are released in, with the truth that lies beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

from echoseg.archive.item import Item
from echoseg.datasets.camus import patient_views
from echoseg.datasets.echonet import folder_view, listed_videos, read_traced_folder


def echonet_items(root: Path, *, traced: bool = False) -> Iterator[Item]:
    """The videos that ``FileList.csv`` names, with its EF; each is a study of its own. All show one view, see ``folder_view``.

    Args:
        traced: with the outlines of ``VolumeTracings.csv``, and what is wrong with a video's rows in either table.

    Raises:
        SourceError: a table cannot be read or lacks a column, or a row names no video.
    """
    for video in read_traced_folder(root).videos if traced else listed_videos(root):
        item = Item(f"Videos/{video.path.name}", study=video.name, view=folder_view(root), ef_truth=video.ef)
        if traced:
            outlines = {str(frame): outline.tolist() for frame, outline in video.outlines.items()} or None
            fault = None if video.fault is None else video.fault.replace(f"{root}{os.sep}", "")
            item = replace(item, outlines=outlines, fault=fault)
        yield item


def camus_items(root: Path) -> Iterator[Item]:
    """Both apical views of every patient: the sequence, or where that was not downloaded the stills at ED and ES.

    Study and EF (biplane, by a cardiologist) are the patient's.
    """
    for view in patient_views(root):
        info, (paths, moves) = view.info(), view.recordings()
        for path in paths:
            yield Item(
                path.relative_to(root).as_posix(),
                study=view.folder.name,
                view=view.view,
                sex=cast(Literal["M", "F"], info["Sex"]) if info.get("Sex") in ("M", "F") else None,
                kind="clip" if moves else None,
                ef_truth=_percent(info.get("LVef") or info.get("EF")) if moves else None,
            )


def _percent(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value < 100 else None
