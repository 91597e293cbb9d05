"""The page's whole way over HTTP: queue, pictures, prompts, spreading, undo, marks, decision, export; and two users."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from echoseg.annotate.items import project_items
from echoseg.annotate.labels import label_folder
from echoseg.annotate.rle import decode
from echoseg.datasets.folders import folder_pairs
from echoseg.io.labels.read import read_labels

BOX = {"object": 1, "frame": 5, "mode": "prompt", "kind": "box", "data": [10, 18, 40, 48]}


def ids(client):
    return [row["id"] for row in client.get("/api/v1/clips?order=given").json()["items"]]


def opened(client, clip, user="ana"):
    answer = client.post("/api/v1/sessions", json={"clip": clip, "user": user})
    assert answer.status_code == 201, answer.text
    return answer.json()


def lines(answer):
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def prompted(client, session, **more):
    answer = client.post(f"/api/v1/sessions/{session['id']}/prompts", json={"seq": session["seq"], **BOX, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def spread(client, session, visible=5):
    return lines(client.post(f"/api/v1/sessions/{session['id']}/propagate", json={"visible": visible}))


def test_a_clip_is_told_and_shown(client):
    clip = ids(client)[0]
    told = client.get(f"/api/v1/clips/{clip}").json()
    assert (told["kind"], told["width"], told["height"], told["frames"], told["title"]) == ("clip", 64, 64, 12, "clip 1")
    answer = client.get(f"/api/v1/clips/{clip}/frames?from=2&to=5")
    assert "immutable" in answer.headers["cache-control"]
    content, found = answer.content, []
    while content:
        index, length = struct.unpack("<II", content[:8])
        found.append((index, Image.open(io.BytesIO(content[8 : 8 + length]))))
        content = content[8 + length :]
    assert [index for index, _ in found] == [2, 3, 4]
    assert all(picture.size == (64, 64) for _, picture in found)
    assert client.get(f"/api/v1/clips/{clip}/frames?from=2&to=5", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert client.get(f"/api/v1/clips/{clip}/frames?from=12").status_code == 422
    assert Image.open(io.BytesIO(client.get(f"/api/v1/clips/{clip}/thumbnail").content)).format == "WEBP"


def test_a_slice_is_shown_through_the_window_asked_for(client):
    volume = ids(client)[2]
    told = client.get(f"/api/v1/clips/{volume}").json()
    assert told["kind"] == "volume"
    assert told["window"]["max"] > told["window"]["min"]
    content = client.get(f"/api/v1/clips/{volume}/frames?from=0&to=1&level=130&width=20").content
    picture = np.asarray(Image.open(io.BytesIO(content[8:])).convert("L"))
    assert set(np.unique(picture)) == {0, 255}
    clip = ids(client)[0]
    assert client.get(f"/api/v1/clips/{clip}/frames?level=1&width=2").status_code == 422


def test_prompt_spread_correct_undo_and_accept(client, studio):
    clip = ids(client)[0]
    session = opened(client, clip)
    answer = prompted(client, session)
    mask = decode(answer["masks"][0]["rle"]["counts"], (64, 64))
    assert answer["masks"][0]["frame"] == 5
    assert mask.any() == (answer["masks"][0]["bbox"] is not None)
    told = spread(client, session)
    assert [line["type"] for line in told[-2:]] == ["measure", "done"]
    assert sorted(line["frame"] for line in told if line["type"] == "mask") == [at for at in range(12) if at != 5]
    done = told[-1]
    assert not done["cancelled"]
    assert not done["session"]["stale"]
    assert done["measures"]["masks_version"] == done["session"]["masks_version"]
    before = {(line["frame"], line["object"]): line["rle"] for line in lines(client.get(f"/api/v1/sessions/{session['id']}/masks"))[:-1]}
    assert len(before) == 12

    corrected = prompted(client, done["session"], mode="correct", kind="points", frame=8, data={"points": [[50, 10]], "labels": [1]})
    spread(client, corrected["session"], 8)
    undone = client.post(f"/api/v1/sessions/{session['id']}/undo", json={"seq": corrected["session"]["seq"]}).json()
    assert undone["session"]["redo_label"] == "click on frame 8"
    after = {(line["frame"], line["object"]): line["rle"] for line in lines(client.get(f"/api/v1/sessions/{session['id']}/masks"))[:-1]}
    assert after == before

    seq = undone["session"]["seq"]
    decided = client.post(f"/api/v1/sessions/{session['id']}/decision", json={"seq": seq, "decision": "accept", "active_s": 9.5})
    assert decided.status_code == 200, decided.text
    assert decided.json()["next"] == ids(client)[1]
    again = client.post(f"/api/v1/sessions/{session['id']}/decision", json={"seq": seq, "decision": "accept", "active_s": 9.5})
    assert again.status_code == 200
    folder = label_folder(studio.project, clip)
    labels = read_labels(folder / "masks.nii.gz").masks
    for (frame, _), rle in before.items():
        assert np.array_equal(labels[frame] == 1, decode(rle["counts"], (64, 64)))
    record = json.loads((folder / "record.json").read_text())
    assert (record["annotator"], record["decision"]["active_s"], record["by_hand"]) == ("ana", 9.5, True)
    assert "Doe" not in json.dumps({key: value for key, value in record.items() if key != "measurements"})
    assert [row["id"] for row in client.get("/api/v1/clips?status=done").json()["items"]] == [clip]


def test_marks_are_kept_and_can_be_taken_back(client):
    session = opened(client, ids(client)[0])
    state = prompted(client, session)["session"]
    url = f"/api/v1/sessions/{session['id']}"
    answer = client.put(f"{url}/marks", json={"seq": state["seq"], "beats": [{"ed": 0, "es": 9}], "landmarks": {"0": {"apex": [24, 10]}}})
    assert answer.status_code == 200, answer.text
    marks = answer.json()["session"]["marks"]
    assert marks["beats"] == [{"ed": 0, "es": 9}]
    assert marks["landmarks"]["0"]["apex"] == [24, 10]
    moved = client.put(f"{url}/marks", json={"seq": state["seq"] + 1, "beats": None}).json()["session"]["marks"]
    assert moved["beats"] is None
    assert moved["landmarks"] == marks["landmarks"]
    undone = client.post(f"{url}/undo", json={"seq": state["seq"] + 2}).json()["session"]["marks"]
    assert undone == marks


def test_objects_are_named_and_removed(client):
    session = opened(client, ids(client)[0])
    state = prompted(client, session)["session"]
    url = f"/api/v1/sessions/{session['id']}/objects"
    state = client.post(url, json={"seq": state["seq"], "name": "LA"}).json()
    assert [(each["id"], each["name"]) for each in state["objects"]][1] == (2, "LA")
    state = client.delete(f"{url}/1?seq={state['seq']}").json()
    assert [each["id"] for each in state["objects"]] == [2]
    assert client.delete(f"{url}/9?seq={state['seq']}").status_code == 404
    assert lines(client.get(f"/api/v1/sessions/{session['id']}/masks"))[:-1] == []


def test_two_people_never_get_the_same_item(client):
    first, second, third = (opened(client, None, user) for user in ("ana", "bo", "cy"))
    assert len({first["clip"], second["clip"], third["clip"]}) == 3
    refused = client.post("/api/v1/sessions", json={"clip": first["clip"], "user": "bo"})
    assert refused.status_code == 409
    assert (refused.json()["error"]["code"], refused.json()["error"]["by"]) == ("leased", "ana")
    assert opened(client, first["clip"], "ana")["id"] == first["id"]
    assert client.post("/api/v1/sessions", json={"user": "dee"}).json()["error"]["code"] == "nothing_left"
    assert client.delete(f"/api/v1/sessions/{first['id']}").status_code == 204
    assert client.get(f"/api/v1/sessions/{first['id']}").json()["error"]["code"] == "unknown_session"
    assert opened(client, None, "dee")["clip"] == first["clip"]


def test_more_sessions_than_allowed_wait(client, studio):
    for number, clip in enumerate(ids(client)):
        opened(client, clip, f"user {number}")
    extra = studio.project.folder / "one-more.npy"
    np.save(extra, np.zeros((3, 48, 48), np.uint8))
    clip = client.post("/api/v1/clips?name=x.npy", content=extra.read_bytes()).json()["id"]
    answer = client.post("/api/v1/sessions", json={"clip": clip, "user": "late"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_an_uploaded_file_becomes_an_item_and_what_is_none_leaves_nothing(client, studio, clips):
    before = len(ids(client))
    answer = client.post("/api/v1/clips?name=../../Doe.npy", content=(clips / "Doe_Jane_1.npy").read_bytes())
    assert answer.status_code == 201
    assert client.get(f"/api/v1/clips/{answer.json()['id']}").json()["frames"] == 12
    assert client.post("/api/v1/clips?name=x.avi", content=b"no video").status_code == 422
    assert client.post("/api/v1/clips?name=x.avi", content=b"").status_code == 422
    assert len(ids(client)) == before + 1
    assert [path.suffix for path in (studio.project.folder / "uploads").iterdir()] == [".npy"]
    items = project_items([str(clips)], studio.project.folder)  # as after a restart
    assert [item.id for item in items] == ids(client)


def test_a_restart_shows_everything_again(client, studio, clips, micro_model):
    from starlette.testclient import TestClient

    from echoseg.annotate.desk import Desk
    from echoseg.annotate.project import Project
    from echoseg.serve.app import create_app
    from echoseg.serve.security import Token
    from echoseg.serve.studio import Studio
    from tests.serve.conftest import TOKEN

    session = opened(client, ids(client)[0])
    state = prompted(client, session)["session"]
    spread(client, session)
    masks = lines(client.get(f"/api/v1/sessions/{session['id']}/masks"))
    project = Project(studio.project.folder, project_items([str(clips)], studio.project.folder))
    again = Studio(Desk(project, micro_model, order="given"))
    other = TestClient(create_app(again, Token(TOKEN)), headers={"Authorization": f"Bearer {TOKEN}"})
    assert other.get(f"/api/v1/sessions/{session['id']}").status_code == 404
    reopened = opened(other, session["clip"])
    assert reopened["seq"] == state["seq"]
    assert lines(other.get(f"/api/v1/sessions/{reopened['id']}/masks"))[:-1] == masks[:-1]
    undone = other.post(f"/api/v1/sessions/{reopened['id']}/undo", json={"seq": reopened["seq"]})
    assert undone.json()["session"]["objects"] == []
    again.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("post", "propagate", {"visible": 0}, 409, "not_ready"),
        ("post", "undo", {"seq": 1}, 409, "nothing_to_undo"),
        ("post", "redo", {"seq": 1}, 409, "nothing_to_redo"),
        ("post", "undo", {"seq": 7}, 409, "seq"),
        ("post", "undo", {}, 422, "invalid"),
        ("post", "decision", {"seq": 1, "decision": "accept"}, 422, "nothing_to_accept"),
        ("post", "decision", {"seq": 1, "decision": "reject"}, 422, "invalid"),
        ("post", "prompts", {"seq": 1, **BOX, "data": [0, 0, 99, 9]}, 422, "prompt"),
        ("post", "prompts", {"seq": 1, **BOX, "object": 256}, 422, "invalid"),
        ("post", "prompts", {"seq": 1, **BOX, "frame": 10**9}, 422, "invalid"),
        ("post", "prompts", {"seq": 1, **BOX, "extra": 1}, 422, "invalid"),
        ("put", "marks", {"seq": 1, "beats": [{"ed": 0, "es": 99}]}, 422, "prompt"),
    ],
)
def test_what_cannot_be_done_is_said_in_words_and_a_code(client, method, path, body, status, code):
    session = opened(client, ids(client)[0])
    answer = getattr(client, method)(f"/api/v1/sessions/{session['id']}/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]
    assert client.get(f"/api/v1/sessions/{session['id']}").json()["seq"] == 1


def test_an_export_is_what_the_readers_of_data_sets_take(client, tmp_path):
    assert client.get("/api/v1/export?format=nifti").json()["error"]["code"] == "nothing_accepted"
    session = opened(client, ids(client)[0])
    prompted(client, session)
    state = spread(client, session)[-1]["session"]
    client.post(f"/api/v1/sessions/{session['id']}/decision", json={"seq": state["seq"], "decision": "accept"})
    for kind in ("nifti", "medsam2", "training"):
        answer = client.get(f"/api/v1/export?format={kind}")
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            archive.extractall(tmp_path / kind)
            assert not any("Doe" in name for name in archive.namelist())
    cases = list(folder_pairs(tmp_path / "training"))
    assert len(cases) == 1
    (npz,) = (tmp_path / "medsam2").glob("*.npz")
    with np.load(npz) as held:
        assert held["imgs"].shape[:3] == held["gts"].shape == (12, 64, 64)
    assert client.get("/api/v1/export?format=dicom-seg").json()["error"]["code"] == "nothing_accepted"
    assert client.get("/api/v1/export?format=exe").status_code == 422


def test_an_accepted_dicom_clip_leaves_as_segmentation_and_report_of_its_own_images(client, studio, tmp_path):
    from pydicom import dcmread
    from pydicom.data import get_testdata_file

    path = get_testdata_file("examples_ybr_color.dcm", download=False)
    if path is None:
        pytest.skip("pydicom brings no such example")
    with open(path, "rb") as file:
        clip = client.post("/api/v1/clips?name=a.dcm", content=file.read()).json()["id"]
    session = opened(client, clip)
    prompted(client, session, frame=0, data=[20, 20, 80, 80])
    state = spread(client, session, 0)[-1]["session"]
    client.post(f"/api/v1/sessions/{session['id']}/decision", json={"seq": state["seq"], "decision": "accept"})
    for kind, modality in (("dicom-seg", "SEG"), ("dicom-sr", "SR")):
        answer = client.get(f"/api/v1/export?format={kind}")
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            (name,) = archive.namelist()
            archive.extractall(tmp_path)
        made = dcmread(tmp_path / name)
        assert (made.Modality, made.PatientID) == (modality, dcmread(path).PatientID)
