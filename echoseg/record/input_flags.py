"""Every flag about an input that needs no model: what ``echoseg info`` says before, and a run says after, in the same words."""

from __future__ import annotations

from collections.abc import Iterable

from echoseg.cardiac import APICAL_VIEWS
from echoseg.cardiac.quality import frame_rate_flags, spacing_flags
from echoseg.cardiac.references import child_flags
from echoseg.io.dicom.study import StatedStudy, stated_study
from echoseg.io.picture.flags import picture_flags
from echoseg.io.source import Source
from echoseg.io.views import ViewChoice, ViewOrigin, view_of
from echoseg.options import Subject
from echoseg.record.quality import merged_flags
from echoseg.types import Flag, Severity

_BY_HAND = ("colour_doppler", "several_sectors", "upside_down")
"""Codes of pictures in which a person who draws or prompts may still see one ventricle."""


def may_be_apical(source: Source, view: str | None = None) -> bool:
    """Whether an LV may be measured in a source; ``view`` as the caller gives it. An apical view is assumed of echo alone: most clips of
    cine MR are short axes."""
    return source.moments and (view is not None or source.ultrasound() is not False)


def stated_by(source: Source) -> StatedStudy:
    """What the DICOM file of a source says of study and person; nothing for other sources."""
    return stated_study(source.dicom_frames[0][0]) if source.dicom_frames else StatedStudy()


def input_flags(source: Source, subject: Subject | None = None, view: str | None = None) -> tuple[Flag, ...]:
    """Flags of the file, the picture, the person, the view as it is stated, spacing and frame rate; the most severe first.

    Args:
        source: opened; its pictures are glanced at.
        subject: what the caller knows; the rest is what a DICOM file states.
        view: given by the caller, or None.
    """
    if not may_be_apical(source, view):
        return tuple(merged_flags(source.flags))
    known = (subject or Subject()).over(stated_by(source).subject)
    times = None if source.length is None else source.times(source.length)
    rate = () if source.length is None else frame_rate_flags(times, source.length)
    told = stated_view_flags(view_of(source, view)) if source.kind == "clip" else ()
    return tuple(merged_flags(source.flags, picture_flags(source), child_flags(known), told, rate, spacing_flags(source.geometry.spacing)))


def stated_view_flags(view: ViewChoice) -> list[Flag]:
    """Flags on a view that the file or its name tells: of no use for LV volumes, or guessed."""
    if view.name not in APICAL_VIEWS:
        where = "The file says that its view" if view.origin is ViewOrigin.STATED else "By the file's name its view"
        return [Flag("view_not_apical", f"{where} is {view.name}: no LV volumes or EF are measured in it. Give A4C or A2C.")]
    if view.origin is ViewOrigin.GUESSED:
        return [Flag("view_guessed", f"The view {view.name} was guessed from the file name.", Severity.INFO)]
    return []


def answered_by_hand(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Flags where masks or prompts come from a person: what only hides the ventricle from a model is for review."""
    return tuple(Flag(flag.code, flag.message, Severity.REVIEW) if flag.code in _BY_HAND else flag for flag in flags)


def undefined_by(flags: Iterable[Flag]) -> str:
    """The reason why no number of an input with these flags may be used, or nothing."""
    codes = [flag.code for flag in flags if flag.severity is Severity.REJECT]
    return f"not defined in such a picture: see the flag {codes[0]}" if codes else ""
