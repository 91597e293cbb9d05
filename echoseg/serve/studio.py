"""What all requests of one server share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from echoseg import __version__
from echoseg.annotate.desk import Desk
from echoseg.annotate.items import StudioItem
from echoseg.annotate.project import ItemState, Project
from echoseg.annotate.refused import Refused
from echoseg.serve.drafting import Drafting
from echoseg.serve.frames import Frames

REJECT_REASONS = ("wrong view", "poor image", "foreshortened", "no heart in view", "other")


@dataclass
class Studio:
    """A project being served.

    Attributes:
        desk: its open items. ``frames``: its pictures. ``drafting``: what finds objects ahead of the annotators, or None.
        show_names: whether names of files, which may hold a patient's, are shown.
    """

    desk: Desk
    drafting: Drafting | None = None
    show_names: bool = False
    frames: Frames = field(default_factory=Frames)

    @staticmethod
    def of(request: Request) -> Studio:
        """The studio that a request is for."""
        studio: Studio = request.app.state.studio
        return studio

    @property
    def project(self) -> Project:
        return self.desk.project

    def item(self, clip: str) -> StudioItem:
        """The item of an id.

        Raises:
            Refused: ``unknown_clip``.
        """
        item = self.project.items.get(clip)
        if item is None:
            raise Refused("unknown_clip", "there is no such item")
        return item

    def title(self, item: StudioItem, kind: str | None) -> str:
        """What an item is called on the page; ``kind`` is None as long as nobody has opened it."""
        return item.name if self.show_names else f"{kind or 'item'} {item.number}"

    def draft_state(self, item: StudioItem, state: ItemState) -> str:
        """How far the draft of an item is."""
        if state.draft != "none":
            return state.draft
        if self.drafting is None:
            return "off"
        return "running" if self.drafting.current == item.id else "waiting"

    def told(self) -> dict[str, Any]:
        """How the server is, for its page."""
        limits, states = self.desk.limits, self.project.states()
        drafted = sum(state.draft in ("done", "failed", "off") for state in states.values())
        return {
            "version": __version__,
            "model": self.desk.model.name,
            "structures": list(self.desk.model.config.structures),
            "drafting": {"state": "off" if self.drafting is None else self.drafting.state, "done": drafted, "total": len(states)},
            "sessions": {"open": self.desk.count, "max": limits.sessions, "cache_mb": limits.cache_bytes // 2**20},
            "counts": self.project.counts(),
            "reject_reasons": list(REJECT_REASONS),
            "read_only": False,
        }

    def close(self) -> None:
        """Ends what is under way; everything is in the log."""
        if self.drafting is not None:
            self.drafting.close()
        self.desk.close_all()
        self.frames.close()
