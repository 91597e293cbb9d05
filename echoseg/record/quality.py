"""Whether a result can be used: flags of several origins as one list, and their verdict."""

from __future__ import annotations

from collections.abc import Iterable

from echoseg.types import Flag, Severity, Word


class Quality(Word):
    """The verdict on a result, the best first."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


_VERDICT = dict(zip(Severity, Quality, strict=True))


def quality(flags: Iterable[Flag]) -> Quality:
    """The worst severity among the flags; notes and no flags at all are accepted."""
    return _VERDICT[max((flag.severity for flag in flags), key=lambda severity: severity.rank, default=Severity.INFO)]


def by_severity(flags: Iterable[Flag]) -> list[Flag]:
    """The most severe first, otherwise in the order given."""
    return sorted(flags, key=lambda flag: -flag.severity.rank)


def merged_flags(*groups: Iterable[Flag]) -> list[Flag]:
    """All flags, the most severe first, otherwise in the order given; of those with the same code the first of the most severe."""
    unique: dict[str, Flag] = {}
    for flag in by_severity(flag for group in groups for flag in group):
        unique.setdefault(flag.code, flag)
    return list(unique.values())
