"""The shape of measurements.json, study.json and cine.json: frozen models, from which their JSON Schemas (draft 2020-12) are generated.

The generated files lie beside this one, to be linked and read; ``make schemas`` writes them anew after a change here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.json_schema import GenerateJsonSchema, SkipJsonSchema

from echoseg.cardiac.references import Formula
from echoseg.io.source import Kind
from echoseg.io.views import ViewOrigin
from echoseg.record.measures import Unit
from echoseg.record.quality import Quality
from echoseg.types import Severity

Text: TypeAlias = Annotated[str, Field(min_length=1)]
Key: TypeAlias = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Sex: TypeAlias = Literal["M", "F"]
Percent: TypeAlias = Annotated[float, Field(le=100)]
Line: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
"""Two ends, x and y each in pixels of the source."""
Absent: TypeAlias = SkipJsonSchema[None]
"""Beside a type: the key may be missing, which is not the same as null."""


def _told(description: str) -> Any:
    return Field(description=description)


class Part(BaseModel):
    """Of a document; unknown numbers are None, never NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceEntry(Part):
    name: str
    kind: Kind
    frames: PositiveInt = _told("frames of a clip, slices of a volume")
    height: PositiveInt
    width: PositiveInt
    fps: PositiveFloat | None
    spacing_mm: tuple[PositiveFloat, PositiveFloat] | None = _told("distance between rows, then between columns; null when unknown")
    slice_spacing_mm: PositiveFloat | None
    view: str | None = _told("such as A4C; null for volumes and images")
    view_from: ViewOrigin | None


class SubjectEntry(Part):
    sex: Sex | None
    age_years: NonNegativeInt | None = Field(None, description="at the examination, whole years; 90 stands for all above")
    height_cm: PositiveFloat | None = None
    weight_kg: PositiveFloat | None = None
    bsa_m2: PositiveFloat | None
    bsa_formula: Formula


class ExamEntry(Part):
    """Of the examination, as far as file and beats tell."""

    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = _told("null unless it was asked for")
    manufacturer: str | None = _told("of the machine")
    model: str | None
    rhythm: Literal["regular", "irregular"] | None = _told("null with fewer than two complete beats, or without times")
    rhythm_beats: NonNegativeInt = _told("complete beats that it rests on")
    ecg: bool = _told("true where R waves of the file told the beats")


class ObjectEntry(Part):
    """What stands behind ``mean_iou_score`` is said of volumes only."""

    id: int = Field(ge=1, le=255)
    name: str
    seed_frames: Sequence[NonNegativeInt]
    frames_present: NonNegativeInt
    mean_iou_score: float | None = _told("mean predicted IoU over the tracked frames")
    voxels: NonNegativeInt | Absent = None
    volume_ml: NonNegativeFloat | None = Field(None, description="voxels counted; null without spacing")
    diameter_slice: NonNegativeInt | None = Field(None, description="the slice of both axes")
    long_axis_mm: NonNegativeFloat | None = Field(
        None, description="longest diameter in the plane of the slices, on the slice where it is longest (RECIST 1.1)"
    )
    short_axis_mm: NonNegativeFloat | None = Field(None, description="longest diameter perpendicular to the long axis on its slice")
    bidimensional_mm2: NonNegativeFloat | None = Field(None, description="product of both axes (WHO)")
    long_axis_px: Line | None = None
    short_axis_px: Line | None = None


class Reference(Part):
    """The guideline's normal range for the subject's sex, both ends included."""

    low: int | float | None
    high: int | float | None
    grade: str
    sex: Sex
    guideline: str = _told("name and year")
    method: str = _told("by which the guideline's values were measured")
    worded: Text | Absent = Field(None, description="the range as the guideline words it, where that is not low to high")


