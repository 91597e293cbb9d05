"""`echoseg measure`: label maps from anywhere give the numbers that their pixels hold, without a network."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from typer.testing import CliRunner

from echoseg.cli.main import app
from echoseg.errors import MeasureError, SourceError
from echoseg.io.labels.source import read_label_file
from echoseg.masks import MaskInput, mask_inputs, measure
from echoseg.options import Subject
from echoseg.record.documents import Measurements
from tests.study.conftest import NARROW, SHORT, beating

EF = 100 * (1 - NARROW**2 * SHORT)
EDV_ML = 2 / 3 * np.pi * 13**2 * 40 / 1000
CAMUS = Path(os.environ.get("ECHOSEG_DATA", "")) / "echo" / "camus"


def write_itk(path, labels, spacing=(1.0, 1.0, 1.0)):
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(spacing[: image.GetDimension()])
    sitk.WriteImage(image, str(path))
    return path


def write_clip(path, labels, spacing=1.0, fps=25.0, codes=0):
    image = nibabel.Nifti1Image(labels.T, np.diag([spacing, spacing, 1 / fps, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(None if codes == 0 else image.affine, codes)
    image.set_qform(None if codes == 0 else image.affine, codes)
    image.header.set_zooms((spacing, spacing, 1 / fps))
    nibabel.save(image, path)
    return path


def test_a_clip_of_masks_gives_what_a_run_gives_and_loads_no_network(tmp_path):
    path = write_clip(tmp_path / "corrected_a4c.nii.gz", beating(13.0))
    code = f"import echoseg, sys; echoseg.measure({str(path)!r}, {str(tmp_path / 'out')!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
    folder = tmp_path / "out" / "corrected_a4c"
    names = {path.name for path in folder.iterdir()}
    assert {"measurements.json", "frames.csv", "curve.png", "report.html", "report.png", "masks.nii.gz"} <= names
    record = json.loads((folder / "measurements.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(record)
    assert record["measures"]["ef"]["value"] == pytest.approx(EF, abs=1.5)
    assert record["measures"]["edv"]["value"] == pytest.approx(EDV_ML, rel=0.03)
    assert [(beat["ed"], beat["es"], beat["next_ed"]) for beat in record["beats"]] == [(0, 8, 16), (16, 24, 32)]
    assert record["provenance"]["model"] == {"name": None, "weights_sha256": None}
    assert (record["source"]["view"], record["source"]["view_from"]) == ("A4C", "guessed from the file name")
    assert not {"frames_not_tracked", "low_iou"} & {flag["code"] for flag in record["flags"]}
    with (folder / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["area_px"]) for row in rows] == (beating(13.0) == 1).sum(axis=(1, 2)).tolist()
    assert {row["iou_score"] for row in rows} == {""}


def test_phases_in_two_files_are_one_input():
    paths = [Path(f"x/p1_{view}_{phase}_gt.mhd") for view in ("2CH", "4CH") for phase in ("ED", "ES")]
    assert mask_inputs([*paths, Path("x/p2_4CH_ED.mhd"), Path("need.nii.gz")]) == [
        MaskInput("p1_2CH_gt", (paths[0], paths[1])),
        MaskInput("p1_4CH_gt", (paths[2], paths[3])),
        MaskInput("p2_4CH_ED", (Path("x/p2_4CH_ED.mhd"),)),
        MaskInput("need", (Path("need.nii.gz"),)),
    ]


def test_named_phases_are_used_as_they_are(tmp_path):
    labels = beating(13.0)
    write_itk(tmp_path / "a4c_ED.mha", labels[0]), write_itk(tmp_path / "a4c_ES.mha", labels[8])
    (given,) = mask_inputs([tmp_path / "a4c_ES.mha", tmp_path / "a4c_ED.mha"])
    result = measure(given, tmp_path / "out")
    assert result.directory.name == "a4c"
    assert [(beat.ed, beat.es) for beat in result.analysis.beats] == [(0, 1)]
    assert result.analysis.ef == pytest.approx(EF, abs=1.5)
    assert "phases_given" in {flag.code for flag in result.flags}


def test_a_clip_that_another_program_saved_as_a_volume_can_be_read_as_a_clip(tmp_path):
    path = write_clip(tmp_path / "slicer.nii.gz", beating(13.0), codes=1)
    assert read_label_file(path).source.kind == "volume"
    as_clip = read_label_file(path, "clip").source
    assert (as_clip.kind, as_clip.geometry.spacing, as_clip.geometry.affine) == ("clip", (1.0, 1.0), None)


def test_the_first_label_of_a_volume_is_no_ventricle(tmp_path):
    path = write_itk(tmp_path / "lesion.nrrd", np.ones((3, 40, 40), np.uint8), (0.5, 0.5, 2.0))
    (found,) = measure(path, tmp_path / "out").measurements["objects"]
    assert found["name"] == "label 1"


def test_a_volume_is_measured_in_ml(tmp_path):
    labels = np.zeros((5, 40, 40), np.uint8)
    labels[1:4, 10:20, 10:30] = 2
    result = measure(write_itk(tmp_path / "organ.nrrd", labels, (0.5, 0.5, 2.0)), tmp_path / "out", names={2: "liver"})
    (found,) = result.measurements["objects"]
    assert (found["name"], found["voxels"], found["volume_ml"]) == ("liver", 600, pytest.approx(0.3))


def test_masks_of_a_run_keep_names_and_view(tmp_path):
    folder = tmp_path / "p7"
    folder.mkdir()
    write_clip(folder / "masks.nii.gz", beating(13.0, atrium=True))
    objects = [{"id": 1, "name": "LV"}, {"id": 2, "name": "LA"}]
    (folder / "measurements.json").write_text(json.dumps({"objects": objects, "source": {"view": "A2C", "view_from": "given"}}))
    for given in (folder, folder / "masks.nii.gz"):
        file = read_label_file(given)
        assert (file.source.name, file.names, file.source.details["view"]) == ("p7", {1: "LV", 2: "LA"}, "A2C")


def test_pictures_geometry_and_timing_come_from_the_clip_that_was_drawn_on(tmp_path):
    labels = beating(13.0)
    np.save(tmp_path / "masks.npy", labels)
    np.save(tmp_path / "clip.npy", np.where(labels > 0, 30, 90).astype(np.uint8))
    result = measure(tmp_path / "masks.npy", tmp_path / "out", on=tmp_path / "clip.npy", spacing=(1.0, 1.0), fps=25.0)
    assert result.analysis.edv_ml == pytest.approx(EDV_ML, rel=0.03)
    assert result.analysis.hr_bpm == pytest.approx(93.75)
    np.save(tmp_path / "short.npy", labels[:5])
    with pytest.raises(SourceError, match="does not fit clip.npy"):
        measure(tmp_path / "short.npy", tmp_path / "out", on=tmp_path / "clip.npy")


def test_what_cannot_be_measured_is_refused(tmp_path):
    np.save(tmp_path / "empty.npy", np.zeros((3, 64, 64), np.uint8))
    np.save(tmp_path / "real.npy", np.full((3, 64, 64), 0.5))
    with pytest.raises(MeasureError, match="empty"):
        measure(tmp_path / "empty.npy", tmp_path / "out")
    with pytest.raises(SourceError, match="whole numbers"):
        measure(tmp_path / "real.npy", tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def invoke(*arguments):
    return CliRunner().invoke(app, ["measure", *map(str, arguments)])


@pytest.mark.parametrize("on", [False, True])
def test_masks_of_a_run_keep_the_view_that_the_classifier_saw(tmp_path, on):
    folder = tmp_path / "clip"
    folder.mkdir()
    write_clip(folder / "masks.nii.gz", beating(13.0))
    objects = [{"id": 1, "name": "LV"}]
    (folder / "measurements.json").write_text(json.dumps({"objects": objects, "source": {"view": "A2C", "view_from": "classifier"}}))
    np.save(tmp_path / "pictures.npy", beating(13.0) * 90)
    result = measure(folder, tmp_path / "out", on=tmp_path / "pictures.npy" if on else None)
    assert (result.view.name, result.view.origin) == ("A2C", "classifier")
    assert [flag.message for flag in result.flags if flag.code == "view_guessed"] == [
        "Nothing tells the view: the view classifier takes it for A2C."
    ]


@pytest.mark.parametrize("record", [{"source": 5}, {"source": {}, "objects": 5}, {"source": {}, "objects": [{"id": "x", "name": "LV"}]}])
def test_a_damaged_record_beside_the_masks_is_no_record(tmp_path, record):
    write_clip(tmp_path / "masks.nii.gz", beating(13.0))
    (tmp_path / "measurements.json").write_text(json.dumps(record))
    assert read_label_file(tmp_path).names == {}


def test_labels_that_are_not_in_the_map_are_told(tmp_path):
    np.save(tmp_path / "masks.npy", beating(13.0))
    with pytest.raises(MeasureError, match="none of the labels 9 is there; the label map holds 1"):
        measure(tmp_path / "masks.npy", tmp_path / "out", names={9: "LV"})


def test_other_structures_of_a_clip_are_measured_beside_its_ventricle(tmp_path):
    labels = beating(13.0)
    rows = labels.shape[1]
    labels[:, rows - 12 : rows - 2, 4:14] = 2
    labels[8::16, rows - 12 : rows - 7, 4:14] = 0
    path = write_clip(tmp_path / "p1_a4c.nii.gz", labels)
    result = measure(path, tmp_path / "out", names={1: "LV", 2: "RV"}, subject=Subject("F"))
    record = json.loads(result.files["measurements.json"].read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(record)
    fac = record["measures"]["rv_fac"]
    assert (fac["value"], fac["interval"], fac["reference"]["grade"]) == (50.0, [50.0, 50.0], "normal")
    assert record["measures"]["sphericity"]["value"] == pytest.approx(4 * 13**2 / 40**2, rel=0.05)
    assert "Sphericity index" in result.files["report.html"].read_text(encoding="utf-8")


def test_the_command_makes_a_study_of_two_views(tmp_path):
    for view, width in (("4CH", 13.0), ("2CH", 10.0)):
        for phase, frame in (("ED", 0), ("ES", 8)):
            write_itk(tmp_path / f"p1_{view}_{phase}_gt.mhd", beating(width)[frame])
    done = invoke(*sorted(tmp_path.glob("*.mhd")), "--out", tmp_path / "out", "--method", "camus-2019", "--sex", "F")
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "study.json").read_text(encoding="utf-8"))
    assert record["measures"]["edv"]["value"] == pytest.approx(EDV_ML * 10 / 13, rel=0.03)
    assert "camus-2019" in record["measures"]["ef"]["method"] and record["measures"]["ef"]["reference"]["sex"] == "F"


@pytest.mark.parametrize("masks", ["", "masks.nii.gz"])
def test_masks_of_two_runs_make_the_study_that_their_folders_make(tmp_path, masks):
    for view, width in (("a4c", 13.0), ("a2c", 10.0)):
        measure(write_clip(tmp_path / f"p1_{view}.nii.gz", beating(width)), tmp_path / "runs")
    done = invoke(*(tmp_path / "runs" / name / masks for name in ("p1_a4c", "p1_a2c")), "--out", tmp_path / "out")
    assert done.exit_code == 0 and done.stderr == "", done.output
    assert (tmp_path / "out" / "study.json").is_file()


def test_given_views_vouch_for_masks_of_two_folders(tmp_path):
    paths = []
    for folder, width in (("x", 13.0), ("y", 10.0)):
        (tmp_path / folder).mkdir()
        paths.append(write_clip(tmp_path / folder / "clip.nii.gz", beating(width)))
    done = invoke(*paths, "--views", "A4C,A2C", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "study.json").is_file()


@pytest.mark.parametrize("phase", ["ED", "ES"])
def test_a_row_of_a_table_of_views_may_name_either_phase(tmp_path, phase):
    paths = [write_itk(tmp_path / f"p1_{name}.mha", beating(13.0)[frame]) for name, frame in (("ED", 0), ("ES", 8))]
    (tmp_path / "views.csv").write_text(f"file,view\np1_{phase}.mha,A2C\n")
    assert invoke(*paths, "--views", tmp_path / "views.csv", "--out", tmp_path / "out").exit_code == 0
    source = json.loads((tmp_path / "out" / "p1" / "measurements.json").read_text())["source"]
    assert (source["view"], source["view_from"]) == ("A2C", "given")


def test_the_command_goes_on_past_an_input_that_fails(tmp_path):
    np.save(tmp_path / "empty.npy", np.zeros((3, 64, 64), np.uint8))
    done = invoke(tmp_path / "gone.npy", tmp_path / "empty.npy", "--out", tmp_path / "out")
    assert done.exit_code == 1
    with (tmp_path / "out" / "errors.csv").open(newline="") as file:
        assert ["no such file" in row["reason"] or "empty" in row["reason"] for row in csv.DictReader(file)] == [True, True]


def one_line(text):
    return " ".join(text.split())


@pytest.mark.parametrize("inside", [False, True])
def test_overwrite_never_deletes_the_masks_that_are_measured(tmp_path, inside):
    """Neither a folder of the user's nor the folder of an earlier run."""
    frames = tmp_path / "study" / "frames"
    frames.mkdir(parents=True)
    for index, labels in enumerate(beating(13.0)):
        Image.fromarray(labels * 255).save(frames / f"{index:02}.png")
    write_clip(tmp_path / "frames.nii.gz", beating(13.0))
    if inside:
        measure(tmp_path / "frames.nii.gz", tmp_path / "run")
    given, out = (tmp_path / "run" / "frames", tmp_path / "run") if inside else (frames, tmp_path / "study")
    before = {path.name: path.read_bytes() for path in given.iterdir()}
    for _ in range(2):
        done = invoke(given, "--out", out, "--overwrite", "--kind", "clip")
        assert done.exit_code == 0, done.output
        assert f"results are in {out / 'frames-2'}: {given} holds an input" in one_line(done.stderr)
    assert {path.name: path.read_bytes() for path in given.iterdir()} == before
    assert sorted(path.name for path in out.iterdir()) == ["frames", "frames-2"]


