"""Value types shared by every room of the house. No torch, no files: numpy only.

Conventions, everywhere in echoseg:

- images are ``(H, W)`` or ``(H, W, 3)`` uint8 (RGB), sequences ``(T, H, W)`` or ``(T, H, W, 3)``;
- points are ``(x, y)`` in source pixels; ``(0, 0)`` is the top-left *edge*, so pixel ``i`` covers ``[i, i + 1)``;
- spacing is ``(row_mm, col_mm)``: the distance between rows first, as in DICOM; ``None`` when unknown, never guessed.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import PromptError

BoolMask: TypeAlias = NDArray[np.bool_]
Image: TypeAlias = NDArray[np.uint8]

ABSENT_LOGIT = -1024.0
"""Mask logit of an object that is absent from a frame (SAM 2's ``NO_OBJ_SCORE``)."""


class Word(str, Enum):
    """A closed set of words; a member is its text, in JSON too."""

    __str__ = str.__str__

    @property
    def rank(self) -> int:
        """Its place in the order of declaration, from 0."""
        return list(type(self)).index(self)


class Severity(Word):
    """What a flag asks of a reader, the least severe first: worth knowing, look before use, do not use."""

    INFO = "info"
    REVIEW = "review"
    REJECT = "reject"


class ByValue:
    """Equality for value types that hold arrays: same type, equal fields. Not hashable, as arrays are not."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        names = [f.name for f in fields(self)]  # type: ignore[arg-type]
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in source pixels; ``x1`` and ``y1`` are edges (last pixel + 1).

    Raises:
        PromptError: a coordinate is not a finite number, or the box is empty (``x1 <= x0`` or ``y1 <= y0``).

    >>> echoseg.Box.around(np.eye(3, dtype=bool))
    Box(x0=0.0, y0=0.0, x1=3.0, y1=3.0)
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        corners = (self.x0, self.y0, self.x1, self.y1)
        for name, corner in zip(("x0", "y0", "x1", "y1"), _numbers(corners, "a box"), strict=True):
            object.__setattr__(self, name, float(corner))
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise PromptError(f"box {corners} is empty: give x0 < x1 and y0 < y1 (x1, y1 are edges: last pixel + 1)")

    @classmethod
    def around(cls, mask: BoolMask) -> Box:
        """The tight box around the true pixels of ``mask`` ``(H, W)``.

        Raises:
            PromptError: the mask is empty.
        """
        ys, xs = np.nonzero(mask)
        if len(ys) == 0:
            raise PromptError("no box around an empty mask")
        return cls(float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))


@dataclass(frozen=True, eq=False)
class Points(ByValue):
    """Clicks in source pixels.

    Attributes:
        xy: ``(N, 2)`` float32, x then y.
        labels: ``(N,)`` int32; 1 inside the object, 0 outside.

    Raises:
        PromptError: wrong shapes, no points, labels other than 0 and 1, or a coordinate that is not finite.

    >>> echoseg.Points([[350, 190], [350, 300]], labels=[1, 0]).labels
    array([1, 0], dtype=int32)
    """

    xy: NDArray[np.float32]
    labels: NDArray[np.int32]

    def __post_init__(self) -> None:
        xy, labels = _numbers(self.xy, "points"), _numbers(self.labels, "point labels")
        if xy.shape == (2,) and labels.ndim == 0:
            xy, labels = xy[None], labels[None]
        if xy.ndim != 2 or xy.shape[1] != 2 or labels.shape != (len(xy),) or len(xy) == 0:
            raise PromptError(f"points need xy of shape (N, 2) and labels (N,), N >= 1; got {xy.shape} and {labels.shape}")
        if not np.isin(labels, (0, 1)).all():
            raise PromptError(f"point labels are 1 (inside) or 0 (outside); got {sorted(set(labels.tolist()))}")
        object.__setattr__(self, "xy", xy.astype(np.float32))
        object.__setattr__(self, "labels", labels.astype(np.int32))


@dataclass(frozen=True, eq=False)
class MaskPrompt(ByValue):
    """The object's mask on one frame, ``(H, W)`` bool, at source size.

    Raises:
        PromptError: not two-dimensional, not finite, or empty.

    >>> echoseg.MaskPrompt([[0, 255], [0, 255]]).mask.tolist()
    [[False, True], [False, True]]
    """

    mask: BoolMask

    def __post_init__(self) -> None:
        mask = _numbers(self.mask, "a mask prompt")
        if mask.ndim != 2:
            raise PromptError(f"a mask prompt is one (H, W) mask; got shape {mask.shape}")
        mask = np.array(mask > 0, dtype=bool)
        if not mask.any():
            raise PromptError("a mask prompt must mark at least one pixel")
        object.__setattr__(self, "mask", mask)


@dataclass(frozen=True)
class Box3D:
    """A box around an object of a volume: in-plane edges as of :class:`Box`, slices ``z0 <= z < z1``, where tracking stops.

    Raises:
        PromptError: an in-plane box that is not one, or no slices (``z1 <= z0``, ``z0 < 0``, or not whole numbers).

    >>> echoseg.Box3D(210, 180, 80, 260, 230, 95).plane
    Box(x0=210.0, y0=180.0, x1=260.0, y1=230.0)
    """

    x0: float
    y0: float
    z0: int
    x1: float
    y1: float
    z1: int

    def __post_init__(self) -> None:
        plane = self.plane
        for name in ("x0", "y0", "x1", "y1"):
            object.__setattr__(self, name, getattr(plane, name))
        first, end = (whole_number(edge, "a slice of a 3D box") for edge in (self.z0, self.z1))
        if not 0 <= first < end:
            raise PromptError(f"a 3D box needs slices 0 <= z0 < z1 (z1 is an edge: last slice + 1); got {first} and {end}")

    @property
    def plane(self) -> Box:
        """The box on every one of its slices."""
        return Box(self.x0, self.y0, self.x1, self.y1)


@dataclass(frozen=True)
class Point3D:
    """One click in an object of a volume: ``(x, y)`` as of :class:`Points`, on slice ``z``; echoseg chooses the slice to prompt.

    Raises:
        PromptError: coordinates that are not finite, or no slice number.

    >>> echoseg.Point3D(235, 205, 87).click.xy
    array([[235., 205.]], dtype=float32)
    """

    x: float
    y: float
    z: int

    def __post_init__(self) -> None:
        x, y = _numbers((self.x, self.y), "a point")
        object.__setattr__(self, "x", float(x))
        object.__setattr__(self, "y", float(y))
        if whole_number(self.z, "the slice of a 3D point") < 0:
            raise PromptError(f"slices are counted from 0; got {self.z}")

    @property
    def click(self) -> Points:
        """The click on its slice."""
        return Points(np.array([[self.x, self.y]], dtype=np.float32), np.array([1], dtype=np.int32))


@dataclass(frozen=True)
class Structure:
    """A named structure the model has learned to find without a human, e.g. ``LV`` (see ``SAM2Config.structures``)."""

    name: str


Prompt: TypeAlias = Box | Points | MaskPrompt | Structure


def _numbers(values: object, what: str) -> NDArray[Any]:
    """``values`` as a bool, integer or float array without NaN and infinity.

    Raises:
        PromptError: anything else.
    """
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "buif" or not np.isfinite(array).all():
        raise PromptError(" ".join(f"{what} must be finite numbers; got {values!r}".split())[:200])
    return array


def as_prompts(given: object) -> list[Prompt]:
    """One prompt, or a sequence of them, as a list.

    Raises:
        PromptError: something else, or nothing.
    """
    prompts: list[Prompt] = []
    for prompt in given if isinstance(given, Sequence) and not isinstance(given, str) else [given]:
        if not isinstance(prompt, Box | Points | MaskPrompt | Structure):
            raise PromptError(f"a prompt is a Box, Points or MaskPrompt; got {type(prompt).__name__}")
        prompts.append(prompt)
    if not prompts:
        raise PromptError("no prompt was given")
    return prompts


def whole_number(value: object, what: str) -> int:
    """An index or id as int.

    Raises:
        PromptError: not a whole number.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise PromptError(f"{what} must be a whole number; got {value!r}") from None


PromptPlan: TypeAlias = dict[int, dict[int, list[Prompt]]]
"""``{object_id: {frame_index: [prompts]}}``, object_id >= 1."""


@dataclass(frozen=True)
class Flag:
    """Something a reader of the result must know.

    Attributes:
        code: stable snake_case identifier, e.g. ``spacing_missing``.
        message: one sentence for people, without patient identifiers.
        severity: what it asks of the reader.
    """

    code: str
    message: str
    severity: Severity = Severity.REVIEW

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", Severity(self.severity))


@dataclass(frozen=True, eq=False)
class Geometry(ByValue):
    """Where the pixels are in the patient.

    Attributes:
        spacing: ``(row_mm, col_mm)`` or None when unknown.
        slice_spacing: distance between slices in mm (volumes), or None when unknown or different from slice to slice.
        affine: ``(4, 4)`` float64 from (column, row, slice) index to LPS millimetres (volumes; DICOM/ITK convention), or None.
        slice_shares: ``(T,)`` float64 mm of the stack that each slice stands for, where distances differ from slice to slice; else None.
    """

    spacing: tuple[float, float] | None = None
    slice_spacing: float | None = None
    affine: NDArray[np.float64] | None = None
    slice_shares: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.affine is not None:
            object.__setattr__(self, "affine", np.array(self.affine, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Timing(ByValue):
    """When the frames were taken.

    Attributes:
        fps: mean frames per second, or None when unknown (or when the sequence is not in time).
        times: ``(T,)`` float64 seconds of each frame from the first, or None when unknown.
        heart_rate: beats per minute from the file, or None when unknown (DICOM's 0 means unknown).
        r_wave_times: seconds of ECG R waves from the first frame, empty when unknown.
    """

    fps: float | None = None
    times: NDArray[np.float64] | None = None
    heart_rate: float | None = None
    r_wave_times: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class FrameResult:
    """One tracked frame, as ``stream`` yields it.

    Attributes:
        index: frame index in the source.
        logits: ``{object_id: (H, W) float32}`` at source size; > 0 inside. An absent object is -1024 everywhere.
        scores: ``{object_id: predicted IoU}`` in 0..1; NaN where an object was not tracked (a slice beyond its end).
        object_scores: ``{object_id: object score logit}``; > 0 when the object is present; NaN likewise.

    >>> echoseg.FrameResult(0, {1: np.array([[3, -2]]), 2: np.array([[4, 1]])}, {1: 0.9, 2: 0.8}, {1: 6.0, 2: 5.0}).label_map()
    array([[2, 2]], dtype=uint8)
    """

    index: int
    logits: Mapping[int, NDArray[np.float32]]
    scores: Mapping[int, float]
    object_scores: Mapping[int, float]

    @property
    def masks(self) -> dict[int, BoolMask]:
        """``{object_id: (H, W) bool}``; objects may overlap here, see :meth:`label_map`."""
        return {object_id: logits > 0 for object_id, logits in self.logits.items()}

    def label_map(self) -> Image:
        """``(H, W)`` uint8, 0 background, else object_id; where objects overlap the higher logit wins."""
        ids = sorted(self.logits)
        if len(ids) == 1:
            return (self.logits[ids[0]] > 0) * np.uint8(ids[0])
        stack = np.stack([self.logits[i] for i in ids])
        winner = np.asarray(ids, dtype=np.uint8)[stack.argmax(axis=0)]
        winner[stack.max(axis=0) <= 0] = 0
        return winner


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What :func:`echoseg.segment` returns.

    Attributes:
        masks: ``(T, H, W)`` uint8 label map, values are object ids (overlaps by higher logit).
        scores: ``(T, n_objects)`` float32 predicted IoU, columns in the order of ``object_ids``; NaN on frames not tracked.
        object_scores: ``(T, n_objects)`` float32 object score logits; NaN on frames not tracked.
        object_ids, names: the ids, ascending, and ``{object_id: name}`` such as ``{1: "LV"}``.
        seeds: ``{object_id: frame indices that hold prompts}``.
        geometry, timing: of the source; ``fps`` its frames per second or None.
        flags: what a reader must know.
        given: whether the masks come from elsewhere, so that no frame has a score.
        automatic: whether the model found the objects by their names: no hand had a part in the prompt.

    >>> found = echoseg.segment(np.zeros((3, 32, 32), np.uint8), echoseg.Box(10, 8, 24, 20), frame_index=1, direction="forward")
    >>> found.tracked[:, 0]
    array([False,  True,  True])
    """

    masks: NDArray[np.uint8]
    scores: NDArray[np.float32]
    object_scores: NDArray[np.float32]
    object_ids: tuple[int, ...]
    names: Mapping[int, str]
    seeds: Mapping[int, tuple[int, ...]]
    geometry: Geometry
    timing: Timing
    flags: tuple[Flag, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    given: bool = False
    automatic: bool = False

    @property
    def tracked(self) -> NDArray[np.bool_]:
        """``(T, n_objects)`` bool, where the mask says something: frames that were tracked, or all when masks were given."""
        return np.isfinite(self.scores) | self.given

    @property
    def fps(self) -> float | None:
        return self.timing.fps
