"""Accepted labels in the layouts that others read: NIfTI, EchoNet's tables, MedSAM2's arrays, DICOM, a folder to train on."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from echoseg.annotate.items import StudioItem
from echoseg.annotate.labels import MASKS, RECORD, label_folder, read_record
from echoseg.annotate.project import Project
from echoseg.annotate.refused import Refused
from echoseg.cardiac.contour import endocardial_contour
from echoseg.errors import MeasureError
from echoseg.io import Source, open_source
from echoseg.io.labels.nifti import write_label_map
from echoseg.io.labels.read import read_labels
from echoseg.io.sniff import sniff
from echoseg.types import Image, Segmentation

Format = Literal["echonet", "medsam2", "nifti", "dicom-seg", "dicom-sr", "training"]
_TRAINED = {"LV": 1, "MYO": 2, "LA": 3, "RV": 4}
"""Label numbers of clips in a training folder, see :func:`echoseg.datasets.folders.folder_pairs`."""
_ECHONET = ("FileName", "EF", "ESV", "EDV", "FrameHeight", "FrameWidth", "FPS", "NumberOfFrames", "Split")


@dataclass(frozen=True)
class Accepted:
    """One accepted item with its label. ``masks``: ``(T, H, W)`` uint8 in the order of the source's frames."""

    item: StudioItem
    source: Source
    masks: Image
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name in an export; says nothing of the patient."""
        return f"item-{self.item.id}"

    @property
    def names(self) -> dict[int, str]:
        return {int(number): name for number, name in self.record["objects"].items()}


def accepted(project: Project, only: Collection[str] | None = None) -> Iterator[Accepted]:
    """The items (of ``only``) that are accepted now and have a label, one open at a time."""
    for key, state in project.states().items():
        folder = label_folder(project, key)
        if state.decision != "accept" or (only is not None and key not in only) or not (folder / RECORD).is_file():
            continue
        item = project.items[key]
        with open_source(item.location, **item.opening) as source:
            stored = read_labels(folder / MASKS).masks
            masks = source.from_stored(stored) if source.kind == "volume" else stored
            yield Accepted(item, source, masks, read_record(folder))


def zipped(project: Project, kind: Format, folder: Path) -> Path:
    """The accepted items as ``echoseg-<kind>.zip`` in ``folder``.

    Raises:
        Refused: ``nothing_accepted``, or nothing of it can be written so.
    """
    content = folder / "content"
    content.mkdir()
    write = _WRITERS[kind]
    count = sum(write(content, one) for one in accepted(project))
    if count == 0:
        why = "no accepted item is DICOM" if kind.startswith("dicom") else "no item has been accepted yet"
        raise Refused("nothing_accepted", f"there is nothing to export as {kind}: {why}")
    path = folder / f"echoseg-{kind}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(content.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(content).as_posix())
    shutil.rmtree(content)
    return path


def training_folder(project: Project, only: Collection[str], out: Path) -> dict[str, Path]:
    """Labels of some items to train on: ``{"clip": folder, "volume": folder}`` of those kinds that there are, each with ``images/`` and
    ``masks/``; empty where no label has a name or number to learn."""
    made: dict[str, Path] = {}
    for one in accepted(project, only):
        kind = "volume" if one.source.kind == "volume" else "clip"
        (out / kind).mkdir(parents=True, exist_ok=True)
        if _training(out / kind, one):
            made[kind] = out / kind
    return made


def _nifti(out: Path, one: Accepted) -> bool:
    folder = label_folder_of(out, one)
    write_label_map(folder / MASKS, one.masks, one.source)
    (folder / RECORD).write_text(_text(one.record), encoding="utf-8")
    return True


def label_folder_of(out: Path, one: Accepted) -> Path:
    """The folder of one item in an export, made."""
    folder = out / one.name
    folder.mkdir()
    return folder


def _medsam2(out: Path, one: Accepted) -> bool:
    """``imgs`` and ``gts`` ``(T, H, W[, 3])`` uint8, ``spacing`` (x, y, z) in mm; 1 where it is unknown, as the format cannot say so."""
    row, column = one.source.geometry.spacing or (1.0, 1.0)
    frames = np.stack(list(one.source.frames()))
    spacing = np.array([column, row, one.source.geometry.slice_spacing or 1.0])
    np.savez_compressed(out / f"{one.name}.npz", imgs=frames, gts=one.masks, spacing=spacing)
    return True


def _training(out: Path, one: Accepted) -> bool:
    """``images/`` and ``masks/``, as :func:`echoseg.datasets.folders.folder_pairs` takes them."""
    images, masks = out / "images", out / "masks"
    images.mkdir(exist_ok=True)
    masks.mkdir(exist_ok=True)
    labels = one.masks
    if one.source.kind != "volume":
        labels = np.zeros_like(one.masks)
        for number, name in one.names.items():
            if name in _TRAINED:
                labels[one.masks == number] = _TRAINED[name]
    if not labels.any():
        return False
    location = Path(one.item.location)
    if location.is_dir():
        shutil.copytree(location, images / one.name)
    elif location.is_file():
        shutil.copyfile(location, images / f"{one.name}{_suffix(location)}")
    else:  # from a PACS: the pictures alone
        np.save(images / f"{one.name}.npy", np.stack(list(one.source.frames())))
    write_label_map(masks / f"{one.name}.nii.gz", labels, one.source)
    return True


def _echonet(out: Path, one: Accepted) -> bool:
    """A row of ``FileList.csv``, outlines of the first beat's ED and ES in ``VolumeTracings.csv``, and the video."""
    number = next((number for number, name in one.names.items() if name == "LV"), None)
    record = one.record["measurements"]
    if number is None or one.source.kind == "volume" or not record["beats"]:
        return False
    videos = out / "Videos"
    videos.mkdir(exist_ok=True)
    source, measures = one.source, record["measures"]
    height, width = source.size
    values = {key: measures.get(key, {}).get("value") for key in ("ef", "esv", "edv")}
    row = [one.name, values["ef"], values["esv"], values["edv"], height, width, source.timing.fps, len(one.masks), "TRAIN"]
    beat = record["beats"][0]
    traced: list[list[Any]] = []
    for frame in (beat["ed"], beat["es"]):
        try:
            corners = endocardial_contour(one.masks[frame] == number, None).points
        except MeasureError:
            return False
        # Whole numbers are the centres of pixels there.
        traced += [[f"{one.name}.avi", round(float(x) - 0.5, 2), round(float(y) - 0.5, 2), frame] for x, y in corners]
    _add_rows(out / "FileList.csv", _ECHONET, [["" if value is None else value for value in row]])
    _add_rows(out / "VolumeTracings.csv", ("FileName", "X", "Y", "Frame"), traced)
    _write_video(videos / f"{one.name}.avi", one)
    return True