def test_overwrite_never_deletes_the_clip_that_masks_were_drawn_on(tmp_path):
    earlier = measure(write_clip(tmp_path / "clip.nii.gz", beating(13.0)), tmp_path / "out").directory
    np.save(earlier / "pictures.npy", np.where(beating(13.0) > 0, 30, 90).astype(np.uint8))
    done = invoke(tmp_path / "clip.nii.gz", "--on", earlier / "pictures.npy", "--out", tmp_path / "out", "--overwrite")
    assert done.exit_code == 0, done.output
    assert (earlier / "pictures.npy").is_file() and (tmp_path / "out" / "clip-2").is_dir()


def test_overwrite_replaces_no_results_of_the_same_call(tmp_path):
    for folder, width in (("x", 13.0), ("y", 10.0)):
        (tmp_path / folder).mkdir()
        write_clip(tmp_path / folder / "clip.nii.gz", beating(width))
    for _ in range(2):
        done = invoke(tmp_path / "x/clip.nii.gz", tmp_path / "y/clip.nii.gz", "--out", tmp_path / "out", "--overwrite")
        assert done.exit_code == 0, done.output
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip", "clip-2"]
    records = [json.loads((tmp_path / "out" / name / "measurements.json").read_text()) for name in ("clip", "clip-2")]
    assert records[0]["measures"]["edv"]["value"] > 1.2 * records[1]["measures"]["edv"]["value"]


