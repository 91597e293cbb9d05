"""The entry points: one source in, masks, measures and files out; clips and volumes alike.

``source -> seed (prompt policy) -> tracker -> masks -> measures -> outputs``
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from echoseg.cardiac import APICAL_VIEWS, analyse_lv
from echoseg.cardiac.function import LVAnalysis
from echoseg.errors import MeasureError, NotRereadableError, OutputError
from echoseg.io import Source, open_source
from echoseg.io.labelmap import write_label_map
from echoseg.model import Model, load_model
from echoseg.prompting.auto import auto_plan, boxes_plan
from echoseg.prompting.parse import parse_prompt
from echoseg.prompting.plan import Plan, PromptLike, auto_structures, manual_plan
from echoseg.report.clip import write_clip_report
from echoseg.report.measurements import measurements as measurement_record
from echoseg.report.measurements import merged_flags
from echoseg.report.provenance import provenance
from echoseg.report.volume import write_volume_report
from echoseg.tracking import Session, features_cache
from echoseg.types import Direction, Flag, FrameResult, Segmentation

Progress = Callable[[int, "int | None"], None]
"""Called with the frames done and the frames there are (None when only the end tells)."""

_STREAM_CACHE_BYTES = 48 * 2**20  # the frames a policy looks at; a stream never comes back to others


@dataclass(frozen=True)
class RunResult:
    """What :func:`run` wrote.

    Attributes:
        directory: folder of this source's results.
        measurements: the content of measurements.json.
        files: ``{file name: path}``.
        flags: what a reader must know.
        segmentation: masks and scores.
    """

    directory: Path
    measurements: Mapping[str, Any]
    files: Mapping[str, Path]
    flags: tuple[Flag, ...]
    segmentation: Segmentation


def stream(
    source: Any,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    frame_index: int | None = None,
    direction: Direction = "both",
    length: int | None = None,
) -> Iterator[FrameResult]:
    """Segments a source frame by frame, in memory that does not grow with its length.

    Args:
        source: anything :func:`echoseg.open_source` takes.
        prompt: ``"auto"`` (the LV), ``"auto:LV,LA"``, a Box, Points or MaskPrompt (object 1), or
            ``{object_id: {frame_index: [prompts]}}``.
        model: from :func:`load_model`, or its name.
        frame_index: frame of a bare prompt (default 0), or to seed with ``"auto"`` (default: the policy chooses).
        direction: ``forward``, ``backward`` or ``both`` from the seed.
        length: frames of a source that cannot tell itself.

    Yields:
        Each frame once: forward from the seed, then backward from before it.

    Raises:
        SourceError, PromptError, NotRereadableError, WeightsError: see there; all before the first frame but for damage that
            shows only later.
    """
    session, _ = _seeded(source, prompt, model, frame_index, length)
    return session.propagate(direction)


def segment(
    source: Any,
    prompt: PromptLike | Plan = "auto",
    model: Model | str = "compact",
    *,
    frame_index: int | None = None,
    direction: Direction = "both",
    length: int | None = None,
    progress: Progress | None = None,
) -> Segmentation:
    """Segments a whole source; see :func:`stream` for the arguments and errors.

    Frames that the direction does not reach have no mask, and NaN scores.
    """
    session, plan = _seeded(source, prompt, model, frame_index, length)
    return _collect(session, plan, direction, progress)


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
    view: str | None = None,
    spacing: tuple[float, float] | None = None,
    fps: float | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Segments a source, measures it, and writes everything to ``out/<name>/``; the folder appears complete or not at all.

    In a clip, object 1 is taken to be the LV unless the prompt names it otherwise.

    Args:
        source, prompt, model, frame_index, direction: see :func:`stream`; ``prompt`` may also be text as on the command line.
        out: folder of all results, made when missing.
        weights, device: when ``model`` is a name, see :func:`load_model`.
        view: ``A4C`` (default) or ``A2C``, for clips.
        spacing: ``(row_mm, col_mm)`` in place of what the file says.
        fps: frames per second in place of what the file says.
        overwrite: replace earlier results of the same name; else a clash gets a numeric suffix.
        progress: told after every frame.

    Raises:
        EchosegError: its subclasses say what is wrong with the input, the prompt, the weights or the output folder.
    """
    if isinstance(prompt, str):
        prompt = parse_prompt(prompt, frame_index)
    if view is not None and view not in APICAL_VIEWS:
        raise MeasureError(f"LV volumes are measured in {' and '.join(APICAL_VIEWS)}; got view {view!r}")
    loaded = load_model(model, weights, device) if isinstance(model, str) else model
    with open_source(source, spacing=spacing, fps=fps) as opened:
        session, plan = _seeded(opened, prompt, loaded, frame_index, None)
        segmentation = _collect(session, plan, direction, progress)
        analysis = _analyse(segmentation, opened, view or "A4C")
        record = measurement_record(
            opened,
            segmentation,
            analysis,
            provenance(
                model=loaded.name,
                weights_sha256=loaded.weights.sha256,
                prompt=prompt.prompts if isinstance(prompt, Plan) else prompt,
                options={"frame_index": frame_index, "direction": direction, "view": view, "spacing": spacing, "fps": fps},
            ),
        )
        flags = tuple(merged_flags(segmentation.flags, () if analysis is None else analysis.flags))

        def write(folder: Path) -> list[str]:
            write_label_map(folder / "masks.nii.gz", segmentation.masks, opened)
            if opened.kind == "clip":
                written = write_clip_report(folder, opened, segmentation, analysis, record)
            else:
                written = write_volume_report(folder, opened, segmentation, record)
            return ["masks.nii.gz", *written]

        directory, names = _write_folder(Path(out), opened.name, overwrite, write)
    return RunResult(directory, record, {name: directory / name for name in names}, flags, segmentation)


