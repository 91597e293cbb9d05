"""The entry points: one source in, masks, measures and files out; clips and volumes alike.

``source -> seed (prompt policy) -> tracker -> masks -> measures -> outputs``
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from echoseg.cardiac.volume import Method
from echoseg.errors import ModelConfigError, NotRereadableError
from echoseg.io import Source, open_source
from echoseg.io.dicom.web_address import parse_address
from echoseg.io.labels.formats import LabelFormat
from echoseg.io.result_folder import result_folder
from echoseg.io.thumbnail import thumbnails
from echoseg.io.video.decoder import Reader
from echoseg.io.views import ViewAnswer
from echoseg.io.volume.orientation import Plane
from echoseg.model import Model, load_model
from echoseg.model.view_net import clip_view
from echoseg.prompting.auto import auto_plan, boxes_plan
from echoseg.prompting.dicom_mask import segmentation_plan, segmentation_prompt
from echoseg.prompting.parse import parse_prompt
from echoseg.prompting.plan import Plan, PromptLike, auto_structures, manual_plan
from echoseg.prompting.volume import VolumeOptions, VolumeTracks, volume_tracks
from echoseg.report.provenance import provenance
from echoseg.results import Measured, MeasureOptions, RunResult, measure_result, write_result
from echoseg.tracking import MemorySelection, Session, Window, default_window, features_cache
from echoseg.types import Direction, Flag, FrameResult, Segmentation, Subject, whole_number

Progress = Callable[[int, "int | None"], None]
"""Called with the frames done and the frames there are (None when only the end tells)."""

_AS_USUAL = VolumeOptions()
_NO_DICOM = Flag("dicom_not_written", "The source is not DICOM: there are no images that DICOM results could refer to.", "info")
_STREAM_CACHE_BYTES = 48 * 2**20  # the frames a policy looks at; a stream never comes back to others


def stream(
    source: Any,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    frame_index: int | None = None,
    direction: Direction = "both",
    length: int | None = None,
    memory_selection: MemorySelection | None = None,
    volume: VolumeOptions = _AS_USUAL,
) -> Iterator[FrameResult]:
    """Segments a source frame by frame, in memory that does not grow with its length.

    Args:
        source: anything :func:`echoseg.open_source` takes.
        prompt: ``"auto"`` (the LV), ``"auto:LV,LA"``, a Box, Points or MaskPrompt (object 1), or
            ``{object_id: {frame_index: [prompts]}}``; in a volume also a Box3D or Point3D, alone or for an object.
        model: from :func:`load_model`, or its name.
        frame_index: frame of a bare prompt (default 0), or to seed with ``"auto"`` (default: the policy chooses).
        direction: ``forward``, ``backward`` or ``both`` from the seed.
        length: frames of a source that cannot tell itself.
        memory_selection: which tracked frames are remembered for those after; None for the last ones, however good, as officially.
        volume: how objects are followed through a volume.

    Yields:
        Each frame once: forward from the seed, then backward from before it.

    Raises:
        SourceError, PromptError, NotRereadableError, WeightsError: see there; all before the first frame but for damage that
            shows only later.
    """
    with ExitStack() as stack:
        opened = stack.enter_context(_opened(source))
        frames = _seed(opened, prompt, model, frame_index, length, memory_selection, volume).tracks.propagate(direction)
        return _until_closed(frames, stack.pop_all())


def segment(
    source: Any,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    frame_index: int | None = None,
    direction: Direction = "both",
    length: int | None = None,
    memory_selection: MemorySelection | None = None,
    volume: VolumeOptions = _AS_USUAL,
    progress: Progress | None = None,
) -> Segmentation:
    """Segments a whole source; see :func:`stream` for the arguments and errors.

    Frames that the direction does not reach have no mask, and NaN scores.
    """
    with _opened(source) as opened:
        return _collect(_seed(opened, prompt, model, frame_index, length, memory_selection, volume, progress), direction)


def analyse(
    source: Any,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    frame_index: int | None = None,
    direction: Direction = "both",
    memory_selection: MemorySelection | None = None,
    view: str | None = None,
    method: Method = "disks",
    subject: Subject | None = None,
    volume: VolumeOptions = _AS_USUAL,
    progress: Progress | None = None,
) -> Measured:
    """Segments and measures a source as :func:`run` does, and writes nothing: for a table of many. Arguments and errors as there."""
    if isinstance(prompt, str):
        prompt = parse_prompt(prompt, frame_index)
    measure_options = MeasureOptions(view, method, subject or Subject())
    with _opened(source) as opened:
        seeded = _seed(opened, prompt, model, frame_index, None, memory_selection, volume, progress)
        segmentation = _collect(seeded, direction)
        options = {"frame_index": frame_index, "direction": direction, "memory_selection": _plain(memory_selection), "view": view}
        measure_options = replace(measure_options, seen=_seen_view(opened))
        return measure_result(opened, segmentation, _provenance(seeded, prompt, options), measure_options)


def run(
    source: Any,
    out: str | Path,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    weights: str | Path | None = None,
    device: str = "auto",
    frame_index: int | None = None,
    direction: Direction = "both",
    memory_selection: MemorySelection | None = None,
    view: str | None = None,
    method: Method = "disks",
    subject: Subject | None = None,
    spacing: tuple[float, float] | None = None,
    fps: float | None = None,
    volume: VolumeOptions = _AS_USUAL,
    series: str | int | None = None,
    part: str | None = None,
    axis: Plane | None = None,
    window: str | None = None,
    reader: Reader | None = None,
    format: LabelFormat | None = None,
    overwrite: bool = False,
    keep: Collection[str | PathLike[str]] = (),
    dicom: bool = False,
    fractional: bool = False,
    deidentify: bool = False,
    store: str | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Segments a source, measures it, and writes everything to ``out/<name>/``; the folder appears complete or not at all.

    In a clip, object 1 is taken to be the LV unless the prompt names it otherwise.

    Args:
        source, prompt, model, frame_index, direction, memory_selection: see :func:`stream`; ``prompt`` may also be text as on the
            command line.
        out: folder of all results, made when missing.
        weights, device: when ``model`` is a name, see :func:`load_model`.
        view: ``A4C`` or ``A2C``, for clips; default: what the file says, else its name, else the view classifier where it is sure, else
            A4C.
        method: of LV volumes, ``disks`` or ``area-length``; see :class:`echoseg.results.MeasureOptions`.
        subject: sex, height and weight, for reference ranges and indexed values; default: what a DICOM file says.
        spacing: ``(row_mm, col_mm)`` in place of what the file says.
        fps: frames per second in place of what the file says.
        volume: how objects are followed through a volume.
        series, part, axis, window: what to take of a volume or DICOM series, see :func:`echoseg.open_source`.
        reader: what decodes a video file, see there.
        format: write the masks also as ``nrrd``, ``mha`` or ``npz``, or as what the source is (``own``).
        overwrite: replace earlier results of the same name, never a folder that echoseg did not write or that holds the source; else a
            clash gets a numeric suffix.
        keep: what must not be replaced besides: further inputs, and results of the same batch where two inputs have one name.
        dicom: also write seg.dcm and sr.dcm, when the source is DICOM. Each of the next three means this too.
        fractional: also write seg-fractional.dcm, the probabilities.
        deidentify: remove from DICOM results, and from the folder's name, what identifies the patient.
        store: ``dicomweb://HOST/PREFIX``, a PACS to send the DICOM results to once they are written.
        progress: told after every frame.

    Raises:
        EchosegError: its subclasses say what is wrong with the input, the prompt, the weights or the output folder.
    """
    if isinstance(prompt, str):
        prompt = parse_prompt(prompt, frame_index)
    measure_options = MeasureOptions(view, method, subject or Subject())
    if isinstance(model, str):
        model = load_model(model, weights, device)
    elif weights is not None or device != "auto":
        raise ModelConfigError("weights and device go with the name of a model; this one is loaded already")
    if store is not None:
        parse_address(store)
    choice: dict[str, Any] = {"series": series, "part": part, "axis": axis, "window": window}
    with _opened(source, spacing=spacing, fps=fps, reader=reader, **choice) as opened:
        output = None
        if dicom or fractional or deidentify or store:
            from echoseg.report.dicom import dicom_output

            output = dicom_output(opened, deidentify, store)
        with result_folder(Path(out), opened.name, overwrite, [*keep, *_files(source, opened)]) as folder:
            seeded = _seed(opened, prompt, model, frame_index, None, memory_selection, volume, progress)
            if output is not None and fractional:
                output = output.with_probabilities((len(opened), *opened.size, len(seeded.tracks.object_ids)))
            segmentation = _collect(seeded, direction, None if output is None else output.probabilities)
            if dicom and output is None:
                segmentation = replace(segmentation, flags=(*segmentation.flags, _NO_DICOM))
            chosen = {"memory_selection": _plain(memory_selection), "view": view, "spacing": spacing, "fps": fps, **choice}
            options = {"frame_index": frame_index, "direction": direction, **chosen}
            measure_options = replace(measure_options, seen=_seen_view(opened))
            result = write_result(folder, opened, segmentation, _provenance(seeded, prompt, options), measure_options, output, format)
    if store is not None:
        from echoseg.io.dicom.web import store_instances

        store_instances(store, [path for name, path in result.files.items() if name.endswith(".dcm")])
    return result


