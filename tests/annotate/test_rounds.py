"""Rounds: who comes next, who judges, which weights count, what was saved."""

import hashlib

import numpy as np
import pytest

from echoseg.annotate.items import project_items
from echoseg.annotate.ordering import EVERY, ordered
from echoseg.annotate.project import Project
from echoseg.annotate.refused import Refused
from echoseg.annotate.rounds import Round, current_round, current_weights, go_back, held_out, in_rounds, note_round, patient_of
from echoseg.annotate.savings import Row, paired_saving, round_sums, saving
from echoseg.annotate.settings import ProjectSettings, open_project, write_settings
from echoseg.errors import OutputError, SourceError

ITEMS = 12


@pytest.fixture
def project(tmp_path):
    rows = ["path,patient"]
    for number in range(ITEMS):
        np.save(tmp_path / f"{number:02d}.npy", np.zeros((2, 8, 8), np.uint8))
        rows.append(f"{number:02d}.npy,p{number // 2}")
    (tmp_path / "pool.csv").write_text("\n".join(rows) + "\n")
    made = Project(tmp_path / "project", project_items([str(tmp_path / "pool.csv")], tmp_path / "project"))
    yield made
    made.log.close()


def drafted(project, item, uncertainty):
    project.log.append(item, "echoseg", "draft", {"kind": "clip", "prompts": [], "found": {"uncertainty": uncertainty, "flags": []}})


def a_round(number, weights=b"", accepted=True, items=()):
    sha256 = hashlib.sha256(weights).hexdigest()
    return Round(number, "", sha256, f"rounds/{number:03d}/weights.safetensors", (), (), 0.8, 0.9, accepted, 1.0, tuple(items))


def test_the_least_sure_come_first_and_every_fifth_at_random(project):
    for place, item in enumerate(project.items):
        drafted(project, item, place / 100)
    queue = [item.id for item in ordered(project)]
    assert sorted(queue) == sorted(project.items)
    by_doubt = list(reversed(project.items))
    assert queue[: EVERY - 1] == by_doubt[: EVERY - 1]
    others = {ordered(project, seed=seed)[EVERY - 1].id for seed in range(12)}
    assert len(others) > 3


def test_random_order_is_that_of_its_seed_and_leaves_out_what_is_decided_or_in_hand(project):
    assert ordered(project, "random", 1) == ordered(project, "random", 1) != ordered(project, "random", 2)
    first, second, *_ = project.items
    project.log.append(first, "ana", "decision", {"decision": "accept"})
    project.log.lease(second, "ben", 60)
    assert {item.id for item in ordered(project, "random", 1)} == set(project.items) - {first, second}


def test_no_patient_both_teaches_and_judges(project):
    items = list(project.items)
    held = held_out(project, items, 0.34, seed=3)
    assert len(held) == 4
    rest = {patient_of(project, item) for item in items if item not in held}
    assert not rest & {patient_of(project, item) for item in held}
    with pytest.raises(Refused, match="two patients"):
        held_out(project, items[:2], 0.5, 0)


def test_a_refused_round_leaves_the_weights_and_one_can_go_back_and_on(project):
    settings = ProjectSettings(inputs=("x",))
    for made in (a_round(1, b"one"), a_round(2, b"two", accepted=False), a_round(3, b"three")):
        path = project.folder / made.weights
        path.parent.mkdir(parents=True)
        path.write_bytes({1: b"one", 2: b"two", 3: b"three"}[made.number])
        note_round(project, made)
        assert current_round(project).number == {1: 1, 2: 1, 3: 3}[made.number]
    go_back(project, 1)
    assert current_weights(project, settings).read_bytes() == b"one"
    go_back(project, 0)
    assert current_weights(project, settings) is None
    go_back(project, 3)
    (project.folder / "rounds/003/weights.safetensors").write_bytes(b"changed")
    with pytest.raises(Refused, match="not what round 3 wrote"):
        current_weights(project, settings)
    with pytest.raises(Refused, match="no round 9"):
        go_back(project, 9)


def test_an_item_belongs_to_the_round_in_whose_time_it_was_decided(project):
    first, second, third, *_ = project.items
    for item in (first, second):
        project.log.append(item, "ana", "decision", {"decision": "accept"})
    note_round(project, a_round(1, items=(first,)))
    project.log.append(third, "ana", "decision", {"decision": "skip"})
    assert in_rounds(project) == {first: 1, second: 2}


def test_settings_are_written_once_and_found_again(tmp_path):
    np.save(tmp_path / "clip.npy", np.zeros((2, 8, 8), np.uint8))
    settings = ProjectSettings(inputs=(str(tmp_path / "clip.npy"),), structure="LA", seed=4)
    for _ in range(2):
        write_settings(tmp_path / "p", settings)
    project, read = open_project(tmp_path / "p")
    assert (read, len(project.items)) == (settings, 1)
    with pytest.raises(OutputError, match="another folder"):
        write_settings(tmp_path / "p", settings.model_copy(update={"seed": 5}))
    with pytest.raises(SourceError, match="no project"):
        open_project(tmp_path / "none")


def row(arm, number, item, patient, seconds, correction=0.0):
    return Row(arm, number, item, patient, 2, seconds, correction, 1, 1, 0, 1, 0, 0.5, 0.9, 1.0)


def test_saving_is_one_minus_the_ratio_of_seconds_a_frame():
    hand = [row("a", 0, f"h{at}", f"h{at}", 100 + at) for at in range(4)]
    later = [row("a", 1, f"l{at}", f"l{at}", 20 + at) for at in range(4)]
    value = saving(later, hand, lambda each: each.seconds)
    assert value.value == pytest.approx(1 - 21.5 / 101.5)
    assert value.low < value.value < value.high
    assert saving(later, [], lambda each: each.seconds, base_rate=43.0).value == pytest.approx(1 - 10.75 / 43)
    assert np.isnan(saving(later, [], lambda each: each.seconds).value)


def test_a_paired_saving_counts_the_items_that_both_have():
    with_ = [row("t", 1, f"i{at}", f"p{at}", 5.0, 2.0 + at) for at in range(5)]
    without = [row("u", 1, f"i{at}", f"p{at}", 5.0, 4.0 + 2 * at) for at in range(1, 6)]
    value = paired_saving(with_, without, lambda each: each.correction)
    assert value.value == value.low == value.high == pytest.approx(0.5)


def test_a_round_is_told_beside_its_dice_and_ef_error():
    rows = [row("a", 0, "h", "p", 100.0), row("a", 1, "i", "q", 10.0), row("a", 1, "j", "r", 30.0)]
    _, second = round_sums(rows)
    assert (second.items, second.patients, second.frames) == (2, 2, 4)
    assert (second.seconds.value, second.saving.value) == (10.0, pytest.approx(0.8))
    assert (second.dice.value, second.ef_error.value, second.untouched.value) == (0.9, 1.0, 0.5)