def test_overwrite_replaces_no_further_input_of_the_call(tmp_path):
    earlier = measure(write_clip(tmp_path / "clip.nii.gz", beating(13.0)), tmp_path / "out").directory
    done = invoke(tmp_path / "clip.nii.gz", earlier / "masks.nii.gz", "--out", tmp_path / "out", "--overwrite")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip", "clip-2", "clip-3"]


def test_new_results_of_one_clip_of_a_study_put_it_out_of_date(tmp_path):
    paths = [write_clip(tmp_path / f"p1_{view}.nii.gz", beating(width)) for view, width in (("a4c", 13.0), ("a2c", 10.0))]
    out, told = tmp_path / "out", "study.json is out of date"
    both = [*paths, "--out", out, "--overwrite"]
    assert told not in one_line(invoke(*both).stderr)
    assert told in (said := one_line(invoke(paths[0], "--out", out, "--overwrite").stderr))
    assert f"{out / 'study.json'} is out of date" in said and "give all its clips (p1_a4c, p1_a2c) in one call with --overwrite" in said
    assert told not in one_line(invoke(*both).stderr)
    assert [path.name for path in out.glob("study*.json")] == ["study.json"]


@pytest.mark.parametrize("labels", ["LV", "LV=0", "LV=x", "=1", "LV=1,LA=1", "LV=1,LV=2"])
def test_labels_that_cannot_be_read_are_a_usage_error(tmp_path, labels):
    assert invoke("a.npy", "--out", tmp_path / "out", "--labels", labels).exit_code == 2


@pytest.mark.skipif(not CAMUS.is_dir(), reason="ECHOSEG_DATA is not set: no CAMUS masks to measure")
def test_human_masks_of_camus_give_the_published_values(tmp_path):
    folder = CAMUS / "patient0002"
    published = {key: float(value) for key, value in re.findall(r"(LV\w+): ([\d.]+)", (folder / "Info_4CH.cfg").read_text())}
    done = invoke(*sorted(folder.glob("*_gt.mhd")), "--labels", "LV=1,MYO=2,LA=3", "--out", tmp_path, "--method", "camus-2019")
    assert done.exit_code == 0, done.output
    measures = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["measures"]
    assert measures["ef"]["value"] == pytest.approx(published["LVef"], abs=1)
    assert measures["edv"]["value"] == pytest.approx(published["LVedv"], rel=0.03)
    assert measures["esv"]["value"] == pytest.approx(published["LVesv"], rel=0.03)
    assert measures["la_volume"]["value"] > 10
