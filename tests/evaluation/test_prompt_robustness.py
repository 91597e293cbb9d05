"""Clicks where the error is largest, boxes that are off, other seed frames."""

from types import SimpleNamespace

import numpy as np
import pytest

from echoseg.datasets.case import Case
from echoseg.evaluation import robustness
from echoseg.evaluation.clicks import click_until_good, clicks_needed, dice_by_click, next_click
from echoseg.evaluation.prompts import score_prompts, write_prompt_scores
from echoseg.evaluation.robustness import dice_by_seed_frame, jittered
from echoseg.metrics.overlap import dice
from echoseg.types import Box


def blank():
    return np.zeros((60, 80), bool)


def disk(row, col, radius):
    y, x = np.indices((60, 80))
    return (y - row) ** 2 + (x - col) ** 2 <= radius**2


def test_the_first_click_is_the_middle_of_the_object():
    click = next_click(blank(), disk(30, 20, 9))
    assert (click.xy.tolist(), click.labels.tolist()) == ([[20.5, 30.5]], [1])


def test_the_next_click_is_in_the_largest_error_inside_or_outside():
    truth = disk(30, 20, 9)
    assert next_click(truth | disk(30, 60, 5), truth).labels.tolist() == [0]
    click = next_click(truth | disk(30, 60, 5), truth | disk(10, 70, 7))
    assert (click.xy.tolist(), click.labels.tolist()) == ([[70.5, 10.5]], [1])


def test_a_click_lies_within_the_error_even_where_that_is_a_ring():
    truth = disk(30, 40, 20)
    x, y = next_click(disk(30, 40, 15), truth).xy[0]
    assert truth[int(y), int(x)]
    assert not disk(30, 40, 15)[int(y), int(x)]


def test_equal_masks_need_no_click():
    assert next_click(disk(30, 20, 9), disk(30, 20, 9)) is None


class Annotator:
    """A model that paints (or wipes) a disk of radius 8 at each click."""

    def __init__(self):
        self.calls = []

    def prompt(self, object_id, frame, click):
        self.mask = blank()
        return self.correct(object_id, frame, click, "prompt")

    def correct(self, object_id, frame, click, kind="correct"):
        self.calls.append((kind, object_id, frame))
        x, y = click.xy[0]
        brush = disk(int(y), int(x), 8)
        self.mask = self.mask | brush if click.labels[0] else self.mask & ~brush
        return SimpleNamespace(masks={1: self.mask})


def test_clicking_goes_on_until_the_mask_is_good():
    annotator, truth = Annotator(), disk(20, 20, 8) | disk(40, 60, 8)
    assert click_until_good(annotator, 3, truth) == [pytest.approx(2 / 3, abs=0.01), 1]
    assert annotator.calls == [("prompt", 1, 3), ("correct", 1, 3)]


def test_clicking_gives_up_after_twenty():
    class Stubborn(Annotator):
        def correct(self, *arguments):
            super().correct(*arguments)
            return SimpleNamespace(masks={1: blank()})

    reached = click_until_good(Stubborn(), 0, disk(20, 20, 8))
    assert reached == [0.0] * 20
    assert clicks_needed(reached) == 20


def test_clicks_are_counted_until_the_target():
    assert clicks_needed([0.5, 0.89, 0.9]) == 3
    assert dice_by_click([0.5, 0.4, 0.9], most=5).tolist() == [0.5, 0.5, 0.9, 0.9, 0.9]


def test_a_jittered_box_moves_each_side_by_up_to_its_share():
    box, rng = Box(20, 10, 60, 30), np.random.default_rng(0)
    corners = np.array([[b.x0, b.y0, b.x1, b.y1] for b in (jittered(box, 0.2, (60, 80), rng) for _ in range(500))])
    off = np.abs(corners - [20, 10, 60, 30]).max(axis=0)
    assert off == pytest.approx([8, 4, 8, 4], rel=0.05)
    assert (off <= [8, 4, 8, 4]).all()
    assert jittered(box, 0.0, (60, 80), rng) == box


def test_a_jittered_box_stays_in_the_frame():
    rng = np.random.default_rng(0)
    boxes = [jittered(Box(0, 0, 80, 60), 0.2, (60, 80), rng) for _ in range(50)]
    assert all(b.x0 >= 0 and b.y0 >= 0 and b.x1 <= 80 and b.y1 <= 60 for b in boxes)


def clip(frames=5, shown=(0, 1, 2, 3, 4)):
    lv = np.stack([disk(30, 40, 20 - i) if i in shown else blank() for i in range(frames)])
    return Case("clip", "patient", np.where(lv, 20, 160).astype(np.uint8), lv.astype(np.uint8), {1: "LV"}, np.ones(frames, bool), fps=20.0)


def test_the_seed_frame_itself_does_not_count(monkeypatch):
    reference = clip(3, (0, 2))
    lv = reference.truth["LV"]

    def only_right_where_asked(source, box, model, frame_index):
        masks = np.zeros_like(lv, np.uint8)
        masks[frame_index] = lv[frame_index]
        masks[2 - frame_index] = disk(30, 40, 5)
        return SimpleNamespace(masks=masks)

    monkeypatch.setattr(robustness, "segment", only_right_where_asked)
    assert dice_by_seed_frame(reference, "LV", None) == {0.0: dice(disk(30, 40, 5), lv[2]), 1.0: dice(disk(30, 40, 5), lv[0])}


def test_a_still_has_no_seed_frame_to_choose():
    assert dice_by_seed_frame(clip(1, (0,)), "LV", None) == {}


def test_prompt_scores_of_a_model_are_complete_and_repeatable(micro_model, tmp_path):
    scores = score_prompts(clip(), micro_model)
    assert [score.setting for score in scores] == ["clicks", "box jitter", "seed frame"]
    clicks, jitter, seed = (score.measures for score in scores)
    assert list(clicks) == ["noc_90", "failed", *(f"dice_click_{i}" for i in range(1, 21))]
    assert 1 <= clicks["noc_90"] <= 20
    assert clicks["failed"] == (clicks["dice_click_20"] < 0.9)
    assert list(jitter) == ["dice_jitter_0", "dice_jitter_5", "dice_jitter_10", "dice_jitter_20"]
    assert seed["worst_seed"] <= seed["dice_seed"] <= seed["worst_seed"] + seed["spread_seed"]
    assert [score.measures for score in score_prompts(clip(), micro_model)] == [clicks, jitter, seed]
    assert sorted(path.name for path in write_prompt_scores(tmp_path, scores)) == ["cases.csv", "prompts.png", "summary.csv"]
    assert all((tmp_path / name).stat().st_size for name in ("cases.csv", "prompts.png", "summary.csv"))


def test_a_structure_that_is_not_there_has_no_scores(micro_model):
    assert score_prompts(clip(), micro_model, "LA") == []
