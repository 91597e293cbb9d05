"""A study in a PACS, through a run, and its results back into the PACS: a real Orthanc, started here."""

from __future__ import annotations

import io
import os
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

import echoseg
from echoseg import Box
from echoseg.datasets.demo import demo_clip
from echoseg.errors import OutputError, SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.dicom.web import sources_at, store_instances
from echoseg.io.labels.dicom_seg import read_segmentation, segmentation_masks
from tests.dicom_objects import PATIENT, standard_errors, write_clip, write_series
from tests.pipeline.orthanc_server import Orthanc, running_orthanc


@pytest.fixture
def orthanc(tmp_path):
    (tmp_path / "orthanc").mkdir()
    with running_orthanc(tmp_path / "orthanc") as server:
        yield server


def stored(server: Orthanc, modality: str) -> list[pydicom.FileDataset]:
    """What the server holds of a modality, fetched without DICOMweb."""
    datasets = [pydicom.dcmread(io.BytesIO(content)) for content in server.files()]
    return [dataset for dataset in datasets if dataset.Modality == modality]


def masks_in_pacs(server: Orthanc, source_path: str | Path, tmp_path: Path) -> np.ndarray:
    """The label map of the one segmentation that the server holds, on the frames of a source."""
    (segmentation,) = stored(server, "SEG")
    segmentation.save_as(tmp_path / "from-pacs.dcm")
    with open_source(source_path) as source:
        masks = segmentation_masks(read_segmentation(tmp_path / "from-pacs.dcm"), source)
    return np.sum([segment * mask for segment, mask in masks.items()], axis=0)


@pytest.mark.slow
def test_the_demo_clip_goes_through_a_pacs_and_its_masks_come_back_equal(orthanc, micro_model, tmp_path):
    store_instances(orthanc.address, [demo_clip()])
    study = pydicom.dcmread(demo_clip(), stop_before_pixels=True).StudyInstanceUID
    address = f"{orthanc.address}/studies/{study}"
    result = echoseg.run(address, tmp_path / "out", prompt=Box(250, 60, 400, 300), model=micro_model, store=orthanc.address)
    masks = result.segmentation.masks
    assert 0 < (masks == 1).mean() < 1
    np.testing.assert_array_equal(masks_in_pacs(orthanc, demo_clip(), tmp_path), masks)
    np.testing.assert_array_equal(masks_in_pacs(orthanc, address, tmp_path), masks)
    (report,) = stored(orthanc, "SR")
    assert report.StudyInstanceUID == study and report.PatientID == stored(orthanc, "US")[0].PatientID
    assert study not in result.directory.name
    assert [standard_errors(result.files[name]) for name in ("seg.dcm", "sr.dcm")] == [[], []]


def test_a_clip_goes_through_a_pacs_and_a_second_run_adds_no_second_object(orthanc, micro_model, tmp_path):
    path = write_clip(tmp_path / "clip.dcm", np.random.default_rng(0).integers(0, 255, (5, 40, 40, 3), dtype=np.uint8))
    store_instances(orthanc.address, [path])
    address = f"{orthanc.address}/studies/{PATIENT['StudyInstanceUID']}"
    for _ in range(2):
        result = echoseg.run(address, tmp_path / "out", prompt=Box(5, 5, 30, 30), model=micro_model, store=orthanc.address)
    assert len(stored(orthanc, "SEG")) == len(stored(orthanc, "SR")) == 1
    np.testing.assert_array_equal(masks_in_pacs(orthanc, path, tmp_path), result.segmentation.masks)


def test_a_study_is_run_source_by_source(orthanc, command, tmp_path, frames):
    clips = [write_clip(tmp_path / f"{n}.dcm", frames[n : n + 6]) for n in (0, 4)]
    for number, path in enumerate(clips):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        dataset.save_as(path)
    slices = sorted(write_series(tmp_path / "ct", np.zeros((4, 40, 40), np.int16), SeriesInstanceUID="1.2.9").iterdir())
    store_instances(orthanc.address, [*clips, *slices])
    address = f"{orthanc.address}/studies/{PATIENT['StudyInstanceUID']}"
    assert len(sources_at(address)) == 3
    with pytest.raises(SourceError, match="holds 3 sources"):
        open_source(address)
    done = command(f"{address}/series/{PATIENT['SeriesInstanceUID']}", "--dicom")
    assert done.exit_code == 0, done.output
    folders = [path for path in done.out.iterdir() if path.is_dir()]
    assert len(folders) == 2 and all((folder / "seg.dcm").exists() for folder in folders)
    with open_source(f"{address}/series/1.2.9") as volume:
        assert (volume.kind, volume.stored_affine is not None) == ("volume", True)


