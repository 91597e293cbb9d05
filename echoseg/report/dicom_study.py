"""DICOM SR of a study: biplane values, with the frames of both clips and the outlines of both segmentations that they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from highdicom.sr import ComprehensiveSR, MeasurementsAndQualitativeEvaluations, QualitativeEvaluation
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from echoseg.io.dicom.algorithm import Algorithm
from echoseg.io.dicom.header import Origin
from echoseg.io.dicom.uid import derived_uid
from echoseg.report.dicom_groups import PHASES, Group, GroupWriter, Measured, comment_on, group_of
from echoseg.report.dicom_measure_codes import VIEWS
from echoseg.report.dicom_sr import comprehensive, means

_ATRIUM = "LA"


def build_study_report(record: Mapping[str, Any], clips: Mapping[str, Measured], algorithm: Algorithm) -> ComprehensiveSR:
    """The report of a study, a TID 1500 as that of a clip.

    Args:
        record: study.json.
        clips: the two in use by view, of one StudyInstanceUID.
        algorithm: what made the numbers.

    Raises:
        OutputError: an attribute of the sources makes the report impossible.
    """
    content = [record[key] for key in ("measures", "beats", "flags")]
    made = [clip.segmentation for clip in clips.values()]
    groups = _groups(record, clips, algorithm)
    return comprehensive(joined([clip.origin for clip in clips.values()]), made, groups, content, algorithm, codes.SCT.Echocardiography)


def joined(origins: Sequence[Origin]) -> Origin:
    """The images of several sources as those of one, in order."""
    headers: list[Dataset] = []
    frames: list[tuple[int, int | None]] = []
    for origin in origins:
        frames += [(len(headers) + header, number) for header, number in origin.frames]
        headers += origin.headers
    return Origin(tuple(headers), tuple(frames))


def _groups(record: Mapping[str, Any], clips: Mapping[str, Measured], algorithm: Algorithm) -> Iterator[Group]:
    """Biplane values of ventricle and atrium, then the outlines of each view's beats."""
    writers = {view: GroupWriter(clip) for view, clip in clips.items()}
    uids = sorted(str(clip.segmentation.SOPInstanceUID) for clip in clips.values())
    for structure, measured in means(record, len(record["beats"]) > 1).items():
        name = f"{structure}, biplane"
        group = group_of(
            MeasurementsAndQualitativeEvaluations,
            derived_uid("tracking", *uids, name),
            name,
            structure,
            algorithm,
            measured,
            [QualitativeEvaluation(codes.DCM.ImageView, VIEWS[view]) for view in clips],
            source_images=[image for writer in writers.values() for image in writer.images(writer.phases())],
        )
        if structure == "LV":
            comment_on(group, record["flags"])
        yield group
    for view, writer in writers.items():
        for item in writer.record["objects"]:
            phases = tuple(PHASES) if item["name"] == "LV" else ("es",) if item["name"] == _ATRIUM else ()
            for number in range(1, len(writer.record["beats"]) + 1):
                yield from writer.outlines(item, number, phases, f"{view} ")
