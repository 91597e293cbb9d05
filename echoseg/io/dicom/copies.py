"""Images that a folder holds twice, and images that only claim to be the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from echoseg.io.dicom.frames import decode_frame, open_frames
from echoseg.io.dicom.slices import DicomSlice
from echoseg.types import Flag, Severity

_RENUMBERED = ("InstanceNumber", "ContentTime", "AcquisitionNumber")
"""What may change when an image is sent a second time."""


def without_copies(slices: Sequence[DicomSlice]) -> tuple[list[DicomSlice], tuple[Flag, ...]]:
    """Every image once, and what became of the others.

    A copy has the pixels and the place of an earlier image, and its SOP Instance UID or its moment. A UID alone proves nothing, though it
    ought to (PS3.3 C.12.1.1.1): software that removes identities may give all images the same one.

    Raises:
        SourceError: an image that must be compared is damaged.
    """
    places = Counter(one.position for one in slices)
    resent = len(set(places.values())) > 1  # some place has more images than another: they may have been numbered anew
    named: dict[tuple[str, int], list[DicomSlice]] = {}
    placed: dict[object, list[DicomSlice]] = {}
    kept: list[DicomSlice] = []
    copies = repeated = 0
    for one in slices:
        namesakes = named.setdefault((one.uid, one.frame), []) if one.uid else []
        neighbours = placed.setdefault(_place(one, resent), []) if one.position is not None else []
        if any(_is_copy(one, other) for other in (*namesakes, *neighbours)):
            copies += 1
            continue
        repeated += bool(namesakes)
        namesakes.append(one)
        neighbours.append(one)
        kept.append(one)
    flags = []
    if copies:
        flags.append(Flag("copies_left_out", f"{copies} files hold the same images as others: they are left out.", Severity.INFO))
    if repeated:
        message = f"{repeated} images have the SOP Instance UID of another one, but other pixels or another place: all are used."
        flags.append(Flag("instance_uids_repeat", message))
    return kept, tuple(flags)


def _place(one: DicomSlice, resent: bool) -> object:
    moments = {keyword: value for keyword, value in one.moments.items() if not (resent and keyword in _RENUMBERED)}
    return one.position, one.orientation, one.spacing, tuple(sorted(moments.items()))


def _is_copy(one: DicomSlice, other: DicomSlice) -> bool:
    if one.table is other.table or (one.position, one.orientation, one.rescale) != (other.position, other.orientation, other.rescale):
        return False
    return np.array_equal(_pixels(one), _pixels(other))


def _pixels(one: DicomSlice) -> np.ndarray:
    with open_frames(one.table) as file:
        return decode_frame(one.table, file, one.frame)