def test_what_a_pacs_does_not_have_is_a_typed_error(orthanc, command, tmp_path):
    with pytest.raises(UnsupportedSourceError, match="unknown there"):
        open_source(f"{orthanc.address}/studies/1.2.3")
    with pytest.raises(SourceError, match="answers 404"):
        open_source(f"dicomweb+http://127.0.0.1:{orthanc.port}/nothing/studies/1.2.3")
    with pytest.raises(OutputError, match="answers 404"):
        store_instances(f"dicomweb+http://127.0.0.1:{orthanc.port}/nothing", [demo_clip()])
    done = command(f"{orthanc.address}/studies/1.2.3")
    assert done.exit_code == 1 and "unknown there" in (done.out / "errors.csv").read_text()


def test_results_of_other_files_cannot_be_stored(micro_model, tmp_path):
    with pytest.raises(OutputError, match="nothing to store"):
        echoseg.run(np.zeros((3, 40, 40), np.uint8), tmp_path, prompt=Box(1, 1, 9, 9), model=micro_model, store="dicomweb://pacs")
    assert list(tmp_path.iterdir()) == []


def test_fetched_files_are_gone_with_their_source(orthanc, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store_instances(orthanc.address, [write_clip(tmp_path / "clip.dcm", np.zeros((2, 40, 40, 3), np.uint8))])
    source = open_source(f"{orthanc.address}/studies/{PATIENT['StudyInstanceUID']}")
    ((path, _), _) = source.dicom_frames
    assert path.exists() and path.name == "000001.dcm"
    source.close()
    del source
    assert not path.parent.exists()


@pytest.fixture
def real_series(tmp_path) -> Path:
    """The 20 CT slices, whose export has stripped their UIDs; a PACS wants them back."""
    if "ECHOSEG_DATA" not in os.environ:
        pytest.skip("ECHOSEG_DATA is unset")
    folder = tmp_path / "ct"
    folder.mkdir()
    for number, path in enumerate(sorted((Path(os.environ["ECHOSEG_DATA"]) / "ct" / "totalsegmentator" / "example_ct_dicom").iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID, dataset.SOPClassUID = (
            dataset.file_meta.MediaStorageSOPInstanceUID,
            dataset.file_meta.MediaStorageSOPClassUID,
        )
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.PatientID = "1.2.3.1", "1.2.3.2", "P1"
        dataset.save_as(folder / f"{number}.dcm")
    return folder


@pytest.mark.slow
def test_a_ct_series_goes_through_a_pacs_and_its_masks_come_back_equal(orthanc, micro_model, real_series, tmp_path):
    store_instances(orthanc.address, sorted(real_series.iterdir()))
    address = f"{orthanc.address}/studies/1.2.3.1"
    result = echoseg.run(address, tmp_path / "out", prompt={1: {10: [Box(150, 150, 350, 330)]}}, model=micro_model, store=orthanc.address)
    masks = result.segmentation.masks
    assert len(masks) == 20 and 0 < (masks == 1).mean() < 1
    np.testing.assert_array_equal(masks_in_pacs(orthanc, real_series, tmp_path), masks)
    np.testing.assert_array_equal(masks_in_pacs(orthanc, address, tmp_path), masks)
    volume = highdicom.seg.segread(tmp_path / "from-pacs.dcm").get_volume(combine_segments=True, allow_missing_positions=True)
    assert int((volume.array == 1).sum()) == int((masks == 1).sum())
    (report,) = highdicom.sr.srread(result.files["sr.dcm"]).content.get_volumetric_roi_measurement_groups()
    volumes = [(m.value, m.unit.value) for m in report.get_measurements() if m.name.value == "118565006"]
    assert volumes == [(pytest.approx(result.measurements["objects"][0]["volume_ml"]), "mL")]
    assert [standard_errors(result.files[name]) for name in ("seg.dcm", "sr.dcm")] == [[], []]
