"""What lies in a folder: which of its files are one source, and which are left out and why."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from natsort import natsorted

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.images import IMAGE_SUFFIXES
from echoseg.io.sniff import DICOM_SUFFIXES, looks_like_dicom, sniff
from echoseg.types import Flag, Severity

_MASK_WORDS = {"mask", "masks", "gt", "seg", "segm", "segmentation", "label", "labels", "labelmap", "annotation", "groundtruth"}
_MOST_BELOW = 20_000  # files that are looked through below a folder: an archive is another command's work
_MOST_REGULAR = 0.7  # share of steps between frame numbers that are alike where frames are numbered one after the other
_SHOWN = 5


@dataclass(frozen=True)
class FolderContent:
    """The files right in a folder by their content, each kind in natural order; hidden files do not count.

    Attributes:
        images: pictures, by suffix or by content.
        dicoms: DICOM files.
        others: videos, arrays and volumes: sources of their own.
        lost: files that ought to be DICOM images by their names and are empty or unreadable.
        index: the DICOMDIR, or None.
    """

    images: list[Path]
    dicoms: list[Path]
    others: list[Path]
    lost: list[Path]
    index: Path | None = None


def folder_content(folder: Path) -> FolderContent:
    """What lies right in a folder.

    Raises:
        SourceError: the folder cannot be listed.
    """
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be listed ({error.strerror})") from error
    return _sorted_out(natsorted(files, key=lambda path: path.name))


def dicoms_of(folder: Path) -> FolderContent | None:
    """The content of a folder of DICOM files, or of the folders below one that holds nothing else, or an index of them; else None.

    Raises:
        SourceError: the folder cannot be listed, holds more pictures than DICOM files, or has too much below it.
    """
    content = folder_content(folder)
    if content.index is not None or not (content.images or content.dicoms or content.others):
        below = content_below(folder)
        return below if below.dicoms else None
    if len(content.images) > len(content.dicoms) > 0:
        raise SourceError(f"{folder}: holds {len(content.images)} images and {len(content.dicoms)} DICOM files; separate them")
    return content if content.dicoms else None


def content_below(folder: Path) -> FolderContent:
    """What lies in a folder and in those below it.

    Raises:
        SourceError: too many files to be one source.
    """
    files: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = natsorted(name for name in folders if not name.startswith("."))
        files += [path for name in natsorted(names) if not name.startswith(".") and (path := Path(root, name)).is_file()]
        if len(files) > _MOST_BELOW:
            raise SourceError(f"{folder}: holds more than {_MOST_BELOW} files; `echoseg archive {folder}` processes all of them")
    return _sorted_out(files)


def _sorted_out(files: Sequence[Path]) -> FolderContent:
    from echoseg.io.dicom.dicomdir import is_dicomdir

    images: list[Path] = []
    dicoms: list[Path] = []
    others: list[Path] = []
    unknown: list[Path] = []
    index = None
    for path in files:
        if looks_like_dicom(path):
            if is_dicomdir(path):
                index = index or path
            else:
                dicoms.append(path)
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            images.append(path)
        else:
            (images if (content := _content(path)) == "image" else others if content else unknown).append(path)
    like = {_pattern(path) for path in dicoms}
    lost = [path for path in unknown if path.suffix.lower() in DICOM_SUFFIXES - {""} or _pattern(path) in like or _is_blank(path)]
    return FolderContent(images, dicoms, others, lost if dicoms else [], index)


def _content(path: Path) -> str | None:
    try:
        return sniff(path)
    except SourceError:
        return None


def _is_blank(path: Path) -> bool:
    return not path.suffix and path.stat().st_size == 0


def _pattern(path: Path) -> str:
    """A file name without what counts."""
    return re.sub(r"\d+", "#", path.name.lower())


def frames_among(images: Sequence[Path]) -> tuple[list[Path], tuple[Flag, ...]]:
    """The images of a folder that are frames of one clip: neither masks of the others nor a picture that is named unlike all others.

    A folder of masks alone is one of frames.
    """
    masks = [path for path in images if _MASK_WORDS & set(re.findall(r"[a-z]+", path.stem.lower()))]
    frames, flags = [path for path in images if path not in set(masks)], []
    if not frames:
        return list(images), ()
    if masks:
        message = f"{listed(masks)} {_are(masks)} named as masks of the other images, and left out: the others are the frames."
        flags.append(Flag("masks_left_out", message, Severity.INFO))
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in frames:
        kinds[_pattern(path)].append(path)
    usual, *rare = sorted(kinds.values(), key=len, reverse=True)
    odd = [path for kind in rare for path in kind]
    if odd and len(usual) >= max(3, 4 * len(odd)) and "#" in _pattern(usual[0]) and all(len(kind) == 1 for kind in rare):
        message = f"{listed(odd)} {_are(odd)} not named as the other {len(usual)} images, and left out: the others are the frames."
        flags.append(Flag("images_left_out", message))
        frames = usual
    elif sum(len(kind) > 1 for kind in kinds.values()) > 1:
        ways = ", ".join(f"{len(kind)} like {kind[0].name}" for kind in kinds.values())
        flags.append(Flag("several_names", f"The images are named in {len(kinds)} ways ({ways}): all are taken for frames of one clip."))
    if (gaps := _gaps(frames)) and len(kinds) == 1:
        message = f"The numbers of the images leave {len(gaps)} out (after {listed(gaps)}): frames may be missing."
        flags.append(Flag("frames_missing", message))
    return frames, tuple(flags)


def _gaps(frames: Sequence[Path]) -> list[Path]:
    """Images whose number is followed by a later one than all others' are: most are a fixed step apart."""
    numbers = [[int(number) for number in re.findall(r"\d+", path.name)] for path in frames]
    if len(frames) < 4 or len({len(found) for found in numbers}) != 1 or not numbers[0]:
        return []
    varying = [column for column in zip(*numbers, strict=True) if len(set(column)) > 1]
    if len(varying) != 1:
        return []
    steps = [later - earlier for earlier, later in pairwise(varying[0])]
    usual = max(set(steps), key=steps.count)
    if usual < 1 or steps.count(usual) < _MOST_REGULAR * len(steps):
        return []
    return [path for path, step in zip(frames, steps, strict=False) if step > usual]


