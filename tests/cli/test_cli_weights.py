"""`echoseg weights`: list, import and pull, on a small registry."""

import hashlib
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import echoseg.model
from echoseg.cli.main import app
from echoseg.model import REGISTRY, Published, build_model
from tests.model.test_imported_weights import SMALL


def invoke(*arguments):
    return CliRunner().invoke(app, ["weights", *(str(a) for a in arguments)])


@pytest.fixture
def file(monkeypatch, tmp_path):
    """Weights of the published model ``small``; the folder of weights is empty."""
    monkeypatch.setenv("ECHOSEG_WEIGHTS", str(tmp_path / "weights"))
    path = tmp_path / "Small_latest.pt"
    torch.save(build_model(SMALL).state_dict(), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    published = Published("lab/small", path.name, sha256)
    monkeypatch.setitem(REGISTRY, "small", replace(SMALL, name="small", terms="Ask the lab.", published=published))
    return path


def blocks(text):
    """The lines of each model, as one text, by the model's name."""
    found = {}
    for line in text.splitlines():
        if line[:1].strip():
            name = line.split()[0]
        found[name] = found.get(name, "") + " ".join(line.split()) + "\n"
    return found


def test_list_tells_licence_origin_and_how_to_get_what_is_not_here(file):
    done = invoke("list")
    assert done.exit_code == 0, done.output
    listed = blocks(done.stdout)
    assert set(REGISTRY) <= set(listed)
    assert "ship with echoseg: compact.safetensors" in listed["compact"]
    assert hashlib.sha256(echoseg.model.shipped_weights(REGISTRY["compact"]).read_bytes()).hexdigest() in listed["compact"]
    assert "licence CC-BY-NC-SA-4.0" in listed["compact"]
    assert "Non-commercial research only" in listed["compact"]
    assert "cite Leclerc et al. 2019" in listed["compact"]
    assert "licence Apache-2.0" in listed["compact-sim"]
    assert "told by view: CC-BY-NC-SA-4.0" in listed["compact"] and "told by view-sim: Apache-2.0" in listed["compact-sim"]
    assert "auto by cine-mr: CC-BY-NC-SA-4.0" in listed["compact-volume"] and "cine-mr" not in listed["compact-volume-sim"]
    assert "not here: echoseg weights pull medsam2" in listed["medsam2"]
    assert "licence CC-BY-SA-4.0, research and education only" in listed["medsam2"]
    assert "origin Bo Wang Lab, wanglab/MedSAM2 (MedSAM2_latest.pt)" in listed["medsam2"]
    assert "licence Apache-2.0" in listed["sam2.1-large"]
    assert "sha256" not in listed["medsam2"]


def test_import_prints_what_it_recorded_and_list_shows_it(file):
    done = invoke("import", file)
    assert done.exit_code == 0, done.output
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    for text in (sha256, "CC-BY-4.0", "a lab, as published", "Ask the lab."):
        assert text in done.stdout
    listed = blocks(invoke("list").stdout)["small"]
    assert "imported: Small_latest.pt" in listed
    assert f"sha256 {sha256}" in listed
    assert "published this file" in listed


def test_import_of_another_file_claims_no_licence(file, tmp_path):
    torch.save(build_model(SMALL).state_dict(), tmp_path / "small.pt")
    done = invoke("import", tmp_path / "small.pt")
    assert done.exit_code == 0, done.output
    assert "unknown; that of the published weights is CC-BY-4.0" in done.stdout
    listed = blocks(invoke("list").stdout)["small"]
    assert "published not this file" in listed
    assert "licence unknown; that of the published weights is CC-BY-4.0" in listed
    assert "origin your file small.pt" in listed


def test_where_no_digest_is_published_it_is_said_that_the_file_cannot_be_told(file, monkeypatch):
    published = replace(REGISTRY["small"].published, sha256=None)
    monkeypatch.setitem(REGISTRY, "small", replace(REGISTRY["small"], published=published))
    said = "published cannot be told: echoseg does not know the sha256 of the published file"
    assert said in " ".join(invoke("import", file, "--model", "small").stdout.split())
    assert said in blocks(invoke("list").stdout)["small"]


def test_square_brackets_in_a_name_are_no_markup(file):
    bracketed = file.rename(file.with_name("Small_latest [red].pt"))
    done = invoke("import", bracketed, "--model", "small")
    assert done.exit_code == 0, done.output
    assert "file Small_latest [red].pt," in " ".join(done.stdout.split())


def test_pull_fetches_through_the_hub_client(file, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(
        hub, "hf_hub_download", lambda repository, name: str(file) if (repository, name) == ("lab/small", file.name) else ""
    )
    done = invoke("pull", "small")
    assert done.exit_code == 0, done.output
    assert "a lab, as published" in done.stdout


def test_pull_that_fails_is_one_line_and_exit_code_1(file, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def offline(repository, name):
        raise ConnectionError("no network")

    monkeypatch.setattr(hub, "hf_hub_download", offline)
    done = invoke("pull", "small")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: small: Small_latest.pt cannot be downloaded (no network). By hand: download Small_latest.pt")
    assert invoke("pull", "nonsense").exit_code == 1


def test_list_goes_on_past_a_damaged_record(file, tmp_path):
    invoke("import", file)
    (tmp_path / "weights" / "small.json").write_text("{")
    done = invoke("list")
    assert done.exit_code == 0, done.output
    assert "damaged:" in blocks(done.stdout)["small"]


def test_export_writes_the_mean_of_what_it_is_given(tmp_path):
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path, value in zip(files, (1.0, 3.0), strict=True):
        save_file({"scale": torch.full((2,), value)}, path)
    out = tmp_path / "mean.safetensors"
    done = invoke("export", *files, "--out", out, "--shares", "3,1")
    assert done.exit_code == 0, done.output
    assert load_file(out)["scale"].tolist() == [1.5, 1.5]
    assert "--weights mean.safetensors" in done.stdout


@pytest.mark.parametrize(("out", "shares", "reason"), [("mean.pt", "1,1", ".safetensors"), ("mean.safetensors", "half", "1,1,2")])
def test_export_says_what_is_wrong_with_its_options(tmp_path, out, shares, reason):
    done = invoke("export", tmp_path / "a.safetensors", "--out", tmp_path / out, "--shares", shares)
    assert done.exit_code == 2 and reason in done.output
