"""DICOM SR of a run: a TID 1500 Measurement Report whose numbers point to the frames and the segments they come from.

TID 1500, also for echo. The echo templates (TID 5200, TID 5300) can name images, but no segmentation and no algorithm,
and a number of a machine without both cannot be checked. The names of measures are those of TID 5300 all the same.

- A clip with an LV: one group (TID 1501) of means over beats, one for each beat, and beside it the ED and ES outlines
  as frames of the segmentation (TID 1410) with their areas.
- Any other clip or image: each object's outline on its first prompted frame. A volume: each object as a segment (TID 1411).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    CoordinatesForMeasurement,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
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
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from echoseg.errors import OutputError
from echoseg.io.dicom.algorithm import UNFIT, Algorithm, date_instance, long_string, quiet_building
from echoseg.io.dicom.codes import segment_codes
from echoseg.io.dicom.header import Origin
from echoseg.io.dicom.uid import derived_uid
from echoseg.record.measures import BEAT, MEASURES, OBJECT_MEASURES, Measure
from echoseg.report.dicom_measure_codes import coded_measure, view_of
from echoseg.types import Severity

_OF_VOLUMES = [OBJECT_MEASURES[key] for key in ("volume", "long_axis", "short_axis")]
_PHASES = {"ed": codes.cid12233.EndDiastole, "es": codes.cid12233.EndSystole}

Group = (
    MeasurementsAndQualitativeEvaluations
    | PlanarROIMeasurementsAndQualitativeEvaluations
    | VolumetricROIMeasurementsAndQualitativeEvaluations
)


def build_report(
    origin: Origin, segmentation: Segmentation, record: Mapping[str, Any], areas_cm2: Mapping[tuple[int, int], float], algorithm: Algorithm
) -> ComprehensiveSR:
    """The report of one run.

    Args:
        origin: of the source's frames, in the order of the segmentation.
        segmentation: the BINARY object of the same run; its segments are the objects of ``record`` in their order.
        record: measurements.json.
        areas_cm2: ``{(object_id, frame): cm²}`` of the outlines to report; empty when the spacing is unknown.
        algorithm: what made the numbers.

    Raises:
        OutputError: an attribute of the source makes the report impossible.
    """
    with_lv = bool(record["measures"])
    try:
        with quiet_building():
            writer = _Writer(origin, segmentation, record, areas_cm2, algorithm)
            report = MeasurementReport(
                observation_context=ObservationContext(observer_device_context=_observer(algorithm)),
                procedure_reported=codes.SCT.Echocardiography if with_lv else codes.SCT.ImagingProcedure,
                imaging_measurements=list(writer.lv_groups() if with_lv else writer.object_groups()),
            )
            content = json.dumps([record[key] for key in ("objects", "measures", "beats", "flags")], sort_keys=True)
            made = ComprehensiveSR(
                evidence=[*origin.headers, segmentation],
                content=report[0],
                is_complete=True,
                is_final=False,
                specific_character_set=origin.first.SpecificCharacterSet,
                series_description=long_string(f"{algorithm.name} measurements"),
                **algorithm.identity("SR", origin, content.encode()),
                **algorithm.equipment(),
            )
    except UNFIT as error:  # highdicom checks what it is given; its message may quote the patient
        raise OutputError(f"no DICOM report can be made: the headers of the source do not fit ({type(error).__name__})") from error
    date_instance(made, algorithm)
    return made


def _observer(algorithm: Algorithm) -> ObserverContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", algorithm.model, algorithm.version, algorithm.weights_sha256 or ""),
        name=algorithm.name,
        manufacturer_name="echoseg",
        model_name=algorithm.name,
    )
    return ObserverContext(codes.DCM.Device, device)


class _Writer:
    """What the groups of one report share."""

    def __init__(
        self,
        origin: Origin,
        segmentation: Segmentation,
        record: Mapping[str, Any],
        areas_cm2: Mapping[tuple[int, int], float],
        algorithm: Algorithm,
    ) -> None:
        self.origin, self.segmentation, self.record, self.areas_cm2 = origin, segmentation, record, areas_cm2
        self.algorithm = AlgorithmIdentification(
            algorithm.name, algorithm.version, [f"weights_sha256={algorithm.weights_sha256 or 'unknown'}"]
        )
        self.segments = {item["id"]: number for number, item in enumerate(record["objects"], start=1)}
        self.frame_of = _segmentation_frames(origin, segmentation)

    def lv_groups(self) -> Iterator[Group]:
        lv = next(item for item in self.record["objects"] if item["name"] == "LV")
        beats = self.record["beats"]
        overall = []
        several = sum(not beat["partial"] for beat in beats) > 1
        for key, entry in self.record["measures"].items():
            mean = several and entry["method"] != "from the file"
            overall += self._measures(MEASURES[key], entry["value"], entry["method"], codes.SCT.Mean if mean else None)
        frames = sorted({beat[phase] for beat in beats for phase in _PHASES})
        view = next((found for entry in self.record["measures"].values() if (found := view_of(entry["method"]))), None)
        evaluations = [QualitativeEvaluation(codes.DCM.ImageView, view)] if view else []
        kind = MeasurementsAndQualitativeEvaluations
        group = self._group(kind, "LV", lv["name"], overall, evaluations, source_images=self._images(frames))
        for flag in self.record["flags"]:
            if flag["severity"] != Severity.INFO:
                text = TextContentItem(codes.DCM.Comment, flag["message"], RelationshipTypeValues.CONTAINS)
                group[0].ContentSequence.append(text)
        yield group
        for number, beat in enumerate(beats, start=1):
            name = f"LV, beat {number}"
            measured = [Measurement(codes.DCM.BeatNumber, number, codes.UCUM.NoUnits)]
            for measure in BEAT:
                measured += self._measures(measure, beat[measure.column], self.record["measures"][measure.key]["method"])
            images = self._images([beat["ed"], beat["es"]])
            yield self._group(kind, name, lv["name"], measured, source_images=images)
            for phase, code in _PHASES.items():
                area = self.areas_cm2.get((lv["id"], beat[phase]))
                area_measure = self._measures(OBJECT_MEASURES[f"{phase}_area"], area)
                evaluation = [QualitativeEvaluation(codes.SCT.CardiacCyclePhase, code)]
                yield from self._outline(f"{name}, {phase.upper()}", lv, beat[phase], area_measure, evaluation)

    def object_groups(self) -> Iterator[Group]:
        for item in self.record["objects"]:
            if self.record["source"]["kind"] == "volume":
                yield from self._volume_groups(item)
                continue
            for frame in item["seed_frames"][:1]:
                area = self._measures(OBJECT_MEASURES["area"], self.areas_cm2.get((item["id"], frame)))
                yield from self._outline(item["name"], item, frame, area)

    def _volume_groups(self, item: Mapping[str, Any]) -> Iterator[Group]:
        """An object of a volume as a segment with its measures; axes that are lines on an image in a group of their own (TID 1501)."""
        whole = self._whole(self.segments[item["id"]])
        if whole is None:
            return
        measured: list[Measurement] = []
        drawn: list[Measurement] = []
        for measure in _OF_VOLUMES:
            line = self._line(item, measure.column)
            # TID 1411 has no coordinates: its region is the segment.
            (measured if line is None else drawn).extend(self._measures(measure, item.get(measure.column), line=line))
        name = item["name"]
        yield self._group(VolumetricROIMeasurementsAndQualitativeEvaluations, name, name, measured, referenced_segment=whole)
        if drawn:
            images = self._images([item["diameter_slice"]])
            yield self._group(MeasurementsAndQualitativeEvaluations, f"{name}, axes", name, drawn, source_images=images)

    def _whole(self, segment: int) -> ReferencedSegment | None:
        """A segment with the images that it was made of, or None when it is empty."""
        sources = self._images([frame for number, frame in self.frame_of if number == segment], SourceImageForSegmentation)
        if not sources:
            return None
        return ReferencedSegment(self.segmentation.SOPClassUID, self.segmentation.SOPInstanceUID, segment, source_images=sources)

    def _outline(
        self,
        name: str,
        item: Mapping[str, Any],
        frame: int,
        measured: Sequence[Measurement],
        evaluations: Sequence[QualitativeEvaluation] = (),
    ) -> Iterator[Group]:
        """The outline of an object on one frame of the source; nothing where its mask is empty."""
        segment = self.segments[item["id"]]
        if (segment, frame) not in self.frame_of:
            return
        region = ReferencedSegmentationFrame(
            self.segmentation.SOPClassUID,
            self.segmentation.SOPInstanceUID,
            self.frame_of[segment, frame],
            segment,
            *self._images([frame], SourceImageForSegmentation),
        )
        # The frame belongs to one segment; PS3.3 C.18.4 forbids to name both, and highdicom does.
        del region[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
        kind = PlanarROIMeasurementsAndQualitativeEvaluations
        yield self._group(kind, name, item["name"], measured, evaluations, referenced_segment=region)

    def _group(
        self,
        kind: type,
        name: str,
        structure: str,
        measured: Sequence[Measurement],
        evaluations: Sequence[QualitativeEvaluation] = (),
        **region: Any,
    ) -> Any:
        category, found = segment_codes(structure)
        anatomy = category == codes.cid7150.AnatomicalStructure
        return kind(
            tracking_identifier=TrackingIdentifier(derived_uid("tracking", str(self.segmentation.SOPInstanceUID), name), name),
            finding_category=CodedConcept.from_code(category),
            finding_type=CodedConcept.from_code(found),
            finding_sites=[FindingSite(found)] if anatomy else None,
            algorithm_id=self.algorithm,
            measurements=list(measured) or None,
            qualitative_evaluations=list(evaluations) or None,
            **region,
        )

    def _measures(
        self,
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
        return [Measurement(coded.name, float(value), coded.unit, method=coded.method, derivation=derivation, referenced_coordinates=lines)]

    def _line(self, item: Mapping[str, Any], field: str) -> CoordinatesForMeasurement | None:
        """Where an axis was measured, as a line on an image; None where the slices are not the images (another plane)."""
        ends, source = item.get(field.removesuffix("_mm") + "_px"), self.record["source"]
        shown = (source["frames"], source["height"], source["width"])
        if ends is None or shown != (len(self.origin.frames), int(self.origin.first.Rows), int(self.origin.first.Columns)):
            return None
        (image,) = self._images([item["diameter_slice"]], SourceImageForRegion)
        # Both count from the corner of the first pixel (PS3.3 C.18.6.1.2).
        return CoordinatesForMeasurement(GraphicTypeValues.POLYLINE, np.array(ends, dtype=np.float64), image)

    def _images(self, frames: Sequence[int], kind: type = SourceImageForMeasurementGroup) -> list[Any]:
        """Frames of the source as content items of ``kind``: one for each object, with its frame numbers."""
        numbers: dict[int, list[int]] = {}
        for frame in sorted(set(frames)):
            header, number = self.origin.frames[frame]
            numbers.setdefault(header, []).extend([] if number is None else [number])
        images = [(self.origin.headers[header], found) for header, found in numbers.items()]
        return [kind(image.SOPClassUID, image.SOPInstanceUID, found or None) for image, found in images]


def _segmentation_frames(origin: Origin, segmentation: Segmentation) -> dict[tuple[int, int], int]:
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
