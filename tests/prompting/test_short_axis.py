"""How a head's answer becomes labels, prompts or a refusal, with a head that calls pixels by their grey value."""

from types import SimpleNamespace

import numpy as np
import pytest

from echoseg.errors import PromptError
from echoseg.io import open_source
from echoseg.prompting import short_axis as policy
from echoseg.prompting.short_axis import short_axis, short_axis_plan

MODEL = SimpleNamespace(config=SimpleNamespace(image_size=160))
GREYS = {1: 80, 2: 160, 3: 240}


def by_grey(_model, _head, slices):
    """Sure of a class where the grey is within 40 of its own."""
    near = [np.abs(slices.astype(int) - grey) < 40 for grey in GREYS.values()]
    classes = np.stack([~np.any(near, axis=0), *near], axis=1)
    return np.where(classes, np.float32(0.97), np.float32(0.01))


@pytest.fixture(autouse=True)
def head(monkeypatch, tmp_path):
    (tmp_path / "cine-mr.safetensors").write_bytes(b"")
    monkeypatch.setattr(policy, "head_shares", by_grey)
    monkeypatch.setattr(policy, "load_head", lambda model: None)
    monkeypatch.setattr(policy, "head_weights", lambda path: path.name)


def stack(ring=2, slices=6):
    """A cavity in a ring, another cavity beside it, all blocks of whole pixels."""
    labels = np.zeros((slices, 120, 90), np.uint8)
    labels[1:-1, 50:80, 40:70], labels[1:-1, 55:75, 45:65], labels[1:-1, 50:80, 22:38] = ring, 1, 3
    return labels, np.choose(labels, [0, *GREYS.values()]).astype(np.uint8)


def test_labels_come_back_where_they_lie_in_the_slice():
    labels, frames = stack()
    found = short_axis(MODEL, None, frames)
    for value in (1, 2, 3):
        both = ((found.labels == value) & (labels == value)).sum()
        assert 2 * both / ((found.labels == value).sum() + (labels == value).sum()) > 0.9
    assert found.plausible and (found.slices, found.right) == (4, 4)


def test_each_structure_becomes_masks_on_the_slices_that_show_it_and_stays_within_them():
    _, frames = stack()
    plan = short_axis_plan(open_source(frames, kind="volume"), MODEL, ("RV", "LV"))
    assert plan.names == {1: "RV", 2: "LV"}
    assert list(plan.prompts[1]) == list(plan.prompts[2]) == [1, 2, 3, 4]
    assert plan.extents == {1: (1, 5), 2: (1, 5)}
    assert plan.found_by == {"cine-mr": "cine-mr.safetensors"}


@pytest.mark.parametrize("frames", [stack(ring=0)[1], stack(slices=3)[1], np.zeros((6, 40, 40), np.uint8), stack(slices=41)[1]])
def test_what_does_not_look_like_a_short_axis_stack_is_refused(frames):
    with pytest.raises(PromptError, match="does not look like a short-axis stack.*give a box"):
        short_axis_plan(open_source(frames, kind="volume"), MODEL, ("LV",))


def test_a_structure_that_no_head_knows_is_named():
    with pytest.raises(PromptError, match="no LA is known in a volume"):
        short_axis_plan(open_source(stack()[1], kind="volume"), MODEL, ("LV", "LA"))
