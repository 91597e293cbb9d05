"""From finished masks to measures and files: the last half of a run, the same for masks of the tracker and masks from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from echoseg.cardiac import APICAL_VIEWS, Beat, LVAnalysis, analyse_lv, chamber_measures, thresholds, without_size
from echoseg.cardiac.chambers import ChamberMeasure, Structure
from echoseg.cardiac.curve import SinglePlane
from echoseg.cardiac.quality import mirrored_flags
from echoseg.cardiac.references import child_flags
from echoseg.io.dicom.study import StatedStudy
from echoseg.io.labels.formats import write_label_map_as
from echoseg.io.labels.nifti import write_label_map
from echoseg.io.picture.flags import picture_flags
from echoseg.io.result_folder import ResultFolder
from echoseg.io.seekable import SeekableSource
from echoseg.io.source import Source
from echoseg.io.views import ViewAnswer, ViewChoice, ViewOrigin, view_of
from echoseg.options import LabelFormat, Measuring
from echoseg.record.comparison import with_earlier
from echoseg.record.exam import exam_entry
from echoseg.record.input_flags import answered_by_hand, may_be_apical, stated_by, stated_view_flags, undefined_by
from echoseg.record.measurements import measurements
from echoseg.record.quality import merged_flags
from echoseg.report.files import write_report
from echoseg.types import Flag, Geometry, Segmentation, Severity

if TYPE_CHECKING:
    from echoseg.report.dicom import DicomOutput, WrittenDicom


@dataclass(frozen=True)
class MeasureOptions(Measuring):
    """How masks are measured, and what is known of them already.

    Attributes:
        beats: ED and ES frames that a reader has named; None: they are found.
        seen: what the view classifier says of the pictures; None: it was not asked.
        picture: flags of :func:`echoseg.io.picture.flags.picture_flags`, of a source that is measured many times; None: it is looked at.
        identify: whether the date of the examination may be written.
        earlier: results of the same patient to compare with, from :func:`echoseg.record.comparison.earlier_records`.
    """

    beats: tuple[Beat, ...] | None = None
    seen: ViewAnswer | None = None
    picture: tuple[Flag, ...] | None = None
    identify: bool = False
    earlier: tuple[Mapping[str, Any], ...] = ()

    @property
    def single_plane(self) -> SinglePlane:
        """The method for one view."""
        return "area-length" if self.method == "area-length" else "disks"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of one source that was segmented and measured.

    Attributes:
        measurements: the content of measurements.json.
        flags: what a reader must know.
        segmentation: masks and scores.
        analysis: LV function, or None where no LV was measured.
        view: the view of a clip and where it is known from; None for volumes and images.
        stated: what the DICOM file says of study and person.
    """

    measurements: Mapping[str, Any]
    flags: tuple[Flag, ...]
    segmentation: Segmentation
    analysis: LVAnalysis | None = None
    view: ViewChoice | None = None
    stated: StatedStudy = field(default_factory=StatedStudy)


@dataclass(frozen=True, kw_only=True)
class RunResult(Measured):
    """What :func:`echoseg.run` or :func:`echoseg.measure` wrote.

    Attributes:
        directory: folder of this source's results.
        files: ``{file name: path}``.
        dicom: what was written in DICOM, if anything.
    """

    directory: Path
    files: Mapping[str, Path]
    dicom: WrittenDicom | None = None


def measure_result(
    source: Source, segmentation: Segmentation, provenance: Mapping[str, Any], options: MeasureOptions, flags: Sequence[Flag] = ()
) -> Measured:
    """Measures a segmentation of all frames of a source; ``flags`` are noted besides its own. Writes nothing.

    Raises:
        MeasureError: a given beat does not fit the masks, or earlier results are not those of one patient.
    """
    stated = stated_by(source)
    view = view_of(source, options.view, _sure(options.seen)) if source.kind == "clip" and may_be_apical(source, options.view) else None
    analysis, segmentation = _analysed(_without_ends(segmentation, source), source, view, options)
    about: tuple[Flag, ...] = ()
    if may_be_apical(source, options.view):
        picture = picture_flags(source) if options.picture is None else options.picture
        about = (*picture, *child_flags(options.subject.over(stated.subject)))
    segmentation = replace(segmentation, flags=(*segmentation.flags, *about, *flags, *_found_flags(segmentation, analysis)))
    if not segmentation.automatic:
        segmentation = replace(segmentation, flags=answered_by_hand(segmentation.flags))
    if analysis is not None and segmentation.automatic and source.kind == "clip":
        segmentation = replace(segmentation, flags=(*segmentation.flags, *_no_heart_flags(source, segmentation, analysis)))
    undefined = "" if analysis is None else undefined_by(segmentation.flags)
    if analysis is not None and undefined:
        analysis = analysis.without_numbers()
    chambers = None if analysis is None else _chambers(segmentation, analysis)
    exam = exam_entry(
        analysis,
        ecg=len(segmentation.timing.r_wave_times) > 1,
        manufacturer=stated.manufacturer,
        model=stated.model,
        on=stated.date if options.identify else None,
    )
    record = measurements(
        source,
        segmentation,
        analysis,
        provenance,
        view=view,
        subject=options.subject.over(stated.subject),
        chambers=chambers,
        exam=exam if source.kind == "clip" else None,
        undefined=undefined,
    )
    if analysis is not None and undefined:  # nor are areas in cm² in frames.csv and on the curve
        segmentation = replace(segmentation, geometry=Geometry())
    if options.earlier and analysis is not None:
        record = with_earlier(record, options.earlier)
    merged = tuple(merged_flags(segmentation.flags, () if analysis is None else analysis.flags))
    return Measured(measurements=record, flags=merged, segmentation=segmentation, analysis=analysis, view=view, stated=stated)