def _seen_view(source: Source) -> ViewAnswer | None:
    """What the view classifier says; None for what is not known to be an ultrasound clip, or cannot be read again."""
    if source.kind != "clip" or not source.ultrasound():
        return None
    pictures = thumbnails(source)
    return None if pictures is None else clip_view(pictures)


def _files(source: Any, opened: Source) -> set[str | PathLike[str]]:
    """Where the source is read from, as far as it tells."""
    return {path for path, _ in opened.dicom_frames} | ({source} if isinstance(source, str | PathLike) else set())


@contextmanager
def _opened(source: Any, **options: Any) -> Iterator[Source]:
    """The source, closed afterwards if it was opened here; what the caller opened, or iterates, stays theirs."""
    opened = open_source(source, **options)
    try:
        yield opened
    finally:
        if opened is not source and opened.rereadable:
            opened.close()


def _until_closed(frames: Iterator[FrameResult], stack: ExitStack) -> Iterator[FrameResult]:
    with stack:
        yield from frames


@dataclass(frozen=True)
class _Seeded:
    """Tracks in which every object of the prompt has been seeded.

    Attributes:
        plan: of the prompts.
        finder: the model that found them, if another.
        followed: how objects are followed, for the provenance.
        progress: told after every frame; None where the tracks tell by themselves.
    """

    tracks: Session | VolumeTracks
    plan: Plan
    finder: Model | None = None
    followed: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress | None = None


