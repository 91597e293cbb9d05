"""What a result says of the examination: machine, rhythm as seen, and its date where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from echoseg.cardiac.rhythm import index_beat
from echoseg.record.documents import ExamEntry, IndexBeatEntry
from echoseg.record.entries import number

if TYPE_CHECKING:
    from echoseg.cardiac import LVAnalysis

_IRREGULAR = "irregular_rhythm"


def exam_entry(
    analysis: LVAnalysis | None, *, ecg: bool = False, manufacturer: str = "", model: str = "", on: date | None = None
) -> ExamEntry:
    """Of one clip.

    Args:
        analysis: whose beats tell the rhythm; None: it is unknown.
        ecg: whether the file holds R waves.
        manufacturer, model: of the machine, empty when unknown.
        on: the date, where it may be written.
    """
    timed = 0 if analysis is None else sum(not beat.partial and beat.hr_bpm is not None for beat in analysis.beats)
    irregular = analysis is not None and any(flag.code == _IRREGULAR for flag in analysis.flags)
    return ExamEntry(
        date=None if on is None else on.isoformat(),
        manufacturer=manufacturer or None,
        model=model or None,
        rhythm="irregular" if irregular else "regular" if timed > 1 else None,
        rhythm_beats=timed,
        ecg=ecg,
    )


def joint_exam(records: Sequence[Mapping[str, Any]]) -> ExamEntry:
    """Of a study: what the measurements.json of its clips in use say; the rhythm is regular where it is in all."""
    exams = [record["exam"] for record in records if "exam" in record]
    rhythms = {exam["rhythm"] for exam in exams}

    def first(key: str) -> Any:
        return next((exam[key] for exam in exams if exam[key]), None)

    return ExamEntry(
        date=first("date"),
        manufacturer=first("manufacturer"),
        model=first("model"),
        rhythm="irregular" if "irregular" in rhythms else "regular" if rhythms == {"regular"} else None,
        rhythm_beats=sum(exam["rhythm_beats"] for exam in exams),
        ecg=bool(exams) and all(exam["ecg"] for exam in exams),
    )


def index_beat_entry(analysis: LVAnalysis | None, *, spaced: bool) -> dict[str, IndexBeatEntry | None]:
    """``index_beat`` of an irregular rhythm, None where no beat follows two intervals alike; nothing for any other rhythm."""
    if analysis is None or not any(flag.code == _IRREGULAR for flag in analysis.flags):
        return {}
    found = index_beat(analysis.beats)
    if found is None:
        return {"index_beat": None}
    beat = analysis.beats[found.beat]
    edv, esv = (beat.edv_ml, beat.esv_ml) if spaced else (None, None)
    measured = {"ef": number(beat.ef, 1), "edv_ml": number(edv, 1), "esv_ml": number(esv, 1)}
    return {"index_beat": IndexBeatEntry(beat=found.beat, before_s=found.before_s, **measured)}
