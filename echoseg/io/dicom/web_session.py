"""Requests to a PACS that go where they were sent and nowhere else, with credentials only where nobody listens, and an end.

A server may answer with a redirect to any host. Followed, it would get what the request holds: the query, the user's password for that host
from ``~/.netrc``, the images that were to be stored.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

CONNECT_S, READ_S = 20.0, 60.0
LISTING_S, FETCH_S = 120.0, 3600.0
"""Seconds that an answer may take in all: one to a query, and one that holds images."""
_LISTING_BYTES, _FETCH_BYTES = 1 << 26, 1 << 33
_BLOCK = 1 << 16
_PORTS = {"http": 80, "https": 443}


class RefusedAnswer(requests.RequestException):
    """An answer that is not followed, or has no end; the message says which."""


class PacsSession(requests.Session):
    """A session with one server."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._origin = _origin(service)
        if self._origin[0] == "http" and not is_loopback(self._origin[1]):
            self.auth = _no_credentials  # else requests takes them from ~/.netrc

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        if resp.request.method != "GET" or _origin(urljoin(str(resp.url), target)) != self._origin:
            raise RefusedAnswer("the DICOMweb server sends the request on to another place, which is not followed; give its address")
        return target

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Nothing: a redirect is followed within the server alone, with what the request had."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if _origin(str(request.url)) != self._origin:
            raise RefusedAnswer("a request to another server than the one of the address is not sent")
        listing = "json" in str(request.headers.get("Accept", ""))
        ends = time.monotonic() + (LISTING_S if listing else FETCH_S)
        most = _LISTING_BYTES if listing else _FETCH_BYTES
        streamed = options.pop("stream", False)
        options["timeout"] = (CONNECT_S, READ_S)
        response = super().send(request, stream=True, **options)
        if not response.is_redirect:
            response.raw.stream = _bounded(response.raw, ends, most)
            if not streamed:
                _ = response.content
        return response


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def _bounded(raw: Any, ends: float, most: int) -> Any:
    """``raw.stream`` that looks at the clock after every packet: a server that sends a byte a minute never times out."""

    def stream(amount: int = _BLOCK, decode_content: bool | None = None) -> Iterator[bytes]:
        received = 0
        while chunk := raw.read1(min(amount, _BLOCK), decode_content=decode_content):
            received += len(chunk)
            if time.monotonic() > ends or received > most:
                raw.close()
                raise RefusedAnswer("the answer of the DICOMweb server does not end: ask for less, or later")
            yield chunk

    return stream
