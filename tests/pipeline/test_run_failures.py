"""What cannot be done is said in one line, and nothing half-written stays behind."""

import csv
import errno
import json
import shutil

import numpy as np
import pytest
import torch

import echoseg
from echoseg import Box, results
from echoseg.datasets.demo import demo_clip
from echoseg.errors import EchosegError, OutputError, SourceError, WeightsError
from echoseg.io.seekable import sample_indices
from echoseg.model import build_model

BOX = Box(10, 10, 60, 60)


def broken(kind, folder):
    if kind == "truncated DICOM":
        path = folder / "clip.dcm"
        data = demo_clip().read_bytes()
        path.write_bytes(data[: len(data) * 6 // 10])
    elif kind == "zero-byte mp4":
        path = folder / "clip.mp4"
        path.write_bytes(b"")
    elif kind == "text called avi":
        path = folder / "clip.avi"
        path.write_text("This is not a video.\n" * 100)
    elif kind == "NaN array":
        path = folder / "clip.npy"
        np.save(path, np.full((4, 40, 40), np.nan))
    elif kind == "NaN that shows late":
        frames = np.random.default_rng(0).random((40, 40, 40))
        frames[next(index for index in range(20, 40) if index not in sample_indices(40, 16)), 3, 3] = np.nan
        path = folder / "clip.npy"
        np.save(path, frames)
    else:
        path = folder / "gone.mp4"
    return path


KINDS = ["truncated DICOM", "zero-byte mp4", "text called avi", "NaN array", "NaN that shows late", "missing"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_input_is_a_typed_error_and_exit_code_1(command, tmp_path, kind):
    path = broken(kind, tmp_path)
    done = command(path)
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr and "unexpected" not in done.stderr
    assert path.name in done.stderr or path.stem in done.stderr
    assert [entry.name for entry in done.out.iterdir()] == ["errors.csv"]
    with (done.out / "errors.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["path"] == str(path) and len(row["reason"]) > 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_input_raises_a_source_error_in_python(tmp_path, micro_model, kind):
    with pytest.raises(SourceError):
        echoseg.run(broken(kind, tmp_path), tmp_path / "out", model=micro_model)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_one_bad_input_does_not_take_the_good_one_with_it(command, inputs, tmp_path):
    done = command(broken("zero-byte mp4", tmp_path), inputs.png)
    assert done.exit_code == 1
    assert sorted(entry.name for entry in done.out.iterdir()) == ["errors.csv", "one"]
    assert (done.out / "one" / "masks.nii.gz").exists()


def test_the_same_name_twice_gets_a_number(inputs, tmp_path, micro_model):
    folders = [echoseg.run(inputs.png, tmp_path, BOX, micro_model).directory.name for _ in range(3)]
    assert folders == ["one", "one-2", "one-3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == folders
    assert len({json.loads((tmp_path / name / "measurements.json").read_text())["source"]["name"] for name in folders}) == 1


def test_a_file_in_the_way_counts_as_a_clash(inputs, tmp_path, micro_model):
    (tmp_path / "one").write_text("mine")
    assert echoseg.run(inputs.png, tmp_path, BOX, micro_model).directory.name == "one-2"
    assert (tmp_path / "one").read_text() == "mine"


def test_overwrite_replaces_the_earlier_result(inputs, tmp_path, micro_model):
    echoseg.run(inputs.png, tmp_path, BOX, micro_model)
    before = (tmp_path / "one").stat().st_ino
    result = echoseg.run(inputs.png, tmp_path, BOX, micro_model, overwrite=True)
    assert result.directory == tmp_path / "one"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert (tmp_path / "one").stat().st_ino != before
    (tmp_path / "one" / "note.txt").write_text("mine")
    assert echoseg.run(inputs.png, tmp_path, BOX, micro_model, overwrite=True).directory == tmp_path / "one-2"


def test_overwrite_keeps_a_folder_that_holds_the_input(inputs, tmp_path, micro_model):
    frames = tmp_path / "one"
    frames.mkdir()
    shutil.copy(inputs.png, frames / "0.png")
    folders = [echoseg.run(frames, tmp_path, BOX, micro_model, overwrite=True).directory.name for _ in range(2)]
    assert folders == ["one-2", "one-2"]
    assert [path.name for path in frames.iterdir()] == ["0.png"]
    shutil.copy(inputs.png, tmp_path / "one-2" / "one.png")
    assert echoseg.run(tmp_path / "one-2" / "one.png", tmp_path, BOX, micro_model, overwrite=True).directory.name == "one-3"


def test_overwrite_replaces_no_result_of_the_same_call_and_no_prompt(command, inputs, tmp_path):
    other = tmp_path / "other" / "one.png"
    other.parent.mkdir()
    shutil.copy(inputs.png, other)
    prompt = ("--prompt", "box:10,10,60,60", "--overwrite")
    for _ in range(2):
        done = command(inputs.png, other, *prompt)
        assert done.exit_code == 0, done.output
        assert sorted(path.name for path in done.out.iterdir()) == ["one", "one-2"]
    assert f"{done.out / 'one'} holds an input, results of this call" in done.stderr
    done = command(inputs.png, "--prompt", f"mask:{done.out / 'one' / 'masks.nii.gz'}@0", "--overwrite")
    assert done.exit_code == 0, done.output
    assert f"results are in {done.out / 'one-2'}" in done.stderr


@pytest.mark.parametrize(
    ("failure", "seen_as"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError),
        (OutputError("frames.csv cannot be written"), OutputError),
        (RuntimeError("a bug"), RuntimeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["disk full", "typed", "bug", "ctrl-c"],
)
def test_a_failure_while_writing_leaves_nothing(inputs, tmp_path, micro_model, monkeypatch, failure, seen_as):
    def fail(folder, *_):
        (folder / "measurements.json").write_text("{}")
        raise failure

    monkeypatch.setattr(results, "write_report", fail)
    with pytest.raises(seen_as):
        echoseg.run(inputs.png, tmp_path, BOX, micro_model)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_overwriting_leaves_the_earlier_result(inputs, tmp_path, micro_model, monkeypatch):
    echoseg.run(inputs.png, tmp_path, BOX, micro_model)
    before = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(results, "write_report", fail)
    with pytest.raises(OutputError, match="No space left"):
        echoseg.run(inputs.png, tmp_path, BOX, micro_model, overwrite=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()} == before


def test_an_output_folder_that_is_a_file_is_named(inputs, tmp_path, micro_model):
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        echoseg.run(inputs.png, tmp_path / "out", BOX, micro_model)


def test_a_list_of_paths_is_several_sources(inputs, tmp_path, micro_model):
    with pytest.raises(EchosegError, match="several sources"):
        echoseg.run([inputs.png, inputs.npy], tmp_path, BOX, micro_model)


@pytest.fixture(scope="module")
def partial_weights(tmp_path_factory):
    state = build_model("compact").state_dict()
    del state["no_mem_embed"]
    state["extra.weight"] = torch.zeros(1)
    state["no_obj_ptr"] = torch.zeros(1, 5)
    path = tmp_path_factory.mktemp("weights") / "partial.pt"
    torch.save({"model": state}, path)
    return path


def test_weights_that_do_not_fit_name_the_keys(command, inputs, partial_weights):
    done = command(inputs.npy, "--weights", partial_weights)
    assert done.exit_code == 2 and "Traceback" not in done.stderr
    for part in ("partial.pt", "1 missing: no_mem_embed", "1 unexpected: extra.weight", "no_obj_ptr is (1, 5) but should be (1, 96)"):
        assert part in done.stderr
    assert not done.out.exists() or list(done.out.iterdir()) == []


def test_a_model_without_weights_says_where_they_come_from(command, inputs):
    done = command(inputs.npy, "--model", "medsam2")
    assert done.exit_code == 2
    assert "wanglab/MedSAM2" in done.stderr and "--weights" in done.stderr


def test_weights_of_another_model_name_the_missing_keys(inputs, tmp_path, partial_weights):
    with pytest.raises(WeightsError, match=r"missing: .*image_encoder.trunk"):
        echoseg.run(inputs.npy, tmp_path, model="medsam2", weights=partial_weights)
