"""The DICOM series in a folder: listed, one chosen, its images put in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom.frames import FrameTable, read_header
from echoseg.io.dicom.increments import are_slices
from echoseg.io.dicom.slices import dicom_slices
from echoseg.io.dicom.stack import arrange
from echoseg.io.dicom.values import number, quiet_reading, text
from echoseg.io.volume.voxels import Acquisition
from echoseg.types import Flag

_ASSUMED = Flag(
    "frames_assumed_slices",
    "The file does not say whether its frames are slices or moments: slices were assumed, as its modality has them.",
)
_CLIPS = ("US", "IVUS", "XA", "RF", "ES")


@dataclass(frozen=True)
class Series:
    """One series of images.

    Attributes:
        uid: Series Instance UID; empty when the files have none.
        number: Series Number, or None.
        modality: as the files state it, or empty.
        description: Series Description. Free text: to be shown to who asks for it, never written into results.
        size: ``(H, W)`` of the first image.
        files: in natural order of their names, with header and frame table.
    """

    uid: str
    number: int | None
    modality: str
    description: str
    size: tuple[int, int]
    files: tuple[tuple[Dataset, FrameTable], ...]

    @property
    def images(self) -> int:
        return sum(table.count for _, table in self.files)

    def __str__(self) -> str:
        called = f"number {self.number}" if self.number is not None else f"UID {self.uid or '(none)'}"
        return f"{called}: {self.modality or 'no modality'}, {self.images} images of {self.size[1]} x {self.size[0]}"


@quiet_reading()
def list_series(paths: Sequence[Path], folder: Path) -> list[Series]:
    """The series of images among DICOM files, by number; objects without images (reports, segmentations) do not count.

    Raises:
        SourceError: a damaged or cut-off file.
        UnsupportedSourceError: no images among the files.
    """
    members: dict[str, list[tuple[Dataset, FrameTable]]] = defaultdict(list)
    refusal: UnsupportedSourceError | None = None
    for path in paths:
        if path.name.upper() == "DICOMDIR":
            continue
        try:
            header, table = read_header(path)
        except UnsupportedSourceError as error:
            refusal = error
            continue
        members[text(header, "SeriesInstanceUID")].append((header, table))
    if not members:
        raise refusal or UnsupportedSourceError(f"{folder}: holds no DICOM images")
    found = [_series(uid, files) for uid, files in members.items()]
    return sorted(found, key=lambda one: (one.number is None, one.number or 0, one.uid))


def choose_series(series: Sequence[Series], wanted: str | None, folder: Path) -> Series:
    """The one series of a folder, or the one whose UID or Series Number is ``wanted``.

    Raises:
        SourceError: several and none wanted, or the wanted one is not there or not alone; the message lists them.
    """
    if wanted is None and len(series) == 1:
        return series[0]
    listing = "; ".join(str(one) for one in series)
    if wanted is None:
        raise SourceError(f"{folder}: holds {len(series)} DICOM series ({listing}); choose one by its number or UID (--series)")
    wanted = wanted.strip()
    chosen = [one for one in series if wanted and one.uid == wanted]
    chosen = chosen or [one for one in series if wanted.isdecimal() and one.number == int(wanted)]
    if len(chosen) > 1:
        uids = ", ".join(one.uid for one in chosen)
        raise SourceError(f"{folder}: {len(chosen)} series have the number {wanted}; choose one by its UID: {uids}")
    if not chosen:
        raise SourceError(f"{folder}: holds no DICOM series {wanted}, but {listing}")
    return chosen[0]


def read_series(series: Series, where: Path) -> Acquisition:
    """The images of a series in places and phases.

    Raises:
        SourceError: files that are clips of their own, or images that cannot be stacked, see :func:`arrange`.
    """
    if len(series.files) > 1 and series.modality in _CLIPS:
        name = series.files[0][1].path.name
        raise SourceError(f"{where}: holds {len(series.files)} DICOM files, sources of their own like {name}; open one at a time")
    slices = [one for header, table in series.files for one in dicom_slices(header, table)]
    return arrange(slices, where, series.modality or None)


def read_multiframe(path: Path) -> Acquisition:
    """The images of one multi-frame file in places and phases.

    Raises:
        SourceError: damaged or cut off, or images that cannot be stacked, see :func:`arrange`.
    """
    header, table = read_header(path)
    slices = dicom_slices(header, table)
    told = () if are_slices(header) or slices[0].position is not None else (_ASSUMED,)
    return arrange(slices, path, text(header, "Modality") or None, told)


def _series(uid: str, files: list[tuple[Dataset, FrameTable]]) -> Series:
    header = files[0][0]
    stated = number(header, "SeriesNumber")
    return Series(
        uid,
        None if stated is None else int(stated),
        text(header, "Modality"),
        text(header, "SeriesDescription"),
        (int(header.Rows), int(header.Columns)),
        tuple(files),
    )
