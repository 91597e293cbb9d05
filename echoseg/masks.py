"""Masks from anywhere (corrected by hand, another model, a reference set) measured as those of a run; no network is loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from echoseg.cardiac import Beat
from echoseg.cardiac.volume import Method
from echoseg.errors import MeasureError, SourceError
from echoseg.io.label_source import LabelFile, read_label_file, stacked
from echoseg.io.names import output_name
from echoseg.io.open import open_source
from echoseg.io.result_folder import result_folder
from echoseg.io.source import Kind, Source
from echoseg.report.provenance import provenance
from echoseg.results import MeasureOptions, RunResult, write_result
from echoseg.types import Segmentation, Subject

DEFAULT_NAMES: Mapping[int, str] = {1: "LV"}
_PHASE = re.compile(r"(?:^|(?<=[\W_]))(ed|es)(?=[\W_]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class MaskInput:
    """What becomes one result: a label map, or one of end-diastole and one of end-systole.

    Attributes:
        name: for outputs.
        files: one, or those of ED and ES in this order.
    """

    name: str
    files: tuple[Path, ...]

    @property
    def phases(self) -> bool:
        return len(self.files) == 2


def mask_inputs(paths: Sequence[Path]) -> list[MaskInput]:
    """``paths`` in order; two files whose names differ in the words ED and ES alone are one input, as in CAMUS.

    >>> [given.name for given in mask_inputs([Path("p1_4CH_ED_gt.mhd"), Path("p1_4CH_ES_gt.mhd"), Path("clip.nii.gz")])]
    ['p1_4CH_gt', 'clip']
    """
    phases: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in paths:
        found = _PHASE.findall(path.name)
        if len(found) == 1:
            phases.setdefault((path.parent, _PHASE.sub("", path.name)), {})[found[0].upper()] = path
    inputs: list[MaskInput] = []
    done: set[Path] = set()
    for path in paths:
        pair = phases.get((path.parent, _PHASE.sub("", path.name)), {})
        if len(pair) == 2 and path in pair.values():
            if path not in done:
                name = re.sub(r"_{2,}", "_", _PHASE.sub("", output_name(path))).strip("._-")
                inputs.append(MaskInput(name or output_name(path), (pair["ED"], pair["ES"])))
                done.update(pair.values())
        else:
            inputs.append(MaskInput("", (path,)))
    return [given if given.name else replace(given, name=output_name(given.files[0])) for given in inputs]


def measure(
    masks: str | Path | MaskInput,
    out: str | Path,
    *,
    on: str | Path | None = None,
    view: str | None = None,
    method: Method = "disks",
    subject: Subject | None = None,
    names: Mapping[int, str] | None = None,
    kind: Kind | None = None,
    spacing: tuple[float, float] | None = None,
    fps: float | None = None,
    overwrite: bool = False,
    keep: Collection[str | PathLike[str]] = (),
) -> RunResult:
    """Measures a label map and writes what :func:`echoseg.run` writes, into ``out/<name>/``.

    Args:
        masks: see :func:`echoseg.io.label_source.read_label_file`; or ED and ES, see :func:`mask_inputs`: those are the phases then.
        out: folder of all results.
        on: the clip or volume that the masks were drawn on: gives pictures, and geometry, timing and view where the masks have none.
        view: ``A4C`` or ``A2C``; default: as in :class:`echoseg.results.MeasureOptions`.
        method: of LV volumes.
        subject: sex, height and weight.
        names: ``{label: name}``; default: those of the run that wrote the masks, else 1 is the LV of a clip.
        kind: ``clip`` or ``volume`` in place of what the file says.
        spacing: ``(row_mm, col_mm)``, ``fps``: in place of what the files say.
        overwrite: replace earlier results of the same name, never a folder that echoseg did not write or that holds ``masks`` or ``on``;
            else a clash gets a numeric suffix.
        keep: what must not be replaced besides: further inputs, and results of the same batch where two inputs have one name.

    Raises:
        SourceError: a file cannot be read, or the masks do not fit ``on``.
        MeasureError: no label is there, none of those that ``names`` tells, or a phase has no ventricle that can be measured.
        OutputError: a file cannot be written.
    """
    given = masks if isinstance(masks, MaskInput) else MaskInput("", (Path(masks),))
    read = [read_label_file(path, "image" if given.phases and path.suffix in (".png", ".bmp") else kind) for path in given.files]
    file = stacked(read, given.name) if given.phases else read[0]
    labels = [int(label) for label in np.unique(file.labels) if label]
    if not labels:
        raise MeasureError(f"{file.source.name}: the label map is empty, there is nothing to measure")
    if names and not set(names) & set(labels):
        held = ", ".join(map(str, labels))
        raise MeasureError(f"{file.source.name}: none of the labels {', '.join(map(str, names))} is there; the label map holds {held}")
    with ExitStack() as stack:
        source = _source(file, stack, on, spacing, fps)
        segmentation = _segmentation(file, source, labels, names)
        beats = (Beat(0, 1, None, False, None),) if given.phases else None
        options = MeasureOptions(view, method, subject or Subject(), beats)
        drawn_on = None if on is None else Path(on)
        chosen = {"masks": [path.name for path in given.files], "on": drawn_on, "names": segmentation.names, "spacing": spacing, "fps": fps}
        made_by = provenance(model=None, weights_sha256=None, prompt=None, options=chosen)
        keep = [*keep, *given.files, *([] if on is None else [on])]
        folder = stack.enter_context(result_folder(Path(out), source.name, overwrite, keep))
        return write_result(folder, source, segmentation, made_by, options)


def _source(
    file: LabelFile, stack: ExitStack, on: str | Path | None, spacing: tuple[float, float] | None, fps: float | None
) -> Source:  # fmt: skip
    if on is None:
        source: Source = file.source
        if spacing is not None:
            source.geometry = replace(source.geometry, spacing=spacing)
        if fps is not None:
            source.timing = replace(source.timing, fps=fps, times=None)
        return source
    source = stack.enter_context(open_source(on, name=file.source.name, spacing=spacing, fps=fps))
    if (source.length, *source.size) != file.labels.shape:
        shape = (source.length, *source.size)
        raise SourceError(f"{file.source.name}: label map {file.labels.shape} does not fit {Path(on).name} {shape} (frames, rows, columns)")
    if source.geometry.spacing is None:
        source.geometry = replace(source.geometry, spacing=file.source.geometry.spacing)
    source.details = {**file.source.details, **source.details}
    return source


def _segmentation(file: LabelFile, source: Source, labels: Sequence[int], names: Mapping[int, str] | None) -> Segmentation:
    known = names or file.names or (DEFAULT_NAMES if source.moments else {})
    unscored = np.full((len(file.labels), len(labels)), np.nan, dtype=np.float32)
    return Segmentation(
        masks=file.labels,
        scores=unscored,
        object_scores=unscored,
        object_ids=tuple(labels),
        names={label: known.get(label, f"label {label}") for label in labels},
        seeds={},
        geometry=source.geometry,
        timing=source.timing,
        flags=source.flags,
        given=True,
    )
