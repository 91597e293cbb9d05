"""A traced folder is evaluated: what was prompted is not scored, what cannot be compared is told, EF is paired with the list's."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from echoseg.datasets.echonet import cavity, read_traced_folder
from echoseg.errors import PromptError, SourceError
from echoseg.evaluation.tracings import paired_ef, score_video, write_traced_scores
from echoseg.prompting.plan import Plan
from echoseg.types import Geometry, Segmentation, Timing
from tests.evaluation.traced_folders import traced_frames, write_traced


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets") / "set"
    return SimpleNamespace(root=root, made=write_traced(root, 1, 16, 64))


@pytest.fixture
def video(clips):
    (video,) = read_traced_folder(clips.root).videos
    return video


def truth(video, frames=16, size=(64, 64)):
    """``(T, H, W)``: the tracings on their frames."""
    masks = np.zeros((frames, *size), np.uint8)
    for frame, outline in video.outlines.items():
        masks[frame] = cavity(outline, size)
    return masks


class Runner:
    """Stands in for the pipeline: notes the prompt, answers with the given masks and EF; tracking did not reach the frames ``missed``."""

    def __init__(self, masks, ef=50.0, reason=None, missed=()):
        self.masks, self.ef, self.prompts, self.missed = masks, {"value": ef, "reason": reason}, [], list(missed)

    def __call__(self, source, prompt):
        self.prompts.append(prompt)
        scores = np.where(np.isin(np.arange(len(self.masks)), self.missed), np.nan, np.ones(len(self.masks)))[:, None]
        segmentation = Segmentation(self.masks, scores, scores, (1,), {1: "LV"}, {1: (0,)}, Geometry(), Timing())
        return SimpleNamespace(segmentation=segmentation, measurements={"measures": {"ef": self.ef}}, view=None)


def test_simulated_tracings_mark_the_true_cavity(clips, video):
    (clip,) = clips.made
    assert set(video.outlines) == set(traced_frames(clip))
    for frame, outline in video.outlines.items():
        true = clip.masks[frame] == 1
        assert (cavity(outline, true.shape) != true).sum() <= 0.03 * true.sum()


def test_the_tracing_at_ed_is_the_prompt_and_the_other_one_is_scored(clips, video):
    ed, _ = traced_frames(clips.made[0])
    masks = truth(video)
    masks[ed] = 0  # would be seen, if it were scored
    runner = Runner(masks)
    score, notes = score_video(video, "tracings", runner)
    (plan,) = runner.prompts
    assert isinstance(plan, Plan)
    assert list(plan.prompts[1]) == [ed]
    assert (score.case, score.setting, score.measures["dice"], score.measures["dice_es"]) == ("SIM0", "tracings:ED", 1.0, 1.0)
    assert "dice_ed" not in score.measures
    assert notes == []


def test_tracings_that_are_all_prompts_leave_ef_alone_to_compare(video):
    score, _ = score_video(video, "tracings:all", Runner(truth(video), ef=40.0))
    assert not {"dice", "dice_ed", "dice_es"} & set(score.measures)
    assert score.measures["ef_error"] == pytest.approx(40.0 - video.ef)


def test_auto_is_scored_on_every_traced_frame(clips, video):
    ed, _ = traced_frames(clips.made[0])
    masks = truth(video)
    masks[ed] = 0
    runner = Runner(masks)
    score, _ = score_video(video, "auto", runner)
    assert runner.prompts == ["auto"]
    assert (score.measures["dice"], score.measures["dice_ed"], score.measures["dice_es"]) == (0.5, 0.0, 1.0)


def test_a_traced_frame_that_tracking_did_not_reach_is_told_and_not_scored(clips, video):
    _, es = traced_frames(clips.made[0])
    masks = truth(video)
    masks[es] = 0  # nothing was looked for there
    score, notes = score_video(video, "auto", Runner(masks, missed=[es]))
    assert (score.measures["dice"], score.measures["dice_ed"], "dice_es" in score.measures) == (1.0, 1.0, False)
    assert notes == [f"frame {es} is traced, but the direction of tracking did not reach it: not compared"]


def test_ef_is_compared_with_the_list_and_so_is_that_of_the_tracings(clips, video):
    score, _ = score_video(video, "auto", Runner(truth(video), ef=41.0))
    assert score.measures["ef_reference"] == video.ef
    assert score.measures["ef_error"] == pytest.approx(41.0 - video.ef)
    assert score.measures["ef_abs_error"] == pytest.approx(abs(41.0 - video.ef))
    ed, es = (int((clips.made[0].masks[frame] == 1).sum()) for frame in traced_frames(clips.made[0]))
    assert 100 * (1 - es / ed) < score.measures["ef_tracings"] < 100  # volume shrinks more than area


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fault": "VolumeTracings.csv, row 9: X1 is 'a', which is no number"}, "row 9: X1 is 'a'"),
        ({"path": "gone.avi"}, r"gone\.avi: is named in row 2 of FileList\.csv, but is not there"),
        ({"outlines": {16: np.eye(3, 2)}}, "frame 16 is traced, but the video has only 16"),
        ({"outlines": {3: 70 + 9 * np.eye(3, 2)}}, "the tracing of frame 3 marks no pixel of the 64 x 64; was the video resized?"),
    ],
)
def test_what_makes_a_video_impossible_is_a_source_error(video, changes, said):
    changes = {name: video.path.with_name(value) if name == "path" else value for name, value in changes.items()}
    with pytest.raises(SourceError, match=said):
        score_video(replace(video, **changes), "auto", Runner(truth(video)))


def test_a_video_without_tracings_cannot_be_prompted_by_them_but_runs_by_auto(video):
    bare = replace(video, outlines={})
    with pytest.raises(PromptError, match=r"no tracing of it to prompt with; --prompt auto needs none"):
        score_video(bare, "tracings", Runner(truth(video)))
    score, notes = score_video(bare, "auto", Runner(truth(video)))
    assert "dice" not in score.measures
    assert notes == ["not traced: its masks are compared with nothing"]


def test_a_missing_ef_is_told_and_left_out_of_the_agreement(video, tmp_path):
    unlisted, notes = score_video(replace(video, ef=None), "auto", Runner(truth(video)))
    assert notes == ["row 2 of FileList.csv has no EF: it is not in the agreement"]
    unmeasured, notes = score_video(video, "auto", Runner(truth(video), None, "no beat was found"))
    assert notes == ["no EF was measured: no beat was found"]
    whole, _ = score_video(video, "auto", Runner(truth(video)))
    paired = paired_ef([replace(unlisted, case="a"), replace(unmeasured, case="b"), *[replace(whole, case=name) for name in "cde"]])
    assert (paired.keys, paired.unreferenced, paired.unpredicted) == (("c", "d", "e"), ("a",), ("b",))
    assert not (tmp_path / "ef").exists()
    write_traced_scores(tmp_path, [whole, unlisted, unmeasured])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "summary.csv"]


def test_the_agreement_of_an_earlier_evaluation_does_not_stay_beside_new_tables(video, tmp_path):
    score, _ = score_video(video, "auto", Runner(truth(video)))
    write_traced_scores(tmp_path, [replace(score, case=name) for name in "abc"])
    assert len(list((tmp_path / "ef").iterdir())) == 5
    write_traced_scores(tmp_path, [score])
    assert not (tmp_path / "ef").exists()
