"""The real command on a real socket: one printed line, killed without notice at any moment, and everything there again."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import httpx
import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path):
    """Starts ``echoseg serve`` on a small clip; ends what is left of it."""
    y, x = np.mgrid[:160, :160] + 0.5
    frames = np.uint8([40 + 150 * (((x - 80) / 30) ** 2 + ((y - 70) / (45 - 8 * np.sin(at / 3))) ** 2 < 1) for at in range(24)])
    np.save(tmp_path / "clip.npy", frames)
    running = []

    def started(*options: str):
        command = [
            sys.executable,
            "-m",
            "echoseg",
            "serve",
            str(tmp_path / "clip.npy"),
            "--project",
            str(tmp_path / "project"),
            "--port",
            "0",
        ]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, start_new_session=True)
        running.append(process)
        base, token = process.stdout.readline().strip().split("/?token=")
        return process, httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=120)

    yield started
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def killed(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def masks(client, session):
    return [line for line in client.get(f"/api/v1/sessions/{session}/masks").text.splitlines() if '"mask"' in line]


def test_killed_in_the_middle_of_a_propagation_nothing_that_was_told_is_lost(start):
    process, client = start("--no-draft")
    assert client.get("/healthz").json() == {"status": "ok"}
    state = client.post("/api/v1/sessions", json={"clip": None, "user": "ana"}).json()
    url = f"/api/v1/sessions/{state['id']}"
    box = {"seq": 1, "object": 1, "frame": 10, "kind": "box", "data": [45, 20, 115, 120]}
    assert client.post(f"{url}/prompts", json=box).status_code == 200
    done = [json.loads(line) for line in client.post(f"{url}/propagate", json={"visible": 10}).text.splitlines()][-1]
    assert done["type"] == "done"
    before = masks(client, state["id"])
    click = {"seq": 2, "object": 1, "frame": 15, "mode": "correct", "kind": "points", "data": {"points": [[80, 125]], "labels": [0]}}
    answer = client.post(f"{url}/prompts", json=click).json()
    with client.stream("POST", f"{url}/propagate", json={"visible": 15}) as stream:
        next(stream.iter_lines())
        killed(process)

    _, client = start("--no-draft")
    again = client.post("/api/v1/sessions", json={"clip": state["clip"], "user": "ana"}).json()
    assert again["prompts"] == answer["session"]["prompts"]
    assert (again["seq"], again["stale"]) == (3, True)
    shown = masks(client, again["id"])
    assert [json.loads(line)["rle"] for line in shown if json.loads(line)["frame"] == 15] == [answer["masks"][0]["rle"]]
    url = f"/api/v1/sessions/{again['id']}"
    done = [json.loads(line) for line in client.post(f"{url}/propagate", json={"visible": 15}).text.splitlines()][-1]
    assert done["type"] == "done"
    client.post(f"{url}/undo", json={"seq": 3})
    assert masks(client, again["id"]) == before


def test_drafts_come_by_themselves_and_are_there_when_the_clip_is_opened(start):
    import time

    _, client = start()
    for _ in range(240):
        (row,) = client.get("/api/v1/clips").json()["items"]
        if row["draft"] in ("done", "failed", "off"):
            break
        time.sleep(0.5)
    assert row["draft"] == "done", row
    assert 0 <= row["uncertainty"] <= 1.5
    state = client.post("/api/v1/sessions", json={"clip": None, "user": "ana"}).json()
    assert (state["can_undo"], state["stale"], state["objects"][0]["name"]) == (False, False, "LV")
    assert len(masks(client, state["id"])) == 24


def test_a_client_that_goes_away_stops_its_propagation_and_another_can_go_on(start):
    _, client = start("--no-draft")
    state = client.post("/api/v1/sessions", json={"clip": None, "user": "ana"}).json()
    url = f"/api/v1/sessions/{state['id']}"
    client.post(f"{url}/prompts", json={"seq": 1, "object": 1, "frame": 10, "kind": "box", "data": [45, 20, 115, 120]})
    with client.stream("POST", f"{url}/propagate", json={"visible": 10}) as stream:
        next(stream.iter_lines())
    done = [json.loads(line) for line in client.post(f"{url}/propagate", json={"visible": 10}).text.splitlines()][-1]
    assert done["type"] == "done"
    assert not done["session"]["stale"]
    assert len(masks(client, state["id"])) == 24


@pytest.mark.timeout(3600)
def test_killed_at_random_moments_every_prompt_that_was_answered_is_there(start, tmp_path, monkeypatch):
    """``ECHOSEG_KILLS=40 pytest -m slow tests/serve/test_studio_server.py`` kills forty times."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    moments, following = random.Random(7), 1  # the number of the next event, as far as its client knows
    for _ in range(int(os.environ.get("ECHOSEG_KILLS", "3")) + 1):
        process, client = start("--no-draft")
        state = client.post("/api/v1/sessions", json={"clip": None, "user": "ana"}).json()
        assert state["seq"] - following in (0, 1)  # one may have been written down when the server died, and not yet told
        following = state["seq"]
        end = threading.Timer(moments.uniform(0.0, 1.0), os.killpg, (process.pid, moments.choice((signal.SIGKILL, signal.SIGTERM))))
        end.start()
        with suppress(httpx.HTTPError):
            while True:
                box = {"seq": following, "object": 1, "frame": moments.randrange(24), "kind": "box", "data": [45, 20, 115, 120]}
                if client.post(f"/api/v1/sessions/{state['id']}/prompts", json=box).status_code != 200:
                    break  # it is ending
                following += 1
        end.join()
        process.wait(timeout=60)
    assert following > 3
    process, client = start("--no-draft")  # removes what the last one left
    assert client.get("/healthz").status_code == 200
    process.terminate()
    process.wait(timeout=60)
    assert list(temporary.glob("echoseg-*/.echoseg-*")) == list((tmp_path / "project").rglob(".echoseg-*")) == []
