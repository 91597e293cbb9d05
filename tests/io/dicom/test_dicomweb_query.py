"""Queries for studies in a PACS, against a small server of our own that pages as QIDO-RS says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from echoseg.errors import SourceError
from echoseg.io.dicom.web import answers, studies_matching
from echoseg.io.dicom.web_address import parse_query

STUDIES = [f"1.2.{number}" for number in range(1, 231)]


class Pacs(BaseHTTPRequestHandler):
    def do_GET(self):
        parts, asked = urlsplit(self.path), {}
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append(asked)
        offset, limit = int(asked.get("offset", 0)), int(asked.get("limit", len(STUDIES)))
        page = STUDIES[offset : offset + limit] if self.server.pages else STUDIES
        body = json.dumps([{"0020000D": {"vr": "UI", "Value": [uid]}} for uid in page]).encode()
        self.send_response(200 if page else 204)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(body) if page else 0))
        self.end_headers()
        if page:
            self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def pacs():
    with ThreadingHTTPServer(("127.0.0.1", 0), Pacs) as server:
        server.asked, server.pages = [], True
        server.address = f"dicomweb+http://127.0.0.1:{server.server_port}/dicom-web"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def test_every_study_that_a_query_finds_comes_once_page_by_page(pacs):
    found = studies_matching(f"{pacs.address}/studies?ModalitiesInStudy=US&StudyDate=20240101-20241231")
    assert next(found) == f"{pacs.address}/studies/1.2.1" and len(pacs.asked) == 1
    assert [address.rsplit("/", 1)[1] for address in found] == STUDIES[1:]
    assert [asked.get("offset", "0") for asked in pacs.asked] == ["0", "100", "200", "230"]
    assert all((asked["ModalitiesInStudy"], asked["StudyDate"]) == ("US", "20240101-20241231") for asked in pacs.asked)


def test_a_server_that_knows_no_pages_does_not_go_on_for_ever(pacs):
    pacs.pages = False
    assert len(list(studies_matching(pacs.address))) == len(STUDIES)


def test_the_address_of_a_study_is_that_study_and_asks_nobody():
    address = "dicomweb://pacs/studies/1.2"
    assert list(studies_matching(address)) == [address]


@pytest.mark.parametrize("text", ["studies/1.2?x=1", "studies?a b=1", "studies?limit=3", "studies?Date", "studies?=1", "studies?../x=1"])
def test_anything_else_is_refused_with_the_form_to_give(text):
    with pytest.raises(SourceError, match="studies\\?ATTRIBUTE=VALUE"):
        parse_query(f"dicomweb://pacs/{text}")


def test_the_service_of_a_query_is_what_stands_before_the_studies():
    for text in ("dicomweb://pacs/web", "dicomweb://pacs/web/studies", "dicomweb://pacs/web/studies/?00100020=7"):
        assert parse_query(text)[0].service == "https://pacs/web"
    assert parse_query("dicomweb://pacs/web/studies?00100020=7")[1] == {"00100020": "7"}


def test_whether_a_server_answers(pacs):
    assert answers(f"{pacs.address}/studies/1.2")
    assert not answers("dicomweb+http://127.0.0.1:9/studies/1.2")
