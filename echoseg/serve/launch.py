"""Starts the server: where it listens, who may come in, and the link that opens the page."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from echoseg.errors import OutputError, SourceError
from echoseg.serve.app import create_app
from echoseg.serve.security import Token
from echoseg.serve.studio import Studio

_SHORTEST_TOKEN = 32


def read_token(path: Path | None, host: str) -> str:
    """The token of a server: that of the file, which is made where it is missing; without a file a new one, for this machine alone.

    Raises:
        SourceError: another address than the machine's own, without a file; or a token that can be guessed.
        OutputError: the file cannot be written.
    """
    if path is None:
        if not is_loopback(host):
            raise SourceError(f"{host} can be reached by others: give --token-file, a file with the secret that opens the studio")
        return secrets.token_urlsafe(32)
    try:
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path}: the token cannot be read or written ({error}); choose another file") from error
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.replace("-", "").replace("_", "").isalnum():
        raise SourceError(f"{path}: a token has at least {_SHORTEST_TOKEN} letters, digits, - or _; delete the file to get a new one")
    return token


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own and nobody else's way to it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A socket at ``host`` and ``port``, 0 for a free one.

    Raises:
        OutputError: taken, or not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise OutputError(f"{host}:{port}: cannot be listened at ({error.strerror}); choose another --port, or 0 for a free one") from error
    return made


def serve(studio: Studio, token: str, listening: socket.socket, root_path: str, upload_limit: int, say: Callable[[str], None]) -> None:
    """Serves until it is told to stop; ``say`` gets the link once the server can be asked."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    app = create_app(studio, Token(token), root_path, upload_limit=upload_limit)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = _Server(config, lambda: say(f"http://{shown}:{port}/?token={token}"))
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._say_started()
