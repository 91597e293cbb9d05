"""The index of a medium (DICOMDIR, PS3.10 clause 8, PS3.3 annex F): no image, but it says which there ought to be."""

from __future__ import annotations

from pathlib import Path

from echoseg.io.dicom.reading import dcmread
from echoseg.io.dicom.values import items, quiet_reading, value
from echoseg.types import Flag

NAME = "DICOMDIR"
_MEDIA_STORAGE_DIRECTORY = b"1.2.840.10008.1.3.10"
_HEAD = 1024  # the file meta information lies in it


def is_dicomdir(path: Path) -> bool:
    """True for the index of a medium, by its name (PS3.10 8.6) or its content; false also when it cannot be opened."""
    if path.name.upper() == NAME:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head[128:132] == b"DICM" and _MEDIA_STORAGE_DIRECTORY + b"\0" in head.replace(b" ", b"\0")


def missing_images(index: Path) -> list[str]:
    """The images that an index names and that are not there, as their paths below it; none where it is damaged. Case does not matter."""
    with quiet_reading():
        try:
            records = items(dcmread(index), "DirectoryRecordSequence")
            listed = [value(record, "ReferencedFileID") for record in records if value(record, "DirectoryRecordType") == "IMAGE"]
        except Exception:  # the parser fails in many ways on a damaged file; the images themselves are found without it
            return []
    names = ["/".join([part] if isinstance(part, str) else part) for part in listed if part]
    lower = {path.relative_to(index.parent).as_posix().lower() for path in index.parent.rglob("*")} if names else set()
    return [name for name in names if name.lower() not in lower]


def index_flags(index: Path | None) -> tuple[Flag, ...]:
    """A flag where images that the index names are not there."""
    missing = [] if index is None else missing_images(index)
    if not missing:
        return ()
    names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    message = f"The {NAME} names {len(missing)} images that are not there ({names}): part of the recording may be missing."
    return (Flag("files_missing", message),)
