"""The entry points: one source in, masks, measures and files out; clips and volumes alike.

``source -> seed (prompt policy) -> tracker -> masks -> measures -> outputs``

What measures and draws (SciPy, matplotlib) is imported once there are masks: the first frame does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from echoseg.errors import ModelConfigError, NotRereadableError
from echoseg.io import Source, open_source
from echoseg.io.ceiling import LABELS, check_unpacked
from echoseg.io.dicom.web_address import parse_address
from echoseg.io.result_folder import result_folder
from echoseg.model import Model, load_model, model_config
from echoseg.model.load import torch_instead
from echoseg.model.view_net import seen_view, view_weights
from echoseg.options import Direction, Following, Measuring, MemorySelection, Opening, Runtime, Writing, noted, taken
from echoseg.prompting.auto import auto_plan, boxes_plan
from echoseg.prompting.mask_file import mask_plan, with_masks
from echoseg.prompting.neighbours import neighbour_flags
from echoseg.prompting.parse import Asked, read_prompt
from echoseg.prompting.plan import Plan, PromptLike
from echoseg.prompting.short_axis import answers_auto, short_axis_plan
from echoseg.prompting.volume import VolumeTracks, volume_tracks
from echoseg.record.provenance import provenance
from echoseg.tracking import Session, Window, default_window, features_cache
from echoseg.types import Flag, FrameResult, Segmentation, Severity

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from echoseg.options import AnalysisOptions, FollowingOptions, RunOptions
    from echoseg.results import Measured, MeasureOptions, RunResult

Progress = Callable[[int, "int | None"], None]
"""Called with the frames done and the frames there are (None when only the end tells)."""

_NO_DICOM = Flag("dicom_not_written", "The source is not DICOM: there are no images that DICOM results could refer to.", Severity.INFO)
_STREAM_CACHE_BYTES = 48 * 2**20  # the frames a policy looks at; a stream never comes back to others


def stream(
    source: Any,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    length: int | None = None,
    **options: Unpack[FollowingOptions],
) -> Iterator[FrameResult]:
    """Segments a source frame by frame, in memory that does not grow with its length.

    Args:
        source: anything :func:`echoseg.open_source` takes.
        prompt: ``"auto"`` (the LV), ``"auto:LV,LA"``, a Box, Points or MaskPrompt (object 1), or
            ``{object_id: {frame_index: [prompts]}}``; in a volume also a Box3D or Point3D, alone or for an object; or text as on the
            command line.
        model: from :func:`load_model`, or its name.
        length: frames of a source that cannot tell itself.
        options: ``frame_index``, ``direction``, ``memory_selection`` and ``volume``, see :class:`echoseg.options.Following`.

    Yields:
        Each frame once: forward from the seed, then backward from before it.

    Raises:
        SourceError, PromptError, NotRereadableError, WeightsError: see there; all before the first frame but for damage that
            shows only later.

    >>> [frame.index for frame in echoseg.stream(np.zeros((3, 64, 64), np.uint8), echoseg.Box(22, 22, 43, 43), frame_index=1)]
    [1, 2, 0]
    """
    following = Following(**options)
    asked = read_prompt(prompt, following.frame_index)
    with ExitStack() as stack:
        opened = stack.enter_context(_opened(source))
        frames = _seed(opened, asked, model, following, length=length).tracks.propagate(following.direction)
        return _until_closed(frames, stack.pop_all())


def segment(
    source: Any,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    length: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[FollowingOptions],
) -> Segmentation:
    """Segments a whole source; see :func:`stream` for the arguments and errors.

    Frames that the direction does not reach have no mask, and NaN scores.

    >>> clip = np.uint8([np.hypot(*np.mgrid[-32:32, -32:32]) < 10] * 2) * 200  # a disc on two frames
    >>> echoseg.segment(clip, echoseg.Box(22, 22, 43, 43)).masks[:, 32, 32]
    array([1, 1], dtype=uint8)
    """
    following = Following(**options)
    asked = read_prompt(prompt, following.frame_index)
    with _opened(source) as opened:
        return _collect(_seed(opened, asked, model, following, length=length, progress=progress), following.direction)


def analyse(
    source: Any,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    progress: Progress | None = None,
    **options: Unpack[AnalysisOptions],
) -> Measured:
    """Segments and measures a source as :func:`run` does, and writes nothing: for a table of many. Arguments and errors as there."""
    given: dict[str, Any] = {**options}
    following, measuring = taken(Following, given), Measuring(**given)
    asked = read_prompt(prompt, following.frame_index)
    with _opened(source) as opened:
        seeded = _seed(opened, asked, model, following, progress=progress)
        segmentation = _checked(seeded, _collect(seeded, following.direction))
        from echoseg.results import measure_result

        measured_by, view_net = _measure_options(opened, measuring, seeded.tracks.model, following)
        made_by = _provenance(seeded, asked, noted(following, measuring), view_net)
        return measure_result(opened, segmentation, made_by, measured_by)


def run(
    source: Any,
    out: str | Path,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    weights: str | Path | None = None,
    device: str = "auto",
    runtime: Runtime = "auto",
    progress: Progress | None = None,
    **options: Unpack[RunOptions],
) -> RunResult:
    """Segments a source, measures it, and writes everything to ``out/<name>/``; the folder appears complete or not at all.

    In a clip, object 1 is taken to be the LV unless the prompt names it otherwise.

    Args:
        source, prompt, model: see :func:`stream`.
        out: folder of all results, made when missing.
        weights, device, runtime: when ``model`` is a name, see :func:`load_model`.
        progress: told after every frame.
        options: the fields of :class:`~echoseg.options.Following`, :class:`~echoseg.options.Measuring`, :class:`~echoseg.options.Opening`
            and :class:`~echoseg.options.Writing`, each as a keyword: what they do is said there.

    Raises:
        EchosegError: its subclasses say what is wrong with the input, the prompt, the weights or the output folder.

    >>> result = echoseg.run(np.zeros((2, 64, 64), np.uint8), "results", echoseg.Box(22, 22, 43, 43))
    >>> result.measurements["source"]["frames"], result.measurements["measures"]["ef"]["value"]
    (2, None)
    """
    given: dict[str, Any] = {**options}
    following, measuring, opening = taken(Following, given), taken(Measuring, given), taken(Opening, given)
    writing = Writing(**given)
    asked = read_prompt(prompt, following.frame_index)
    if isinstance(model, str):
        model = load_model(model, weights, device, runtime=runtime)
    elif weights is not None or device != "auto" or runtime != "auto":
        raise ModelConfigError("weights, device and runtime go with the name of a model; this one is loaded already")
    if writing.store is not None:
        parse_address(writing.store)
    dated = writing.identify and not writing.deidentify
    earlier: tuple[dict[str, Any], ...] = ()
    if writing.earlier is not None:
        from echoseg.record.comparison import earlier_records

        earlier = earlier_records(writing.earlier)
    with _opened(source, **vars(opening)) as opened:
        output = None
        if writing.in_dicom:
            from echoseg.report.dicom import dicom_output

            output = dicom_output(opened, writing.deidentify, writing.store)
        with result_folder(Path(out), opened.name, writing.overwrite, [*writing.keep, *_files(source, opened)]) as folder:
            seeded = _seed(opened, asked, model, following, progress=progress)
            if output is not None and writing.fractional:
                output = output.with_probabilities((len(opened), *opened.size, len(seeded.tracks.object_ids)))
            segmentation = _checked(seeded, _collect(seeded, following.direction, None if output is None else output.probabilities))
            if writing.in_dicom and output is None:
                segmentation = replace(segmentation, flags=(*segmentation.flags, _NO_DICOM))
            from echoseg.results import write_result

            measured_by, view_net = _measure_options(opened, measuring, seeded.tracks.model, following, identify=dated, earlier=earlier)
            made_by = _provenance(seeded, asked, noted(following, measuring, opening), view_net)
            result = write_result(folder, opened, segmentation, made_by, measured_by, output, writing.format)
    if writing.store is not None:
        from echoseg.io.dicom.web import store_instances

        store_instances(writing.store, [path for name, path in result.files.items() if name.endswith(".dcm")])
    return result


def _measure_options(
    source: Source, measuring: Measuring, model: Model, following: Following, **more: Any
) -> tuple[MeasureOptions, str | None]:
    """How the masks are measured, and the name of the view classifier, where it was asked."""
    from echoseg.results import MeasureOptions

    config = model.config if model.config.structures else model_config(_finder(model, following))
    seen = seen_view(source, config.view_net)
    return MeasureOptions(**vars(measuring), seen=seen, **more), None if seen is None else config.view_net


def _finder(model: Model, following: Following) -> str:
    """What finds names for a model that knows none: as asked, but beside weights that saw no patient one that saw none either."""
    return "compact-sim" if model.config.view_net == "view-sim" else following.finder


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
        looked: the session in which the model found the objects by their names, if it did.
    """

    tracks: Session | VolumeTracks
    plan: Plan
    finder: Model | None = None
    followed: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress | None = None
    looked: Session | None = None

    @property
    def automatic(self) -> bool:
        """Whether the model found the objects by their names."""
        return self.looked is not None or bool(self.plan.found_by)


