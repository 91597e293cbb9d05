"""The options of a run, each declared once: its name, type, default, limits and help.

The commands and their YAML files, the settings of an archive, the provenance of a result and :func:`echoseg.run` read them here. A field
made by ``_option`` is an option of the command line too; a field that holds a value type stands for the options of that type.
"""

# ruff: noqa: RUF009 - `_option` makes a field as `dataclasses.field` does
from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, get_args

from echoseg.errors import MeasureError, ModelConfigError, PromptError

Direction = Literal["forward", "backward", "both"]
Method = Literal["disks", "area-length", "camus-2019"]
View = Literal["A4C", "A2C"]
Recipe = Literal["mask", "box"]
Kind = Literal["clip", "volume", "image"]
Plane = Literal["axial", "coronal", "sagittal", "stored"]
Reader = Literal["pyav", "decord", "opencv"]
Finder = Literal["compact", "compact-sim"]
LabelFormat = Literal["own", "nrrd", "mha", "npz"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Option:
    """How an option is written on a command line and in a YAML file.

    Attributes:
        help: what it does.
        name: where it is another than that of the field.
        metavar: stands for its value.
        least, most: limits of a number.
        written: its type on the command line, where that is not the field's.
        yaml: its type in a YAML file, where that is neither.
        read: makes the value of what is written; raises ValueError.
        unset: what is written by default, where that is not the field's default.
        noted: whether the provenance of a result says it as it was given; for others something else says what became of it.
    """

    help: str
    name: str = ""
    metavar: str | None = None
    least: float | None = None
    most: float | None = None
    written: Any = None
    yaml: Any = None
    read: Callable[[Any], Any] | None = None
    unset: Any = None
    noted: bool = True


def _option(default: Any, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"option": Option(help, **more)})


def _spacing(given: str | Iterable[float]) -> tuple[float, float]:
    try:
        row, col = (float(part) for part in (given.split(",") if isinstance(given, str) else given))
    except ValueError:
        row = col = math.nan
    if not (0 < row < math.inf and 0 < col < math.inf):
        raise ValueError(f"{given!r} is not two positive numbers such as 0.51,0.51")
    return row, col


@dataclass(frozen=True)
class MemorySelection:
    """A tracked frame is admitted to the memory of an object when both scores of its mask there reach these.

    Prompted and corrected frames are always admitted: a person answered for them. SAM 2 remembers the last frames, whatever they show.
    SAMURAI (Yang et al. 2024, arXiv 2411.11922) and SAM2Long (Ding et al. 2024, arXiv 2410.16268) admit a frame by the scores that the
    model gives anyway. This is that rule alone: no motion model, no tree of hypotheses.

    Attributes:
        min_iou: least predicted IoU, 0..1.
        min_object_score: the object score (a logit) must be above this; 0 admits only frames on which the object is present.

    Raises:
        ModelConfigError: min_iou outside 0..1, or a score that is not a number.

    >>> selection = echoseg.MemorySelection(min_iou=0.7)
    >>> selection.admits(iou=0.85, object_score=6.0), selection.admits(iou=0.4, object_score=6.0)
    (True, False)
    """

    min_iou: float
    min_object_score: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_iou <= 1:
            raise ModelConfigError(f"memory selection: the least predicted IoU lies in 0..1; got {self.min_iou:g}")
        if math.isnan(self.min_object_score):
            raise ModelConfigError("memory selection: the least object score is not a number")

    def admits(self, iou: float, object_score: float) -> bool:
        """Whether a mask of this predicted IoU and object score is good enough to be remembered."""
        return iou >= self.min_iou and object_score > self.min_object_score


def memory_selection(given: str | float) -> MemorySelection:
    """``IOU[,SCORE]``, such as ``0.6`` or ``0.6,-1``; raises ValueError for anything else."""
    try:
        return MemorySelection(*(float(part) for part in str(given).split(",")))
    except (ValueError, TypeError, ModelConfigError) as error:
        reason = f": {error}" if isinstance(error, ModelConfigError) else ""
        raise ValueError(f"{given!r} is not IOU[,SCORE], such as 0.6 or 0.6,0{reason}") from error


