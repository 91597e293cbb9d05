"""The items of a folder tree: every file that may be a clip, in a fixed order, found while the first ones are already worked on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from echoseg.archive.item import Item
from echoseg.archive.stamp import leads_out
from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom.dicomdir import is_dicomdir
from echoseg.io.images import IMAGE_SUFFIXES
from echoseg.io.sniff import looks_like_dicom, sniff

_CLIP_SUFFIXES = ".dcm .dicom .ima .avi .mp4 .m4v .mov .mkv .webm .gif .wmv .mpg .mpeg .npy .npz .nii .nrrd .mha .mhd .nii.gz"
_OTHER_SUFFIXES = (
    ".txt .csv .tsv .json .xml .pdf .md .html .htm .log .yaml .yml .parquet .xls .xlsx .doc .docx .zip .raw .zraw .sqlite .py .ini"
)


def walk(root: Path, leave_out: Path | None = None) -> Iterator[Item]:
    """The items below ``root``, folder by folder, each in order of its names; links to folders are not followed.

    A file is a clip when its suffix is that of one, whatever it holds: a broken clip is to be reported, not passed over. A file of
    another suffix, or none, is one when its content is that of a clip, or cannot be told because nothing is left of it. The images of a
    folder are the frames of one clip. Everything else is an item that is left out, with the reason: what is found adds up.

    Args:
        root: a folder.
        leave_out: a folder that is passed over: that of the results.

    Raises:
        SourceError: ``root`` cannot be listed, or a folder vanished on the way with the rest of the drive.
    """
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if folder != root and os.path.isdir(root) and isinstance(error, FileNotFoundError | PermissionError):
                yield Item(_relative(folder, root))  # it fails when its turn comes, and the reason is noted
                continue
            raise SourceError(f"{folder.name}: the folder cannot be listed ({error.strerror})") from error
        contents, below = dict[str, str](), list[Path]()
        for entry in entries:
            if reason := _not_looked_at(entry, root):
                yield Item(_relative(Path(entry.path), root), left_out=reason)
            elif entry.is_dir(follow_symlinks=False):
                below.append(folder / entry.name)
            else:
                contents[entry.name] = _content(folder / entry.name)
        images = [name for name, content in contents.items() if content == "image"]
        beside = 0 < len(images) <= sum(content == "dicom" for content in contents.values())
        if images and not beside:
            yield Item(_relative(folder, root) if folder != root else ".")
        for name, content in contents.items():
            path = _relative(folder / name, root)
            if content in ("clip", "dicom"):
                yield Item(path)
            elif content != "image":
                yield Item(path, left_out=content)
            elif beside:
                yield Item(path, left_out="a picture beside DICOM files")
        folders += [path for path in reversed(below) if path != leave_out]


def the_rest(root: Path, leave_out: Path, items: Iterator[Item], reason: str) -> Iterator[Item]:
    """``items`` of a data set, and then every other file below its ``root`` as one that is left out.

    Args:
        reason: why a file that may be a clip is none of the items.
    """
    taken = set[str]()
    for item in items:
        taken.add(item.path)
        yield item
    for found in walk(root, leave_out):
        if found.path not in taken:
            yield found if found.left_out is not None else Item(found.path, left_out=reason)


def _not_looked_at(entry: os.DirEntry[str], root: Path) -> str | None:
    """Why an entry of a folder is not looked into, or None."""
    if entry.name.startswith("."):
        return "hidden: its name begins with a dot"
    if entry.is_symlink() and entry.is_dir():
        return "a link to a folder, which is not followed"
    if not entry.is_file() and not entry.is_dir():
        return "a link that leads nowhere" if entry.is_symlink() else "no regular file"
    if entry.is_symlink() and leads_out(Path(entry.path), root):
        return "a link that leads out of the source, which is not followed"
    return None


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _content(path: Path) -> str:
    """``dicom``, ``image`` (a frame of its folder) or ``clip``; for anything else why it is left out."""
    name = path.name.lower()
    suffix = ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
    if looks_like_dicom(path):
        return "the index of a medium" if is_dicomdir(path) else "dicom"
    if suffix in IMAGE_SUFFIXES:
        return "image"
    if suffix in _CLIP_SUFFIXES.split():
        return "clip"
    if suffix in _OTHER_SUFFIXES.split():
        return f"{suffix}: no format of clips"
    try:
        return "image" if sniff(path) == "image" else "clip"
    except UnsupportedSourceError:
        return "the content is none that echoseg reads"
    except SourceError:  # empty, or not to be opened: what it was is to be found out
        return "clip"
