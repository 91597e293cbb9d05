"""`echoseg eval` from the command line, and the examples of docs/how-to/evaluation.md."""

import csv
import re
import shlex
from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

import echoseg
from echoseg.cli.main import app
from echoseg.datasets import simulated
from echoseg.errors import PromptError
from echoseg.evaluation import dataset, dropouts
from echoseg.evaluation.dataset import score_reference
from tests.evaluation.reference_folders import write_camus, write_echonet, write_folders, write_lesion, write_sunnybrook
from tests.evaluation.traced_folders import write_traced

DOCS = (Path(__file__).parents[2] / "docs" / "how-to" / "evaluation.md").read_text(encoding="utf-8")
LABELS = np.zeros((4, 20, 24), np.uint8)
LABELS[1:3, 5:15, 6:16] = 1


def invoke(*arguments):
    return CliRunner().invoke(app, ["eval", *(str(a) for a in arguments)])


def write(folder, name, labels):
    folder.mkdir(exist_ok=True)
    image = nibabel.Nifti1Image(labels.T, np.diag([1.0, 1.0, 3.0, 1.0]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, folder / f"{name}.nii.gz")


@pytest.fixture
def cases(tmp_path, monkeypatch):
    """The working folder, with ``predictions`` of three cases, each moved by one column more than the one before, and their ``truth``."""
    monkeypatch.chdir(tmp_path)
    for moved, name in enumerate(("a", "b", "c")):
        write(tmp_path / "predictions", name, np.roll(LABELS, moved, axis=2))
        write(tmp_path / "truth", name, LABELS)
    return tmp_path


@pytest.fixture
def any_model(monkeypatch, micro_model):
    """Every name loads the micro model; simulated clips and volumes are small."""
    monkeypatch.setattr(echoseg, "load_model", lambda name, weights=None, device="auto", runtime="auto": micro_model, raising=False)
    whole = simulated.simulated_clips
    monkeypatch.setattr(simulated, "simulated_clips", lambda count: whole(min(count, 2), frames=4, size=48))
    losing = dropouts.dropped_clips
    monkeypatch.setattr(dropouts, "dropped_clips", lambda count, lost: losing(min(count, 2), lost=lost, size=48))
    volumes = simulated.simulated_volumes
    monkeypatch.setattr(simulated, "simulated_volumes", lambda count: volumes(count, slices=3, size=48))


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_seg_scores_folders_case_by_case_and_as_a_whole(cases):
    done = invoke("seg", "predictions", "truth", "--out", "scores")
    assert done.exit_code == 0, done.output
    assert [float(row["dice"]) for row in rows(cases / "scores" / "cases.csv")] == pytest.approx([1.0, 0.9, 0.8])
    summary = {row["measure"]: row for row in rows(cases / "scores" / "summary.csv")}
    assert (summary["dice"]["mean"], summary["dice"]["low"], summary["dice"]["high"]) == ("0.9", "0.8", "1")
    assert summary["hd95_mm"]["mean"] == "1"
    assert (cases / "scores" / "dice.png").read_bytes().startswith(b"\x89PNG")
    assert "0.900" in done.stdout
    assert "[0.800, 1.000]" in done.stdout
    assert "nsd 2mm" in done.stdout


def test_seg_takes_another_tolerance(cases):
    assert "nsd 0.5mm" in invoke("seg", "predictions/a.nii.gz", "truth/a.nii.gz", "--tolerance-mm", "0.5").stdout


def test_seg_goes_on_past_a_case_that_cannot_be_compared(cases):
    write(cases / "truth", "missing", LABELS)
    (cases / "predictions" / "b.nii.gz").write_bytes(b"damaged")
    done = invoke("seg", "predictions", "truth", "--out", "scores")
    assert done.exit_code == 1
    assert "missing: no prediction of that name in predictions" in done.stderr
    assert "b.nii.gz: not a readable NIfTI" in done.stderr
    assert "2 failed and are not in the means" in done.stderr
    assert [row["case"] for row in rows(cases / "scores" / "cases.csv")] == ["a", "c"]


def test_seg_of_nothing_is_one_line(cases):
    done = invoke("seg", "gone", "truth")
    assert (done.exit_code, done.stderr.strip()) == (1, "error: gone: no such file or folder; check the path")


def test_dataset_keeps_what_was_scored_before_a_damaged_file(tmp_path, any_model):
    write_lesion(tmp_path / "lesions")
    (tmp_path / "lesions" / "CT_Lesion_2.npz").write_bytes(b"damaged")
    done = invoke("dataset", "npz", tmp_path / "lesions", "--out", tmp_path)
    assert done.exit_code == 1
    assert "CT_Lesion_2.npz: not a readable array" in done.stderr
    assert {row["case"] for row in rows(tmp_path / "cases.csv")} == {"CT_Lesion_1"}


def test_dataset_goes_on_past_a_case_that_cannot_be_segmented(tmp_path, any_model, monkeypatch):
    def first_fails(reference, *arguments):
        if "000" in reference.name:
            raise PromptError("the box is too small")
        return score_reference(reference, *arguments)

    monkeypatch.setattr(dataset, "score_reference", first_fails)
    done = invoke("dataset", "simulated", "--count", "2", "--prompt", "box", "--out", tmp_path)
    assert done.exit_code == 1
    assert re.search(r"error: simulated_000_\w+: the box is too small", done.stderr)
    assert {row["case"][:13] for row in rows(tmp_path / "cases.csv")} == {"simulated_001"}


def test_dataset_scores_a_model_beside_the_baseline(tmp_path, any_model):
    done = invoke("dataset", "camus", write_camus(tmp_path / "camus"), "--out", tmp_path / "scores")
    assert done.exit_code == 0, done.output
    settings = {row["setting"] for row in rows(tmp_path / "scores" / "summary.csv")}
    assert settings == {f"{size}, {how}" for size in ("native", "224x224") for how in ("box", "auto", "ellipse in the true box")}
    assert len(rows(tmp_path / "scores" / "cases.csv")) == 2 * 2 * (3 + 3 + 3)


@pytest.mark.parametrize(
    ("name", "write_set", "setting"),
    [
        ("echonet", write_echonet, "auto"),
        ("npz", write_lesion, "ellipse, copied"),
        ("sunnybrook", write_sunnybrook, "box, copied"),
        ("folders", write_folders, "auto"),
    ],
)
def test_dataset_reads_the_other_sets(tmp_path, any_model, name, write_set, setting):
    done = invoke("dataset", name, write_set(tmp_path / name))
    assert done.exit_code == 0, done.output
    assert setting in done.stdout


def test_dataset_of_simulated_volumes_has_a_row_for_each_kind(tmp_path, any_model):
    done = invoke("dataset", "simulated-volumes", "--count", "3", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    found = {(row["setting"], row["label"]) for row in rows(tmp_path / "cases.csv")}
    assert {("lesion, box", "object"), ("organ, ellipse, copied", "object"), ("cine, box", "LV")} <= found


def test_dataset_asks_as_it_is_told(tmp_path, any_model):
    done = invoke("dataset", "simulated", "--prompt", "auto", "--count", "1", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert {row["setting"] for row in rows(tmp_path / "cases.csv")} == {"auto", "ellipse in the true box"}


def test_dropouts_compares_with_and_without_selection(tmp_path, any_model):
    done = invoke("dropouts", "--count", "2", "--lost", "2", "--iou", "0.4,0.9", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    found = {(row["setting"], row["label"]) for row in rows(tmp_path / "cases.csv")}
    memories = ("all frames", "IoU 0.4", "IoU 0.9")
    assert found == {(f"{prompt}, {memory}", kind) for prompt in ("box", "auto") for memory in memories for kind in ("black", "frozen")}
    assert "all" in {row["label"] for row in rows(tmp_path / "summary.csv")}
    assert "gain after" in done.stdout


def test_studies_have_a_row_over_all_kinds_of_hearts(tmp_path):
    done = invoke("study", "--count", "2", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    summary = {(row["setting"], row["label"], row["measure"]): row for row in rows(tmp_path / "summary.csv")}
    assert summary["truth, all", "biplane", "ef_error"]["cases"] == "2"
    errors = [float(row["ef_error"]) for row in rows(tmp_path / "cases.csv") if row["label"] == "biplane"]
    assert float(summary["truth, all", "biplane", "ef_error"]["mean"]) == pytest.approx(sum(errors) / 2, abs=1e-4)
    assert "truth, all" in done.stdout


def test_prompts_counts_clicks_and_jitters_boxes(tmp_path, any_model):
    done = invoke("prompts", write_camus(tmp_path / "camus"), "--dataset", "camus", "--out", tmp_path / "scores")
    assert done.exit_code == 0, done.output
    assert [row["setting"] for row in rows(tmp_path / "scores" / "cases.csv")] == ["clicks", "box jitter", "seed frame"]
    assert (tmp_path / "scores" / "prompts.png").read_bytes().startswith(b"\x89PNG")
    assert "noc 90" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("dataset", "camus"), "camus needs the folder of the set"),
        (("dataset", "simulated", "folder"), "simulated takes no PATH"),
        (("dataset", "nonsense"), "nonsense"),
        (("prompts", "--structure", "aorta"), "simulated shows no aorta"),
        (("dataset", "simulated", "--model", "nonsense"), "nonsense"),
        (("dropouts", "--iou", "0.5,2"), "the least predicted IoU lies in 0..1"),
        (("dropouts", "--iou", "x"), "Invalid value for --iou"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments, reason, request):
    if "--model" not in arguments:
        request.getfixturevalue("any_model")
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert reason in re.sub(r"\s+", " ", done.stderr)


@pytest.mark.parametrize("line", re.findall(r"^\$ echoseg eval (.+)$", DOCS, flags=re.MULTILINE))
def test_the_commands_of_the_documentation_run(line, cases, any_model):
    write_camus(cases / "camus")
    write_lesion(cases / "lesions")
    write_sunnybrook(cases / "sunnybrook", slices=1)
    write_folders(cases / "mine")
    write_traced(cases / "echonet", 1, 4, 48)
    done = invoke(*shlex.split(line, comments=True))
    assert done.exit_code == 0, done.output


def test_the_python_example_of_the_documentation_is_true(cases):
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, flags=re.DOTALL)
    exec(code, {})  # its assertions are the test