def _seed(
    source: Source,
    prompt: PromptLike | Plan,
    model: Model | str,
    frame_index: int | None,
    length: int | None,
    memory_selection: MemorySelection | None,
    volume: VolumeOptions,
    progress: Progress | None = None,
) -> _Seeded:
    if isinstance(model, str):
        model = load_model(model)
    if frame_index is not None:
        frame_index = whole_number(frame_index, "frame_index")
    masks = segmentation_prompt(prompt)
    if masks is not None:
        prompt = segmentation_plan(masks[0], source, frame_index if masks[1] is None else masks[1])
    structures = auto_structures(prompt)
    if structures is not None:
        session, plan, finder = _found(_session(source, model, length, memory_selection), structures, frame_index)
    else:
        plan = prompt if isinstance(prompt, Plan) else manual_plan(prompt, frame_index)
        model = model if source.ultrasound() else model.for_volumes
        tracks = volume_tracks(source, model, plan, volume, progress, memory_selection)
        if tracks is not None:
            return _Seeded(tracks, plan, followed=tracks.record)
        prompts = [given for frames in plan.prompts.values() for at_frame in frames.values() for given in at_frame]
        window = default_window(source, model, prompts)
        session, finder = _session(source, model, length, memory_selection, window), None
    if not source.rereadable and len({frame for frames in plan.prompts.values() for frame in frames}) > 1:
        raise NotRereadableError(f"{source.name} can be read only once, in order: prompt all objects on one frame")
    for object_id, frames in plan.prompts.items():
        for frame, given in frames.items():
            session.prompt(object_id, frame, given)
    return _Seeded(session, plan, finder, progress=progress)


