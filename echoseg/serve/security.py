"""Who may ask: a token in the printed link, then a cookie that no script and no other site can use; and what every answer says to browsers.

Plain ASGI, outermost, so that nothing is read or done before. Other sites are told apart by ``Sec-Fetch-Site``, which every current browser
sends and no page can set; where it is missing, ``Origin`` must name the host that was asked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; worker-src 'self' blob:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'self'; form-action 'self'"
)
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")
_LONGEST_HEADERS = 64 * 1024
_REFUSED_PAGE = b"<!doctype html><title>echoseg</title><p>This link does not open the studio. Use the one that echoseg serve printed."


class Token:
    """The secret of a server; only its digest is kept."""

    def __init__(self, token: str) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()

    def admits(self, given: str) -> bool:
        """Whether it is the token, in time that does not tell how much of it is right."""
        return hmac.compare_digest(hashlib.sha256(given.encode("utf-8", "replace")).digest(), self._digest)

    @property
    def cookie(self) -> str:
        """Name of its cookie: browsers send cookies to every port of a host, so two servers must not share one."""
        return f"echoseg-{hashlib.sha256(self._digest).hexdigest()[:8]}"


class Guard:
    """Admits requests.

    Args:
        app: what is guarded: ``/api/`` alone; the page's files hold no data, and ``/healthz`` only says that the server lives.
        token: who may ask.
        root_path: prefix under which a proxy passes requests on, whether it takes it off or not.
        limits: ``(method, path) -> bytes`` that a request may bring.
    """

    def __init__(self, app: ASGIApp, token: Token, root_path: str = "", body_limit: int = 4 * 2**20, upload_limit: int = 2 * 2**30) -> None:
        self.app, self.token, self.root_path = app, token, root_path.rstrip("/")
        self.body_limit, self.upload_limit = body_limit, upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        scope = self._inside(scope)
        answer = _Answer(send)
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if sum(len(name) + len(value) for name, value in scope["headers"]) > _LONGEST_HEADERS:
            await answer.refuse(431, "too_large", "the request's headers are too long")
        elif path == "" and self.root_path:
            await answer.plain(308, b"", [(b"location", f"{self.root_path}/".encode())])
        elif path == "/" and method == "GET" and (token := _asked(scope)) is not None:
            await self._admit(answer, token)
        elif path.startswith("/api/"):
            await self._guarded(scope, receive, answer, headers)
        else:
            await self.app(scope, receive, answer)

    async def _admit(self, answer: _Answer, token: str) -> None:
        if not self.token.admits(token):
            await answer.plain(401, _REFUSED_PAGE, [(b"content-type", b"text/html; charset=utf-8")])
            return
        cookie = f"{self.token.cookie}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000"
        await answer.plain(303, b"", [(b"location", b"./"), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")])

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer, headers: Headers) -> None:
        kind, _, given = headers.get("authorization", "").partition(" ")
        by_cookie = not given
        if by_cookie:
            given = _cookie(headers.get("cookie", ""), self.token.cookie)
        elif kind.lower() != "bearer":
            given = ""
        if not self.token.admits(given.strip()):
            await answer.refuse(401, "unauthorised", "Open the link that echoseg serve printed.", [(b"www-authenticate", b"Bearer")])
            return
        if by_cookie and scope["method"] in _CHANGING and not _same_site(headers):
            await answer.refuse(403, "origin", "another site may not change anything here")
            return
        limit = self.upload_limit if scope["path"] == "/api/v1/clips" else self.body_limit
        stated = headers.get("content-length", "0")
        if not stated.isdigit() or int(stated) > limit:
            await answer.refuse(413, "too_large", f"a request may bring {limit} bytes here")
            return
        await self.app(scope, _Limited(receive, limit), answer)

    def _inside(self, scope: Scope) -> Scope:
        path = scope["path"]
        if self.root_path and (path == self.root_path or path.startswith(self.root_path + "/")):
            path = path[len(self.root_path) :]
        return {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}


class _Limited:
    """Receives a body up to a limit, whatever its length was said to be."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit, self._left = receive, limit, limit

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, f"a request may bring {self._limit} bytes here")
        return message


class _Answer:
    """Sends, with what every answer says to browsers."""

    def __init__(self, send: Send) -> None:
        self._send, self._started = send, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            headers["content-security-policy"] = POLICY
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "no-referrer"
            headers["cross-origin-resource-policy"] = "same-origin"
            headers.setdefault("cache-control", "no-store")
            message = {**message, "headers": headers.raw}
        await self._send(message)

    async def plain(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        if self._started:
            return
        length = (b"content-length", str(len(body)).encode())
        await self({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await self({"type": "http.response.body", "body": body})

    async def refuse(self, status: int, code: str, message: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        body = json.dumps({"error": {"code": code, "message": message}}).encode()
        await self.plain(status, body, [(b"content-type", b"application/json"), *(headers or [])])


def _asked(scope: Scope) -> str | None:
    given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
    return given[0] if given else None


def _cookie(text: str, name: str) -> str:
    try:
        found = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _same_site(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
