"""The DICOM series in a folder: listed, one chosen, its images put in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from echoseg.errors import NoImageError, SourceError, UnsupportedSourceError
from echoseg.io.dicom.belonging import are_one_series, check_one_series
from echoseg.io.dicom.dicomdir import is_dicomdir
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


_File = tuple[Dataset, FrameTable]
_Key = tuple[str, float | None, str]  # of a series: UID, number, modality


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


@dataclass(frozen=True)
class Listing:
    """What DICOM files hold.

    Attributes:
        series: those with images, by number.
        unusable: images that cannot be read at all, whatever their series; no reports, segmentations and the like.
    """

    series: tuple[Series, ...]
    unusable: tuple[Path, ...] = ()


@quiet_reading()
def list_series(paths: Sequence[Path], folder: Path) -> Listing:
    """The series of images among DICOM files; objects without images (reports, segmentations, an index) do not count.

    A series has one UID, number and modality (PS3.3 C.7.3.1): software that removes identities may leave the same UID, or none, to all.

    Raises:
        SourceError: a damaged or cut-off file.
        UnsupportedSourceError: no images among the files.
    """
    members: dict[_Key, list[_File]] = defaultdict(list)
    refusals: list[UnsupportedSourceError] = []
    unusable: list[Path] = []
    for path in paths:
        if is_dicomdir(path):
            continue
        try:
            header, table = read_header(path)
        except UnsupportedSourceError as error:
            refusals.append(error)
            unusable += [] if isinstance(error, NoImageError) else [path]
            continue
        members[text(header, "SeriesInstanceUID"), number(header, "SeriesNumber"), text(header, "Modality")].append((header, table))
    if not members:
        raise refusals[-1] if refusals else UnsupportedSourceError(f"{folder}: holds no DICOM images")
    found = [_series(uid, files) for (uid, _, _), files in _rejoined(members).items()]
    return Listing(tuple(sorted(found, key=lambda one: (one.number is None, one.number or 0, one.uid))), tuple(unusable))


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
    named = [one for one in series if wanted and one.uid == wanted]
    numbered = [one for one in series if wanted.isdecimal() and one.number == int(wanted)]
    if len(named) > 1:
        raise SourceError(f"{folder}: {len(named)} series have the UID {wanted} ({listing}); choose one by its number")
    if len(numbered) > 1 and not named:
        uids = ", ".join(one.uid or "(none)" for one in numbered)
        raise SourceError(f"{folder}: {len(numbered)} series have the number {wanted}; choose one by its UID: {uids}")
    if not named and not numbered:
        raise SourceError(f"{folder}: holds no DICOM series {wanted}, but {listing}")
    return (named or numbered)[0]


@quiet_reading()
def read_series(series: Series, where: Path) -> Acquisition:
    """The images of a series in places and phases.

    Raises:
        SourceError: files that are clips of their own, images of several patients, or such as cannot be stacked, see :func:`arrange`.
    """
    told = check_one_series([header for header, _ in series.files], where)
    if len(series.files) > 1 and series.modality in _CLIPS:
        name = series.files[0][1].path.name
        raise SourceError(
            f"{where}: holds {len(series.files)} DICOM files, sources of their own like {name}; open one at a time, or all of "
            "them with `echoseg archive`"
        )
    slices = [one for header, table in series.files for one in dicom_slices(header, table)]
    return arrange(slices, where, series.modality or None, told)


def read_multiframe(path: Path) -> Acquisition:
    """The images of one multi-frame file in places and phases.

    Raises:
        SourceError: damaged or cut off, or images that cannot be stacked, see :func:`arrange`.
    """
    header, table = read_header(path)
    slices = dicom_slices(header, table)
    told = () if are_slices(header) or slices[0].position is not None else (_ASSUMED,)
    return arrange(slices, path, text(header, "Modality") or None, told)


def _rejoined(members: dict[_Key, list[_File]]) -> dict[_Key, list[_File]]:
    """``members`` with series of one image each joined, where their UIDs were replaced one by one; the joined one has no UID."""
    alike: dict[tuple[float | None, str], list[_Key]] = defaultdict(list)
    for key, files in members.items():
        if len(files) == 1:
            alike[key[1:]].append(key)
    joined = dict(members)
    for (stated, modality), keys in alike.items():
        files = [file for key in keys for file in members[key]]
        if are_one_series([header for header, _ in files]):
            joined = {key: files for key, files in joined.items() if key not in keys}
            joined["", stated, modality] = [*joined.get(("", stated, modality), []), *files]
    return joined


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