def _seed(
    source: Source,
    asked: Asked,
    model: Model | str,
    following: Following,
    *,
    length: int | None = None,
    progress: Progress | None = None,
) -> _Seeded:
    if isinstance(model, str):
        model = load_model(model)
    selection = following.memory_selection
    by_head = bool(asked.structures) and answers_auto(source, model)
    if asked.structures and not by_head:
        session, plan, finder = _found(_session(source, model, length, selection), asked.structures, asked.frame, _finder(model, following))
    else:
        model = model if source.ultrasound() else model.for_volumes
        plan = short_axis_plan(source, model, asked.structures) if by_head else _manual(source, asked)
        tracks = volume_tracks(source, model, plan, following.volume, progress, selection)
        if tracks is not None:
            return _Seeded(tracks, plan, followed=tracks.record)
        prompts = [given for frames in plan.prompts.values() for at_frame in frames.values() for given in at_frame]
        window = default_window(source, model, prompts)
        session, finder = _session(source, model, length, selection, window), None
    if not source.rereadable and len({frame for frames in plan.prompts.values() for frame in frames}) > 1:
        raise NotRereadableError(f"{source.name} can be read only once, in order: prompt all objects on one frame")
    for object_id, frames in plan.prompts.items():
        for frame, given in frames.items():
            session.prompt(object_id, frame, given)
    return _Seeded(session, plan, finder, progress=progress, looked=session if asked.structures else None)


