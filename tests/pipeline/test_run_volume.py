"""One run on a volume: the same command as for a clip, masks in the volume's own geometry, volume and diameters."""

import json

import jsonschema
import nibabel
import numpy as np
import pytest

import echoseg
from echoseg.options import VolumeOptions
from echoseg.record.documents import Measurements

SHAPE, RADIUS_MM, CENTRE = (96, 80, 14), 15.0, (45, 38, 7)
SPACING = (1.0, 1.25, 4.0)
# turned, flipped and off-centre: what comes out must lie where the image lies
AFFINE = np.array([[-0.8, 0.75, 0, 31.0], [0.6, 1.0, 0, -20.5], [0, 0, 4.0, 7.25], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def ball():
    """``(x, y, z)`` bool: a ball of 15 mm radius on an anisotropic grid."""
    grid = [(np.arange(n) - c) * mm for n, c, mm in zip(SHAPE, CENTRE, SPACING, strict=True)]
    x, y, z = np.meshgrid(*grid, indexing="ij")
    return x**2 + y**2 + z**2 <= RADIUS_MM**2


@pytest.fixture(scope="module")
def volume(ball, tmp_path_factory):
    path = tmp_path_factory.mktemp("volume") / "ball.nii.gz"
    noise = np.random.default_rng(0).normal(0, 8, SHAPE)
    image = nibabel.Nifti1Image((np.where(ball, 190, 70) + noise).astype(np.int16), AFFINE)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


@pytest.fixture(scope="module")
def box(volume):
    """On the middle slice, in the pixels of the frames; columns are x and rows y of the file."""
    x, y = (RADIUS_MM / mm for mm in SPACING[:2])
    with echoseg.open_source(volume) as source:
        assert source.size == (SHAPE[1], SHAPE[0])
    return echoseg.Box(CENTRE[0] + 0.5 - x, CENTRE[1] + 0.5 - y, CENTRE[0] + 0.5 + x, CENTRE[1] + 0.5 + y)


def test_a_box_gives_masks_in_the_files_geometry_volume_and_diameters(volume, ball, box, tmp_path, compact):
    result = echoseg.run(volume, tmp_path, box, compact, frame_index=7)
    assert {path.name for path in result.directory.iterdir()} == {
        *("measurements.json", "frames.csv", "masks.nii.gz", "preview.png", "report.html"),
    }
    masks = nibabel.load(result.files["masks.nii.gz"])
    np.testing.assert_allclose(masks.affine, AFFINE, atol=1e-5)
    found = np.asarray(masks.dataobj) == 1
    assert 2 * (found & ball).sum() / (found.sum() + ball.sum()) > 0.85
    record = json.loads(result.files["measurements.json"].read_text())
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(record)
    (item,) = record["objects"]
    assert item["name"] == "object 1", "nothing in a volume is taken for an LV"
    assert item["volume_ml"] == pytest.approx(found.sum() * np.prod(SPACING) / 1000, abs=1e-3)
    assert item["long_axis_mm"] == pytest.approx(2 * RADIUS_MM, rel=0.15)
    assert record["measures"] == {} and record["beats"] == []
    options = record["provenance"]["options"]
    assert (options["recipe"], options["stop_rules"]["object_score"]) == ("mask", 0.0)
    assert record["provenance"]["model"]["name"] == "compact-volume"


def test_a_3d_box_as_text_ends_where_it_says(volume, box, tmp_path, compact):
    text = f"box:{box.x0},{box.y0},6,{box.x1},{box.y1},9"
    result = echoseg.run(volume, tmp_path, text, compact, volume=VolumeOptions("box", stop=None))
    shown = np.flatnonzero(result.segmentation.masks.any(axis=(1, 2)))
    assert shown.tolist() == [6, 7, 8]
    assert result.segmentation.seeds == {1: (7,)}
    assert result.measurements["provenance"]["options"]["slices"] == {"1": [6, 9]}


def test_a_line_and_a_click_find_the_same_ball(volume, ball, tmp_path, compact):
    y = CENTRE[1] + 0.5
    line = f"recist:{CENTRE[0] - 14.5},{y},{CENTRE[0] + 15.5},{y}@7"
    click = echoseg.Point3D(CENTRE[0] + 0.5, y, 5)
    for prompt in (line, click):
        result = echoseg.run(volume, tmp_path, prompt, compact)
        found = np.asarray(nibabel.load(result.files["masks.nii.gz"]).dataobj) == 1
        assert 2 * (found & ball).sum() / (found.sum() + ball.sum()) > 0.8
    assert abs(result.segmentation.seeds[1][0] - CENTRE[2]) < abs(5 - CENTRE[2]), "prompted nearer to where the ball is widest"


def test_a_stream_of_a_volume_gives_the_same_masks_slice_by_slice(volume, box, compact):
    whole = echoseg.segment(volume, box, compact, frame_index=7)
    indices = []
    for frame in echoseg.stream(volume, box, compact, frame_index=7):
        indices.append(frame.index)
        np.testing.assert_array_equal(frame.label_map(), whole.masks[frame.index])
    assert indices == [*range(7, 14), *range(6, -1, -1)]


def test_auto_on_a_volume_names_the_prompts_to_give(volume, tmp_path, compact):
    with pytest.raises(echoseg.EchosegError, match="give a box, points, a mask or a RECIST line"):
        echoseg.run(volume, tmp_path, model=compact)
    assert not list(tmp_path.iterdir())
