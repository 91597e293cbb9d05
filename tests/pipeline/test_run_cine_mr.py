"""Cine MR through the same door: slices and phases are chosen, and nothing apical is assumed of them."""

import json

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file

import echoseg
from echoseg.errors import UnsupportedSourceError
from echoseg.prompting.plan import Plan

BOX = echoseg.Box(20, 20, 60, 60)


@pytest.fixture
def cine(tmp_path):
    """Two slices of three phases."""
    folder = tmp_path / "cine"
    folder.mkdir()
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.Modality = "MR"
    for k in range(2):
        for t in range(3):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.{k}.{t + 1}"
            dataset.ImagePositionPatient, dataset.TriggerTime = [0, 0, 8.0 * k], 40.0 * t
            dataset.save_as(folder / f"{k}{t}.dcm")
    return folder


@pytest.mark.parametrize("named", [False, True])
def test_a_slice_is_a_clip_without_apical_measures(tmp_path, cine, micro_model, named):
    prompt = Plan({1: {0: [BOX]}}, names={1: "LV"}) if named else BOX
    result = echoseg.run(cine, out=tmp_path / "out", prompt=prompt, model=micro_model, part="slice:1")
    record = json.loads((result.directory / "measurements.json").read_text())
    assert result.directory.name == "cine_slice01"
    assert (record["source"]["kind"], record["source"]["frames"], record["source"]["fps"]) == ("clip", 3, 25)
    assert record["objects"][0]["name"] == ("LV" if named else "object 1")
    assert (record["beats"], result.analysis, result.view) == ([], None, None)
    assert record["provenance"]["options"]["part"] == "slice:1"
    assert "percentile" in record["provenance"]["options"]["intensity"]


def test_a_phase_is_a_volume_in_the_geometry_of_its_slices(tmp_path, cine, micro_model):
    result = echoseg.run(cine, out=tmp_path / "out", prompt=BOX, model=micro_model, part="phase:2", window="200,400", format="nrrd")
    assert {"masks.nii.gz", "masks.nrrd"} <= set(result.files)
    source = SimpleITK.ReadImage([str(cine / "02.dcm"), str(cine / "12.dcm")])
    for name in ("masks.nii.gz", "masks.nrrd"):
        masks = SimpleITK.ReadImage(str(result.files[name]))
        assert masks.GetOrigin() == pytest.approx(source.GetOrigin(), abs=1e-6)
        assert masks.GetSpacing() == pytest.approx(source.GetSpacing(), rel=1e-6)
        assert masks.GetDirection() == pytest.approx(source.GetDirection(), abs=1e-6)
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(masks), result.segmentation.masks)
    assert nibabel.load(result.files["masks.nii.gz"]).shape == (128, 128, 2)
    assert result.measurements["provenance"]["options"]["intensity"] == "given: centre 200, width 400"


def test_nothing_is_written_until_a_part_is_chosen(tmp_path, cine, micro_model):
    with pytest.raises(UnsupportedSourceError, match="2 slices x 3 phases"):
        echoseg.run(cine, out=tmp_path / "out", prompt=BOX, model=micro_model)
    assert not (tmp_path / "out").exists()
