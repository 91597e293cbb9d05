"""Graphs ship, are kept, and are made again when something is wrong with them."""

from dataclasses import replace

import pytest
import torch

from echoseg.model import ConvTrunkConfig, build_model, model_config
from echoseg.model.runtime import store
from echoseg.model.runtime.graphs import graphs
from echoseg.model.runtime.onnx import OnnxVerbs
from echoseg.model.runtime.store import SHIPPED, graph_key, graph_of, kept_path, shipped_folder, shipped_path

CONFIG = replace(
    model_config("compact"),
    name="tiny",
    image_size=32,
    d_model=16,
    mem_dim=8,
    trunk=ConvTrunkConfig((8, 8, 8, 8), (1, 1, 1, 1)),
    iou_hidden=8,
)
NAME = "encode_memory"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ECHOSEG_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def times_exported(monkeypatch):
    made = []
    export = store.exported
    monkeypatch.setattr(store, "exported", lambda graph, config: made.append(graph.name) or export(graph, config))
    return made


def test_graphs_of_the_models_that_ship_are_those_of_this_code():
    """After a change of the code they are traced from: ``make graphs``."""
    wanted = {shipped_path(model_config(name)) for name in SHIPPED}
    assert set(shipped_folder().glob("*.zip")) == wanted
    assert {name for name in SHIPPED if name.startswith("compact")} == {"compact", "compact-sim", "compact-volume", "compact-volume-sim"}


def test_shipped_graphs_need_no_export(cache, times_exported):
    for name in graphs(model_config("compact")):
        assert graph_of(model_config("compact"), name).weights
    assert times_exported == [] and list(cache.rglob("*")) == []


def test_a_graph_is_exported_once(cache, times_exported):
    first, second = (graph_of(CONFIG, NAME) for _ in range(2))
    assert first == second and times_exported == [NAME]
    assert [path.name for path in (cache / "graphs").iterdir()] == [kept_path(CONFIG, NAME).name]


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"", lambda content: bytes(100)])
def test_a_damaged_graph_is_made_again(cache, times_exported, damage):
    first = graph_of(CONFIG, NAME)
    path = kept_path(CONFIG, NAME)
    path.write_bytes(damage(path.read_bytes()))
    assert graph_of(CONFIG, NAME) == first and len(times_exported) == 2
    assert graph_of(CONFIG, NAME) == first and len(times_exported) == 2


def test_every_flipped_byte_of_a_graph_is_noticed(cache, times_exported):
    first = graph_of(CONFIG, NAME)
    path = kept_path(CONFIG, NAME)
    content = path.read_bytes()
    for at in range(40, len(content) - 200, len(content) // 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        assert graph_of(CONFIG, NAME) == first


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch, times_exported):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("ECHOSEG_CACHE", str(tmp_path / "file"))
    assert graph_of(CONFIG, NAME) == graph_of(CONFIG, NAME)
    assert len(times_exported) == 2


def test_what_decides_a_graph_is_in_its_key():
    key = graph_key(CONFIG)
    assert graph_key(replace(CONFIG, name="other", licence="another", mirror_prompted=False, dropout=0.3)) == key
    assert len({key, *(graph_key(replace(CONFIG, **{part: value})) for part, value in (("num_maskmem", 5), ("structures", ())))}) == 3
    assert graph_key(replace(CONFIG, trunk=ConvTrunkConfig((8, 8, 8, 8), (1, 1, 1, 2)))) != key


def test_a_graph_holds_no_weights_and_takes_any(cache):
    """Also weights that are alike, which an exporter would make one of."""
    content = graph_of(CONFIG, NAME).content
    network = build_model(CONFIG).requires_grad_(False)
    assert len(content) < 4 * sum(each.numel() for each in network.memory_encoder.parameters())
    for parameter in network.parameters():
        parameter.fill_(0.01)
    onnx = OnnxVerbs(network)
    inputs = torch.ones(1, 16, 4, 4), torch.ones(1, 1, 16, 16), torch.ones(1, 1), False
    torch.testing.assert_close(onnx.encode_memory(*inputs), network.encode_memory(*inputs))
    assert onnx.failure is None
