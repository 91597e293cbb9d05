"""The items of two public data sets in the layout they are released in, with the truth that lies beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from echoseg.archive.item import Item

_CAMUS_VIEWS = {"2CH": "A2C", "4CH": "A4C"}
_CAMUS_CLIPS = ("half_sequence.nii.gz", "half_sequence.mhd", "sequence.nii.gz", "sequence.mhd")
_CAMUS_STILLS = tuple(f"{phase}{ending}" for phase in ("ED", "ES") for ending in (".nii.gz", ".mhd"))


def is_echonet(root: Path) -> bool:
    """Whether ``root`` is EchoNet-Dynamic (Ouyang et al. 2020): ``FileList.csv`` and ``Videos/``."""
    return (root / "FileList.csv").is_file() and (root / "Videos").is_dir()


def echonet_items(root: Path, *, traced: bool = False) -> Iterator[Item]:
    """The videos that ``FileList.csv`` names, with its EF; each is a study of its own. All show one view, see ``folder_view``.

    Args:
        traced: with the outlines of ``VolumeTracings.csv``, and what is wrong with a video's rows in either table.

    Raises:
        SourceError: a table cannot be read or lacks a column, or a row names no video.
    """
    from echoseg.datasets.echonet import folder_view, listed_videos, read_traced_folder  # here: it brings matplotlib

    for video in read_traced_folder(root).videos if traced else listed_videos(root):
        item = Item(f"Videos/{video.path.name}", study=video.name, view=folder_view(root), ef_truth=video.ef)
        if traced:
            outlines = {str(frame): outline.tolist() for frame, outline in video.outlines.items()} or None
            fault = None if video.fault is None else video.fault.replace(f"{root}{os.sep}", "")
            item = replace(item, outlines=outlines, fault=fault)
        yield item


def is_camus(root: Path) -> bool:
    """Whether the first folder in ``root`` that is named ``patient...`` is one of CAMUS (Leclerc et al. 2019)."""
    with os.scandir(root) as entries:
        folder = next((entry for entry in entries if entry.name.startswith("patient") and entry.is_dir()), None)
    return folder is not None and any(Path(folder.path, f"Info_{view}.cfg").is_file() for view in _CAMUS_VIEWS)


def camus_items(root: Path) -> Iterator[Item]:
    """Both apical views of every patient: the sequence, or where that was not downloaded the stills at ED and ES.

    Study and EF (biplane, by a cardiologist) are the patient's.
    """
    for folder in sorted(path for path in root.glob("patient*") if path.is_dir()):
        for short, view in _CAMUS_VIEWS.items():
            info = _info(folder / f"Info_{short}.cfg")
            sex = info.get("Sex")
            clips = [name for ending in _CAMUS_CLIPS if (folder / (name := f"{folder.name}_{short}_{ending}")).is_file()][:1]
            stills = [name for ending in _CAMUS_STILLS if (folder / (name := f"{folder.name}_{short}_{ending}")).is_file()]
            for name in clips or stills:
                yield Item(
                    f"{folder.name}/{name}",
                    study=folder.name,
                    view=view,
                    sex="M" if sex == "M" else "F" if sex == "F" else None,
                    kind="clip" if clips else None,
                    ef_truth=_percent(info.get("LVef") or info.get("EF")) if clips else None,
                )


def _info(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _percent(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value < 100 else None