def _found(session: Session, structures: tuple[str, ...], frame_index: int | None) -> tuple[Session, Plan, Model | None]:
    """The ``auto`` policy; a model without structure prompts is seeded by what ``compact`` sees."""
    if session.model.config.structures or session.source.ultrasound() is False:
        return session, auto_plan(session, structures, frame_index), None
    finder = load_model("compact", device=str(session.model.execution.device))
    looking = Session(session.source, finder, cache=features_cache(_STREAM_CACHE_BYTES), history=0, cursor=session.cursor)
    return session, boxes_plan(looking, structures, frame_index), finder


def _session(
    source: Source, model: Model, length: int | None, memory_selection: MemorySelection | None, window: Window | None = None
) -> Session:
    cache = features_cache(_STREAM_CACHE_BYTES)
    return Session(source, model, cache=cache, history=0, length=length, window=window, memory_selection=memory_selection)


def _collect(seeded: _Seeded, direction: Direction, probabilities: NDArray[np.uint8] | None = None) -> Segmentation:
    """The whole segmentation; ``probabilities`` ``(T, H, W, N)`` are filled in on the way, 0..255 for 0..1."""
    tracks, source = seeded.tracks, seeded.tracks.source
    ids = tracks.object_ids
    masks: dict[int, np.ndarray] = {}
    label_maps = None if source.length is None else np.zeros((source.length, *source.size), dtype=np.uint8)
    scores: dict[int, tuple[list[float], list[float]]] = {}
    for done, frame in enumerate(tracks.propagate(direction), start=1):
        if label_maps is None:
            masks[frame.index] = frame.label_map()
        else:
            label_maps[frame.index] = frame.label_map()
        scores[frame.index] = [frame.scores[i] for i in ids], [frame.object_scores[i] for i in ids]
        if probabilities is not None:
            for column, i in enumerate(ids):
                probabilities[frame.index, ..., column] = np.rint(255 * expit(frame.logits[i]))
        if seeded.progress is not None:
            seeded.progress(done, source.length)
    if label_maps is None:
        label_maps = np.zeros((max(masks) + 1, *source.size), dtype=np.uint8)
        for index, mask in masks.items():
            label_maps[index] = mask
    ious, object_scores = np.full((2, len(label_maps), len(ids)), np.nan, dtype=np.float32)
    for index, (iou, object_score) in scores.items():
        ious[index], object_scores[index] = iou, object_score
    return Segmentation(
        masks=label_maps,
        scores=ious,
        object_scores=object_scores,
        object_ids=ids,
        names=_names(ids, seeded.plan, source),
        seeds={i: tracks.prompted_frames(i) for i in ids},
        geometry=source.geometry,
        timing=source.timing,
        flags=source.flags,
        options={"direction": direction, "model": tracks.model.name},
    )


def _names(ids: tuple[int, ...], plan: Plan, source: Source) -> dict[int, str]:
    default = {} if source.ultrasound() is False or "LV" in plan.names.values() else {1: "LV"}
    return {i: plan.names.get(i) or default.get(i) or f"object {i}" for i in ids}


def _plain(memory_selection: MemorySelection | None) -> dict[str, float] | None:
    return None if memory_selection is None else asdict(memory_selection)


def _provenance(seeded: _Seeded, prompt: PromptLike | Plan, options: Mapping[str, Any]) -> dict[str, Any]:
    model, finder = seeded.tracks.model, seeded.finder
    details = seeded.tracks.source.details
    seen_as = {key: details[key] for key in ("intensity", "slicing", "part", "reader") if key in details}
    execution = {"device": str(model.execution.device), "precision": str(model.execution.autocast or torch.float32).removeprefix("torch.")}
    found = {"seeds": seeded.plan.prompts} if auto_structures(prompt) is not None else {}
    by = {"seeded_by": {"name": finder.name, "weights_sha256": finder.weights.sha256}} if finder else {}
    return provenance(
        model=model.name,
        weights_sha256=model.weights.sha256,
        prompt=prompt.prompts if isinstance(prompt, Plan) else prompt,
        options={**options, **seen_as, **seeded.followed, **execution, **found, **by},
    )
