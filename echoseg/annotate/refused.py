"""What a project does not do, and why, in words for the annotator and a code for programs."""

from __future__ import annotations

from typing import Any

from echoseg.errors import EchosegError


class Refused(EchosegError):
    """A request that cannot be met as things stand.

    Attributes:
        code: stable snake_case identifier, such as ``leased`` or ``nothing_to_undo``.
        facts: what else is known, plain JSON values.
    """

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.facts = facts