def write_result(
    folder: ResultFolder,
    source: Source,
    segmentation: Segmentation,
    provenance: Mapping[str, Any],
    options: MeasureOptions,
    dicom: DicomOutput | None = None,
    label_format: LabelFormat | None = None,
) -> RunResult:
    """Measures a segmentation and writes its files into ``folder``, which is published when all are there.

    Args:
        folder: a draft.
        source: what was segmented.
        segmentation: of all frames of the source.
        provenance: from :func:`echoseg.record.provenance.provenance`.
        options: how to measure.
        dicom: what to write in DICOM, besides.
        label_format: a format to write the masks in, besides NIfTI.

    Raises:
        OutputError: a file cannot be written.
        MeasureError: a given beat does not fit the masks.
    """
    measured = measure_result(source, segmentation, provenance, options, () if dicom is None else dicom.flags())
    record, segmentation = measured.measurements, measured.segmentation
    if any(flag.code == "spacing_implausible" for flag in measured.flags):
        source = source.replaced(geometry=segmentation.geometry)
    write_label_map(folder.draft / "masks.nii.gz", segmentation.masks, source)
    written = write_report(folder.draft, source, segmentation, measured.analysis, record)
    made: WrittenDicom | None = None
    if dicom is not None:
        from echoseg.report.dicom import write_dicom

        made = write_dicom(folder.draft, source, segmentation, record, dicom)
        written |= made.files
    if label_format is not None:
        also = write_label_map_as(label_format, folder.draft, segmentation.masks, source)
        written |= {} if also is None else {also.name: also}
    directory = folder.publish()
    files = {name: directory / name for name in ("masks.nii.gz", *written)}
    return RunResult(directory=directory, files=files, dicom=made, **vars(measured))


def object_named(segmentation: Segmentation, name: str) -> int | None:
    """The id of the object of that name, or None."""
    return next((object_id for object_id, found in segmentation.names.items() if found == name), None)


def _without_ends(segmentation: Segmentation, source: Source) -> Segmentation:
    """Without what a tracker made of title cards and other frames at the ends that are no part of the clip; given masks stay."""
    if segmentation.given or not isinstance(source, SeekableSource) or source.kind != "clip" or not may_be_apical(source):
        return segmentation
    first, stop = source.moving()
    left_out = np.ones(len(segmentation.masks), dtype=bool)
    left_out[first:stop] = False
    if not left_out.any():
        return segmentation
    masks, scores, object_scores = segmentation.masks.copy(), segmentation.scores.copy(), segmentation.object_scores.copy()
    masks[left_out], scores[left_out], object_scores[left_out] = 0, np.nan, np.nan
    return replace(segmentation, masks=masks, scores=scores, object_scores=object_scores)


