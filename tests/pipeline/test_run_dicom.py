"""The main job on the real clip: every file of a result, and what stands in it."""

import csv
import json
import re

import av
import jsonschema
import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image

import echoseg
from echoseg.datasets.demo import demo_clip
from echoseg.record.documents import Measurements


@pytest.fixture(scope="module")
def result(tmp_path_factory, compact):
    told = []
    result = echoseg.run(demo_clip(), tmp_path_factory.mktemp("out"), model=compact, progress=lambda done, of: told.append((done, of)))
    assert told == [(n, 120) for n in range(1, 121)]
    return result


def test_every_file_of_a_clip_is_there(result):
    pictures = {"overlay.mp4", "curve.png", "ed.png", "es.png", "report.html", "report.png"}
    names = {"measurements.json", "frames.csv", "masks.nii.gz", *pictures}
    assert {path.name for path in result.directory.iterdir()} == names == set(result.files)
    assert all(path.stat().st_size > 500 for path in result.files.values())
    assert result.directory.name == demo_clip().stem
    assert [path.name for path in result.directory.parent.iterdir()] == [result.directory.name]


def test_measurements_follow_the_schema_and_say_where_they_come_from(result):
    record = json.loads(result.files["measurements.json"].read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(Measurements.json_schema()).validate(record)
    assert record == result.measurements
    assert record["source"] | {"fps": None} == {
        "name": "color3d_jpeg_baseline",
        "kind": "clip",
        "frames": 120,
        "height": 480,
        "width": 640,
        "fps": None,
        "spacing_mm": pytest.approx([0.51, 0.51], abs=0.01),
        "slice_spacing_mm": None,
        "view": "A4C",
        "view_from": "classifier",
    }
    assert record["source"]["fps"] == pytest.approx(30, abs=0.1)
    assert record["provenance"]["model"]["name"] == "compact"
    assert len(record["provenance"]["model"]["weights_sha256"]) == 64


def test_the_ejection_fraction_and_volumes_are_plausible(result):
    measures = result.measurements["measures"]
    assert 20 < measures["ef"]["value"] < 80
    assert 20 < measures["esv"]["value"] < measures["edv"]["value"] < 300
    assert 40 < measures["hr"]["value"] < 100
    assert len(result.measurements["beats"]) >= 1


def test_the_ventricle_is_found_and_kept(result):
    (lv,) = result.measurements["objects"]
    assert lv["name"] == "LV" and lv["frames_present"] > 90
    areas = (result.segmentation.masks == 1).sum(axis=(1, 2)) / (480 * 640)
    assert 0.01 < np.median(areas) < 0.15


def test_the_label_map_has_the_geometry_of_the_clip(result):
    image = nibabel.load(result.files["masks.nii.gz"])
    assert image.shape == (640, 480, 120)
    assert image.header.get_zooms() == pytest.approx((0.51, 0.51, 1 / 30), abs=0.01)
    assert image.header.get_xyzt_units() == ("mm", "sec")
    np.testing.assert_array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), result.segmentation.masks)


def test_the_table_has_a_row_for_each_frame(result):
    with result.files["frames.csv"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(120))
    column = next(name for name in rows[0] if name.endswith("area_px"))
    areas = (result.segmentation.masks == 1).sum(axis=(1, 2))
    np.testing.assert_array_equal([int(row[column]) for row in rows], areas)


def test_the_overlay_plays_in_a_browser(result):
    with av.open(str(result.files["overlay.mp4"])) as container:
        (video,) = container.streams.video
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert float(video.average_rate) == pytest.approx(30, abs=0.1)
        assert sum(1 for _ in container.decode(video)) == 120


def test_the_pictures_can_be_opened_and_the_page_stands_alone(result):
    with Image.open(result.files["curve.png"]) as curve:
        assert min(curve.size) > 200
    page = result.files["report.html"].read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page
    assert f'class="value">{result.measurements["measures"]["ef"]["value"]:.0f}<' in page


def test_no_patient_identifier_leaves_the_file(result):
    header = pydicom.dcmread(demo_clip(), stop_before_pixels=True)
    texts = " ".join(result.files[name].read_text(encoding="utf-8") for name in ("measurements.json", "frames.csv", "report.html"))
    words = set(re.split(r"[\s\"<>,=]+", texts))
    values = [str(header[word].value) for word in ("PatientName", "PatientID", "StudyInstanceUID", "SOPInstanceUID") if word in header]
    assert any(values) and not words & set(filter(None, values))
