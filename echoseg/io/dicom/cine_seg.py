"""A DICOM Segmentation of images without a place in the patient: ultrasound cine above all (PS3.3 A.51).

The IOD asks for plane position, orientation and pixel measures only where there is no Derivation Image functional
group (A.51.5.1): a segment frame may say "frame 17 of that clip" instead of "at these millimetres", and here it does.
Frames are ordered by segment, then time (Temporal Position Index, the source's frame number). There are no Pixel Measures:
highdicom reads them with a slice thickness only, which ultrasound does not have; the scale is that of the source's regions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from highdicom import SOPClass
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from echoseg.io.dicom.algorithm import dimension_organization
from echoseg.io.dicom.header import Origin

FULL = 255  # MaximumFractionalValue: probability 1
_DIMENSIONS = (
    ("ReferencedSegmentNumber", "SegmentIdentificationSequence", "Segment Number"),
    ("TemporalPositionIndex", "FrameContentSequence", "Frame of the Source"),
)
_LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


def build_cine_segmentation(
    origin: Origin,
    values: NDArray[np.uint8],
    descriptions: Sequence[SegmentDescription],
    **identity: Any,
) -> Segmentation:
    """The object; see :func:`echoseg.io.dicom.seg.build_segmentation` for the arguments.

    Args:
        origin: of the frames of ``values``, in order.
        values: ``(T, H, W)`` segment numbers, or ``(T, H, W, N)`` probabilities 0..255.
        descriptions: N segments, numbered from 1.
        identity: UIDs, numbers, dates and equipment, by their names in highdicom.
    """
    frames, first = origin.frames, origin.first
    made = _shell(first, identity)
    chosen = _occupied(values, len(descriptions))
    _add_image(made, values, len(chosen))
    _add_segments(made, descriptions, fractional=values.ndim == 4)
    _add_dimensions(made)
    made.SharedFunctionalGroupsSequence = Items([Dataset()])
    made.PerFrameFunctionalGroupsSequence = Items(
        [_frame_groups(segment, index + 1, origin.headers[frames[index][0]], frames[index][1]) for segment, index in chosen]
    )
    _add_references(made, origin.headers)
    planes = (_plane(values, segment, index) for segment, index in chosen)
    made.PixelData = _packed(planes) if values.ndim == 3 else _padded(b"".join(plane.tobytes() for plane in planes))
    return Segmentation.from_dataset(made, copy=False)


def _shell(first: Dataset, identity: dict[str, Any]) -> SOPClass:
    """Patient, study, series and equipment."""
    made = SOPClass(
        study_instance_uid=first.StudyInstanceUID,
        sop_class_uid=SegmentationStorage,
        modality="SEG",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set=first.SpecificCharacterSet,
        patient_id=first.PatientID,
        patient_name=first.PatientName,
        patient_birth_date=first.PatientBirthDate,
        patient_sex=first.PatientSex,
        accession_number=first.AccessionNumber,
        study_id=first.StudyID,
        study_date=first.StudyDate,
        study_time=first.StudyTime,
        referring_physician_name=first.ReferringPhysicianName,
        **identity,
    )
    made.copy_patient_and_study_information(first)
    return made


def _occupied(values: NDArray[np.uint8], count: int) -> list[tuple[int, int]]:
    """``(segment number, frame index)`` of what is not empty; everything when all is empty, since an image needs a frame."""
    everything = [(segment, index) for segment in range(1, count + 1) for index in range(len(values))]
    return [(segment, index) for segment, index in everything if _plane(values, segment, index).any()] or everything


def _plane(values: NDArray[np.uint8], segment: int, index: int) -> NDArray[np.uint8]:
    return (values[index] == segment).astype(np.uint8) if values.ndim == 3 else values[index, ..., segment - 1]


def _add_image(made: Dataset, values: NDArray[np.uint8], count: int) -> None:
    """General Image, Image Pixel and Segmentation Image modules (C.7.6.1, C.7.6.3, C.8.20.2)."""
    bits = 1 if values.ndim == 3 else 8
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.PatientOrientation = None
    made.NumberOfFrames = count
    made.Rows, made.Columns = values.shape[1:3]
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit = bits - 1
    made.PixelRepresentation = 0


def _add_segments(made: Dataset, descriptions: Sequence[SegmentDescription], fractional: bool) -> None:
    made.SegmentationType = "FRACTIONAL" if fractional else "BINARY"
    if fractional:
        made.SegmentationFractionalType, made.MaximumFractionalValue = "PROBABILITY", FULL
    made.SegmentsOverlap = "UNDEFINED" if fractional else "NO"
    made.SegmentSequence = Items(descriptions)
    made.ContentLabel = "SEGMENTATION"
    made.ContentDescription = None
    made.ContentCreatorName = None


def _add_dimensions(made: Dataset) -> None:
    organization = Dataset()
    organization.DimensionOrganizationUID = dimension_organization(made.SOPInstanceUID)
    made.DimensionOrganizationSequence = Items([organization])
    made.DimensionIndexSequence = Items()
    for pointer, group, label in _DIMENSIONS:
        item = Dataset()
        item.DimensionIndexPointer, item.FunctionalGroupPointer = tag_for_keyword(pointer), tag_for_keyword(group)
        item.DimensionOrganizationUID = organization.DimensionOrganizationUID
        item.DimensionDescriptionLabel = label
        made.DimensionIndexSequence.append(item)


def _frame_groups(segment: int, position: int, header: Dataset, frame_number: int | None) -> Dataset:
    content = Dataset()
    content.DimensionIndexValues = [segment, position]
    content.TemporalPositionIndex = position
    identification = Dataset()
    identification.ReferencedSegmentNumber = segment
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    if frame_number is not None:
        source.ReferencedFrameNumber = frame_number
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = Items([CodedConcept.from_code(codes.cid7202.SourceImageForImageProcessingOperation)])
    derivation = Dataset()
    derivation.SourceImageSequence = Items([source])
    derivation.DerivationCodeSequence = Items([CodedConcept.from_code(codes.cid7203.SegmentationImageDerivation)])
    groups = Dataset()
    groups.FrameContentSequence = Items([content])
    groups.SegmentIdentificationSequence = Items([identification])
    groups.DerivationImageSequence = Items([derivation])
    return groups


def _add_references(made: Dataset, headers: Sequence[Dataset]) -> None:
    """Common Instance Reference (C.12.2), and whether the source was compressed with loss (C.7.6.1.1.5)."""
    series = Dataset()
    series.SeriesInstanceUID = headers[0].SeriesInstanceUID
    series.ReferencedInstanceSequence = Items()
    for header in headers:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
        series.ReferencedInstanceSequence.append(item)
    made.ReferencedSeriesSequence = Items([series])
    made.LossyImageCompression = "01" if headers[0].get("LossyImageCompression") == "01" else "00"
    for keyword in _LOSSY[1:] if made.LossyImageCompression == "01" else ():
        if keyword in headers[0]:
            made[keyword] = headers[0][keyword]


def _packed(planes: Iterator[NDArray[np.uint8]]) -> bytes:
    """Frames of bits one after the other without gaps, the first pixel in the lowest bit (PS3.5 8.1.1)."""
    packed, left = bytearray(), np.zeros(0, dtype=np.uint8)
    for plane in planes:
        bits = np.concatenate([left, plane.ravel()])
        whole = len(bits) // 8 * 8
        packed += np.packbits(bits[:whole], bitorder="little").tobytes()
        left = bits[whole:]
    return _padded(bytes(packed) + np.packbits(left, bitorder="little").tobytes())


def _padded(data: bytes) -> bytes:
    return data + b"\x00" * (len(data) % 2)