def _dicom(name: str) -> Callable[[Path, Accepted], bool]:
    def write(out: Path, one: Accepted) -> bool:
        from echoseg.report.dicom import dicom_output, write_dicom

        output = dicom_output(one.source, False, None)
        if output is None:
            return False
        folder = label_folder_of(out, one)
        for other, path in write_dicom(folder, one.source, _segmentation(one), one.record["measurements"], output).files.items():
            if other != name:
                path.unlink()
        return True

    return write


def _segmentation(one: Accepted) -> Segmentation:
    ids = tuple(sorted(one.names))
    scores = np.full((len(one.masks), len(ids)), np.nan, dtype=np.float32)
    seeds = {int(number): tuple(frames) for number, frames in one.record["prompted"].items()}
    return Segmentation(
        one.masks, scores, scores, ids, one.names, seeds, one.source.geometry, one.source.timing, given=True,
        automatic=not one.record["by_hand"],
    )  # fmt: skip


def _write_video(path: Path, one: Accepted) -> None:
    """The clip itself where it is a video, else its frames as motion JPEG, as EchoNet's are."""
    location = Path(one.item.location)
    if location.is_file() and sniff(location) == "video":
        shutil.copyfile(location, path)
        return
    import cv2

    height, width = one.source.size
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), one.source.timing.fps or 25.0, (width, height))
    for frame in one.source.frames():
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR if frame.ndim == 2 else cv2.COLOR_RGB2BGR))
    writer.release()


def _add_rows(path: Path, columns: tuple[str, ...], rows: list[list[Any]]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(columns)
        writer.writerows(rows)


def _suffix(path: Path) -> str:
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


_WRITERS: Mapping[str, Callable[[Path, Accepted], bool]] = {
    "nifti": _nifti,
    "medsam2": _medsam2,
    "training": _training,
    "echonet": _echonet,
    "dicom-seg": _dicom("seg.dcm"),
    "dicom-sr": _dicom("sr.dcm"),
}