class MeasureEntry(Part):
    value: float | None
    unit: Unit
    method: str | None
    interval: tuple[float, float] | None = _told(
        "lowest and highest value over the complete beats, of a study over its pairs of beats; null with fewer than two; with "
        "interval_level the interval that is calibrated to hold the truth so often"
    )
    reference: Reference | None = _told("null when sex or range is unknown")
    reason: Text | None
    interval_level: Annotated[float, Field(gt=0, lt=1)] | Absent = None


class KnownMeasure(MeasureEntry):
    value: float
    reason: None


class UnknownMeasure(MeasureEntry):
    value: None
    interval: None
    reason: Text = _told("why the value is unknown")


class BeatEntry(Part):
    ed: NonNegativeInt
    es: NonNegativeInt
    next_ed: NonNegativeInt | None
    ed_s: float | None
    es_s: float | None
    next_ed_s: float | None
    partial: bool = _told("true when ED -> ES -> next ED is not complete in the clip")
    ef: Percent | None
    edv_ml: NonNegativeFloat | None
    esv_ml: NonNegativeFloat | None
    sv_ml: float | None
    fac: Percent | None
    hr_bpm: PositiveFloat | None


class IndexBeatEntry(Part):
    """The beat that stands for an irregular rhythm: the one whose two preceding intervals are most alike, within 60 ms."""

    beat: NonNegativeInt = _told("of ``beats``, from 0")
    before_s: tuple[PositiveFloat, PositiveFloat] = _told("the two intervals before it, the earlier first")
    ef: Percent | None
    edv_ml: NonNegativeFloat | None
    esv_ml: NonNegativeFloat | None


class ChangeEntry(Part):
    """A measure in earlier results and in these."""

    old: float
    new: float
    change: float
    unit: Unit
    comparable: bool = _told("false where the two were measured by different methods")
    meaning: Text | None = _told("what a change of this size means; null where nothing tells")


class EarlierEntry(Part):
    """Earlier results of the same patient, for which the user vouches."""

    created: str = _told("when the earlier results were made, not when the patient was seen")
    date: str | None = _told("of the earlier examination, where its results name it")
    changes: dict[Key, ChangeEntry]


class PairEntry(Part):
    """A beat of the A4C clip with one of the A2C clip."""

    a4c: NonNegativeInt = _told("which beat in the clip's measurements.json, from 0")
    a2c: NonNegativeInt
    ef: Percent | None
    edv_ml: NonNegativeFloat | None
    esv_ml: NonNegativeFloat | None
    sv_ml: float | None


class FlagEntry(Part):
    model_config = ConfigDict(from_attributes=True)

    code: Key
    message: Text
    severity: Severity


class ModelEntry(Part):
    name: str | None
    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None


