"""Nobody without the token, no other site, no large body, no path out of the page's folder, no name of a file."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from echoseg.errors import SourceError
from echoseg.serve.app import create_app
from echoseg.serve.launch import is_loopback, read_token
from echoseg.serve.security import Token
from tests.serve.conftest import TOKEN


def test_only_health_and_the_page_are_open(stranger):
    assert stranger.get("/healthz").json() == {"status": "ok"}
    assert stranger.get("/").status_code == 200
    for path in ("/api/v1/status", "/api/v1/clips", "/api/v1/openapi.json", "/api/v1/nothing"):
        answer = stranger.get(path)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "unauthorised"


@pytest.mark.parametrize("given", ["Bearer wrong", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x", "é"])
def test_a_wrong_token_opens_nothing(stranger, given):
    assert stranger.get("/api/v1/status", headers={"Authorization": given.encode()}).status_code == 401


def test_the_link_gives_a_cookie_that_no_script_and_no_other_site_can_use(stranger):
    assert stranger.get("/?token=wrong", follow_redirects=False).status_code == 401
    answer = stranger.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert {"HttpOnly", "SameSite=Strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert stranger.get("/api/v1/status").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://proxied.example"}, 409),
        ({"Origin": "http://testserver"}, 409),
        ({}, 409),
    ],
)
def test_another_site_cannot_change_anything_by_the_cookie(stranger, studio, headers, status):
    stranger.get(f"/?token={TOKEN}")
    for item in studio.project.items:
        studio.project.log.lease(item, "bo", 60)
    assert stranger.post("/api/v1/sessions", json={"user": "ana"}, headers=headers).status_code == status


def test_every_answer_forbids_what_the_page_does_not_need(stranger):
    for path in ("/", "/api/v1/status", "/page/none.js"):
        headers = stranger.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_body_beyond_its_limit_is_refused_whatever_it_says_of_itself(client):
    large = b" " * 300_000
    assert client.post("/api/v1/sessions", content=large).status_code == 413

    def chunks():
        for _ in range(100):
            yield b"x" * 50_000

    assert client.post("/api/v1/sessions", content=chunks()).status_code == 413
    assert client.post("/api/v1/clips?name=a.npy", content=chunks()).status_code == 413
    assert client.get("/api/v1/status", headers={"x-long": "y" * 70_000}).status_code == 431


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py",
        "/page/%2e%2e/app.py",
        "/page/..%2fapp.py",
        "/page//etc/passwd",
        "/page/.hidden",
        "/page/js/",
        "/page/a\\b.js",
        "/app.py",
    ],
)
def test_no_path_leads_out_of_the_pages_folder(stranger, path):
    answer = stranger.get(path)
    assert answer.status_code == 404
    assert b"import" not in answer.content


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=30))
def test_ids_and_paths_of_any_kind_are_refused_in_words(client, name):
    from urllib.parse import quote

    part = quote(name, safe="")
    for path in (f"/page/{part}", f"/api/v1/clips/{part}/frames", f"/api/v1/sessions/{part}/masks", f"/api/v1/sessions/{part}"):
        answer = client.get(path)
        assert answer.status_code in (200, 404, 405, 422), (path, answer.text)
        if answer.status_code != 200:
            assert answer.json()["error"]["code"]


def test_a_proxy_may_take_its_prefix_off_or_leave_it(studio):
    client = TestClient(create_app(studio, Token(TOKEN), "/user/ana/proxy/8765"), headers={"Authorization": f"Bearer {TOKEN}"})
    assert client.get("/user/ana/proxy/8765/api/v1/status").status_code == 200
    assert client.get("/api/v1/status").status_code == 200
    assert client.get("/user/ana/proxy/8765/").status_code == 200
    assert client.get("/user/ana/proxy/8765", follow_redirects=False).headers["location"] == "/user/ana/proxy/8765/"
    assert client.get("/user/ana/proxy/87654/api/v1/status").status_code == 404


def test_nothing_told_names_a_file(client, studio, clips, tmp_path):
    listing = client.get("/api/v1/clips").json()
    told = [json.dumps(listing)]
    for row in listing["items"]:
        told.append(client.get(f"/api/v1/clips/{row['id']}").text)
    broken = clips.parent / "Roe_Richard.npy"
    broken.write_bytes(b"nothing")
    from echoseg.annotate.items import project_items

    item = studio.project.add(project_items([str(broken)], tmp_path)[0])
    answer = client.get(f"/api/v1/clips/{item.id}")
    assert answer.status_code == 422
    told.append(answer.text)
    told.append(client.post("/api/v1/sessions", json={"clip": item.id, "user": "ana"}).text)
    assert not any(word in text for text in told for word in ("Doe", "Jane", "Roe", "Richard", str(clips.parent)))


def test_an_address_that_others_reach_needs_a_token_of_ones_own(tmp_path):
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("studio.example")
    with pytest.raises(SourceError, match="--token-file"):
        read_token(None, "0.0.0.0")
    path = tmp_path / "token"
    made = read_token(path, "0.0.0.0")
    assert len(made) >= 43
    assert path.stat().st_mode & 0o077 == 0
    assert read_token(path, "0.0.0.0") == made
    path.write_text("short")
    with pytest.raises(SourceError, match="at least"):
        read_token(path, "127.0.0.1")
    assert read_token(None, "127.0.0.1") != read_token(None, "127.0.0.1")
