"""Which view a clip shows: what the caller says, the file says, its name says, the view classifier says, in this order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from echoseg.io.source import Source
from echoseg.types import Word


class ViewOrigin(Word):
    """Where a view is known from, the surest first."""

    GIVEN = "given"
    STATED = "stated by the file"
    GUESSED = "guessed from the file name"
    SEEN = "classifier"
    ASSUMED = "assumed"

    @property
    def told(self) -> bool:
        """Whether a person or a file tells it, if by a name: a view that is only seen or assumed has no part in a study."""
        return self not in (ViewOrigin.SEEN, ViewOrigin.ASSUMED)


ASSUMED = "A4C"
SEEN_VIEW = "view_seen"
"""Key of a source's details: the view that the classifier saw when the masks were made."""
DRAWN_ON = "drawn_on"
"""Key of a source's details: the name of the clip that masks were drawn on, which may tell the view where their own does not."""
_SEEN = ("A4C", "A2C")

# A word of its own: "a2c" also stands in the middle of names that are hexadecimal numbers.
_EDGE_BEFORE, _EDGE_AFTER = r"(?:^|(?<=[^a-z0-9]))", r"(?=[^a-z0-9]|$)"
_CHAMBERS = r"(?:a|ap|api|apical[ _.\-]?)?{count}[ _.\-]?(?:c|ch\d*|chambers?)"
_PATTERNS = {
    **{f"A{n}C": re.compile(f"{_EDGE_BEFORE}(?:{_CHAMBERS.format(count=n)}|(?:ap|apical){n}){_EDGE_AFTER}") for n in (4, 2, 3)},
    "PLAX": re.compile(f"{_EDGE_BEFORE}plax\\d*{_EDGE_AFTER}"),
    "PSAX": re.compile(f"{_EDGE_BEFORE}(?:psax|sax)\\d*{_EDGE_AFTER}"),
}


class ViewChoice(NamedTuple):
    """A view, such as ``A4C``, and where it is known from."""

    name: str
    origin: ViewOrigin


@dataclass(frozen=True)
class ViewAnswer:
    """What the view classifier says of a clip: ``{view: probability}``, summing to 1."""

    shares: Mapping[str, float]

    @property
    def name(self) -> str:
        """The likeliest view."""
        return max(self.shares, key=lambda view: self.shares[view])

    @property
    def confidence(self) -> float:
        """Its probability, 0..1."""
        return self.shares[self.name]


def view_of(source: Source, given: str | None = None, seen: str | None = None) -> ViewChoice:
    """The view of a clip; A4C is assumed where nothing tells.

    Args:
        source: the clip.
        given: by the caller.
        seen: the view classifier's answer, where it is sure; else the one that the source's details remember. It is taken when nothing
            else tells, and when it is A4C or A2C: a view that cannot be measured is for people to name.
    """
    if given is not None:
        return ViewChoice(given, ViewOrigin.GIVEN)
    stated = source.details.get("view")
    if stated:
        return ViewChoice(str(stated), ViewOrigin.STATED)
    guessed = view_in_name(source.name) or view_in_name(str(source.details.get(DRAWN_ON, "")))
    if guessed:
        return ViewChoice(guessed[0], ViewOrigin.GUESSED)
    answer = seen or source.details.get(SEEN_VIEW)
    return ViewChoice(str(answer), ViewOrigin.SEEN) if answer in _SEEN else ViewChoice(ASSUMED, ViewOrigin.ASSUMED)


def view_in_name(name: str) -> tuple[str, str] | None:
    """The view that a file name tells, and what is left of the name without it; None when it tells none, or several.

    What is left has no separators, and no number of the clip behind the view, so that the clips of one study have it in common.

    >>> view_in_name("patient0001_4CH_2"), view_in_name("s7 A2C"), view_in_name("0X1A2C60147AF9FDAE")
    (('A4C', 'patient0001'), ('A2C', 's7'), None)
    """
    found = [(view, match) for view, pattern in _PATTERNS.items() if (match := pattern.search(name.lower()))]
    if len(found) != 1:
        return None
    view, match = found[0]
    before, after = ([word for word in re.split(r"[\W_]+", part.lower()) if word] for part in (name[: match.start()], name[match.end() :]))
    if after and re.fullmatch(r"\d{1,2}", after[-1]):
        after.pop()
    return view, " ".join(before + after)
