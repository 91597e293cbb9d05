"""What a run on a volume says of its objects: volume and diameters, in numbers, in the page and in the picture."""

from io import BytesIO

import jsonschema
import numpy as np
import pytest
from PIL import Image

from echoseg.io import open_source
from echoseg.record.documents import Measurements
from echoseg.record.measurements import measurements
from echoseg.record.provenance import provenance
from echoseg.report.volume import PREVIEW_SLICES, write_volume_report
from echoseg.types import Geometry, Segmentation, Timing

SLICES = 40
SPACING, STEP = (0.5, 1.5), 4.0


def case(spacing=SPACING, step=STEP):
    """Two objects: an elliptic cylinder through most slices, widest on slice 23, and a small block."""
    masks = np.zeros((SLICES, 90, 60), np.uint8)
    y, x = np.indices(masks.shape[1:]) + 0.5
    for index in range(4, 36):
        grown = 1.2 if index == 23 else 1.0
        # 24 mm long in y, 15 mm wide in x
        masks[index][((y - 40) * 0.5 / (12 * grown)) ** 2 + ((x - 20) * 1.5 / (7.5 * grown)) ** 2 <= 1] = 1
    masks[10:12, 70:80, 40:50] = 7
    frames = np.where(masks > 0, 180, 40).astype(np.uint8)
    source = open_source(frames, kind="volume", name="two objects")
    scores = np.full((SLICES, 2), 0.9, np.float32)
    scores[:4] = np.nan  # not tracked beyond the end
    return source, Segmentation(
        masks=masks,
        scores=scores,
        object_scores=scores,
        object_ids=(1, 7),
        names={1: "cylinder", 7: "block"},
        seeds={1: (20,), 7: (10,)},
        geometry=Geometry(spacing, step),
        timing=Timing(),
    )


def record_of(source, segmentation):
    record = measurements(source, segmentation, None, provenance(model="compact-volume", weights_sha256=None))
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(record)
    return record


def test_volume_and_diameters_of_each_object():
    source, segmentation = case()
    cylinder, block = record_of(source, segmentation)["objects"]
    assert cylinder["voxels"] == (segmentation.masks == 1).sum()
    assert cylinder["volume_ml"] == pytest.approx(cylinder["voxels"] * 0.5 * 1.5 * 4 / 1000, abs=1e-4)
    assert cylinder["diameter_slice"] == 23
    assert cylinder["long_axis_mm"] == pytest.approx(1.2 * 24, abs=1.0)
    assert cylinder["short_axis_mm"] == pytest.approx(1.2 * 15, abs=1.6)
    assert cylinder["bidimensional_mm2"] == pytest.approx(cylinder["long_axis_mm"] * cylinder["short_axis_mm"], rel=1e-3)
    assert block["volume_ml"] == pytest.approx(2 * 100 * 3e-3, abs=1e-9)
    assert block["diameter_slice"] == 10
    # 10 columns of 1.5 mm, and 9 steps between the middles of 10 rows of 0.5 mm
    assert block["long_axis_mm"] == pytest.approx(np.hypot(15, 4.5), abs=0.01)
    ends = np.array(block["long_axis_px"]) * (1.5, 0.5)
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(block["long_axis_mm"], abs=0.02)


@pytest.mark.parametrize(("spacing", "step"), [(None, 4.0), (SPACING, None)])
def test_what_needs_an_unknown_spacing_is_unknown(spacing, step):
    for item in record_of(*case(spacing, step))["objects"]:
        assert item["volume_ml"] is None and item["voxels"] > 0
        assert (item["long_axis_mm"] is None) == (spacing is None)  # a diameter lies in the plane of a slice
        assert (item["short_axis_px"] is None) == (spacing is None)


def test_an_object_that_was_not_found_has_no_diameter():
    source, segmentation = case()
    segmentation.masks[segmentation.masks == 7] = 0
    _, block = record_of(source, segmentation)["objects"]
    assert (block["voxels"], block["volume_ml"], block["long_axis_mm"], block["diameter_slice"]) == (0, 0, None, None)


def test_the_page_and_the_table_hold_them(tmp_path):
    source, segmentation = case()
    record = record_of(source, segmentation)
    paths = write_volume_report(tmp_path, source, segmentation, record)
    page = paths["report.html"].read_text()
    for item in record["objects"]:
        assert f"<td>{item['volume_ml']:.2f}</td><td>{item['long_axis_mm']:.1f}</td>" in page
    rows = paths["frames.csv"].read_text().splitlines()
    assert rows[1] == "0,,cylinder,,,,,,,", "a slice that was not tracked has no area"


def test_the_preview_shows_the_measured_slices_with_their_axes(tmp_path, monkeypatch):
    from echoseg.report import volume

    asked = {}

    def sheet(frames, label_maps, names, **options):
        asked.update(options, count=len(frames))
        return contact_sheet(frames, label_maps, names, **options)

    contact_sheet = volume.contact_sheet
    monkeypatch.setattr(volume, "contact_sheet", sheet)
    source, segmentation = case()
    paths = write_volume_report(tmp_path, source, segmentation, record_of(source, segmentation))
    assert asked["count"] == len(asked["captions"]) == PREVIEW_SLICES
    drawn = {caption: len(lines) for caption, lines in zip(asked["captions"], asked["lines"], strict=True) if lines}
    assert drawn == {"slice 11": 2, "slice 24": 2}  # counted from 1
    picture = np.asarray(Image.open(BytesIO(paths["preview.png"].read_bytes())))
    assert 100 < (picture.min(axis=2) > 235).sum() < 3000  # the axes and captions are nearly white, nothing else is
