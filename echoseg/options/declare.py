"""How an option is declared: a field of a frozen dataclass that says how it is written on a command line and in a YAML file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

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


def option(default: Any, help: str, **more: Any) -> Any:
    """A field that is an option; ``more``: the attributes of :class:`Option`."""
    return field(default=default, metadata={"option": Option(help, **more)})


def taken(kind: type[_T], given: dict[str, Any]) -> _T:
    """A value of ``kind`` from its keywords, which ``given`` then no longer has."""
    return kind(**{part.name: given.pop(part.name) for part in fields(kind) if part.name in given})  # type: ignore[arg-type]


def noted(*values: Any) -> dict[str, Any]:
    """What the provenance of a result says of values of the types above."""
    parts = [(part, held) for held in values for part in fields(held) if "option" in part.metadata and part.metadata["option"].noted]
    return {part.name: asdict(held)[part.name] for part, held in parts}
