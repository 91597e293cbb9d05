import pytest
from safetensors import safe_open

from echoseg.errors import ModelConfigError
from echoseg.training.views import ViewTrainConfig, train_views, view_config

TINY = ViewTrainConfig(
    kind="view-classifier", name="tiny", seed=3, clips=4, frames=1, calibration=4, epochs=1, batch=4, options={"fps": (8, 9)}
)


def content(path):
    """Numbers and metadata; the order in which a file lists its metadata is nobody's."""
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name).tobytes() for name in file.keys()} | file.metadata()  # noqa: SIM118


def test_a_run_is_the_same_every_time_and_another_seed_is_another_run(tmp_path):
    told = []
    first = train_views(TINY, tmp_path / "a", lambda done, whole: told.append((done, whole)))
    again = train_views(TINY, tmp_path / "b")
    other = train_views(TINY.model_copy(update={"seed": 4, "calibration": 0}), tmp_path / "c")
    contents = [content(run.weights) for run in (first, again, other)]
    assert contents[0] == contents[1] != contents[2]
    assert first.step == 1
    assert told[-1] == (9, 9)


def test_a_config_of_masks_is_left_to_its_own_reader_and_a_wrong_key_is_named(tmp_path):
    assert view_config("configs/train/smoke.yaml") is None
    assert view_config(tmp_path / "missing.yaml") is None
    (tmp_path / "view.yaml").write_text("kind: view-classifier\nname: x\nepoch: 3\n")
    with pytest.raises(ModelConfigError, match="epoch"):
        view_config(tmp_path / "view.yaml")


def test_an_option_that_the_simulator_does_not_know_is_refused(tmp_path):
    with pytest.raises(ModelConfigError, match="wings"):
        train_views(TINY.model_copy(update={"options": {"wings": 2.0}}), tmp_path)


def test_the_shipped_config_is_valid():
    assert view_config("configs/train/view_sim.yaml").clips == 6000
