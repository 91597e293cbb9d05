"""The simulated annotator leaves a log like a person's, stops where its persona stops, and costs what its constants say."""

from dataclasses import replace

import numpy as np
import pytest

from echoseg.annotate.cost import ItemCost, item_cost
from echoseg.annotate.desk import Desk
from echoseg.annotate.items import project_items
from echoseg.annotate.project import Project
from echoseg.annotate.simulated import PERSONAS, Annotator, CostModel
from echoseg.datasets.case import Case


@pytest.fixture
def pool(tmp_path, discs):
    """Three frames of a disc as a file without truth, and the case with it."""
    frames = discs[:3]
    np.save(tmp_path / "clip.npy", frames)
    (tmp_path / "pool.csv").write_text("path,view,row_mm,col_mm,kind\nclip.npy,A4C,1,1,clip\n")
    labels = (frames > 100).astype(np.uint8)
    case = Case("clip", "p1", frames, labels, {1: "LV"}, np.ones(3, bool), spacing=(1.0, 1.0), view="A4C", phases={"ED": 0, "ES": 2})
    return tmp_path / "pool.csv", case


@pytest.fixture
def work(pool, tmp_path, micro_model):
    """Annotates the clip as a persona; the outcome and the events."""
    made = []

    def annotated(persona, name="project", trace=False, seed=0):
        project = Project(tmp_path / name, project_items([str(pool[0])], tmp_path / name))
        made.append(project)
        (item,) = project.items
        annotator = Annotator(Desk(project, micro_model), persona, "LV", seed)
        outcome = (annotator.trace if trace else annotator.annotate)(item, pool[1])
        return outcome, project.log.of(item), project

    yield annotated
    for project in made:
        project.log.close()


def test_it_works_until_every_frame_is_good_and_accepts(work):
    outcome, events, project = work(PERSONAS["noisy"])
    cost = item_cost(outcome.item, events)
    assert (cost.decision, cost.boxes, cost.users) == ("accept", 1, ("simulated noisy",))
    assert 0 < cost.clicks <= 10
    assert outcome.dice >= 0.9 or cost.drawn == 3
    assert (project.folder / "labels" / outcome.item / "masks.nii.gz").is_file()
    assert np.isnan(outcome.drafted_dice)


def test_the_same_hand_does_the_same_and_another_seed_other_clicks(work):
    def clicks(events):
        return [event.body["data"] for event in events if event.kind == "prompt" and event.body["kind"] in ("points", "box")]

    first, again, other = (clicks(work(PERSONAS["noisy"], name, seed=seed)[1]) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert first == again != other


def test_a_lower_aim_takes_fewer_clicks(work):
    easy = replace(PERSONAS["hasty"], dice=0.0)
    outcome, events, _ = work(easy)
    assert item_cost(outcome.item, events).clicks == 0


def test_tracing_draws_every_frame_and_asks_for_nothing_else(work):
    outcome, events, _ = work(PERSONAS["ideal"], trace=True)
    cost = item_cost(outcome.item, events)
    assert (cost.drawn, cost.boxes, cost.clicks, cost.seeks) == (3, 0, 0, 2)


def test_seconds_are_the_sum_of_the_constants():
    cost = ItemCost("i", boxes=1, clicks=3, drags=1, seeks=2, drawn=1, wait_s=0.5)
    assert CostModel().correction(cost) == 7 + 3 * 2.5 + 4 + 2 + 54 + 0.5
    assert CostModel().seconds(cost) == CostModel().correction(cost) + 3 + 2 + 2
    assert CostModel().seconds(cost, clip_s=6.0) == CostModel().correction(cost) + 3 + 6 + 2


def test_each_constant_is_varied_by_itself():
    varied = CostModel().varied(0.5)
    assert len(varied) == 16
    assert varied["click +50 %"] == replace(CostModel(), click=3.75)
    assert varied["box -50 %"] == replace(CostModel(), box=3.5)