@dataclass(frozen=True)
class StopRules:
    """When an object of a volume has ended, see :mod:`echoseg.prompting.stop_rules`; their figures are in docs/evidence/volume-accuracy.md.

    Attributes:
        object_score: the object is absent below this logit.
        iou: a mask that the model itself expects to be worse than this is not the object.
        collapse: the object has ended where its area falls below this part of that on the slice before.
        explosion: the mask has leaked where its area exceeds that on the slice before so many times, or the largest prompted one.
    """

    object_score: float = 0.0
    iou: float = 0.5
    collapse: float = 0.2
    explosion: float = 1.5


STOP_RULES = StopRules()
"""The rules that are followed unless others are asked for."""


@dataclass(frozen=True)
class VolumeOptions:
    """How objects are followed through a volume.

    Attributes:
        recipe: ``mask`` or ``box``, see :mod:`echoseg.prompting.volume`.
        stop: rules that end an object, or None: it is followed to the ends of the volume, or of its 3D box.
        zoom: show the network a square around each object only; None: as the model was trained.

    Raises:
        PromptError: no such recipe.
    """

    recipe: Recipe = _option(
        "mask", "How an object is followed through a volume: by its mask on the prompted slice, or by the prompt, largest 3D part kept."
    )
    stop: StopRules | None = _option(
        STOP_RULES,
        "End an object of a volume where it vanishes, collapses or leaks; --no-stop follows it to the ends of the volume.",
        written=bool,
        unset=True,
        read=lambda wanted: STOP_RULES if wanted else None,
    )
    zoom: bool | None = _option(None, "Show the network a square around each object of a volume, or all. Default: as it was trained.")

    def __post_init__(self) -> None:
        if self.recipe not in get_args(Recipe):
            raise PromptError(f"no recipe {self.recipe!r}: give 'mask' or 'box'")


@dataclass(frozen=True)
class Subject:
    """What reference ranges and indexed values need to know of a person; nothing that names one.

    Attributes:
        sex: ``"M"``, ``"F"`` or None when unknown: the sex that the ranges of guidelines are given for.
        height_cm, weight_kg: or None when unknown.
        age_years: at the examination; below 18 nothing is held against ranges, which are those of adults. None when unknown.

    Raises:
        MeasureError: another sex, or a number that is not positive (an age may be 0).
    """

    sex: Literal["M", "F"] | None = _option(None, "For reference ranges. Default: as the DICOM file says.")
    height_cm: float | None = _option(None, "With --weight, for indexed values.", name="height", metavar="CM", least=20, most=250)
    weight_kg: float | None = _option(None, "With --height, for indexed values.", name="weight", metavar="KG", least=0.3, most=400)
    age_years: float | None = _option(None, "Children get no reference ranges.", name="age", metavar="YEARS", least=0, most=120)

    def __post_init__(self) -> None:
        if self.sex not in (None, "M", "F"):
            raise MeasureError(f"reference ranges are by sex, 'M' or 'F', or None when unknown; got {self.sex!r}")
        for name, value in (("height in cm", self.height_cm), ("weight in kg", self.weight_kg), ("age in years", self.age_years)):
            if value is not None and not (0 < value < math.inf or (value == 0 and name.startswith("age"))):
                raise MeasureError(f"the {name} must be a positive number, or None when unknown; got {value!r}")

    def over(self, stated: Subject) -> Subject:
        """What is known here, filled up with what is ``stated`` elsewhere."""
        age = stated.age_years if self.age_years is None else self.age_years
        return Subject(self.sex or stated.sex, self.height_cm or stated.height_cm, self.weight_kg or stated.weight_kg, age)


@dataclass(frozen=True)
class Asking:
    """What is looked for, and the network that looks: the arguments of :func:`echoseg.run` beside its source and folder."""

    prompt: str = _option(
        "auto",
        "auto | auto:LV,LA | box:x0,y0,x1,y1@frame | points:x,y,+;x,y,-@frame | mask:FILE@frame | recist:x0,y0,x1,y1@frame | FILE.json; "
        "in volumes also box:x0,y0,z0,x1,y1,z1 | point:x,y,z | recist:FILE.npz, and recist-points: in place of recist:. "
        "In source pixels; x1, y1 are edges. For a folder of traced videos: tracings | tracings:ES | tracings:all.",
    )
    model: str = _option("compact", "A name from `echoseg weights list`.")
    weights: str | Path | None = _option(None, "Checkpoint to use instead of the model's own (.pt or .safetensors).", written=Path)
    device: str = _option("auto", "auto, cpu, cuda, cuda:1, mps.")


