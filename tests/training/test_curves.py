"""The picture of a run's curves."""

import matplotlib.image
import pytest

from echoseg.training.curves import draw_curves


@pytest.fixture
def folder(tmp_path):
    rows = [f"{step},{'stills' if step <= 40 else 'clips'},{2 / step}" for step in range(20, 101, 20)]
    (tmp_path / "train.csv").write_text("\n".join(["step,stage,loss", *rows]) + "\n")
    return tmp_path


def test_without_a_log_there_is_no_picture(tmp_path):
    assert draw_curves(tmp_path) is None
    (tmp_path / "train.csv").write_text("step,stage,loss\n")
    assert draw_curves(tmp_path) is None
    assert not list(tmp_path.glob("*.png"))


def test_scores_add_a_panel_under_the_loss(folder):
    alone = matplotlib.image.imread(draw_curves(folder))
    (folder / "eval.csv").write_text("step,LV_box,score\n50,0.8,0.7\n100,0.9,0.8\n")
    both = matplotlib.image.imread(draw_curves(folder))
    assert both.shape[0] > 1.5 * alone.shape[0]
    assert sorted(path.name for path in folder.iterdir()) == ["curves.png", "eval.csv", "train.csv"]
