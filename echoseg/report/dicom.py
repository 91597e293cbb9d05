"""``seg.dcm`` and ``sr.dcm``: the results of a run on a DICOM source, or a study, for the archive that the source came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from echoseg.errors import OutputError
from echoseg.io.atomic import atomic_path
from echoseg.io.dicom.algorithm import Algorithm, quiet_building
from echoseg.io.dicom.deidentify import deidentify, may_show_text, pseudonym
from echoseg.io.dicom.header import Origin, dicom_origin
from echoseg.io.dicom.seg import build_segmentation
from echoseg.io.source import Source
from echoseg.report.dicom_groups import Measured
from echoseg.report.dicom_sr import build_report
from echoseg.report.dicom_study import build_study_report
from echoseg.report.drawing import object_colour
from echoseg.types import Flag, Segmentation

_MM2_PER_CM2 = 100.0


@dataclass(frozen=True, eq=False)
class DicomOutput:
    """What to write in DICOM.

    Attributes:
        origin: the images that the results refer to.
        anonymous: apply :func:`echoseg.io.dicom.deidentify.deidentify` to what is written.
        probabilities: ``(T, H, W, N)`` uint8, 0..255 for 0..1, of the N objects in ascending order; None: no FRACTIONAL segmentation.
    """

    origin: Origin
    anonymous: bool = False
    probabilities: NDArray[np.uint8] | None = None

    def with_probabilities(self, shape: tuple[int, ...]) -> DicomOutput:
        """With an array of that shape, still to be filled in."""
        return replace(self, probabilities=np.zeros(shape, dtype=np.uint8))

    def flags(self) -> tuple[Flag, ...]:
        """What a reader must know of it."""
        if not self.anonymous or not any(map(may_show_text, self.origin.headers)):
            return ()
        message = "Names and dates were removed from the DICOM results. Text burned into the images was not: look at the pictures here."
        return (Flag("burned_in_text", message),)


def dicom_output(source: Source, anonymous: bool, store: str | None) -> DicomOutput | None:
    """What to write in DICOM; None for a source that is none.

    Raises:
        OutputError: such a source, and results are to be stored in a PACS.
        UnsupportedSourceError: a DICOM source that nothing can refer to.
    """
    if not source.dicom_frames and store is not None:
        raise OutputError(f"{source.name}: is not DICOM, so that there is nothing to store in a PACS")
    if not source.dicom_frames:
        return None
    origin = dicom_origin(source.dicom_frames)
    if anonymous:  # a file is often called by a UID, or by a person
        source.name = pseudonym(str(origin.first.SOPInstanceUID))
    return DicomOutput(origin, anonymous)


@dataclass(frozen=True, eq=False)
class WrittenDicom:
    """What was written in DICOM of one source, and what a report on several needs of it.

    Attributes:
        files: ``{file name: path}``.
        measured: what the report refers to and says, before anything was removed.
        anonymous: whether what identifies the patient was removed.
    """

    files: Mapping[str, Path]
    measured: Measured
    anonymous: bool


def write_dicom(
    directory: Path, source: Source, segmentation: Segmentation, record: Mapping[str, Any], output: DicomOutput
) -> WrittenDicom:
    """Writes seg.dcm (BINARY), sr.dcm, and seg-fractional.dcm where there are probabilities.

    Args:
        directory: an existing folder.
        source: that ``output.origin`` was read from.
        segmentation: of all its frames.
        record: measurements.json.
        output: what to write.

    Raises:
        OutputError: the headers of the source make an object impossible, or a file cannot be written.
    """
    origin, probabilities = output.origin, output.probabilities
    algorithm = _algorithm(record, segmentation.automatic)
    names = {object_id: segmentation.names.get(object_id, str(object_id)) for object_id in segmentation.object_ids}
    colours = {object_id: object_colour(object_id, name) for object_id, name in names.items()}
    made = build_segmentation(origin, source.to_stored(segmentation.masks), names, algorithm, colours)
    measured = Measured.of(origin, made, record, _areas(segmentation, record), algorithm)
    written = {"seg.dcm": made, "sr.dcm": build_report(measured)}
    if probabilities is not None:
        stored = np.stack([source.to_stored(probabilities[..., column]) for column in range(probabilities.shape[-1])], axis=-1)
        written["seg-fractional.dcm"] = build_segmentation(origin, stored, names, algorithm, colours)
    for name, dataset in written.items():
        _save(directory / name, dataset, output.anonymous)
    return WrittenDicom({name: directory / name for name in written}, measured, output.anonymous)


def write_study_dicom(path: Path, record: Mapping[str, Any], clips: Mapping[str, WrittenDicom], automatic: bool) -> bool:
    """Writes the report of a study, see :func:`echoseg.report.dicom_study.build_study_report`.

    Args:
        path: of the file.
        record: study.json.
        clips: the two in use by view.
        automatic: whether the model found the ventricle by its name in both.

    Returns:
        False, and nothing is written, where the headers name two studies: no object can be part of both.

    Raises:
        OutputError: the headers make it impossible, or the file cannot be written.
    """
    measured = {view: clip.measured for view, clip in clips.items()}
    if len({str(clip.origin.first.StudyInstanceUID) for clip in measured.values()}) > 1:
        return False
    made = build_study_report(record, measured, _algorithm(record, automatic))
    _save(path, made, any(clip.anonymous for clip in clips.values()))
    return True


def _save(path: Path, dataset: Dataset, anonymous: bool) -> None:
    if anonymous:
        deidentify(dataset, clean_content=True)
    with atomic_path(path) as temporary, quiet_building():
        dataset.save_as(temporary, enforce_file_format=True)


def _algorithm(record: Mapping[str, Any], automatic: bool) -> Algorithm:
    made_by = record["provenance"]
    prompt = made_by["prompt"]
    created = datetime.strptime(made_by["created"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).astimezone()
    options = {key: str(value) for key, value in made_by["options"].items() if value is not None and not isinstance(value, dict | list)}
    return Algorithm(
        model=made_by["model"]["name"] or "masks",
        version=made_by["versions"]["echoseg"],
        weights_sha256=made_by["model"]["weights_sha256"],
        automatic=automatic,
        created=created.replace(tzinfo=None),
        # The name of a mask file may be a patient's.
        parameters={"prompt": prompt.partition(":")[0] if isinstance(prompt, str) and "mask:" in prompt else str(prompt)[:400], **options},
    )


def _areas(segmentation: Segmentation, record: Mapping[str, Any]) -> dict[tuple[int, int], float]:
    """Areas in cm² of the outlines that a report shows: ED and ES of each beat, else the first prompted frame."""
    spacing = segmentation.geometry.spacing
    if spacing is None:
        return {}
    frames = {beat[phase] for beat in record["beats"] for phase in ("ed", "es")}
    frames |= {frame for seeded in segmentation.seeds.values() for frame in seeded[:1]}
    pixel_cm2 = spacing[0] * spacing[1] / _MM2_PER_CM2
    return {(i, f): round(float((segmentation.masks[f] == i).sum() * pixel_cm2), 2) for i in segmentation.object_ids for f in frames}