@dataclass(frozen=True)
class Following:
    """How an object is followed from where it is prompted.

    Attributes:
        frame_index: frame of a bare prompt (default 0), or to seed with ``"auto"`` (default: the policy chooses).
        direction: where to track from there.
        memory_selection: which tracked frames are remembered for those after; None for the last ones, however good, as officially.
        finder: which of echoseg's own models finds what ``auto`` names for a model that knows no names, and tells the view.
        volume: how objects are followed through a volume.
    """

    frame_index: int | None = _option(None, "Frame of a prompt that names none.", least=0)
    direction: Direction = _option("both", "Where to track from the prompted frame.")
    memory_selection: MemorySelection | None = _option(
        None,
        "Remember only tracked frames whose predicted IoU (0..1) is at least IOU and whose object score is above SCORE (default 0). "
        "Default: the last frames, however good.",
        metavar="IOU[,SCORE]",
        written=str,
        yaml=float | str,
        read=memory_selection,
    )
    finder: Finder = _option(
        "compact",
        "For a model that knows no names: the one that finds what auto names, and tells the view. compact-sim has learned from no patient.",
        noted=False,
    )
    volume: VolumeOptions = VolumeOptions()


@dataclass(frozen=True)
class Opening:
    """What is taken of an input, and what is known better than it says, see :func:`echoseg.open_source`.

    Attributes:
        spacing: ``(row_mm, col_mm)`` in place of what the file says.
        fps: frames per second in place of what the file says.
        kind: what the frames are, where that can be chosen.
        series, part, axis, window: what to take of a volume or DICOM series.
        reader: what decodes a video file.
    """

    spacing: tuple[float, float] | None = _option(
        None,
        "Pixel spacing in mm, when the file has none; not for volumes with a geometry.",
        metavar="ROW,COL",
        written=str,
        yaml=tuple[float, float],
        read=_spacing,
    )
    fps: float | None = _option(None, "Frames per second, when the file does not say; not for volumes.", least=0.001)
    kind: Kind | None = _option(None, "Read the slices of NIfTI as the frames of a clip, or the other way about.", noted=False)
    series: str | int | None = _option(
        None, "Which DICOM series of a folder; `echoseg info FOLDER` lists them.", metavar="NUMBER|UID", written=str, yaml=str | int
    )
    part: str | None = _option(
        None,
        "Of slices at several phases (cine MR), from 0: slice:N, a clip of one slice; phase:N, the volume at one phase. "
        "slice or phase alone: a result of each.",
        metavar="slice[:N]|phase[:N]",
    )
    axis: Plane | None = _option(None, "Plane of a volume's slices, whatever the file's order (default: axial); stored: that order.")
    window: str | None = _option(
        None,
        "Grey values of a volume: soft-tissue, lung, bone, brain, liver, mediastinum, percentile. Default: soft tissue for CT.",
        metavar="NAME|LEVEL,WIDTH",
    )
    reader: Reader | None = _option(
        None, "What decodes a video file (default: pyav); the frames are the same. Speeds: `echoseg bench readers`.", noted=False
    )


@dataclass(frozen=True)
class Measuring:
    """How masks are measured.

    Attributes:
        view: ``A4C`` or ``A2C``, for clips; None: what the file says, else its name, else the view classifier where it is sure, else A4C.
        method: of LV volumes. ``camus-2019`` needs two views: a single clip is measured by disks.
        subject: what the caller knows; the rest is what a DICOM file states.

    Raises:
        MeasureError: a view in which no LV volumes are measured, or an unknown method.
    """

    view: str | None = _option(
        None,
        "The view of each input, in order, or a CSV file with columns file, view.",
        name="views",
        metavar="A4C,A2C|CSV",
        yaml=list[str] | str,
    )
    method: Method = _option("disks", "LV volume; camus-2019 is biplane, one clip alone gets disks.", noted=False)
    subject: Subject = Subject()

    def __post_init__(self) -> None:
        if self.subject is None:
            object.__setattr__(self, "subject", Subject())
        if self.view is not None and self.view not in get_args(View):
            raise MeasureError(f"LV volumes are measured in {' and '.join(get_args(View))}; got view {self.view!r}")
        if self.method not in get_args(Method):
            raise MeasureError(f"no LV volume method {self.method!r}: choose from {', '.join(get_args(Method))}")


