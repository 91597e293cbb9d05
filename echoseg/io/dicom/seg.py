"""DICOM Segmentations (PS3.3 A.51) of CT, MR and ultrasound alike: one function, whatever the source.

highdicom writes those of images that state their place in the patient. It refuses cine without a frame of reference,
which is what echo is; those are built in :mod:`echoseg.io.dicom.cine_seg`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian

from echoseg.errors import OutputError
from echoseg.io.dicom.algorithm import UNFIT, Algorithm, date_instance, long_string, quiet_building
from echoseg.io.dicom.cine_seg import FULL, build_cine_segmentation
from echoseg.io.dicom.codes import segment_codes
from echoseg.io.dicom.header import Origin, frame_count, has_patient_geometry

Colour = tuple[int, int, int]


def build_segmentation(
    origin: Origin,
    values: NDArray[np.uint8],
    names: Mapping[int, str],
    algorithm: Algorithm,
    colours: Mapping[int, Colour],
) -> Segmentation:
    """A Segmentation of the images of ``origin``; frames without any pixel of a segment are left out.

    Args:
        origin: from :func:`echoseg.io.dicom.header.dicom_origin`, its frames in the order of ``values``.
        values: ``(T, H, W)`` uint8 label map of object ids for a BINARY object; ``(T, H, W, N)`` uint8 probabilities of the N objects,
            0..255 for 0..1, for a FRACTIONAL one.
        names: ``{object_id: name}``, ascending; object ids become segment numbers 1..N in this order.
        algorithm: what made the masks.
        colours: ``{object_id: RGB}`` to show the segments in.

    Raises:
        OutputError: the shapes do not fit, or an attribute of the source makes the object impossible.
    """
    expected = (len(origin.frames), int(origin.first.Rows), int(origin.first.Columns))
    if values.shape[:3] != expected:
        raise OutputError(f"masks of shape {values.shape[:3]} do not fit the {expected} frames, rows and columns of the DICOM images")
    probabilities = values.ndim == 4
    content = json.dumps(list(names.items())).encode() + np.ascontiguousarray(values).tobytes()
    attributes = {
        **algorithm.identity("SEG", origin, content, instance_number=2 if probabilities else 1),
        **algorithm.equipment(),
        "series_description": long_string(f"{algorithm.name} segmentation"),
    }
    descriptions = segment_descriptions(names, algorithm, colours)
    labels = values if probabilities else _numbered(values, names)
    try:
        with quiet_building():
            build = _build_placed if has_patient_geometry(origin) else build_cine_segmentation
            made = build(origin, labels, descriptions, **attributes)
    except UNFIT as error:  # highdicom checks what it is given; its message may quote the patient
        raise OutputError(f"no DICOM segmentation can be made: the headers of the source do not fit ({type(error).__name__})") from error
    date_instance(made, algorithm, *made.DimensionOrganizationSequence, *made.DimensionIndexSequence)
    return made


def segment_descriptions(names: Mapping[int, str], algorithm: Algorithm, colours: Mapping[int, Colour]) -> list[SegmentDescription]:
    """One coded description for each object, numbered from 1 in the order of ``names``; see :func:`build_segmentation`."""
    how = SegmentAlgorithmTypeValues.AUTOMATIC if algorithm.automatic else SegmentAlgorithmTypeValues.SEMIAUTOMATIC
    descriptions = []
    for segment, (object_id, name) in enumerate(names.items(), start=1):
        category, kind = segment_codes(name)
        colour = CIELabColor.from_rgb(*colours[object_id])
        label = long_string(name)
        descriptions.append(SegmentDescription(segment, label, category, kind, how, algorithm.identification(), display_color=colour))
    return descriptions


def _numbered(masks: NDArray[np.uint8], names: Mapping[int, str]) -> NDArray[np.uint8]:
    """Object ids as segment numbers 1..N."""
    if list(names) == list(range(1, len(names) + 1)):
        return masks
    table = np.zeros(256, dtype=np.uint8)
    table[list(names)] = np.arange(1, len(names) + 1)
    return table[masks]


def _build_placed(origin: Origin, values: NDArray[np.uint8], descriptions: Sequence[SegmentDescription], **attributes: Any) -> Segmentation:
    probabilities = values.ndim == 4
    if origin.frames[0][1] is not None:  # highdicom wants every frame of an object, in its order; empty ones are left out anyway
        every = np.zeros((frame_count(origin.first), *values.shape[1:]), dtype=np.uint8)
        every[[(frame or 1) - 1 for _, frame in origin.frames]] = values
        values = every
    return Segmentation(
        list(origin.headers),
        values.astype(np.float32) / np.float32(FULL) if probabilities else values,
        "FRACTIONAL" if probabilities else "BINARY",
        list(descriptions),
        max_fractional_value=FULL,
        content_label="SEGMENTATION",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **attributes,
    )
