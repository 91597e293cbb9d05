"""Masks from anywhere (corrected by hand, another model, a reference set) measured as those of a run; no network is loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import get_args

import numpy as np

from echoseg.cardiac import Beat
from echoseg.cardiac.chambers import Structure
from echoseg.cardiac.volume import Method
from echoseg.errors import MeasureError
from echoseg.io.images import IMAGE_SUFFIXES
from echoseg.io.labels.placing import Laid, laid_on, segments_on
from echoseg.io.labels.read import LABEL_SUFFIXES
from echoseg.io.labels.source import LabelFile, read_label_file, stacked
from echoseg.io.names import output_name
from echoseg.io.open import apply_given, open_source
from echoseg.io.result_folder import result_folder
from echoseg.io.source import Kind, Source
from echoseg.io.views import DRAWN_ON
from echoseg.options import Subject
from echoseg.record.comparison import earlier_records
from echoseg.record.provenance import provenance
from echoseg.results import MeasureOptions, RunResult, write_result
from echoseg.types import Flag, Geometry, Segmentation

DEFAULT_NAMES: Mapping[int, str] = {1: "LV"}
_STRUCTURES = {name.lower(): name for name in get_args(Structure)}
_UNNAMED = re.compile(r"segment[ _]\d+$", re.IGNORECASE)
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
    identify: bool = False,
    earlier: str | Path | None = None,
) -> RunResult:
    """Measures a label map and writes what :func:`echoseg.run` writes, into ``out/<name>/``.

    Args:
        masks: see :func:`echoseg.io.labels.read.read_labels`; or ED and ES, see :func:`mask_inputs`: those are the phases then.
        out: folder of all results.
        on: the clip or volume that the masks were drawn on: gives pictures, geometry, timing and view; the masks' own count where it has
            none. Its name tells the view when nothing states one and the masks' own name tells none.
        view: ``A4C`` or ``A2C``: of a clip, whatever a file says of its third axis; default: as in
            :class:`echoseg.results.MeasureOptions`.
        method: of LV volumes.
        subject: sex, height and weight.
        names: ``{label: name}``, labels by their numbers in the file; LV, LA, RV and MYO in any case; default: those of the
            run that wrote the masks, else those in the file, else 1 is the LV of a clip. A clip without an LV is flagged ``no_lv``.
        kind: ``clip`` or ``volume`` in place of what the files say.
        spacing: ``(row_mm, col_mm)``, ``fps``: in place of what the files say, as of :func:`echoseg.open_source`.
        overwrite: replace earlier results of the same name, never a folder that echoseg did not write or that holds ``masks`` or ``on``;
            else a clash gets a numeric suffix.
        keep: what must not be replaced besides: further inputs, and results of the same batch where two inputs have one name.
        identify: also write the date of the examination that ``on`` states.
        earlier: results of the same patient to compare with, a folder or JSON file.

    Raises:
        SourceError: a file cannot be read or is a picture, the masks do not fit ``on``, or ``spacing`` or ``fps`` is given for a volume
            that has its own geometry.
        MeasureError: no label is there, none of those that ``names`` tells, a view of a ``volume``, or a phase has no ventricle that can be
            measured.
        OutputError: a file cannot be written.

    A half ellipse whose width falls from 30 to 20 mm has, turned about its axis, an EF of 1 - (20 / 30)², 56 %:

    >>> y, x = np.mgrid[:120, :100] + 0.5
    >>> widths = 25 + 5 * np.cos(np.arange(50) / 25 * 2 * np.pi)
    >>> np.save("lv.npy", np.uint8([(((x - 50) / w) ** 2 + ((y - 100) / 80) ** 2 < 1) & (y < 100) for w in widths]))
    >>> result = echoseg.measure("lv.npy", "measured", view="A4C", spacing=(1, 1), fps=25)
    >>> round(result.measurements["measures"]["ef"]["value"])
    55
    """
    given = masks if isinstance(masks, MaskInput) else MaskInput("", (Path(masks),))
    names = None if names is None else _structures(names)
    with ExitStack() as stack:
        file, drawn_on = _files(given, stack, on, kind, view)
        if drawn_on is not None:
            file, source = _filled(drawn_on, file, Path(str(on)), given, spacing)
        else:
            source = file.source
        source = apply_given(source, fps, spacing)
        names = None if names is None else _by_label(names, file)
        labels = _labels(file, names)
        segmentation = _segmentation(file, source, labels, names, view)
        beats = (Beat(0, 1, None, False, None),) if given.phases else None
        before = () if earlier is None else earlier_records(earlier)
        options = MeasureOptions(view, method, subject or Subject(), beats, identify=identify, earlier=before)
        shown = None if on is None else Path(on)
        chosen: dict[str, object] = {
            "masks": [path.name for path in given.files],
            "on": shown,
            "names": segmentation.names,
            "spacing": spacing,
            "fps": fps,
        }
        chosen |= {"label_numbers": dict(file.read.numbers)} if file.read.numbers else {}
        made_by = provenance(model=None, weights_sha256=None, prompt=None, options=chosen)
        keep = [*keep, *given.files, *([] if on is None else [on])]
        folder = stack.enter_context(result_folder(Path(out), source.name, overwrite, keep))
        return write_result(folder, source, segmentation, made_by, options)


def structure_name(name: str) -> str:
    """``name``, in the writing of the structures that are measured where it is one of them.

    >>> structure_name("lv"), structure_name("Myo"), structure_name("thrombus")
    ('LV', 'MYO', 'thrombus')
    """
    return _STRUCTURES.get(name.lower(), name)


def _structures(names: Mapping[int, str]) -> dict[int, str]:
    found = {label: structure_name(name) for label, name in names.items()}
    if len(set(found.values())) < len(found):
        raise MeasureError(f"names {dict(names)} give one name to several labels; a structure has one label")
    return found


def _files(
    given: MaskInput, stack: ExitStack, on: str | Path | None, kind: Kind | None, view: str | None
) -> tuple[LabelFile, Source | None]:
    """The masks and what they were drawn on, both of one kind: the one asked for, a clip where a view is named or the pictures are one."""
    file = _label_file(given, kind)
    if view is not None and kind is not None and not file.source.moments:
        raise MeasureError(f"{file.source.name}: {view} is the view of a clip, and volumes have none; give --kind clip, or no view")
    wanted: Kind | None = kind if view is None else kind or "clip"
    drawn_on = None if on is None else _pictures(on, stack, file.source.name, wanted)
    if not file.source.moments and (drawn_on.moments if drawn_on else wanted == "clip"):
        file = _label_file(given, "clip")
    return file, drawn_on


def _label_file(given: MaskInput, kind: Kind | None) -> LabelFile:
    files = [read_label_file(path, "image" if given.phases and path.suffix in (".png", ".bmp") else kind) for path in given.files]
    return stacked(files, given.name) if given.phases else files[0]


def _pictures(on: str | Path, stack: ExitStack, name: str, kind: Kind | None) -> Source:
    source = stack.enter_context(open_source(on, name=name))
    if kind is None or source.moments == (kind in ("clip", "image")):
        return source
    source.close()
    return stack.enter_context(open_source(on, name=name, kind=kind))


def _labels(file: LabelFile, names: Mapping[int, str] | None) -> list[int]:
    labels = [int(label) for label in np.unique(file.labels) if label]
    if not labels:
        raise MeasureError(f"{file.source.name}: the label map is empty, there is nothing to measure")
    if names and not set(names) & set(labels):
        held = ", ".join(map(str, file.read.in_file(np.array(labels, np.uint8))))
        raise MeasureError(f"{file.source.name}: none of the labels {', '.join(map(str, names))} is there; the label map holds {held}")
    return labels


def _by_label(names: Mapping[int, str], file: LabelFile) -> dict[int, str]:
    """``names`` of the numbers in the file, by label; a number that is none of a renumbered file stays, and is said not to be there."""
    labels = {number: label for label, number in file.read.numbers.items()}
    if not labels:
        return dict(names)
    if not set(labels) & set(names):
        held = ", ".join(map(str, labels))
        raise MeasureError(f"{file.source.name}: none of the labels {', '.join(map(str, names))} is there; the label map holds {held}")
    told = {labels[number]: name for number, name in names.items() if number in labels}
    return {label: told.get(label, file.names[label]) for label in file.read.numbers}


def _filled(
    source: Source, file: LabelFile, on: Path, given: MaskInput, spacing: tuple[float, float] | None
) -> tuple[LabelFile, Source]:  # fmt: skip
    """The masks on the frames of ``source``, which they were drawn on, and it with what they know better where it has none."""
    masks = file.source
    if spacing is not None:
        source = apply_given(source, None, spacing)
    laid = _laid(file, source, given, on)
    geometry, timing, flags = source.geometry, source.timing, source.flags
    if geometry.spacing is None and masks.geometry.spacing is not None:
        geometry = Geometry(masks.geometry.spacing) if source.moments else masks.geometry
        flags = tuple(flag for flag in flags if not flag.code.startswith("spacing_") and flag.code != "pixels_not_square")
        flags = (*flags, *laid.flags)
    else:  # what was assumed of a geometry that does not count is not told
        flags = (*flags, *(flag for flag in laid.flags if not flag.code.startswith("spacing_")))
    if source.moments and timing.fps is None and timing.times is None and masks.timing.fps is not None:
        timing = replace(timing, fps=masks.timing.fps, times=masks.timing.times)
        flags = tuple(flag for flag in flags if flag.code != "timing_missing")
    details = {**masks.details, **source.details, DRAWN_ON: output_name(on)}
    source = source.replaced(geometry=geometry, timing=timing, flags=flags, details=details)
    return replace(file, labels=laid.masks), source


def _laid(file: LabelFile, source: Source, given: MaskInput, on: Path) -> Laid:
    if not given.phases and file.path.suffix.lower() == ".dcm":
        return segments_on(file.path, source)
    name = file.path.name.lower()
    stored = not given.phases and name.endswith(LABEL_SUFFIXES) and not name.endswith((".npy", ".npz", *IMAGE_SUFFIXES))
    return laid_on(file.read, source, Path(file.source.name), stored=stored, on=on.name)


def _segmentation(
    file: LabelFile, source: Source, labels: Sequence[int], names: Mapping[int, str] | None, view: str | None
) -> Segmentation:  # fmt: skip
    known = names or _own_names(file) or (DEFAULT_NAMES if source.moments else {})
    found = {label: known.get(label, f"label {label}") for label in labels}
    unasked = names is None and file.of_run and "LV" not in file.names.values()  # a run on other objects
    apical = source.moments and (view is not None or source.ultrasound() is not False)
    unscored = np.full((len(file.labels), len(labels)), np.nan, dtype=np.float32)
    return Segmentation(
        masks=file.labels,
        scores=unscored,
        object_scores=unscored,
        object_ids=tuple(labels),
        names=found,
        seeds={},
        geometry=source.geometry,
        timing=source.timing,
        flags=source.flags if unasked or not apical else (*source.flags, *_no_lv(found, file.read.numbers)),
        given=True,
    )


def _own_names(file: LabelFile) -> dict[int, str]:
    """The names in the file; those that Slicer gives by itself say nothing."""
    if file.of_run or not all(_UNNAMED.match(name) for name in file.names.values()):
        return {label: structure_name(name) for label, name in file.names.items()}
    return {}


def _no_lv(names: Mapping[int, str], numbers: Mapping[int, int]) -> list[Flag]:
    """A flag on masks of a clip in which no label is the LV, so that there is no EF; ``numbers`` of renumbered labels in the file."""
    if "LV" in names.values():
        return []
    stated = {numbers.get(label, label): name for label, name in names.items()}
    held = ", ".join(str(number) if name == f"label {number}" else f"{number} ({name})" for number, name in stated.items())
    example = next(iter(stated))
    told = (
        f"No label is the left ventricle, so it was not measured. The label map holds {held}: say which is the LV, --labels LV={example}."
    )
    return [Flag("no_lv", told)]
