"""A PACS that sends requests elsewhere, names what is no UID, or never ends."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from pydicom import dcmread
from pydicom.data import get_testdata_file

from echoseg.errors import OutputError, SourceError
from echoseg.io.dicom import web, web_session
from echoseg.io.dicom.web import open_fetched, sources_at, store_instances, studies_matching
from echoseg.io.dicom.web_session import PacsSession


class Server(BaseHTTPRequestHandler):
    def answer(self):
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.does(self)

    do_GET = do_POST = answer

    def sends(self, status, body=b"", kind="application/dicom+json", **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    server.asked, server.does = [], lambda handler: handler.sends(204)
    server.address = f"dicomweb+http://127.0.0.1:{server.server_port}/web"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


@pytest.fixture
def pacs():
    with serving() as server:
        yield server
        server.shutdown()


@pytest.fixture
def other():
    with serving() as server:
        yield server
        server.shutdown()


@pytest.fixture
def netrc(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("default login doctor password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_server_is_not_followed(pacs, other, netrc, status):
    pacs.does = lambda handler: handler.sends(status, Location=f"http://127.0.0.1:{other.server_port}/web/studies")
    with pytest.raises(SourceError, match="not followed"):
        list(studies_matching(pacs.address))
    with pytest.raises(OutputError, match="not followed"):
        store_instances(pacs.address, [get_testdata_file("CT_small.dcm")])
    assert other.asked == []


@pytest.mark.parametrize("place", ["//evil.example/web", "https://127.0.0.1/web", "http://localhost.evil/web", "file:///etc/passwd"])
def test_nor_is_one_to_another_scheme_or_host(pacs, place):
    pacs.does = lambda handler: handler.sends(302, Location=place)
    with pytest.raises(SourceError, match="not followed"):
        list(studies_matching(pacs.address))


def test_a_redirect_within_the_server_is_followed(pacs):
    def does(handler):
        if handler.path.startswith("/web/studies"):
            handler.sends(302, Location="/other/studies")
        else:
            handler.sends(204)

    pacs.does = does
    assert list(studies_matching(pacs.address)) == []
    assert [path.partition("?")[0] for _, path, _ in pacs.asked] == ["/web/studies", "/other/studies"]


@pytest.mark.parametrize(("service", "sent"), [("https://pacs", True), ("http://127.0.0.1:8042", True), ("http://pacs:8042", False)])
def test_credentials_are_sent_over_https_or_to_this_machine(netrc, service, sent):
    prepared = PacsSession(service).prepare_request(requests.Request("GET", f"{service}/studies"))
    assert ("Authorization" in prepared.headers) == sent


@pytest.mark.parametrize("uid", ["../../admin", "1.2/../..", "1.2?x=1", "", "1" * 65, "."])
def test_what_is_no_uid_enters_no_url(pacs, uid):
    body = json.dumps([{"00080060": {"vr": "CS", "Value": ["US"]}, "0020000E": {"vr": "UI", "Value": [uid]}}]).encode()
    pacs.does = lambda handler: handler.sends(200, body)
    with pytest.raises(SourceError, match="no UID"):
        sources_at(f"{pacs.address}/studies/1.2")
    assert len(pacs.asked) == 1
    pacs.does = lambda handler: handler.sends(200, body.replace(b"0020000E", b"0020000D"))
    with pytest.raises(SourceError, match="no UID"):
        list(studies_matching(pacs.address))


def drips(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/dicom+json")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
    except OSError:
        return


def test_an_answer_that_never_ends_is_cut_off(pacs, monkeypatch):
    pacs.does = drips
    monkeypatch.setattr(web_session, "LISTING_S", 0.3)
    with pytest.raises(SourceError, match="does not end"):
        list(studies_matching(pacs.address))
    monkeypatch.setattr(web_session, "LISTING_S", 60.0)
    monkeypatch.setattr(web_session, "_LISTING_BYTES", 5000)
    with pytest.raises(SourceError, match="does not end"):
        list(studies_matching(pacs.address))


def test_pages_without_end_are_not_asked_for(pacs, monkeypatch):
    def does(handler):
        body = json.dumps([{"0020000D": {"vr": "UI", "Value": [f"1.2.{len(pacs.asked)}"]}}]).encode()
        handler.sends(200, body)

    pacs.does = does
    monkeypatch.setattr(web, "_MOST_PAGES", 7)
    with pytest.raises(SourceError, match="without end"):
        list(studies_matching(pacs.address))
    assert len(pacs.asked) == 7


def test_what_was_fetched_is_gone_when_it_could_not_be_opened(pacs, tmp_path, monkeypatch):
    monkeypatch.setattr("echoseg.io.dicom.web.scratch_folder", lambda: tmp_path / "fetched")
    (tmp_path / "fetched").mkdir()
    content = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    uid = str(dcmread(get_testdata_file("CT_small.dcm")).SOPInstanceUID)
    body = b"\r\n--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--"
    pacs.does = lambda handler: handler.sends(200, body, kind='multipart/related; type="application/dicom"; boundary=x')
    seen = []

    def opens(path, name):
        seen.append(path.read_bytes()[:132])
        raise SourceError("no clip")

    with pytest.raises(SourceError, match="no clip"):
        open_fetched(f"{pacs.address}/studies/1.2/series/1.3/instances/{uid}", opens)
    assert seen[0][128:] == b"DICM" and not (tmp_path / "fetched").exists()
