"""What a run is asked for: what is looked for, how it is followed, opened, measured and written."""

# ruff: noqa: RUF009 - `option` makes a field as `dataclasses.field` does
from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal, TypedDict, get_args

from echoseg.errors import MeasureError
from echoseg.options.declare import option
from echoseg.options.memory import MemorySelection, memory_selection
from echoseg.options.subject import Subject
from echoseg.options.volume import VolumeOptions

Direction = Literal["forward", "backward", "both"]
Method = Literal["disks", "area-length", "camus-2019"]
View = Literal["A4C", "A2C"]
Kind = Literal["clip", "volume", "image"]
Plane = Literal["axial", "coronal", "sagittal", "stored"]
Reader = Literal["pyav", "decord", "opencv"]
Finder = Literal["compact", "compact-sim"]
LabelFormat = Literal["own", "nrrd", "mha", "npz"]
Runtime = Literal["auto", "torch", "onnx"]


def _spacing(given: str | Iterable[float]) -> tuple[float, float]:
    try:
        row, col = (float(part) for part in (given.split(",") if isinstance(given, str) else given))
    except ValueError:
        row = col = math.nan
    if not (0 < row < math.inf and 0 < col < math.inf):
        raise ValueError(f"{given!r} is not two positive numbers such as 0.51,0.51")
    return row, col


@dataclass(frozen=True)
class Asking:
    """What is looked for, and the network that looks: the arguments of :func:`echoseg.run` beside its source and folder."""

    prompt: str = option(
        "auto",
        "auto | auto:LV,LA | box:x0,y0,x1,y1@frame | points:x,y,+;x,y,-@frame | mask:FILE@frame | recist:x0,y0,x1,y1@frame | FILE.json; "
        "in volumes also box:x0,y0,z0,x1,y1,z1 | point:x,y,z | recist:FILE.npz, and recist-points: in place of recist:. "
        "In source pixels; x1, y1 are edges. For a folder of traced videos: tracings | tracings:ES | tracings:all.",
    )
    model: str = option("compact", "A name from `echoseg weights list`.")
    weights: str | Path | None = option(None, "Checkpoint to use instead of the model's own (.pt or .safetensors).", written=Path)
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps.")
    runtime: Runtime = option("auto", "What runs the network: torch, or ONNX Runtime on a CPU. auto: onnx on a CPU, torch elsewhere.")


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

    frame_index: int | None = option(None, "Frame of a prompt that names none.", least=0)
    direction: Direction = option("both", "Where to track from the prompted frame.")
    memory_selection: MemorySelection | None = option(
        None,
        "Remember only tracked frames whose predicted IoU (0..1) is at least IOU and whose object score is above SCORE (default 0). "
        "Default: the last frames, however good.",
        metavar="IOU[,SCORE]",
        written=str,
        yaml=float | str,
        read=memory_selection,
    )
    finder: Finder = option(
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

    spacing: tuple[float, float] | None = option(
        None,
        "Pixel spacing in mm, when the file has none; not for volumes with a geometry.",
        metavar="ROW,COL",
        written=str,
        yaml=tuple[float, float],
        read=_spacing,
    )
    fps: float | None = option(None, "Frames per second, when the file does not say; not for volumes.", least=0.001)
    kind: Kind | None = option(None, "Read the slices of NIfTI as the frames of a clip, or the other way about.", noted=False)
    series: str | int | None = option(
        None, "Which DICOM series of a folder; `echoseg info FOLDER` lists them.", metavar="NUMBER|UID", written=str, yaml=str | int
    )
    part: str | None = option(
        None,
        "Of slices at several phases (cine MR), from 0: slice:N, a clip of one slice; phase:N, the volume at one phase. "
        "slice or phase alone: a result of each.",
        metavar="slice[:N]|phase[:N]",
    )
    axis: Plane | None = option(
        None, "Plane of a volume's slices, whatever the order of the file (default: axial); stored: the order of the file."
    )
    window: str | None = option(
        None,
        "Grey values of a volume: soft-tissue, lung, bone, brain, liver, mediastinum, percentile. Default: soft tissue for CT.",
        metavar="NAME|LEVEL,WIDTH",
    )
    reader: Reader | None = option(
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

    view: str | None = option(
        None,
        "The view of each input, in order, or a CSV file with columns file, view.",
        name="views",
        metavar="A4C,A2C|CSV",
        yaml=list[str] | str,
    )
    method: Method = option("disks", "LV volume; camus-2019 is biplane, one clip alone gets disks.", noted=False)
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

    format: LabelFormat | None = option(None, "Write the masks also in this format; own: the one of the input (NRRD, MetaImage, npz).")
    overwrite: bool = option(False, "Replace earlier results of the same name, never a folder that holds an input; else a new folder.")
    keep: Collection[str | PathLike[str]] = ()
    dicom: bool = option(False, "Also write DICOM SEG and SR, for DICOM inputs.")
    fractional: bool = option(False, "As --dicom, with the probabilities as one more SEG.")
    deidentify: bool = option(False, "As --dicom, without what identifies the patient.")
    store: str | None = option(None, "As --dicom, and send them to the PACS at dicomweb://HOST/PATH.", metavar="URL")
    identify: bool = option(False, "Also write the date of the examination, which a DICOM file states.")
    earlier: str | Path | None = option(None, "Earlier results of the same patient to compare with: a folder or JSON file.", written=Path)

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
