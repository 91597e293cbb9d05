"""The groups of measurements that a DICOM report holds (PS3.16 TID 1410, 1411, 1501), of one source and its segmentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    CodedConcept,
    CoordinatesForMeasurement,
    FindingSite,
    GraphicTypeValues,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    ReferencedSegmentationFrame,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    SourceImageForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from echoseg.io.dicom.algorithm import Algorithm
from echoseg.io.dicom.codes import segment_codes
from echoseg.io.dicom.header import Origin
from echoseg.io.dicom.uid import derived_uid
from echoseg.record.measures import OBJECT_MEASURES, Measure
from echoseg.report.dicom_measure_codes import CARDIAC_CYCLE_POINT, coded_measure
from echoseg.types import Severity

PHASES = {"ed": codes.cid12233.EndDiastole, "es": codes.cid12233.EndSystole}
_REFERRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")

Group = (
    MeasurementsAndQualitativeEvaluations
    | PlanarROIMeasurementsAndQualitativeEvaluations
    | VolumetricROIMeasurementsAndQualitativeEvaluations
)


@dataclass(frozen=True, eq=False)
class Measured:
    """What a report refers to and says of one source.

    Attributes:
        origin: of the source's frames, in the order of the segmentation.
        segmentation: the identity of the BINARY object of the same run; its segments are the objects of ``record`` in their order.
        frame_of: ``{(segment number, source frame): frame number in the segmentation, from 1}``.
        record: measurements.json.
        areas_cm2: ``{(object_id, frame): cm²}`` of the outlines to report; empty when the spacing is unknown.
        algorithm: what made the numbers.
    """

    origin: Origin
    segmentation: Dataset
    frame_of: Mapping[tuple[int, int], int]
    record: Mapping[str, Any]
    areas_cm2: Mapping[tuple[int, int], float]
    algorithm: Algorithm

    @classmethod
    def of(
        cls,
        origin: Origin,
        segmentation: Dataset,
        record: Mapping[str, Any],
        areas_cm2: Mapping[tuple[int, int], float],
        algorithm: Algorithm,
    ) -> Measured:
        """With what is needed of a segmentation, which may be large, and no more."""
        identity = Dataset()
        for keyword in _REFERRED:
            setattr(identity, keyword, segmentation[keyword].value)
        return cls(origin, identity, _segmentation_frames(origin, segmentation), record, areas_cm2, algorithm)


def measurements_of(
    measure: Measure,
    value: float | None,
    method: str | None = None,
    derivation: Code | None = None,
    line: CoordinatesForMeasurement | None = None,
) -> list[Measurement]:
    """One measurement, or none where the value is unknown (a report says nothing rather than a guess) or DICOM has no code."""
    coded = coded_measure(measure, method)
    if value is None or coded is None:
        return []
    lines = None if line is None else [line]
    made = Measurement(coded.name, float(value), coded.unit, method=coded.method, derivation=derivation, referenced_coordinates=lines)
    if coded.modifiers:
        item = made[0]
        held = list(item.get("ContentSequence", ()))
        item.ContentSequence = [*held, *(CodeContentItem(name, of, RelationshipTypeValues.HAS_CONCEPT_MOD) for name, of in coded.modifiers)]
    return [made]


def group_of(
    kind: type,
    uid: str,
    name: str,
    structure: str,
    algorithm: Algorithm,
    measured: Sequence[Measurement],
    evaluations: Sequence[QualitativeEvaluation] = (),
    **region: Any,
) -> Any:
    """A group on a structure, tracked under ``uid``."""
    category, found = segment_codes(structure)
    anatomy = category == codes.cid7150.AnatomicalStructure
    weights = f"weights_sha256={algorithm.weights_sha256 or 'unknown'}"
    return kind(
        tracking_identifier=TrackingIdentifier(uid, name),
        finding_category=CodedConcept.from_code(category),
        finding_type=CodedConcept.from_code(found),
        finding_sites=[FindingSite(found)] if anatomy else None,
        algorithm_id=AlgorithmIdentification(algorithm.name, algorithm.version, [weights]),
        measurements=list(measured) or None,
        qualitative_evaluations=list(evaluations) or None,
        **region,
    )


def comment_on(group: Any, flags: Sequence[Mapping[str, Any]]) -> None:
    """Adds to a group what calls for a review."""
    for flag in flags:
        if flag["severity"] != Severity.INFO:
            group[0].ContentSequence.append(TextContentItem(codes.DCM.Comment, flag["message"], RelationshipTypeValues.CONTAINS))


class GroupWriter:
    """Makes the groups of one source."""

    def __init__(self, measured: Measured) -> None:
        self.measured, self.record = measured, measured.record
        self.segments = {item["id"]: number for number, item in enumerate(self.record["objects"], start=1)}

    def group(
        self,
        kind: type,
        name: str,
        structure: str,
        measured: Sequence[Measurement],
        evaluations: Sequence[QualitativeEvaluation] = (),
        *,
        shown: str | None = None,
        **region: Any,
    ) -> Any:
        """A group that is tracked as ``name`` of this segmentation, and called ``shown`` if that is another name."""
        uid = derived_uid("tracking", str(self.measured.segmentation.SOPInstanceUID), name)
        return group_of(kind, uid, shown or name, structure, self.measured.algorithm, measured, evaluations, **region)

    def outlines(self, item: Mapping[str, Any], number: int, phases: Sequence[str], prefix: str = "") -> Iterator[Group]:
        """The outlines of an object at phases of a beat, with their areas; the beats of the record count from 1 here."""
        beat, name = self.record["beats"][number - 1], item["name"]
        for phase in phases:
            measure = OBJECT_MEASURES[f"{phase}_area" if name == "LV" else "area"]
            area = measurements_of(measure, self.measured.areas_cm2.get((item["id"], beat[phase])))
            evaluation = [QualitativeEvaluation(CARDIAC_CYCLE_POINT, PHASES[phase])]
            yield from self.outline(f"{name}, beat {number}, {phase.upper()}", item, beat[phase], area, evaluation, prefix)

    def outline(
        self,
        name: str,
        item: Mapping[str, Any],
        frame: int,
        measured: Sequence[Measurement],
        evaluations: Sequence[QualitativeEvaluation] = (),
        prefix: str = "",
    ) -> Iterator[Group]:
        """The outline of an object on one frame of the source; nothing where its mask is empty."""
        segment, made = self.segments[item["id"]], self.measured.segmentation
        if (segment, frame) not in self.measured.frame_of:
            return
        region = ReferencedSegmentationFrame(
            made.SOPClassUID,
            made.SOPInstanceUID,
            self.measured.frame_of[segment, frame],
            segment,
            *self.images([frame], SourceImageForSegmentation),
        )
        # The frame belongs to one segment; PS3.3 C.18.4 forbids to name both, and highdicom does.
        del region[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
        kind = PlanarROIMeasurementsAndQualitativeEvaluations
        yield self.group(kind, name, item["name"], measured, evaluations, shown=f"{prefix}{name}", referenced_segment=region)

    def whole(self, segment: int) -> ReferencedSegment | None:
        """A segment with the images that it was made of, or None when it is empty."""
        sources = self.images([frame for number, frame in self.measured.frame_of if number == segment], SourceImageForSegmentation)
        if not sources:
            return None
        made = self.measured.segmentation
        return ReferencedSegment(made.SOPClassUID, made.SOPInstanceUID, segment, source_images=sources)

    def line(self, item: Mapping[str, Any], field: str) -> CoordinatesForMeasurement | None:
        """Where an axis was measured, as a line on an image; None where the slices are not the images (another plane)."""
        origin, source = self.measured.origin, self.record["source"]
        ends = item.get(field.removesuffix("_mm") + "_px")
        shown = (source["frames"], source["height"], source["width"])
        if ends is None or shown != (len(origin.frames), int(origin.first.Rows), int(origin.first.Columns)):
            return None
        (image,) = self.images([item["diameter_slice"]], SourceImageForRegion)
        # Both count from the corner of the first pixel (PS3.3 C.18.6.1.2).
        return CoordinatesForMeasurement(GraphicTypeValues.POLYLINE, np.array(ends, dtype=np.float64), image)

    def phases(self) -> list[int]:
        """The frames at which beats were measured."""
        return sorted({beat[phase] for beat in self.record["beats"] for phase in PHASES})

    def images(self, frames: Sequence[int], kind: type = SourceImageForMeasurementGroup) -> list[Any]:
        """Frames of the source as content items of ``kind``: one for each object, with its frame numbers. A group has its own: what
        de-identification renames must not stand in two places."""
        origin = self.measured.origin
        numbers: dict[int, list[int]] = {}
        for frame in sorted(set(frames)):
            header, number = origin.frames[frame]
            numbers.setdefault(header, []).extend([] if number is None else [number])
        images = [(origin.headers[header], found) for header, found in numbers.items()]
        return [kind(image.SOPClassUID, image.SOPInstanceUID, found or None) for image, found in images]


def _segmentation_frames(origin: Origin, segmentation: Dataset) -> dict[tuple[int, int], int]:
    """``{(segment number, source frame): frame number in the segmentation, from 1}``."""
    index = {origin.reference(i): i for i in range(len(origin.frames))}
    (shared,) = segmentation.SharedFunctionalGroupsSequence  # what all frames have in common, such as an only segment
    found = {}
    for number, group in enumerate(segmentation.PerFrameFunctionalGroupsSequence, start=1):
        derived, identified = (
            (group if keyword in group else shared)[keyword].value[0]
            for keyword in ("DerivationImageSequence", "SegmentIdentificationSequence")
        )
        source = derived.SourceImageSequence[0]
        frame = source.get("ReferencedFrameNumber")
        place = index.get((str(source.ReferencedSOPInstanceUID), None if frame is None else int(frame)))
        if place is not None:
            found[int(identified.ReferencedSegmentNumber), place] = number
    return found
