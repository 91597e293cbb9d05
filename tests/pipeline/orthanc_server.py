"""An Orthanc of its own on loopback, for as long as tests need it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass(frozen=True)
class Orthanc:
    """A running server, empty at its start."""

    port: int

    @property
    def address(self) -> str:
        """Of its DICOMweb service."""
        return f"dicomweb+http://127.0.0.1:{self.port}/dicom-web"

    def ask(self, path: str) -> bytes:
        """An answer of Orthanc's own interface, which is not DICOMweb."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return bytes(answer.read())

    def files(self) -> Iterator[bytes]:
        """Every instance that it holds, as a DICOM file."""
        for instance in json.loads(self.ask("/instances")):
            yield self.ask(f"/instances/{instance}/file")


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start Orthanc with its data in ``folder``, stop it afterwards; skips the test where it is not installed."""
    # Debian puts servers into sbin, which is not in everybody's path.
    program = shutil.which("Orthanc", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if program is None or not _PLUGIN.exists():
        pytest.skip("Orthanc is not installed (Debian packages orthanc and orthanc-dicomweb)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(_PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT)
    try:
        server = Orthanc(port)
        for _ in range(300):
            try:
                server.ask("/system")
                break
            except OSError:
                if process.poll() is not None:
                    break
                time.sleep(0.1)
        else:
            process.kill()
        if process.poll() is not None:
            raise RuntimeError(f"Orthanc did not start:\n{(folder / 'orthanc.log').read_text()[-2000:]}")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
