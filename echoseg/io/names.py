"""The name a source has in outputs: its file name, made safe to be a folder name."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

_DOUBLE_SUFFIXES = (".nii.gz",)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # device names on Windows
_NO_UTF8 = 0xDC00  # added to a byte of a file name that is none (PEP 383)
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)  # and what turns the direction of text
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # their full-width forms, too
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


def printable(text: str) -> str:
    """``text`` in characters that every file and terminal takes; control characters, and bytes that are no UTF-8, as ``\\xfc``.

    >>> printable("M\\udcfcller\\x1b[31m.dcm")
    'M\\\\xfcller\\\\x1b[31m.dcm'
    """
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    number -= _NO_UTF8 if _NO_UTF8 < number < _NO_UTF8 + 256 else 0
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def cell(text: str) -> str:
    """:func:`printable`, and never a formula for the spreadsheet that opens the table: ``=``, ``+``, ``-`` or ``@`` in front get a ``'``.

    >>> cell("=HYPERLINK(1)"), cell("a=1")
    ("'=HYPERLINK(1)", 'a=1')
    """
    plain = printable(text)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain


def is_camus_sequence(name: str) -> bool:
    """Whether a file is named as the clips of the CAMUS data set, whose NIfTI files of (x, y, time) look like volumes.

    >>> is_camus_sequence("patient0001_4CH_half_sequence.nii.gz"), is_camus_sequence("patient0001_4CH_ED.nii.gz")
    (True, False)
    """
    return re.fullmatch(r"patient\d+_[24]CH_(half_)?sequence(_gt)?\.(nii|nii\.gz|mhd|mha)", name, re.IGNORECASE) is not None
