"""The items of a folder tree: every file that may be a clip, in a fixed order, found while the first ones are already worked on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from echoseg.archive.item import Item
from echoseg.errors import SourceError
from echoseg.io.images import IMAGE_SUFFIXES
from echoseg.io.sniff import sniff

_CLIP_SUFFIXES = ".dcm .dicom .ima .avi .mp4 .m4v .mov .mkv .webm .gif .wmv .mpg .mpeg .npy .npz .nii .nrrd .mha .mhd .nii.gz"
_OTHER_SUFFIXES = (
    ".txt .csv .tsv .json .xml .pdf .md .html .htm .log .yaml .yml .parquet .xls .xlsx .doc .docx .zip .raw .zraw .sqlite .py .ini"
)


def walk(root: Path, leave_out: Path | None = None) -> Iterator[Item]:
    """The items below ``root``, folder by folder, each in order of its names; hidden ones do not count, links to folders are not followed.

    A file counts when its suffix is that of a clip, whatever it holds: a broken clip is to be reported, not passed over. A file of
    another suffix, or none, counts when its content is that of a clip. The images of a folder are the frames of one clip.

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
        entries = [entry for entry in entries if not entry.name.startswith(".")]
        files = [entry.name for entry in entries if entry.is_file()]
        images = [name for name in files if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES]
        if images:
            yield Item(_relative(folder, root) if folder != root else ".")
        frames = set(images)
        for name in files:
            if name not in frames and _may_be_clip(folder / name):
                yield Item(_relative(folder / name, root))
        below = [folder / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        folders += [path for path in reversed(below) if path != leave_out]


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _may_be_clip(path: Path) -> bool:
    suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()
    if suffix in _CLIP_SUFFIXES.split():
        return True
    if suffix in _OTHER_SUFFIXES.split():
        return False
    try:
        sniff(path)
    except SourceError:
        return False
    return True