class WeightsEntry(Part):
    """A set of weights that had a part in the result."""

    name: Annotated[str, Field(description="of the model, or of the view classifier")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    licence: Annotated[str | None, Field(description="null when nothing tells")]
    citation: Annotated[str, Field(description="what whoever uses the result cites; may be empty")]


class Versions(Part):
    """Of echoseg, Python, and the packages that can change a result."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]

    echoseg: str
    python: str


class Provenance(Part):
    created: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")
    model: ModelEntry
    weights: tuple[WeightsEntry, ...] = ()
    prompt: Any
    options: dict[str, Any]
    versions: Versions


class ClipEntry(Part):
    """What study.json says of a clip."""

    name: str
    folder: str = _told("of the clip's own results, relative to study.json")
    view: Literal["A4C", "A2C"]
    view_from: Literal[ViewOrigin.GIVEN, ViewOrigin.STATED, ViewOrigin.GUESSED]
    used: bool = _told("true for the one clip of each view that the biplane values come from")
    quality: Quality
    beats: NonNegativeInt
    mean_iou_score: float | None
    ef: Percent | None = _told("single-plane, %")
    edv_ml: NonNegativeFloat | None
    esv_ml: NonNegativeFloat | None
    flags: Sequence[Key]


class Document(Part):
    """A whole file."""

    @classmethod
    def identifier(cls) -> Any:
        """What its ``schema`` says."""
        return get_args(cls.model_fields["schema_id"].annotation)[0]

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Its JSON Schema."""
        generated = cls.model_json_schema(schema_generator=_Untitled)
        return {"$schema": GenerateJsonSchema.schema_dialect, "$id": cls.identifier(), **generated}

    def plain(self) -> dict[str, Any]:
        """As JSON values, without the keys that nobody set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Measurements(Document):
    """measurements.json."""

    model_config = ConfigDict(title="echoseg measurements of one source")

    schema_id: Literal["urn:echoseg:measurements:1"] = Field(alias="schema")
    source: SourceEntry
    subject: SubjectEntry
    exam: ExamEntry | Absent = None
    objects: Sequence[ObjectEntry] = _told("frames count from 0 here, and in frames.csv; from 1 on the page")
    measures: dict[Key, KnownMeasure | UnknownMeasure]
    beats: Sequence[BeatEntry] = _told("frames count from 0")
    index_beat: IndexBeatEntry | None = Field(None, description="of an irregular rhythm; null where no beat follows two intervals alike")
    earlier: EarlierEntry | Absent = None
    flags: Sequence[FlagEntry]
    quality: Quality = _told("the worst severity among the flags; info counts as accept")
    provenance: Provenance


class StudyRecord(Document):
    """study.json."""

    model_config = ConfigDict(title="echoseg measurements of one study: an apical four- and two-chamber view")

    schema_id: Literal["urn:echoseg:study:1"] = Field(alias="schema")
    subject: SubjectEntry
    exam: ExamEntry | Absent = None
    clips: Sequence[ClipEntry] = Field(min_length=1, description="by view, of each view the best first")
    measures: dict[Key, KnownMeasure | UnknownMeasure]
    beats: Sequence[PairEntry] = _told("every beat of the A4C clip with every beat of the A2C clip")
    earlier: EarlierEntry | Absent = None
    flags: Sequence[FlagEntry]
    quality: Quality = _told("the worst severity among the flags; info counts as accept")
    provenance: Provenance


class PhaseEntry(Part):
    """What cine.json says of one phase."""

    phase: NonNegativeInt = _told("counted from 0")
    folder: str = _told("of the phase's own results, relative to cine.json")
    lv_voxels: NonNegativeInt = _told("of the left ventricle's cavity")
    myocardium_voxels: NonNegativeInt
    rv_voxels: NonNegativeInt
    lv_ml: NonNegativeFloat | None
    rv_ml: NonNegativeFloat | None
    flags: Sequence[Key]


class CineRecord(Document):
    """cine.json."""

    model_config = ConfigDict(title="echoseg measurements of one short-axis cine MR: both ventricles over the beat")

    schema_id: Literal["urn:echoseg:cine:1"] = Field(alias="schema")
    subject: SubjectEntry
    slices: PositiveInt
    spacing_mm: tuple[PositiveFloat, PositiveFloat] | None
    slice_spacing_mm: PositiveFloat | None
    phases: Sequence[PhaseEntry] = Field(min_length=1)
    ed: NonNegativeInt | None = _told("phase of the largest cavity of the left ventricle; null without one")
    es: NonNegativeInt | None = _told("phase of the smallest")
    measures: dict[Key, KnownMeasure | UnknownMeasure]
    flags: Sequence[FlagEntry]
    quality: Quality = _told("the worst severity among the flags; info counts as accept")
    provenance: Provenance


class _Untitled(GenerateJsonSchema):
    """A field's title would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


SCHEMAS: dict[str, type[Document]] = {
    "measurements.schema.json": Measurements,
    "study.schema.json": StudyRecord,
    "cine.schema.json": CineRecord,
}


def write_schemas(folder: Path | None = None) -> None:
    """Writes the files of :data:`SCHEMAS`, by default beside this one."""
    for name, document in SCHEMAS.items():
        text = json.dumps(document.json_schema(), ensure_ascii=False, separators=(",", ":"))
        ((folder or Path(str(files("echoseg.record")))) / name).write_text(text + "\n", encoding="utf-8")
