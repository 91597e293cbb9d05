"""Weights are imported or pulled once; from then on a model is found by its name."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from echoseg.errors import ModelConfigError, OutputError, WeightsError
from echoseg.model import (
    REGISTRY,
    ConvTrunkConfig,
    Published,
    SAM2Config,
    build_model,
    import_weights,
    installed_weights,
    load_model,
    pull_weights,
    weights_folder,
)
from echoseg.model.recognise import recognise

FOLDER = os.environ.get("ECHOSEG_ORACLE")
SMALL = SAM2Config(
    "small-512",
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
    licence="CC-BY-4.0",
    origin="a lab",
    published=Published("lab/small", "Small_latest.pt"),
)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty folder of weights, and a registry of two models that no parameter tells apart and one of another architecture."""
    monkeypatch.setenv("ECHOSEG_WEIGHTS", str(tmp_path / "weights"))
    for name in reversed(list(REGISTRY)):  # put back in the opposite order, which is their own
        monkeypatch.delitem(REGISTRY, name)
    others = replace(SMALL, name="small-1024", image_size=128, published=None), replace(SMALL, name="wide", memory_ffn=64, published=None)
    for config in (SMALL, *others):
        monkeypatch.setitem(REGISTRY, config.name, config)
    return tmp_path / "weights"


@pytest.fixture
def state():
    torch.manual_seed(0)
    return build_model(SMALL).state_dict()


@pytest.fixture
def file(tmp_path, state):
    torch.save({"model": state}, tmp_path / "Small_latest.pt")
    return tmp_path / "Small_latest.pt"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def publish(monkeypatch, sha256):
    monkeypatch.setitem(REGISTRY, "small-512", replace(SMALL, published=Published("lab/small", "Small_latest.pt", sha256)))


def test_an_imported_file_is_found_by_the_name_of_its_model(file, state):
    import_weights(file)
    file.unlink()
    model = load_model("small-512", device="cpu")
    assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())
    assert not model.shipped


def test_it_runs_under_the_name_and_digest_of_the_file_that_was_given(file):
    given = load_model("small-512", weights=file, device="cpu").weights
    import_weights(file)
    assert load_model("small-512", device="cpu").weights == given


def test_the_published_file_is_recorded_with_its_licence_and_origin(file, monkeypatch):
    publish(monkeypatch, digest(file))
    assert import_weights(file) == installed_weights("small-512")
    record = json.loads((weights_folder() / "small-512.json").read_text())
    assert (record["name"], record["sha256"], record["size"]) == ("Small_latest.pt", digest(file), file.stat().st_size)
    assert (record["as_published"], record["licence"], record["origin"]) == (True, "CC-BY-4.0", "a lab")


def test_of_another_file_no_licence_is_claimed(file, monkeypatch):
    publish(monkeypatch, "0" * 64)
    record = import_weights(file)
    assert (record.as_published, record.licence, record.origin) == (False, None, "your file Small_latest.pt")


def test_the_only_architecture_that_fits_is_recognised(tmp_path):
    save_file(build_model(REGISTRY["wide"]).state_dict(), tmp_path / "w.safetensors")
    record = import_weights(tmp_path / "w.safetensors")
    assert record.model == "wide"
    assert record.path.suffix == ".safetensors"


def test_between_architectures_that_fit_alike_the_file_decides(state, monkeypatch):
    publish(monkeypatch, "1" * 64)
    assert recognise(state, "w.pt", "1" * 64).name == "small-512"
    assert recognise(state, "small_LATEST (1).pt", "2" * 64).name == "small-512"
    assert recognise(state, "my-small_1024-tuned.pt", "2" * 64).name == "small-1024"
    with pytest.raises(WeightsError, match=r"w\.pt fits small-512 and small-1024 alike.*--model small-512"):
        recognise(state, "w.pt", "2" * 64)


def test_a_name_that_is_given_goes_before_all_hints(file):
    assert import_weights(file, "small-1024").model == "small-1024"
    with pytest.raises(WeightsError, match="does not fit this model"):
        import_weights(file, "wide")
    with pytest.raises(ModelConfigError, match="no model named 'gone'"):
        import_weights(file, "gone")


@pytest.mark.skipif(not FOLDER, reason="ECHOSEG_ORACLE is unset: no list of official parameter names")
def test_official_files_are_recognised_by_parameters_and_name(monkeypatch):
    monkeypatch.undo()
    official = json.loads((Path(str(FOLDER)) / "checkpoint_keys.json").read_text())
    named = {"medsam2": "MedSAM2_US_Heart.pt", "sam2.1-tiny": "sam2.1_hiera_tiny.pt", "sam2.1-small": "x.pt", "sam2.1-large": "x.pt"}
    with torch.device("meta"):
        for model, file in named.items():
            assert recognise({key: torch.empty(shape) for key, shape in official[model].items()}, file, "").name == model


def test_what_fits_no_model_is_told_what_the_nearest_one_lacks(tmp_path, state, folder):
    del state["no_obj_ptr"]
    torch.save(state, tmp_path / "partial.pt")
    with pytest.raises(WeightsError, match=r"partial\.pt fits no model.*nearest, small-512:.*1 missing: no_obj_ptr"):
        import_weights(tmp_path / "partial.pt")
    assert not folder.exists()