@dataclass(frozen=True)
class Writing:
    """What is written of a result, and where.

    Attributes:
        format: write the masks also as ``nrrd``, ``mha`` or ``npz``, or as what the source is (``own``).
        overwrite: replace earlier results of the same name, never a folder that echoseg did not write or that holds the source; else a
            clash gets a numeric suffix.
        keep: what must not be replaced besides: further inputs, and results of the same batch where two inputs have one name.
        dicom: also write seg.dcm and sr.dcm, when the source is DICOM. Each of the next three means this too.
        fractional: also write seg-fractional.dcm, the probabilities.
        deidentify: remove from DICOM results, and from the folder's name, what identifies the patient.
        store: ``dicomweb://HOST/PREFIX``, a PACS to send the DICOM results to once they are written.
        identify: also write the date of the examination; ``deidentify`` wins.
        earlier: results of the same patient to compare with, a folder or JSON file.
    """

    format: LabelFormat | None = _option(None, "Write the masks also in this format; own: the one of the input (NRRD, MetaImage, npz).")
    overwrite: bool = _option(False, "Replace earlier results of the same name, never a folder that holds an input; else a new folder.")
    keep: Collection[str | PathLike[str]] = ()
    dicom: bool = _option(False, "Also write DICOM SEG and SR, for DICOM inputs.")
    fractional: bool = _option(False, "As --dicom, with the probabilities as one more SEG.")
    deidentify: bool = _option(False, "As --dicom, without what identifies the patient.")
    store: str | None = _option(None, "As --dicom, and send them to the PACS at dicomweb://HOST/PATH.", metavar="URL")
    identify: bool = _option(False, "Also write the date of the examination, which a DICOM file states.")
    earlier: str | Path | None = _option(None, "Earlier results of the same patient to compare with: a folder or JSON file.", written=Path)

    @property
    def in_dicom(self) -> bool:
        """Whether DICOM is asked for."""
        return self.dicom or self.fractional or self.deidentify or self.store is not None


class FollowingOptions(TypedDict, total=False):
    """Keywords of :func:`echoseg.segment` and :func:`echoseg.stream`: the fields of :class:`Following`, for type checkers and editors."""

    frame_index: int | None
    direction: Direction
    memory_selection: MemorySelection | None
    finder: Finder
    volume: VolumeOptions


class AnalysisOptions(FollowingOptions, total=False):
    """Those of :func:`echoseg.pipeline.analyse`: the fields of :class:`Measuring` besides."""

    view: str | None
    method: Method
    subject: Subject | None


class RunOptions(AnalysisOptions, total=False):
    """Those of :func:`echoseg.run`: the fields of :class:`Opening` and :class:`Writing` besides."""

    spacing: tuple[float, float] | None
    fps: float | None
    kind: Kind | None
    series: str | int | None
    part: str | None
    axis: Plane | None
    window: str | None
    reader: Reader | None
    format: LabelFormat | None
    overwrite: bool
    keep: Collection[str | PathLike[str]]
    dicom: bool
    fractional: bool
    deidentify: bool
    store: str | None
    identify: bool
    earlier: str | Path | None


def taken(kind: type[_T], given: dict[str, Any]) -> _T:
    """A value of ``kind`` from its keywords, which ``given`` then no longer has."""
    return kind(**{part.name: given.pop(part.name) for part in fields(kind) if part.name in given})  # type: ignore[arg-type]


def noted(*values: Any) -> dict[str, Any]:
    """What the provenance of a result says of values of the types above."""
    parts = [(part, held) for held in values for part in fields(held) if "option" in part.metadata and part.metadata["option"].noted]
    return {part.name: asdict(held)[part.name] for part, held in parts}
