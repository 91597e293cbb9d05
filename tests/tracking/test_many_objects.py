"""Several objects at once, each as if it were alone; absent ones; leaving and coming later."""

import dataclasses

import numpy as np
import pytest
import torch

from echoseg import Box, MaskPrompt, Points, Session
from echoseg.errors import PromptError
from echoseg.types import ABSENT_LOGIT, Structure

BOXES = {1: Box(6, 8, 26, 28), 2: Box(30, 4, 50, 20), 7: Box(2, 20, 20, 38)}


@pytest.fixture
def blind_model(micro_model):
    """The model that sees no object anywhere."""
    network = type(micro_model.network)(micro_model.config).eval().requires_grad_(False)
    network.load_state_dict(micro_model.network.state_dict())
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(-30.0)
    return dataclasses.replace(micro_model, network=network)


def test_batched_objects_equal_single_ones(session_over, clip):
    together = session_over(clip)
    for object_id, box in BOXES.items():
        together.prompt(object_id, 4, box)
    batched = list(together.propagate("both"))
    for object_id, box in BOXES.items():
        alone = session_over(clip)
        alone.prompt(object_id, 4, box)
        for a, b in zip(batched, alone.propagate("both"), strict=True):
            # Batching may change the order of sums, no more.
            np.testing.assert_allclose(a.logits[object_id], b.logits[object_id], atol=1e-5)
            assert a.scores[object_id] == pytest.approx(b.scores[object_id], abs=1e-5)


def test_more_objects_than_one_batch_holds(session_over, clip):
    session, alone = session_over(clip), session_over(clip)
    for object_id in range(1, 19):
        session.prompt(object_id, 0, Box(object_id, 5, object_id + 20, 30))
    alone.prompt(18, 0, Box(18, 5, 38, 30))
    for a, b in zip(list(session.propagate("forward"))[:3], alone.propagate("forward"), strict=False):
        assert sorted(a.logits) == list(range(1, 19))
        np.testing.assert_allclose(a.logits[18], b.logits[18], atol=1e-5)


def test_objects_share_one_encoding_of_each_frame(session_over, clip, monkeypatch):
    session = session_over(clip)
    encoded = []
    encode = session.tracker.encode
    monkeypatch.setattr(session.tracker, "encode", lambda frame: (encoded.append(1), encode(frame))[1])
    for object_id, box in BOXES.items():
        session.prompt(object_id, 0, box)
    list(session.propagate("forward"))
    assert len(encoded) == len(clip)


def test_objects_prompted_on_different_frames_equal_single_ones(session_over, clip):
    together, alone = session_over(clip), session_over(clip)
    together.prompt(1, 0, BOXES[1])
    together.prompt(2, 4, BOXES[2])
    alone.prompt(1, 0, BOXES[1])
    for a, b in zip(together.propagate("forward"), alone.propagate("forward"), strict=True):
        assert sorted(a.logits) == [1, 2]
        np.testing.assert_allclose(a.logits[1], b.logits[1], atol=1e-5)


def test_an_object_added_later_leaves_the_others_alone(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 0, BOXES[1])
    before = list(session.propagate("forward"))
    session.prompt(2, 6, BOXES[2])
    after = list(session.propagate("forward"))
    assert session.object_ids == (1, 2)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a.logits[1], b.logits[1], atol=1e-5)
    assert 2 in after[6].logits


def test_an_object_added_later_can_be_propagated_from_its_frame(session_over, clip):
    session, fresh = session_over(clip), session_over(clip)
    session.prompt(1, 0, BOXES[1])
    list(session.propagate("forward"))
    session.prompt(2, 6, BOXES[2])
    fresh.prompt(2, 6, BOXES[2])
    continued = list(session.propagate("forward", start=6))
    assert [frame.index for frame in continued] == list(range(6, 12))
    for a, b in zip(continued, fresh.propagate("forward"), strict=True):
        np.testing.assert_allclose(a.logits[2], b.logits[2], atol=1e-5)