def test_another_import_replaces_the_first_and_leaves_one_file(file, state, tmp_path):
    first = import_weights(file)
    state["no_obj_ptr"] += 1
    torch.save(state, tmp_path / "small_latest_2.pt")
    second = import_weights(tmp_path / "small_latest_2.pt")
    assert sorted(path.name for path in weights_folder().iterdir()) == sorted(("small-512.json", second.stored))
    assert first.stored != second.stored


def test_weights_that_ship_are_not_replaced(file, monkeypatch):
    monkeypatch.setitem(REGISTRY, "small-512", replace(SMALL, weights="compact.safetensors"))
    for get in (lambda: import_weights(file, "small-512"), lambda: pull_weights("small-512")):
        with pytest.raises(WeightsError, match="ship with echoseg; use weights of your own by --weights"):
            get()


def test_imported_weights_that_were_changed_or_lost_are_refused(file):
    stored = import_weights(file).path
    stored.write_bytes(stored.read_bytes() + b"x")
    with pytest.raises(WeightsError, match=r"is not what was imported.*import Small_latest\.pt again"):
        load_model("small-512")
    stored.unlink()
    with pytest.raises(WeightsError, match=r"are gone; import the weights again"):
        load_model("small-512")


@pytest.mark.parametrize("stored", ["../../other.pt", "/other.pt", "a/b.pt", ".hidden.pt"])
def test_a_record_cannot_lead_out_of_the_folder(file, stored):
    record = import_weights(file)
    (weights_folder() / "small-512.json").write_text(json.dumps(record.model_dump() | {"stored": stored}))
    with pytest.raises(WeightsError, match="cannot be read as a record of weights; import the weights again"):
        load_model("small-512")
    import_weights(file)
    assert installed_weights("small-512") == record


def test_a_folder_that_cannot_be_made_is_an_output_error(file, monkeypatch):
    monkeypatch.setenv("ECHOSEG_WEIGHTS", str(file / "weights"))
    with pytest.raises(OutputError, match="name another folder in ECHOSEG_WEIGHTS"):
        import_weights(file)


def test_without_the_variable_weights_lie_among_the_users_data(monkeypatch):
    monkeypatch.delenv("ECHOSEG_WEIGHTS")
    assert weights_folder().name == "weights"
    assert "echoseg" in weights_folder().parts


def test_pull_gets_the_published_file_and_imports_it(file, monkeypatch):
    publish(monkeypatch, digest(file))
    asked = []

    def download(*what):
        asked.append(what)
        return str(file)

    record = pull_weights("small-512", download)
    assert asked == [("lab/small", "Small_latest.pt")]
    assert (record.as_published, record.licence, record.sha256) == (True, "CC-BY-4.0", digest(file))
    assert load_model("small-512", device="cpu").weights.sha256 == digest(file)


def test_pull_downloads_nothing_when_the_published_file_is_here_and_repairs_what_is_damaged(file, monkeypatch):
    publish(monkeypatch, digest(file))
    by_hand = import_weights(file, "small-512")
    fetched = []
    assert pull_weights("small-512", lambda *what: fetched.append(what)) == by_hand and not fetched
    by_hand.path.unlink()
    assert pull_weights("small-512", lambda *what: fetched.append(what) or str(file)).path.is_file() and fetched


def test_pull_records_the_digest_where_none_is_known(file):
    record = pull_weights("small-512", lambda *what: str(file))
    assert (record.as_published, record.sha256) == (True, digest(file))


def test_pull_refuses_another_file_than_the_one_that_is_known(file, monkeypatch):
    publish(monkeypatch, "0" * 64)
    with pytest.raises(WeightsError, match=rf"has the sha256 {digest(file)}, but the file echoseg knows has {'0' * 64}"):
        pull_weights("small-512", lambda *what: str(file))
    assert installed_weights("small-512") is None


def test_pull_without_a_network_says_what_to_do_by_hand(monkeypatch, tmp_path):
    settings = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(settings, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(settings, "HF_HUB_CACHE", str(tmp_path / "cache"))
    publish(monkeypatch, "0" * 64)
    with pytest.raises(WeightsError) as caught:
        pull_weights("small-512")
    said = str(caught.value)
    assert said.startswith("small-512: Small_latest.pt cannot be downloaded (")
    assert f"download Small_latest.pt (sha256 {'0' * 64}) from the repository lab/small" in said
    assert "https://huggingface.co/lab/small/resolve/main/Small_latest.pt" in said
    assert said.endswith(f"then: echoseg weights import Small_latest.pt --model small-512 (which copies it to {weights_folder()}).")


def test_pull_without_the_hub_client_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(WeightsError, match=r"pip install 'echoseg\[hub\]'.*By hand: download Small_latest\.pt"):
        pull_weights("small-512")


def test_pull_of_what_nobody_publishes_is_refused():
    with pytest.raises(WeightsError, match=r"wide: no repository is known.*a lab.*weights import FILE --model wide"):
        pull_weights("wide")
