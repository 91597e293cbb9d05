"""Sunnybrook Cardiac Data (Radau et al. 2009) layout: short-axis cine MR, the LV cavity outlined by experts at ED and ES."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from echoseg.datasets.case import Case
from echoseg.datasets.echonet import cavity
from echoseg.errors import SourceError
from echoseg.io.dicom.frames import read_header
from echoseg.io.dicom.values import number, numbers
from echoseg.io.open import open_source
from echoseg.types import BoolMask

_CONTOUR = "i-contours/*icontour*.txt"
_NUMBER = re.compile(r"(\d+)\D*$")


def short_axis_cines(root: Path) -> Iterator[Case]:
    """One case a slice with a contour: its phases in order of time; truth on the contoured phases alone.

    The contours of the cavity count papillary muscles as blood. Some slices are contoured at ED only.

    Args:
        root: a patient (``dicom/NNN.dcm``, ``i-contours/IM-0001-0NNN-icontour-manual.txt``), or a folder of such patients.

    Raises:
        SourceError: no patient is there, a contour has no image or cannot be read, or images lack position or time.
    """
    patients = [folder for folder in (root, *sorted(root.glob("*/"))) if any(folder.glob(_CONTOUR))]
    if not patients:
        raise SourceError(f"{root}: no contoured cine MR; expected PATIENT/dicom/NNN.dcm and PATIENT/{_CONTOUR}")
    for patient in patients:
        contours = {_number(path): path for path in sorted(patient.glob(_CONTOUR))}
        images = {_number(path): path for path in sorted((patient / "dicom").glob("*.dcm"))}
        if lonely := sorted(set(contours) - set(images)):
            raise SourceError(f"{contours[lonely[0]]}: no image of that number in {patient / 'dicom'} ({len(lonely)} such contours)")
        for index, phases in enumerate(_slices(images), start=1):
            traced = {place: contours[key] for place, (key, _) in enumerate(phases) if key in contours}
            if traced:
                yield _cine(patient.name, index, [images[key] for key, _ in phases], [header for _, header in phases], traced)


def _slices(images: dict[int, Path]) -> list[list[tuple[int, Dataset]]]:
    """Number and header of the images of each slice, in order of time; slices in order of their first number."""
    slices: dict[tuple[float, ...], list[tuple[int, Dataset]]] = {}
    for key, path in sorted(images.items()):
        header, _ = read_header(path)
        position = tuple(np.round(numbers(header, "ImagePositionPatient"), 1).tolist())
        if len(position) != 3 or number(header, "TriggerTime") is None:
            raise SourceError(f"{path}: states no position or no trigger time; it is not a phase of a cine")
        slices.setdefault(position, []).append((key, header))
    return [sorted(phases, key=lambda phase: number(phase[1], "TriggerTime") or 0.0) for phases in slices.values()]


def _cine(patient: str, index: int, images: list[Path], headers: list[Dataset], traced: dict[int, Path]) -> Case:
    frames = np.stack([_frame(path) for path in images])
    labels, known = np.zeros(frames.shape, np.uint8), np.zeros(len(frames), bool)
    for place, path in traced.items():
        labels[place], known[place] = _cavity(path, labels.shape[1:]), True
    row_mm, column_mm = numbers(headers[0], "PixelSpacing") or (None, None)
    seconds = ((number(headers[-1], "TriggerTime") or 0.0) - (number(headers[0], "TriggerTime") or 0.0)) / 1000
    return Case(
        name=f"{patient}_slice{index:02d}",
        subject=patient,
        frames=frames,
        labels=labels,
        names={1: "LV"},
        known=known,
        kind="cine",
        spacing=None if row_mm is None or column_mm is None else (row_mm, column_mm),
        slice_mm=number(headers[0], "SpacingBetweenSlices") or number(headers[0], "SliceThickness"),
        fps=(len(frames) - 1) / seconds if seconds > 0 else None,
    )


def _frame(path: Path) -> NDArray[np.uint8]:
    with open_source(path) as source:
        return next(iter(source.frames()))


def _cavity(path: Path, size: tuple[int, ...]) -> BoolMask:
    """``(H, W)`` mask of the pixels whose centre lies in the outline of a contour file.

    Lines of x y, whole numbers at pixel centres, counted from 1. The file does not say from what: moved by -1 in both directions the
    contours of the patient at hand lie on the edge between blood and muscle, as given beside it (docs/evidence/ejection-fraction.md).
    """
    try:
        outline = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: not a contour, lines of x and y in pixels ({error})") from error
    if outline.shape[1:] != (2,) or len(outline) < 3:
        raise SourceError(f"{path}: not a contour, lines of x and y in pixels (found {len(outline)} lines of {outline.shape[1]} numbers)")
    return cavity(outline, size, first=1)


def _number(path: Path) -> int:
    """The last number in a file's name, -1 when there is none."""
    found = _NUMBER.search(path.stem)
    return int(found.group(1)) if found else -1
