"""Items: the queue, what is known of one, its pictures, and new ones by upload."""

from __future__ import annotations

import asyncio
import math
import re
import secrets
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from echoseg.annotate.items import UPLOADS, StudioItem, item_id
from echoseg.annotate.project import ItemState, Order, Status
from echoseg.annotate.refused import Refused
from echoseg.archive.item import Item
from echoseg.errors import EchosegError
from echoseg.io.names import output_name
from echoseg.serve.bodies import Frame
from echoseg.serve.frames import MOST, value_range
from echoseg.serve.studio import Studio

router = APIRouter()
Clip = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$")]
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_PRESETS = (
    ("soft-tissue", 40, 400),
    ("lung", -600, 1500),
    ("bone", 400, 1800),
    ("brain", 40, 80),
    ("liver", 30, 150),
    ("mediastinum", 50, 350),
)
_SUFFIX = re.compile(r"(\.nii\.gz|\.[A-Za-z0-9]{1,8})$")


@router.get("/status")
def status(request: Request) -> dict[str, Any]:
    """What the server is, and how far drafting is."""
    studio = Studio.of(request)
    return studio.told()


@router.get("/clips")
def clips(
    request: Request,
    order: Order = "uncertainty",
    status: Status = "all",
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, Any]:
    """The queue."""
    studio = Studio.of(request)
    project, leases = studio.project, studio.project.log.leases()
    found = project.queue(order, status)
    return {
        "items": [_row(studio, item, state, leases.get(item.id)) for item, state in found[offset : offset + limit]],
        "total": len(found),
        "counts": project.counts(),
    }


@router.post("/clips", status_code=201)
async def upload(request: Request, name: Annotated[str, Query(min_length=1, max_length=255)]) -> dict[str, Any]:
    """A new item: the bytes of one file, streamed to disk. Of its name the suffix alone is kept."""
    studio = Studio.of(request)
    suffix = _SUFFIX.search(name)
    folder = studio.project.folder.absolute() / UPLOADS
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    path = folder / f"{secrets.token_hex(8)}{suffix.group(1).lower() if suffix else ''}"
    part = path.with_name(f".{path.name}")
    try:
        with part.open("wb") as file:
            async for chunk in request.stream():
                await asyncio.to_thread(file.write, chunk)
            if file.tell() == 0:
                raise Refused("invalid", "the file is empty")
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    located = Item(path.name)
    item = StudioItem(item_id(str(path), located), 0, str(path), output_name(path), located)
    try:
        await asyncio.to_thread(studio.frames.source, item)
    except EchosegError:
        path.unlink(missing_ok=True)
        raise
    added = studio.project.add(item)
    return {"id": added.id}


@router.get("/clips/{clip}")
def clip(request: Request, clip: Clip) -> dict[str, Any]:
    """What is known of an item."""
    studio = Studio.of(request)
    item = studio.item(clip)
    source, reading = studio.frames.source(item)
    with reading:
        times, length = source.times(source.length or 1), source.length or 1
        spacing, ultrasound = source.geometry.spacing, source.ultrasound()
        window = _window(source) if source.kind == "volume" else None
    state = studio.project.states()[clip]
    structures = list(studio.desk.model.config.structures) if ultrasound is not False else []
    return {
        **_row(studio, item, replace(state, kind=source.kind), studio.project.log.leases().get(clip)),
        "width": source.size[1],
        "height": source.size[0],
        "frames": length,
        "fps": source.timing.fps if source.timing.fps and math.isfinite(source.timing.fps) else None,
        "times": None if times is None else [round(float(at), 5) for at in times],
        "spacing_mm": None if spacing is None else list(spacing),
        "slice_spacing_mm": source.geometry.slice_spacing,
        "ultrasound": ultrasound,
        "moments": source.moments,
        "window": window,
        "structures": structures,
        "view": item.item.view,
        "flags": [{"code": flag.code, "message": flag.message, "severity": str(flag.severity)} for flag in source.flags],
    }


@router.get("/clips/{clip}/frames")
def frames(
    request: Request,
    clip: Clip,
    first: Annotated[Frame, Query(alias="from")] = 0,
    to: Annotated[Frame | None, Query()] = None,
    level: Annotated[float | None, Query(ge=-1e7, le=1e7, allow_inf_nan=False)] = None,
    width: Annotated[float | None, Query(gt=0, le=1e7, allow_inf_nan=False)] = None,
) -> Response:
    """Pictures of some frames, one after the other; see the API's reference for the format."""
    studio = Studio.of(request)
    item = studio.item(clip)
    source, _ = studio.frames.source(item)
    length = source.length or 1
    if first >= length:
        raise Refused("invalid", f"there is no frame {first}: there are {length}")
    if (level is None) != (width is None) or (level is not None and source.kind != "volume"):
        raise Refused("invalid", "level and width go together, and are those of a volume")
    stop = min(length if to is None else to, length, first + MOST)
    window = None if level is None or width is None else (level, width)
    tag = f'"{clip}-{first}-{stop}-{level}-{width}"'
    headers = {**_FOREVER, "ETag": tag, "X-Frame-Count": str(max(stop - first, 0))}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return StreamingResponse(studio.frames.packed(item, first, stop, window), media_type="application/octet-stream", headers=headers)


@router.get("/clips/{clip}/thumbnail")
def thumbnail(request: Request, clip: Clip) -> Response:
    """The middle frame, small."""
    studio = Studio.of(request)
    return Response(studio.frames.thumbnail(studio.item(clip)), media_type="image/webp", headers=_FOREVER)


def _row(studio: Studio, item: StudioItem, state: ItemState, leased_by: str | None) -> dict[str, Any]:
    return {
        "id": item.id,
        "number": item.number,
        "title": studio.title(item, state.kind),
        "kind": state.kind,
        "state": state.state,
        "decision": state.decision,
        "draft": studio.draft_state(item, state),
        "uncertainty": state.uncertainty,
        "ef": state.found.get("ef"),
        "flags": [flag["code"] for flag in state.found.get("flags", ())],
        "leased_by": leased_by,
        "reason": state.reason,
    }


def _window(source: Any) -> dict[str, Any]:
    low, high = value_range(source)
    own = getattr(source, "window", None)
    bottom, top = (own.low, own.high) if own is not None else (low, high)
    presets = [{"name": name, "level": level, "width": width} for name, level, width in _PRESETS] if low < -500 else []
    return {
        "level": (bottom + top) / 2,
        "width": max(top - bottom, 1e-3),
        "min": low,
        "max": high,
        "presets": [{"name": "as read", "level": (bottom + top) / 2, "width": max(top - bottom, 1e-3)}, *presets],
    }