def _manual(source: Source, asked: Asked) -> Plan:
    return mask_plan(asked.masks, source, asked.frame) if asked.plan is None else with_masks(asked.plan, source)


def _found(session: Session, structures: tuple[str, ...], frame_index: int | None, finder_name: str) -> tuple[Session, Plan, Model | None]:
    """The ``auto`` policy; a model without structure prompts is seeded by what the finder sees."""
    if session.model.config.structures or session.source.ultrasound() is False:
        return session, auto_plan(session, structures, frame_index), None
    model = session.model
    finder = load_model(finder_name, device=str(model.execution.device), runtime=model.runtime)
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
    check_unpacked((source.length or 1) * source.size[0] * source.size[1], f"{source.name}: its label map", LABELS)
    label_maps = None if source.length is None else np.zeros((source.length, *source.size), dtype=np.uint8)
    scores: dict[int, tuple[list[float], list[float]]] = {}
    for done, frame in enumerate(tracks.propagate(direction), start=1):
        if label_maps is None:
            masks[frame.index] = frame.label_map()
        else:
            label_maps[frame.index] = frame.label_map()
        scores[frame.index] = [frame.scores[i] for i in ids], [frame.object_scores[i] for i in ids]
        if probabilities is not None:
            from scipy.special import expit

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
        flags=(*source.flags, *seeded.plan.flags, *torch_instead(tracks.model, seeded.finder)),
        options={"direction": direction, "model": tracks.model.name},
        automatic=seeded.automatic,
    )


def _checked(seeded: _Seeded, segmentation: Segmentation) -> Segmentation:
    """With a flag where an LV that the model found by itself does not fit what it sees beside it."""
    lv = next((number for number, name in segmentation.names.items() if name == "LV"), None)
    if lv is None or seeded.looked is None or not seeded.looked.source.rereadable:
        return segmentation
    return replace(segmentation, flags=(*segmentation.flags, *neighbour_flags(seeded.looked, segmentation.masks == lv)))


def _names(ids: tuple[int, ...], plan: Plan, source: Source) -> dict[int, str]:
    default = {} if source.ultrasound() is False or "LV" in plan.names.values() else {1: "LV"}
    return {i: plan.names.get(i) or default.get(i) or f"object {i}" for i in ids}


def _provenance(seeded: _Seeded, asked: Asked, options: Mapping[str, Any], view_net: str | None) -> dict[str, Any]:
    model, finder = seeded.tracks.model, seeded.finder
    details = seeded.tracks.source.details
    seen_as = {key: details[key] for key in ("intensity", "slicing", "part", "reader") if key in details}
    execution = {"device": str(model.execution.device), "precision": str(model.execution.autocast or torch.float32).removeprefix("torch.")}
    execution["runtime"] = model.ran_by
    found = {"seeds": seeded.plan.prompts} if seeded.automatic else {}
    by = {"seeded_by": {"name": finder.name, "weights_sha256": finder.weights.sha256}} if finder else {}
    used = {one.name: one.weights for one in (model, finder) if one is not None}
    used |= seeded.plan.found_by
    used |= {} if view_net is None else {view_net: view_weights(view_net)}
    weights = [{"name": name, "sha256": w.sha256, "licence": w.licence, "citation": w.citation} for name, w in used.items()]
    return provenance(
        model=model.name,
        weights_sha256=model.weights.sha256,
        weights=weights,
        prompt=seeded.plan.prompts if asked.plan is not None and asked.plan.masks else asked.given,
        options={**options, **seen_as, **seeded.followed, **execution, **found, **by},
    )
