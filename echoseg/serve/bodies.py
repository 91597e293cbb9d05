"""What requests bring, checked before anything is done."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ClipId = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
ObjectId = Annotated[int, Field(ge=1, le=255)]
Frame = Annotated[int, Field(ge=0, le=10_000_000)]
Sequence = Annotated[int, Field(ge=1, le=2**53)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Point = tuple[Coordinate, Coordinate]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Opening(Body):
    clip: ClipId | None = None
    user: Name
    model: str | None = Field(None, max_length=64)


class Prompting(Body):
    seq: Sequence
    object: ObjectId
    frame: Frame | None
    mode: Literal["prompt", "correct"] = "prompt"
    kind: Literal["box", "points", "mask", "contour", "recist", "auto"]
    data: Any
    name: Name | None = None


class Spreading(Body):
    visible: Frame = 0
    direction: Literal["both"] = "both"


class Numbered(Body):
    seq: Sequence


class Naming(Numbered):
    name: Name
    object: ObjectId | None = None
    colour: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] | None = None


class Beat(Body):
    ed: Frame
    es: Frame


class Landmarks(Body):
    mitral: Annotated[list[Point], Field(min_length=2, max_length=2)] | None = None
    apex: Point | None = None


class Marking(Numbered):
    beats: Annotated[list[Beat], Field(max_length=200)] | None = None
    landmarks: Annotated[dict[Annotated[str, Field(pattern=r"^\d{1,8}$")], Landmarks], Field(max_length=1000)] | None = None
    stops: Annotated[dict[Annotated[str, Field(pattern=r"^\d{1,3}$")], tuple[Frame, Frame]], Field(max_length=255)] | None = None


class Deciding(Numbered):
    decision: Literal["accept", "reject", "skip"]
    reason: str = Field("", max_length=500)
    quality: Annotated[int, Field(ge=1, le=5)] | None = None
    active_s: Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)] | None = None
    clicks: Annotated[int, Field(ge=0, le=10_000_000)] | None = None


class Alive(Body):
    pass