def test_reset_of_one_object_leaves_the_others_alone(session_over, clip):
    session, alone = session_over(clip), session_over(clip)
    for object_id in (1, 2):
        session.prompt(object_id, 0, BOXES[object_id])
    alone.prompt(1, 0, BOXES[1])
    list(session.propagate("forward"))
    session.reset(2)
    assert session.object_ids == (1,)
    frames = list(session.propagate("forward"))
    assert sorted(frames[5].logits) == [1]
    for a, b in zip(frames, alone.propagate("forward"), strict=True):
        np.testing.assert_allclose(a.logits[1], b.logits[1], atol=1e-5)
    with pytest.raises(PromptError, match="no object 2"):
        session.reset(2)


def test_reset_of_all_begins_anew(session_over, clip, assert_same):
    session, fresh = session_over(clip), session_over(clip)
    session.prompt(1, 7, BOXES[2])
    list(session.propagate("both"))
    session.reset()
    assert session.object_ids == ()
    for each in (session, fresh):
        each.prompt(1, 2, BOXES[1])
    assert_same(session.propagate("both"), fresh.propagate("both"))


def test_an_absent_object_has_an_empty_mask(blind_model, clip):
    session = Session(clip, blind_model)
    session.prompt(1, 0, BOXES[1])
    for frame in session.propagate("forward"):
        assert not frame.masks[1].any()
        assert (frame.logits[1] == ABSENT_LOGIT).all()
        assert frame.object_scores[1] < 0


def test_an_absent_object_may_return(micro_model, blind_model, clip):
    session = Session(clip, micro_model)
    session.prompt(1, 0, BOXES[1])
    frames = session.propagate("forward")
    assert next(frames).masks[1].any()
    session.tracker.network, seeing = blind_model.network, session.tracker.network
    assert not next(frames).masks[1].any()
    session.tracker.network = seeing
    assert next(frames).masks[1].any()


def test_a_given_mask_is_an_answer_even_where_the_model_sees_nothing(blind_model, clip):
    given = np.zeros(clip.shape[1:], dtype=bool)
    given[8:28, 10:30] = True
    answer = Session(clip, blind_model).prompt(1, 0, MaskPrompt(given))
    assert (answer.masks[1] & given).sum() / (answer.masks[1] | given).sum() > 0.9
    assert answer.scores[1] == 1.0


def test_a_structure_and_a_box_track_side_by_side(session_over, clip):
    session, alone = session_over(clip), session_over(clip)
    session.prompt(1, 0, Structure("LA"))
    session.prompt(2, 0, BOXES[2])
    alone.prompt(1, 0, Structure("LA"))
    for a, b in zip(session.propagate("forward"), alone.propagate("forward"), strict=True):
        np.testing.assert_allclose(a.logits[1], b.logits[1], atol=1e-5)


def test_structures_are_told_apart(session_over, clip):
    session = session_over(clip)
    lv, la = (session.preview(0, Structure(name)).mask for name in ("LV", "LA"))
    assert not torch.equal(lv, la)
    assert session.object_ids == ()  # a preview is not remembered


@pytest.mark.parametrize(
    ("prompts", "reason"),
    [
        ([Box(0, 0, 5, 5), Box(5, 5, 9, 9)], "one box"),
        ([Structure("LV"), Points([[5, 5]], [1])], "stands alone"),
        ([Structure("AORTA")], "no structure 'AORTA' .it knows: LV, LA, MYO, RV"),
        ([MaskPrompt(np.ones((40, 56))), MaskPrompt(np.ones((40, 56)))], "one mask"),
        ([MaskPrompt(np.ones((56, 40)))], r"shape \(56, 40\) but frames are \(40, 56\)"),
        ([Points([[57, 5]], [1])], "outside the 56 x 40 frame"),
        ([Points([[5, -1]], [1])], "outside"),
        ([Box(56, 0, 60, 5)], "outside"),
        ([], "no prompt"),
    ],
)
def test_prompts_that_do_not_fit_are_refused(session_over, clip, prompts, reason):
    session = session_over(clip)
    with pytest.raises(PromptError, match=reason):
        session.prompt(1, 0, prompts)
    assert session.object_ids == ()


@pytest.mark.parametrize("object_id", [0, -1, 256])
def test_object_ids_fit_a_label_map(session_over, clip, object_id):
    with pytest.raises(PromptError, match="1 to 255"):
        session_over(clip).prompt(object_id, 0, BOXES[1])


def test_a_box_may_reach_beyond_the_frame(session_over, clip):
    assert session_over(clip).prompt(1, 0, Box(-5, -5, 30, 30)).masks[1].any()
