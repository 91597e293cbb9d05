"""Items have ids that tell nothing; the most uncertain come first; an item with a decision is not given out again."""

import numpy as np
import pytest

from echoseg.annotate.items import ITEM_ID, project_items
from echoseg.annotate.project import Project
from echoseg.errors import SourceError


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "clips"
    made.mkdir()
    for name in ("b_Doe", "a_Roe", "c_Poe"):
        np.save(made / f"{name}.npy", np.zeros((3, 8, 8), np.uint8))
    return made


@pytest.fixture
def project(folder, tmp_path):
    return Project(tmp_path / "project", project_items([str(folder)], tmp_path / "project"))


def drafted(project, item, uncertainty, *flags):
    found = {"uncertainty": uncertainty, "ef": 55.0, "flags": [{"code": "x", "severity": severity} for severity in flags]}
    project.log.append(item, "echoseg", "draft", {"kind": "clip", "prompts": [], "found": found})


def test_ids_are_the_same_each_time_and_tell_nothing(folder, tmp_path):
    items, again = (project_items(given, tmp_path / "p") for given in ([str(folder)], [str(folder / "a_Roe.npy"), str(folder)]))
    assert [item.number for item in items] == [1, 2, 3]
    assert {item.id for item in items} <= {item.id for item in again}
    assert all(ITEM_ID.fullmatch(item.id) for item in items)


def test_a_manifest_says_spacing_and_view(folder):
    (folder / "list.csv").write_text("path,view,row_mm,col_mm,fps\na_Roe.npy,A2C,0.4,0.5,30\n")
    (item,) = project_items([str(folder / "list.csv")], folder / "p")
    assert item.opening == {"fps": 30.0, "spacing": (0.4, 0.5)}
    assert item.item.view == "A2C"


def test_what_holds_nothing_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    for given in ("empty", "missing.avi"):
        with pytest.raises(SourceError):
            project_items([str(tmp_path / given)], tmp_path / "p")


def test_the_most_uncertain_come_first_and_those_without_a_draft_last(project):
    first, second, third = project.items
    drafted(project, second, 0.1)
    drafted(project, third, 0.4)
    assert [item.id for item, _ in project.queue()] == [third, second, first]
    assert [item.id for item, _ in project.queue("given")] == [first, second, third]


def test_items_are_done_flagged_or_to_do(project):
    first, second, third = project.items
    drafted(project, first, 0.1, "reject")
    project.log.append(second, "ana", "decision", {"decision": "accept"})
    project.log.append(third, "ana", "decision", {"decision": "skip"})
    assert project.counts() == {"all": 3, "todo": 1, "done": 1, "flagged": 2}
    assert {item.id for item, _ in project.queue(status="flagged")} == {first, third}
    project.log.append(third, "ana", "decision", {"decision": "reject", "reason": "poor image"})
    assert project.counts()["done"] == 2


def test_the_next_item_is_nobody_elses_and_not_decided(project):
    first, second, third = project.items
    project.log.append(first, "bo", "decision", {"decision": "accept"})
    project.log.lease(second, "bo", 60)
    assert project.next_for("ana").id == third
    assert project.next_for("bo").id == second
    project.log.append(third, "ana", "decision", {"decision": "skip"})
    assert project.next_for("ana") is None


def test_a_draft_that_fails_says_why_and_a_person_may_still_try(project):
    first = next(iter(project.items))
    project.log.append(first, "echoseg", "draft_failed", {"reason": "the file is damaged"})
    state = project.states()[first]
    assert (state.state, state.reason) == ("failed", "the file is damaged")
    project.log.append(first, "ana", "opened", {"kind": "clip"})
    assert project.states()[first].state == "todo"