def _seeded(
    source: Any, prompt: PromptLike | Plan, model: Model | str, frame_index: int | None, length: int | None
) -> tuple[Session, Plan]:
    """A session over the source in which every object of the prompt has been seeded."""
    loaded = load_model(model) if isinstance(model, str) else model
    structures = auto_structures(prompt)
    plan = None if structures is not None else prompt if isinstance(prompt, Plan) else manual_plan(prompt, frame_index)
    opened = open_source(source)
    session = Session(opened, loaded, cache=features_cache(_STREAM_CACHE_BYTES), history=0, length=length)
    if plan is None and structures is not None:
        if loaded.config.structures or opened.kind == "volume":
            plan = auto_plan(session, structures, frame_index)
        else:
            finder = load_model("compact", device=str(loaded.execution.device))
            plan = boxes_plan(Session(opened, finder, history=0, reader=session.reader), structures, frame_index)
    assert plan is not None
    if not opened.rereadable and len({frame for frames in plan.prompts.values() for frame in frames}) > 1:
        raise NotRereadableError(f"{opened.name} can be read only once, in order: prompt all objects on one frame")
    for object_id, frames in plan.prompts.items():
        for frame, prompts in frames.items():
            session.prompt(object_id, frame, prompts)
    return session, plan


def _collect(session: Session, plan: Plan, direction: Direction, progress: Progress | None) -> Segmentation:
    source, ids = session.source, session.object_ids
    masks: dict[int, np.ndarray] = {}
    scores: dict[int, tuple[list[float], list[float]]] = {}
    for done, frame in enumerate(session.propagate(direction), start=1):
        masks[frame.index] = frame.label_map()
        scores[frame.index] = [frame.scores[i] for i in ids], [frame.object_scores[i] for i in ids]
        if progress is not None:
            progress(done, source.length)
    count = source.length if source.length is not None else max(masks) + 1
    label_maps = np.zeros((count, *source.size), dtype=np.uint8)
    ious, object_scores = np.full((2, count, len(ids)), np.nan, dtype=np.float32)
    for index, mask in masks.items():
        label_maps[index] = mask
        ious[index], object_scores[index] = scores[index]
    return Segmentation(
        masks=label_maps,
        scores=ious,
        object_scores=object_scores,
        object_ids=ids,
        names=_names(ids, plan, source),
        seeds={i: session.prompted_frames(i) for i in ids},
        geometry=source.geometry,
        timing=source.timing,
        flags=source.flags,
        options={"direction": direction, "model": session.model.name},
    )


def _names(ids: tuple[int, ...], plan: Plan, source: Source) -> dict[int, str]:
    default = {} if source.kind == "volume" or "LV" in plan.names.values() else {1: "LV"}
    return {i: plan.names.get(i) or default.get(i) or f"object {i}" for i in ids}


def _analyse(segmentation: Segmentation, source: Source, view: str) -> LVAnalysis | None:
    lv = next((i for i, name in segmentation.names.items() if name == "LV"), None)
    if lv is None or source.kind == "volume":
        return None
    return analyse_lv(
        segmentation.masks == lv,
        source.times(len(segmentation.masks)),
        segmentation.geometry.spacing,
        view,
        heart_rate=segmentation.timing.heart_rate,
        r_waves=segmentation.timing.r_wave_times,
        scores=segmentation.scores[:, segmentation.object_ids.index(lv)],
    )


def _write_folder(out: Path, name: str, overwrite: bool, write: Callable[[Path], list[str]]) -> tuple[Path, list[str]]:
    """Writes into a hidden folder beside the final one and renames it when complete."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=out))
    except OSError as error:
        raise OutputError(f"results cannot be written to {out}: {error.strerror}; choose another --out") from error
    try:
        names = write(draft)
        draft.chmod(0o777 & ~_umask())
        return _publish(draft, out, name, overwrite), names
    except OSError as error:
        raise OutputError(f"results of {name} cannot be written to {out}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _publish(draft: Path, out: Path, name: str, overwrite: bool) -> Path:
    target, number = out / name, 1
    if overwrite and target.exists():
        shutil.rmtree(target)
    while True:
        try:
            draft.rename(target)  # fails on a folder that holds something, so two runs never mix
            return target
        except OSError:
            if not target.exists():
                raise
            number += 1
            target = out / f"{name}-{number}"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
