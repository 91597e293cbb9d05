"""Sessions: what an annotator does with one item."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from echoseg.annotate.desk import Sitting
from echoseg.annotate.refused import Refused
from echoseg.serve.answers import told
from echoseg.serve.bodies import Alive, Deciding, Frame, Marking, Naming, Numbered, ObjectId, Opening, Prompting, Sequence, Spreading
from echoseg.serve.streams import mask_lines, spread_lines
from echoseg.serve.studio import Studio

router = APIRouter()
Session = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_LINES = "application/x-ndjson"
_UNBUFFERED = {"X-Accel-Buffering": "no"}


def _at(request: Request, session: str, *, working: bool = True) -> Sitting:
    desk = Studio.of(request).desk
    if working:
        desk.working()
    return desk.at(session)


@router.post("/sessions", status_code=201)
def open_session(request: Request, body: Opening) -> dict[str, Any]:
    """Opens an item, or the next one."""
    desk = Studio.of(request).desk
    desk.working()
    return told(desk.open(body.clip, body.user))


@router.get("/sessions/{session}")
def session(request: Request, session: Session) -> dict[str, Any]:
    """How things stand."""
    return told(_at(request, session, working=False))


@router.delete("/sessions/{session}", status_code=204)
def close(request: Request, session: Session) -> Response:
    """Gives the item back; nothing is lost."""
    Studio.of(request).desk.close(session)
    return Response(status_code=204)


@router.post("/sessions/{session}/heartbeat")
def heartbeat(request: Request, session: Session, body: Alive | None = None) -> dict[str, Any]:
    """The page is still open: the lease begins anew."""
    return {"lease_s": told(_at(request, session, working=False))["lease_s"]}


@router.get("/sessions/{session}/masks")
def masks(
    request: Request, session: Session, first: Annotated[Frame, Query(alias="from")] = 0, to: Annotated[Frame | None, Query()] = None
) -> StreamingResponse:
    """The masks that stand, one a line."""
    return StreamingResponse(mask_lines(_at(request, session), first, to), media_type=_LINES, headers=_UNBUFFERED)


@router.post("/sessions/{session}/objects")
def name_object(request: Request, session: Session, body: Naming) -> dict[str, Any]:
    """Makes an object, or calls one otherwise."""
    sitting = _at(request, session)
    number = body.object
    if number is None:
        taken = sitting.live.state.objects
        number = next((free for free in range(1, 256) if free not in taken), None)
        if number is None:
            raise Refused("invalid", "an item has at most 255 objects")
    sitting.live.change(sitting.user, body.seq, "object", {"object": number, "name": body.name, "colour": body.colour})
    return told(sitting)


@router.delete("/sessions/{session}/objects/{number}")
def remove_object(request: Request, session: Session, number: ObjectId, seq: Annotated[Sequence, Query()]) -> dict[str, Any]:
    """Removes an object with its masks."""
    sitting = _at(request, session)
    sitting.live.change(sitting.user, seq, "remove", {"object": number})
    return told(sitting)


@router.post("/sessions/{session}/prompts")
def prompt(request: Request, session: Session, body: Prompting) -> dict[str, Any]:
    """Answers a prompt on its frame."""
    sitting, begun = _at(request, session), time.perf_counter()
    frame, found = sitting.live.prompt(sitting.user, body.seq, body.model_dump())
    size = sitting.live.looking.source.size
    return {
        "session": told(sitting),
        "frame": frame,
        "masks": [mask.sent(size) for mask in found],
        "measures": None,
        "elapsed_ms": round(1000 * (time.perf_counter() - begun)),
    }


@router.post("/sessions/{session}/propagate")
def propagate(request: Request, session: Session, body: Spreading) -> StreamingResponse:
    """Carries what was prompted to the other frames, nearest to the visible one first, as JSON lines."""
    sitting = _at(request, session)
    sitting.live.check_ready()
    return StreamingResponse(spread_lines(sitting, body.visible), media_type=_LINES, headers=_UNBUFFERED)


@router.post("/sessions/{session}/undo")
def undo(request: Request, session: Session, body: Numbered) -> dict[str, Any]:
    """Takes the last change away."""
    sitting = _at(request, session)
    changed = sitting.live.undo(sitting.user, body.seq)
    return {"session": told(sitting), "changed": changed, "measures": sitting.live.measures()}


@router.post("/sessions/{session}/redo")
def redo(request: Request, session: Session, body: Numbered) -> dict[str, Any]:
    """Brings the last change that was undone back."""
    sitting = _at(request, session)
    changed = sitting.live.undo(sitting.user, body.seq, again=True)
    return {"session": told(sitting), "changed": changed, "measures": sitting.live.measures()}


@router.put("/sessions/{session}/marks")
def marks(request: Request, session: Session, body: Marking) -> dict[str, Any]:
    """Notes ED and ES frames, landmarks, and where objects of a volume end."""
    sitting = _at(request, session)
    given = body.model_dump(include=body.model_fields_set - {"seq"})
    sitting.live.mark(sitting.user, body.seq, {key: value for key, value in given.items() if value is not None or key == "beats"})
    return {"session": told(sitting), "measures": sitting.live.measures()}


@router.get("/sessions/{session}/measures")
def measures(request: Request, session: Session) -> dict[str, Any]:
    """What is measured of the masks that stand."""
    return _at(request, session).live.measures()


@router.post("/sessions/{session}/decision")
def decision(request: Request, session: Session, body: Deciding) -> dict[str, Any]:
    """Accepts, rejects or skips the item; tells the next one."""
    studio, sitting = Studio.of(request), _at(request, session)
    if body.decision == "reject" and not body.reason.strip():
        raise Refused("invalid", "a rejected item needs a reason")
    studio.desk.decide(sitting, body.seq, body.model_dump(exclude={"seq"}))
    following = studio.project.next_for(sitting.user, studio.desk.order)
    label = sitting.item.id if body.decision == "accept" else None
    return {"stored": True, "session": told(sitting), "next": None if following is None else following.id, "label": label}
