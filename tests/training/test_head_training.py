import nibabel
import numpy as np
import pytest
import torch
from safetensors import safe_open

from echoseg.errors import ModelConfigError, WeightsError
from echoseg.model import load_model
from echoseg.model.volumetric_head import CLASSES, head_shares, load_head
from echoseg.prompting.short_axis import short_axis
from echoseg.training.heads import HeadTrainConfig, head_config, head_loss, train_head, window_of


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two stacks of concentric discs: a bright cavity in a ring, another cavity beside it; RV 1, MYO 2, LV 3 as in ACDC."""
    root = tmp_path_factory.mktemp("stacks")
    y, x = np.mgrid[:64, :64]
    away = np.hypot(y - 32, x - 36)
    labels = np.where(away < 8, 3, np.where(away < 13, 2, np.where(np.hypot(y - 32, x - 18) < 7, 1, 0))).astype(np.uint8)
    image = np.choose(labels, [60, 220, 20, 200]).astype(np.uint8)
    for folder, slice_ in (("images", image), ("masks", labels)):
        (root / folder).mkdir()
        for name in "ab":
            nibabel.save(nibabel.Nifti1Image(np.stack([slice_.T] * 4, -1), np.eye(4)), root / folder / f"{name}.nii.gz")
    return root


@pytest.fixture
def tiny(data):
    return HeadTrainConfig(
        kind="volumetric-head",
        name="tiny",
        data=data,
        labels={1: "RV", 2: "MYO", 3: "LV"},
        licence="CC0-1.0",
        citation="nobody",
        slices=2,
        simulated=1,
        steps=2,
        keep=1,
    )


def test_a_run_is_the_same_every_time_and_says_what_it_learned_from(tiny, tmp_path):
    told = []
    runs = [train_head(tiny, tmp_path / name, lambda done, whole: told.append((done, whole))).weights for name in "ab"]
    with safe_open(runs[0], "np") as first, safe_open(runs[1], "np") as again:
        assert all((first.get_tensor(key) == again.get_tensor(key)).all() for key in first.keys())  # noqa: SIM118
        said = first.metadata()
    assert told[:2] == [(1, 2), (2, 2)]
    assert "CC-BY-NC-SA-4.0" in said["licence"] and "nobody" in said["citation"]
    assert str(tiny.data) not in said["config"]


def test_a_head_answers_on_its_own_encoder_and_refuses_another(tiny, tmp_path):
    weights = train_head(tiny, tmp_path).weights
    model = load_model(tiny.encoder, device="cpu")
    head = load_head(model, weights)
    shares = head_shares(model, head, np.zeros((3, 160, 160), np.uint8))
    assert shares.shape == (3, len(CLASSES), 160, 160)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    found = short_axis(model, head, np.zeros((3, 50, 70), np.uint8))
    assert found.labels.shape == (3, 50, 70) and not found.plausible
    with pytest.raises(WeightsError, match="another|has"):
        load_head(load_model("compact-volume-sim", device="cpu"), weights)


def test_the_loss_of_the_truth_is_about_nothing_and_that_of_a_shift_is_more():
    wanted = torch.zeros(2, 16, 16, dtype=torch.int64)
    wanted[:, 2:8, 2:8], wanted[:, 9:14, 2:8], wanted[:, 2:8, 9:14] = 1, 2, 3
    logits = 20 * torch.nn.functional.one_hot(wanted, 4).movedim(-1, 1).float()
    assert head_loss(logits, wanted) < 1e-3 < 1 < head_loss(logits.roll(4, dims=2), wanted)


def test_a_window_holds_the_heart_in_the_share_that_was_asked_for(tiny):
    labels = np.zeros((5, 64, 64), np.uint8)
    labels[:, 20:40, 30:50] = 1
    config = tiny.model_copy(update={"near": (0.5, 0.5), "far": (0.5, 0.5), "rotate": 0.0, "shift": 0.0})
    frames = np.full(labels.shape, 100, np.uint8)
    seen, wanted = window_of(frames, labels, 160, config, np.random.default_rng(0))
    assert seen.shape == wanted.shape == (2, 160, 160)
    assert (wanted == 1).sum() / 2 == pytest.approx(80 * 80, rel=0.03)


def test_a_config_of_masks_is_left_to_its_own_reader_and_a_wrong_key_is_named(tmp_path):
    assert head_config("configs/train/smoke.yaml") is None
    (tmp_path / "head.yaml").write_text("kind: volumetric-head\nname: x\nepoch: 3\n")
    with pytest.raises(ModelConfigError, match="epoch"):
        head_config(tmp_path / "head.yaml")


def test_the_config_in_the_tree_is_valid(monkeypatch):
    monkeypatch.setenv("ECHOSEG_TRAIN", "data")
    assert head_config("configs/train/cine-mr.yaml").steps == 3200
