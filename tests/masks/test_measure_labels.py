"""`echoseg measure`: which label is which, and which view is shown."""

import json

import jsonschema
import numpy as np
import pytest

from echoseg.errors import MeasureError
from echoseg.masks import measure
from echoseg.record.documents import Measurements
from tests.masks.mask_files import foreign_nifti
from tests.study.conftest import beating

LABELS = beating(13.0)


def saved(path, labels=LABELS):
    np.save(path, labels)
    return path


def codes(result):
    return {flag.code for flag in result.flags}


def test_structures_are_known_in_any_case(tmp_path):
    path = saved(tmp_path / "masks.npy", beating(13.0, atrium=True) * 3)
    result = measure(path, tmp_path / "out", names={3: "lv", 6: "La"})
    assert list(result.segmentation.names.values()) == ["LV", "LA"]
    assert result.analysis is not None and "la_volume" in result.measurements["measures"]
    with pytest.raises(MeasureError, match="one name to several labels"):
        measure(path, tmp_path / "out", names={3: "lv", 6: "LV"})


@pytest.mark.parametrize("names", [None, {2: "LVendo"}])
def test_a_clip_without_a_left_ventricle_is_for_review(tmp_path, names):
    result = measure(saved(tmp_path / "masks.npy", LABELS * 2), tmp_path / "out", names=names)
    (flag,) = [flag for flag in result.flags if flag.code == "no_lv"]
    assert "--labels LV=2" in flag.message and ("LVendo" in flag.message) is (names is not None)
    record = json.loads(result.files["measurements.json"].read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(record)
    assert (record["quality"], record["measures"]) == ("review", {})


def test_masks_of_a_run_on_other_objects_lack_no_left_ventricle(tmp_path):
    folder = tmp_path / "p7"
    folder.mkdir()
    measure(saved(tmp_path / "masks.npy"), tmp_path / "run")
    (tmp_path / "run" / "masks" / "masks.nii.gz").rename(folder / "masks.nii.gz")
    record = {"objects": [{"id": 1, "name": "thrombus"}], "source": {"view": None, "view_from": None}}
    (folder / "measurements.json").write_text(json.dumps(record))
    assert "no_lv" not in codes(measure(folder, tmp_path / "out"))
    assert "no_lv" in codes(measure(folder, tmp_path / "out", names={1: "ventricle"}))


def test_a_volume_lacks_no_left_ventricle(tmp_path):
    path = foreign_nifti(tmp_path / "organ.nii.gz", LABELS, steps=(1, 1, 2), units=("mm", None))
    assert "no_lv" not in codes(measure(path, tmp_path / "out"))


@pytest.mark.parametrize(
    ("mask", "clip", "view"),
    [("label", "clipimg_a2c", ("A2C", True)), ("p1_a4c_gt", "clipimg_a2c", ("A4C", True)), ("label", "clip", ("A4C", False))],
)
def test_the_name_of_the_clip_tells_the_view_where_nothing_nearer_does(tmp_path, mask, clip, view):
    saved(tmp_path / f"{clip}.npy", LABELS * 90)
    result = measure(saved(tmp_path / f"{mask}.npy"), tmp_path / "out", on=tmp_path / f"{clip}.npy")
    assert (result.view.name, result.view.origin == "guessed from the file name") == view
    assert result.analysis.view == view[0]
