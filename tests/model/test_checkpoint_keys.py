"""Parameter names and shapes of the published checkpoints, and what a wrong checkpoint is answered with."""

import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from echoseg.errors import WeightsError
from echoseg.model import REGISTRY, ConvTrunkConfig, SAM2Config, build_model, load_network

FOLDER = os.environ.get("ECHOSEG_ORACLE")
TINY = SAM2Config(
    "tiny-test",
    image_size=64,
    trunk=ConvTrunkConfig((8, 8, 16, 16), (1, 1, 1, 1)),
    d_model=32,
    embedding_stride=8,
    mem_dim=16,
    memory_layers=1,
    memory_ffn=32,
    decoder_mlp=32,
    decoder_heads=2,
    iou_hidden=16,
)


@pytest.mark.skipif(not FOLDER, reason="ECHOSEG_ORACLE is unset: no list of official parameter names")
@pytest.mark.parametrize("name", [name for name, config in REGISTRY.items() if config.weights is None])
def test_parameters_have_the_official_names_and_shapes(name):
    published = {"efficienttam-tiny": "efficienttam-tiny-512", "efficienttam-small": "efficienttam-small-512"}.get(name, name)
    official = json.loads((Path(str(FOLDER)) / "checkpoint_keys.json").read_text())[published]
    with torch.device("meta"):
        ours = {key: list(value.shape) for key, value in build_model(name).state_dict().items()}
    assert ours == official


@pytest.fixture
def state():
    torch.manual_seed(0)
    return build_model(TINY).state_dict()


def test_official_pt_layout_loads(tmp_path, state):
    torch.save({"model": state}, tmp_path / "official.pt")
    network, info = load_network(TINY, tmp_path / "official.pt")
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert info.file == "official.pt"
    assert info.sha256 == hashlib.sha256((tmp_path / "official.pt").read_bytes()).hexdigest()


def test_safetensors_load(tmp_path, state):
    save_file({key: value.contiguous().clone() for key, value in state.items()}, tmp_path / "w.safetensors")
    network, _ = load_network(TINY, tmp_path / "w.safetensors")
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_partial_checkpoint_names_what_is_missing_unexpected_and_misshaped(tmp_path, state):
    del state["no_obj_ptr"]
    state["extra.weight"] = torch.zeros(1)
    state["no_mem_embed"] = torch.zeros(1, 1, 5)
    torch.save(state, tmp_path / "partial.pt")
    said = r"1 missing: no_obj_ptr; 1 unexpected: extra\.weight; 1 mis-shaped: no_mem_embed is \(1, 1, 5\)"
    with pytest.raises(WeightsError, match=said):
        load_network(TINY, tmp_path / "partial.pt")


class _Payload:
    def __reduce__(self):
        return print, ("executed",)


def test_a_pickle_with_code_is_refused_and_not_executed(tmp_path, capsys):
    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"model": _Payload()}))
    with pytest.raises(WeightsError, match="tensors only"):
        load_network(TINY, tmp_path / "evil.pt")
    assert "executed" not in capsys.readouterr().out


def test_an_array_given_as_weights_is_refused_without_unsafe_advice(tmp_path):
    np.save(tmp_path / "s.npy", np.zeros(3))
    with pytest.raises(WeightsError, match="something other than tensors, or is not a checkpoint") as caught:
        load_network(TINY, tmp_path / "s.npy")
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("content", [b"hello world, not weights", b"12", b"\x80\x02}q\x00.", b"PK\x03\x04"])
def test_bytes_of_another_kind_are_an_error_in_words(tmp_path, content):
    (tmp_path / "notes.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=r"notes\.pt (cannot be read as weights|does not hold a state dict)"):
        load_network(TINY, tmp_path / "notes.pt")


def test_names_that_are_no_text_are_no_state_dict(tmp_path):
    torch.save({1: torch.zeros(2)}, tmp_path / "numbered.pt")
    with pytest.raises(WeightsError, match="does not hold a state dict"):
        load_network(TINY, tmp_path / "numbered.pt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda value: value / 0, r"not finite \(no_obj_ptr\): its training failed"),
        (lambda value: value.to(torch.int8), r"1 of another kind: no_obj_ptr is torch\.int8"),
        (lambda value: value.to(torch.complex64), r"1 of another kind: no_obj_ptr is torch\.complex64"),
        (lambda value: value.to_sparse(), r"1 of another kind: no_obj_ptr is torch\.float32, torch\.sparse_coo"),
    ],
)
def test_values_that_are_no_numbers_of_a_network_are_refused(tmp_path, state, change, said):
    state["no_obj_ptr"] = change(state["no_obj_ptr"])
    torch.save(state, tmp_path / "odd.pt")
    with pytest.raises(WeightsError, match=said):
        load_network(TINY, tmp_path / "odd.pt")


@pytest.mark.parametrize("name", ["cut.pt", "cut.safetensors"])
def test_a_cut_file_is_named_as_such(tmp_path, state, name):
    path = tmp_path / name
    torch.save({"model": state}, path) if name.endswith(".pt") else save_file({k: v.clone() for k, v in state.items()}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WeightsError, match=r"cannot be read as weights"):
        load_network(TINY, path)


def test_missing_weights_say_where_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHOSEG_WEIGHTS", str(tmp_path))
    with pytest.raises(
        WeightsError, match=r"no weights ship for medsam2.*weights pull medsam2.*wanglab/MedSAM2.*weights import MedSAM2_latest"
    ):
        load_network("medsam2")