def _analysed(
    segmentation: Segmentation, source: Source, view: ViewChoice | None, options: MeasureOptions
) -> tuple[LVAnalysis | None, Segmentation]:
    """LV function of a clip in which an LV was segmented, and the segmentation with what its view gives reason to say."""
    lv = object_named(segmentation, "LV")
    if lv is None or not may_be_apical(source, options.view):
        return None, segmentation
    if view is None:
        view = ViewChoice(options.view or "A4C", ViewOrigin.GIVEN if options.view else ViewOrigin.ASSUMED)
    segmentation = replace(segmentation, flags=(*segmentation.flags, *_view_flags(view, options.seen)))
    if view.name not in APICAL_VIEWS:
        return None, segmentation
    column = segmentation.object_ids.index(lv)
    analysis = analyse_lv(
        segmentation.masks == lv,
        source.times(len(segmentation.masks)),
        segmentation.geometry.spacing,
        view.name,
        heart_rate=segmentation.timing.heart_rate,
        r_waves=segmentation.timing.r_wave_times,
        scores=None if segmentation.given else segmentation.scores[:, column],
        object_scores=None if segmentation.given else segmentation.object_scores[:, column],
        sector=source.sector(),
        method=options.single_plane,
        beats=options.beats,
    )
    if any(flag.code == "spacing_implausible" for flag in analysis.flags):  # nothing in mm, cm² or mL may rest on it
        return without_size(analysis), replace(segmentation, geometry=Geometry())
    return analysis, segmentation


def _chambers(segmentation: Segmentation, analysis: LVAnalysis) -> Mapping[ChamberMeasure, tuple[float | None, ...]]:
    found = {name: object_named(segmentation, name) for name in get_args(Structure)}
    masks = {name: segmentation.masks == object_id for name, object_id in found.items() if object_id is not None}
    return chamber_measures(masks, analysis, segmentation.geometry.spacing)


def _found_flags(segmentation: Segmentation, analysis: LVAnalysis | None) -> list[Flag]:
    """Echo shows the wall's outer border and the right ventricle badly, and a tracker's answer is no better than what it sees; where both
    ventricles are known, so is which way round the picture is."""
    if analysis is None:
        return []
    left, right = (object_named(segmentation, name) for name in ("LV", "RV"))
    flags = []
    if right is not None and analysis.view == "A4C":
        flags += mirrored_flags(segmentation.masks == left, segmentation.masks == right)
    if segmentation.given:
        return flags
    if object_named(segmentation, "MYO") is not None:
        wall = "The wall was found, not drawn: look at its border before you use wall thickness or LV mass."
        flags.append(Flag("wall_found", wall))
    if right is not None:
        ventricle = "The right ventricle was found, not drawn: look at its border before you use its fractional area change."
        flags.append(Flag("rv_found", ventricle))
    return flags


def _no_heart_flags(source: Source, segmentation: Segmentation, analysis: LVAnalysis) -> list[Flag]:
    """Something that beats need not be a heart: a flag where the model found it, is unsure of it, and nothing else speaks for echo."""
    if not any(flag.code == "low_iou" for flag in analysis.flags):
        return []
    scores = segmentation.scores[:, segmentation.object_ids.index(object_named(segmentation, "LV") or 0)]
    if source.sector() is not None and float(np.nanmedian(scores)) >= thresholds.NO_HEART_IOU:
        return []
    told = "What was found need not be a left ventricle: the model is unsure of its border, or no scan sector is seen around it."
    return [Flag("no_heart", f"{told} Look at the masks, and give a box or points if there is one.", Severity.REJECT)]


def _sure(seen: ViewAnswer | None) -> str | None:
    """The classifier's answer, where it is sure of it."""
    return seen.name if seen is not None and seen.confidence >= thresholds.SURE_OF_VIEW else None


def _view_flags(view: ViewChoice, seen: ViewAnswer | None) -> list[Flag]:
    """What is to be said of a view and of where it is known from."""
    flags = stated_view_flags(view)
    if view.name not in APICAL_VIEWS:
        return flags
    if view.origin is ViewOrigin.SEEN:
        flags.append(
            Flag("view_guessed", f"Nothing tells the view: the view classifier takes it for {_told(seen) or view.name}.", Severity.INFO)
        )
    elif view.origin is ViewOrigin.ASSUMED:
        flags.append(Flag("view_assumed", f"Nothing tells the view: {view.name} was assumed.", Severity.INFO))
    sure = _sure(seen)
    other = 0.0 if seen is None else sum(share for name, share in seen.shares.items() if name not in APICAL_VIEWS)
    if seen is not None and other >= thresholds.SURE_OF_VIEW:
        answer = f"neither A4C nor A2C ({100 * other:.0f} %), most likely {seen.name}"
        flags.append(Flag("view_not_apical", f"The view classifier takes the clip for {answer}: look whether it shows {view.name}."))
    elif sure is not None and sure != view.name:
        told = f"The view classifier takes the clip for {_told(seen)}, not for {view.name} ({view.origin})"
        flags.append(Flag("view_disagrees", f"{told}: look which it is."))
    return flags


def _told(seen: ViewAnswer | None) -> str:
    return "" if seen is None else f"{seen.name} ({100 * seen.confidence:.0f} %)"