def beside_dicom(content: FolderContent, unusable: Iterable[Path] = ()) -> tuple[Flag, ...]:
    """What of a folder of DICOM files is not used."""
    flags = []
    lost = [*content.lost, *unusable]
    if lost:
        message = f"{listed(lost)} cannot be read as an image (empty, damaged or encrypted): part of the recording may be missing."
        flags.append(Flag("files_unreadable", message))
    if left := [*content.images, *content.others]:
        message = f"{listed(left)} {_are(left)} left out: the DICOM files are the source."
        flags.append(Flag("files_left_out", message, Severity.INFO))
    return tuple(flags)


def refuse_folder(folder: Path) -> UnsupportedSourceError:
    """The error on a folder that holds no images: it says what there is instead, and what to do."""
    content = folder_content(folder)
    none = f"{folder}: holds no images (PNG, JPEG, TIFF, ...) and no DICOM files"
    if content.others:
        several = f", or all of them with `echoseg archive {folder}`" if len(content.others) > 1 else ""
        one = content.others[0]
        return UnsupportedSourceError(f"{none}, but {listed(content.others)}, a source by itself each; give one ({one}){several}")
    below = content_below(folder)
    if places := list(dict.fromkeys(path.parent for path in (*below.images, *below.others))):
        return UnsupportedSourceError(f"{none} itself, but folders that do: {listed(places, folder)}; give one of them")
    return UnsupportedSourceError(f"{none}; give the folder of the frames")


def listed(paths: Sequence[Path], folder: Path | None = None) -> str:
    """Their names, the first few of many."""
    names = [path.name if folder is None else path.relative_to(folder).as_posix() for path in paths]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _are(paths: Sequence[Path]) -> str:
    return "is" if len(paths) == 1 else "are"
