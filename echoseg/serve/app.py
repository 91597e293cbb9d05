"""The application: routes, errors as every client gets them, and the guard around it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from echoseg import __version__
from echoseg.errors import EchosegError
from echoseg.serve import clips, export, sessions, static
from echoseg.serve.answers import error_answer, refusal
from echoseg.serve.security import Guard, Token
from echoseg.serve.studio import Studio

API = "/api/v1"
_log = logging.getLogger("echoseg.serve")


def create_app(studio: Studio, token: Token, root_path: str = "", body_limit: int = 4 * 2**20, upload_limit: int = 2 * 2**30) -> Guard:
    """The application of a studio, guarded by a token.

    Args:
        studio: what is served; closed with the application.
        token: who may ask.
        root_path: prefix of a proxy, see :class:`echoseg.serve.security.Guard`.
        body_limit, upload_limit: bytes that a request may bring, and an uploaded file.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        studio.close()

    app = FastAPI(
        title="echoseg studio",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",  # behind the token, as all of it
        lifespan=lifespan,
    )
    app.state.studio = studio
    for router in (clips.router, sessions.router, export.router):
        app.include_router(router, prefix=API)
    app.include_router(static.router)
    _tell_errors(app, studio)
    return Guard(app, token, root_path, body_limit, upload_limit)


def _tell_errors(app: FastAPI, studio: Studio) -> None:
    def hidden() -> tuple[str, ...]:
        items = studio.project.items.values()
        names = {part for item in items for part in (item.location, item.item.path)}
        return (*names, str(studio.project.folder.absolute()), str(studio.project.folder))

    @app.exception_handler(EchosegError)
    def refused(request: Request, error: EchosegError) -> Response:
        return error_answer(error, hidden())

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        return refusal(422, "invalid", f"{where}: {first['msg']}" if where else str(first["msg"]))

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "not_allowed", 413: "too_large"}.get(error.status_code, "invalid")
        return refusal(error.status_code, code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        _log.exception("a request failed")
        return refusal(500, "internal", f"unexpected {type(error).__name__}; the server's log says more")
