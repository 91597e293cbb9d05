"""How a session, a mask and an error look in an answer."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from echoseg.annotate.desk import LEASE_S, Sitting
from echoseg.annotate.refused import Refused
from echoseg.errors import EchosegError, MeasureError, OutputError, PromptError, SourceError

_STATUS = {"leased": 409, "seq": 409, "busy": 409, "nothing_to_undo": 409, "nothing_to_redo": 409, "not_ready": 409, "nothing_left": 409}
_STATUS |= {"unknown_clip": 404, "unknown_session": 404, "unknown_object": 404, "nothing_accepted": 404, "full": 503}
_KINDS: tuple[tuple[type[EchosegError], int, str], ...] = (
    (PromptError, 422, "prompt"),
    (MeasureError, 422, "measure"),
    (SourceError, 422, "source"),
    (OutputError, 507, "storage"),
)


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None, **facts: Any) -> JSONResponse:
    """An error as every client gets it."""
    return JSONResponse({"error": {"code": code, "message": message, **facts}}, status, headers)


def error_answer(error: EchosegError, hidden: tuple[str, ...] = ()) -> JSONResponse:
    """The answer to a request that failed; ``hidden`` names of files and folders are not told."""
    message = without(str(error), hidden)
    if isinstance(error, Refused):
        headers = {"Retry-After": "60"} if error.code == "full" else None
        return refusal(_STATUS.get(error.code, 422), error.code, message, headers, **error.facts)
    status, code = next(((status, code) for kind, status, code in _KINDS if isinstance(error, kind)), (422, "invalid"))
    return refusal(status, code, message)


def without(message: str, hidden: tuple[str, ...]) -> str:
    """``message`` without the names of files, which may hold a patient's, or tell of the server's disk."""
    for name in sorted(hidden, key=len, reverse=True):
        if len(name) > 1:
            message = message.replace(name, "the file")
    return message


def told(sitting: Sitting) -> dict[str, Any]:
    """A session's state for its page."""
    live, history = sitting.live, sitting.live.history
    state = live.state
    return {
        "id": sitting.id,
        "clip": sitting.item.id,
        "user": sitting.user,
        "lease_s": int(LEASE_S),
        "seq": history.sequence + 1,
        "can_undo": history.can_undo,
        "can_redo": bool(history.undone),
        "undo_label": history.standing[-1].label if history.can_undo else None,
        "redo_label": history.undone[-1].label if history.undone else None,
        "objects": [
            {"id": each.id, "name": each.name, "colour": each.colour, "prompted": list(each.prompted), "corrected": list(each.corrected)}
            for each in state.objects.values()
        ],
        "prompts": [{key: prompt[key] for key in ("object", "frame", "mode", "kind", "data")} for prompt in state.prompts],
        "marks": {"beats": state.marks.get("beats"), "landmarks": state.marks.get("landmarks", {}), "stops": state.marks.get("stops", {})},
        "stale": state.stale,
        "masks_version": live.version,
        "decision": None if history.decision is None else history.decision["decision"],
    }
