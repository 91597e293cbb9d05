"""DICOM SR of a run: a TID 1500 Measurement Report whose numbers point to the frames and the segments they come from.

TID 1500, also for echo. The echo templates (TID 5200, TID 5300) can name images, but no segmentation and no algorithm,
and a number of a machine without both cannot be checked. The names of measures are those of TID 5300 all the same.

- A clip with an LV: a group (TID 1501) of means over beats for each structure, one for each beat, and beside it the ED and ES
  outlines as frames of the segmentation (TID 1410) with their areas.
- Any other clip or image: each object's outline on its first prompted frame. A volume: each object as a segment (TID 1411).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from highdicom.sr import (
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from echoseg.errors import OutputError
from echoseg.io.dicom.algorithm import UNFIT, Algorithm, date_instance, long_string, quiet_building
from echoseg.io.dicom.header import Origin
from echoseg.io.dicom.uid import derived_uid
from echoseg.record.measures import BEAT, MEASURES, OBJECT_MEASURES
from echoseg.report.dicom_groups import PHASES, Group, GroupWriter, Measured, comment_on, measurements_of
from echoseg.report.dicom_measure_codes import view_of

_OF_VOLUMES = [OBJECT_MEASURES[key] for key in ("volume", "long_axis", "short_axis")]


def build_report(measured: Measured) -> ComprehensiveSR:
    """The report of one run.

    Raises:
        OutputError: an attribute of the source makes the report impossible.
    """
    with_lv, writer = bool(measured.record["measures"]), GroupWriter(measured)
    procedure = codes.SCT.Echocardiography if with_lv else codes.SCT.ImagingProcedure
    content = [measured.record[key] for key in ("objects", "measures", "beats", "flags")]
    groups = _lv_groups(writer) if with_lv else _object_groups(writer)
    return comprehensive(measured.origin, [measured.segmentation], groups, content, measured.algorithm, procedure)


def comprehensive(
    origin: Origin, segmentations: Sequence[Dataset], groups: Iterator[Group], content: Any, algorithm: Algorithm, procedure: Code
) -> ComprehensiveSR:
    """A report of ``groups`` that refer to the images of ``origin`` and to ``segmentations``; ``content`` tells its UID.

    Raises:
        OutputError: an attribute of the source makes the report impossible.
    """
    try:
        with quiet_building():
            report = MeasurementReport(
                observation_context=ObservationContext(observer_device_context=_observer(algorithm)),
                procedure_reported=procedure,
                imaging_measurements=list(groups),
            )
            made = ComprehensiveSR(
                evidence=[*origin.headers, *segmentations],
                content=report[0],
                is_complete=True,
                is_final=False,
                specific_character_set=origin.first.SpecificCharacterSet,
                series_description=long_string(f"{algorithm.name} measurements"),
                **algorithm.identity("SR", origin, json.dumps(content, sort_keys=True).encode()),
                **algorithm.equipment(),
            )
    except UNFIT as error:  # highdicom checks what it is given; its message may quote the patient
        raise OutputError(f"no DICOM report can be made: the headers of the source do not fit ({type(error).__name__})") from error
    date_instance(made, algorithm)
    return made


def means(record: Mapping[str, Any], several: bool) -> dict[str, list[Measurement]]:
    """The measures of a record by the structure they are of, LV first; ``several``: each is a mean over beats."""
    found: dict[str, list[Measurement]] = {"LV": []}
    for key, entry in record["measures"].items():
        mean = codes.SCT.Mean if several and entry["method"] != "from the file" else None
        found.setdefault(MEASURES[key].structure, []).extend(measurements_of(MEASURES[key], entry["value"], entry["method"], mean))
    return {structure: measured for structure, measured in found.items() if measured or structure == "LV"}


def _observer(algorithm: Algorithm) -> ObserverContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", algorithm.model, algorithm.version, algorithm.weights_sha256 or ""),
        name=algorithm.name,
        manufacturer_name="echoseg",
        model_name=algorithm.name,
    )
    return ObserverContext(codes.DCM.Device, device)


def _lv_groups(writer: GroupWriter) -> Iterator[Group]:
    record = writer.record
    lv = next(item for item in record["objects"] if item["name"] == "LV")
    beats, kind = record["beats"], MeasurementsAndQualitativeEvaluations
    view = next((found for entry in record["measures"].values() if (found := view_of(entry["method"]))), None)
    several = sum(not beat["partial"] for beat in beats) > 1
    for structure, measured in means(record, several).items():
        evaluations = [QualitativeEvaluation(codes.DCM.ImageView, view)] if view else []
        group = writer.group(kind, structure, structure, measured, evaluations, source_images=writer.images(writer.phases()))
        if structure == "LV":
            comment_on(group, record["flags"])
        yield group
    for number, beat in enumerate(beats, start=1):
        measured = [Measurement(codes.DCM.BeatNumber, number, codes.UCUM.NoUnits)]
        for measure in BEAT:
            measured += measurements_of(measure, beat[measure.column], record["measures"][measure.key]["method"])
        of_beat = writer.images([beat["ed"], beat["es"]])
        yield writer.group(kind, f"LV, beat {number}", lv["name"], measured, source_images=of_beat)
        yield from writer.outlines(lv, number, tuple(PHASES))


def _object_groups(writer: GroupWriter) -> Iterator[Group]:
    for item in writer.record["objects"]:
        if writer.record["source"]["kind"] == "volume":
            yield from _volume_groups(writer, item)
            continue
        for frame in item["seed_frames"][:1]:
            area = measurements_of(OBJECT_MEASURES["area"], writer.measured.areas_cm2.get((item["id"], frame)))
            yield from writer.outline(item["name"], item, frame, area)


def _volume_groups(writer: GroupWriter, item: Mapping[str, Any]) -> Iterator[Group]:
    """An object of a volume as a segment with its measures; axes that are lines on an image in a group of their own (TID 1501)."""
    whole = writer.whole(writer.segments[item["id"]])
    if whole is None:
        return
    measured: list[Measurement] = []
    drawn: list[Measurement] = []
    for measure in _OF_VOLUMES:
        line = writer.line(item, measure.column)
        # TID 1411 has no coordinates: its region is the segment.
        (measured if line is None else drawn).extend(measurements_of(measure, item.get(measure.column), line=line))
    name = item["name"]
    yield writer.group(VolumetricROIMeasurementsAndQualitativeEvaluations, name, name, measured, referenced_segment=whole)
    if drawn:
        images = writer.images([item["diameter_slice"]])
        yield writer.group(MeasurementsAndQualitativeEvaluations, f"{name}, axes", name, drawn, source_images=images)
