import numpy as np
from typer.testing import CliRunner

from echoseg.cli.main import app
from echoseg.evaluation.views import SeenView, simulated_view_clips, view_accuracy
from echoseg.io.views import ViewAnswer
from echoseg.model.view_net import VIEWS


def seen(true, answer, share):
    return SeenView("c", true, ViewAnswer({name: share if name == answer else (1 - share) / 3 for name in VIEWS}))


def test_answers_are_counted_by_true_view_and_sure_ones_apart():
    counted = view_accuracy([seen("A4C", "A4C", 0.97), seen("A4C", "A2C", 0.5), seen("PSAX", "A3C", 0.95), seen("A2C", "A2C", 0.4)])
    assert counted.confusion.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert (counted.accuracy, counted.sure.sum(), counted.sure_and_wrong) == (0.5, 2, 1)


def test_simulated_clips_take_the_views_in_turn_the_same_every_time():
    first, second = ([(name, view, source.frame(0)) for name, view, source in simulated_view_clips(2)] for _ in range(2))
    assert [view for _, view, _ in first] == ["A4C", "A2C"]
    assert all(np.array_equal(a[2], b[2]) for a, b in zip(first, second, strict=True))


def test_the_command_prints_the_counts_and_refuses_a_view_that_is_none(tmp_path):
    done = CliRunner().invoke(app, ["eval", "view", "--count", "4", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "of 4 clips right" in done.output
    assert len((tmp_path / "views.csv").read_text().splitlines()) == 5
    assert CliRunner().invoke(app, ["eval", "view", "PLAX=clip.dcm"]).exit_code == 2
