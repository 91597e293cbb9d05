"""One clip as different kinds of files, arrays and streams."""

import json

import jsonschema
import nibabel
import numpy as np
import pytest

import echoseg
from echoseg.record.documents import Measurements

PHASES = {"ed.png", "es.png"}
CLIP_FILES = {"measurements.json", "frames.csv", "masks.nii.gz", "overlay.mp4", "curve.png", "report.html", "report.png", *PHASES}
IMAGE_FILES = {"measurements.json", "frames.csv", "masks.nii.gz", "preview.png", "report.html"}


def codes(result):
    return {flag.code for flag in result.flags}


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.fixture(scope="module")
def from_array(frames, compact):
    return echoseg.segment(frames, model=compact)


@pytest.mark.parametrize(("kind", "fps", "reader"), [("mp4", 25, "decord"), ("gif", 25, None), ("folder", None, None), ("npy", None, None)])
def test_a_clip_gives_the_same_result_from_any_file(inputs, kind, fps, reader, tmp_path, compact, from_array):
    result = echoseg.run(getattr(inputs, kind), tmp_path, model=compact, reader=reader)
    assert result.directory == tmp_path / "beat"
    assert {path.name for path in result.directory.iterdir()} == CLIP_FILES
    record = json.loads(result.files["measurements.json"].read_text())
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(record)
    assert record["source"]["frames"] == 24 and record["source"]["fps"] == fps
    assert record["provenance"]["options"].get("reader") == {"mp4": "decord", "gif": "pyav"}.get(kind)
    assert 5 < record["measures"]["ef"]["value"] < 90
    assert record["measures"]["edv"]["value"] is None and "spacing" in record["measures"]["edv"]["reason"]
    assert "spacing_missing" in codes(result)
    assert ("timing_missing" in codes(result)) == (fps is None)
    masks = result.segmentation.masks == 1
    if kind in ("folder", "npy"):
        np.testing.assert_array_equal(masks, from_array.masks == 1)
    else:  # compressed again
        assert overlap(masks, from_array.masks == 1) > 0.6


def test_one_image_gives_a_mask_and_no_ejection_fraction(inputs, tmp_path, compact):
    result = echoseg.run(inputs.png, tmp_path, model=compact)
    assert {path.name for path in result.directory.iterdir()} == IMAGE_FILES
    assert result.segmentation.masks.shape == (1, 240, 320)
    assert result.measurements["measures"]["ef"]["value"] is None
    assert result.measurements["measures"]["ef"]["reason"]
    assert "single_frame" in codes(result)
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(result.measurements)


def test_a_clip_of_one_frame_gives_a_mask_and_no_ejection_fraction(frames, tmp_path, compact):
    source = echoseg.open_source(frames[:1], kind="clip", name="short")
    result = echoseg.run(source, tmp_path, model=compact)
    assert {path.name for path in result.directory.iterdir()} == CLIP_FILES - PHASES
    assert result.segmentation.masks.shape == (1, 240, 320)
    assert result.measurements["measures"]["ef"]["value"] is None
    assert "single_frame" in codes(result)


@pytest.mark.parametrize("shape", [(6, 4, 4), (6, 4, 4, 3), (2, 1, 1)])
def test_tiny_frames_are_flagged(shape, tmp_path, compact):
    tiny = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    result = echoseg.run(tiny, tmp_path, model=compact)
    assert "small_frames" in codes(result)
    assert result.segmentation.masks.shape == shape[:3]


@pytest.mark.parametrize("level", [0, 255])
def test_a_clip_of_one_grey_is_flagged(level, tmp_path, compact):
    result = echoseg.run(np.full((10, 64, 80), level, dtype=np.uint8), tmp_path, model=compact)
    assert result.measurements["quality"] != "accept"
    if not result.segmentation.masks.any():
        assert result.measurements["measures"]["ef"]["value"] is None
        assert "object_absent_frames" in codes(result)


def test_what_the_user_knows_better_goes_into_the_result(inputs, tmp_path, compact):
    result = echoseg.run(inputs.npy, tmp_path, model=compact, spacing=(1.02, 0.5), fps=30, view="A2C")
    assert result.measurements["source"]["spacing_mm"] == [1.02, 0.5]
    assert result.measurements["measures"]["edv"]["value"] > 0
    assert "A2C" in result.measurements["measures"]["edv"]["method"]
    assert {"spacing_given", "fps_given"} <= codes(result)
    assert nibabel.load(result.files["masks.nii.gz"]).header.get_zooms() == pytest.approx((0.5, 1.02, 1 / 30), rel=1e-4)


def test_a_stream_is_run_forward_and_leaves_out_what_needs_a_second_reading(frames, tmp_path, compact):
    result = echoseg.run(iter(frames), tmp_path, model=compact, direction="forward")
    assert set(result.files) == CLIP_FILES - {"overlay.mp4"} - PHASES == {path.name for path in result.directory.iterdir()}
    assert len(result.segmentation.masks) == 24


def test_a_volume_gets_volume_files_with_its_geometry(tmp_path, micro_model):
    import SimpleITK as sitk

    scan = np.random.default_rng(0).integers(0, 255, (5, 24, 32), dtype=np.uint8)
    image = sitk.GetImageFromArray(scan)
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((-10, 20, 30))
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))
    result = echoseg.run(tmp_path / "scan.nii.gz", tmp_path / "out", "box:4,4,20,20@2", micro_model)
    assert {path.name for path in result.directory.iterdir()} == IMAGE_FILES
    assert result.directory.name == "scan"
    labels = sitk.ReadImage(str(result.files["masks.nii.gz"]))
    assert labels.GetSize() == image.GetSize()
    for got, wanted in (
        (labels.GetSpacing(), image.GetSpacing()),
        (labels.GetOrigin(), image.GetOrigin()),
        (labels.GetDirection(), image.GetDirection()),
    ):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    (entry,) = result.measurements["objects"]
    assert entry["volume_ml"] == pytest.approx(entry["voxels"] * 0.7 * 0.8 * 2.5 / 1000, abs=1e-3)
    assert result.measurements["measures"] == {}
