"""The name a source has in outputs: its file name, made safe to be a folder name."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

_DOUBLE_SUFFIXES = (".nii.gz",)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # device names on Windows
_LONGEST = 120  # leaves room for the numeric suffix and file names below the 255 bytes file systems allow


def output_name(path: str | PurePath) -> str:
    """:func:`bare_name` as :func:`safe_name`.

    >>> output_name("study/patient 7.nii.gz"), output_name("a4c.rest.mp4"), output_name("1.2.840.113619")
    ('patient_7', 'a4c.rest', '1.2.840.113619')
    """
    return safe_name(bare_name(path))


def bare_name(path: str | PurePath) -> str:
    """The file name of ``path`` without its extension; ``.nii.gz`` counts as one extension.

    A suffix that is all digits, or longer than five characters, is part of the name: DICOM files are often called by
    a UID (``1.2.840.10008``) and have no extension.
    """
    name = PurePath(path).name
    for suffix in _DOUBLE_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    suffix = PurePath(name).suffix
    if suffix and len(suffix) <= 6 and not suffix[1:].isdigit():
        return name[: -len(suffix)]
    return name


def safe_name(name: str) -> str:
    """``name`` reduced to letters, digits, ``.``, ``_`` and ``-``, never empty, hidden, or a path.

    Letters of any script stay; each run of anything else becomes one ``_``.

    >>> safe_name("../a b"), safe_name(""), safe_name("Müller/x")
    ('a_b', 'unnamed', 'Müller_x')
    """
    name = re.sub(r"[^\w.\-]+", "_", unicodedata.normalize("NFC", name)).strip("._- ")
    while len(name.encode()) > _LONGEST:
        name = name[:-1].rstrip("._-")
    if not name:
        return "unnamed"
    return f"_{name}" if _RESERVED.fullmatch(name.split(".")[0]) else name


def is_camus_sequence(name: str) -> bool:
    """Whether a file is named as the clips of the CAMUS data set, whose NIfTI files of (x, y, time) look like volumes.

    >>> is_camus_sequence("patient0001_4CH_half_sequence.nii.gz"), is_camus_sequence("patient0001_4CH_ED.nii.gz")
    (True, False)
    """
    return re.fullmatch(r"patient\d+_[24]CH_(half_)?sequence(_gt)?\.(nii|nii\.gz|mhd|mha)", name, re.IGNORECASE) is not None
