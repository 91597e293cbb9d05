"""The page's files, from inside the package: nothing is built, nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import Response

from echoseg.serve.answers import refusal

router = APIRouter(include_in_schema=False)
_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]*")
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "map": "application/json",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
    "ico": "image/x-icon",
}


@router.get("/")
def index(request: Request) -> Response:
    return _file(request, "index.html")


@router.get("/page/{name:path}")
def page(request: Request, name: str) -> Response:
    return _file(request, name)


@router.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@cache
def _content(name: str) -> tuple[bytes, str] | None:
    """The bytes of a file and their tag; None where there is none."""
    if not _NAME.fullmatch(name) or ".." in name:
        return None
    found = files("echoseg.serve").joinpath("page", *name.split("/"))
    if not found.is_file():
        return None
    content = found.read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:20]}"'


def _file(request: Request, name: str) -> Response:
    kind = _TYPES.get(name.rpartition(".")[2])
    found = _content(name) if kind is not None else None
    if kind is None or found is None:
        return refusal(404, "not_found", "there is no such file")
    content, tag = found
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)
