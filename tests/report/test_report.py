from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import av
import numpy as np
import pytest
from PIL import Image

from echoseg.errors import SourceError
from echoseg.options import Subject
from echoseg.record.measurements import measurements
from echoseg.record.provenance import provenance
from echoseg.report.clip import write_clip_report
from echoseg.report.curve import curve_png
from echoseg.report.page_png import page_png
from echoseg.report.pages import Picture, model_line
from echoseg.report.report import report_html, subtitle
from echoseg.report.rows import measure_rows, shown
from echoseg.report.trace import lv_trace
from echoseg.report.volume import write_volume_report
from echoseg.types import Flag

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Collects tags, addresses and text; fails on tags that do not nest."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.text, self._open = [], [], "", []
        self.feed(text)
        assert not self._open, f"unclosed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for key, value in attrs if key in ("src", "href", "poster", "data", "action")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, f"</{tag}> does not nest"

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text += data + " "


def record_of(case):
    return measurements(*case, provenance(model="compact", weights_sha256=None, prompt="auto", options={"direction": "both"}))


@pytest.fixture
def written(tmp_path, make_case):
    case = make_case(flags=(Flag("low_score", "The model was unsure.", "review"),))
    return write_clip_report(tmp_path, *case, record_of(case)), case


def test_clip_report_writes_every_file_and_nothing_else(tmp_path, written):
    paths, _ = written
    assert set(paths) == {*("measurements.json", "frames.csv", "curve.png", "overlay.mp4", "ed.png", "es.png", "report.html", "report.png")}
    assert {path.name for path in tmp_path.iterdir()} == set(paths)


def test_clip_report_files_agree_with_each_other(written):
    paths, (_, segmentation, analysis) = written
    assert json.loads(paths["measurements.json"].read_text())["beats"][0]["es"] == 8
    with open(paths["frames.csv"], newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["area_px"]) for row in rows] == segmentation.masks.sum(axis=(1, 2)).tolist()
    assert float(rows[8]["volume_ml"]) == pytest.approx(analysis.beats[0].esv_ml, abs=1e-3)
    assert [row["phase"] for row in rows[::8]] == ["ED", "ES", "ED", "ES", "ED"]
    with av.open(str(paths["overlay.mp4"])) as video:
        assert sum(1 for _ in video.decode(video=0)) == 33
        assert video.streams.video[0].average_rate == 25
    with Image.open(paths["curve.png"]) as curve:
        assert curve.size == (1440, 592)


def test_page_is_whole_in_itself(written):
    paths, _ = written
    text = paths["report.html"].read_text()
    page = Page(text)
    assert {address for address in page.addresses if not address.startswith("data:image/")} == {"overlay.mp4"}
    assert not re.search(r"https?:|//\w|@import|url\(", re.sub(r"data:image/\w+;base64,[\w+/=]+", "", text))
    assert page.tags.count("img") == 3 and page.tags.count("video") == 1 and "script" not in page.tags


def test_page_says_the_numbers_the_flags_and_what_it_is_not(written):
    paths, (_, _, analysis) = written
    text = Page(paths["report.html"].read_text()).text
    assert "Not a medical device. For research use." in text
    assert f"{analysis.ef:.0f}" in text and f"{analysis.edv_ml:.0f}" in text
    assert "The model was unsure." in text and "Review before use" in text
    assert "compact" in text and "numpy" in text


def test_page_says_why_a_number_is_unknown(make_case):
    text = Page(report_html(record_of(make_case(spacing=None)))).text
    assert text.count("the pixel spacing is unknown") == 2 * 4  # beside the number, and in the table
    assert "–" in text and not re.search(r"\d\s*mL", text)


def test_table_says_what_an_interval_is(make_case):
    record = record_of(make_case())
    low, high = record["measures"]["edv"]["interval"]
    rows = {row.label: row for row in measure_rows(record["measures"])}
    assert rows["LV end-diastolic volume"].interval == f"{shown(low, 0)} to {shown(high, 0)} (beats)"
    record["measures"]["ef"] |= {"interval": [50.2, 61.7], "interval_level": 0.9}
    assert "50 to 62 (90 %)" in Page(report_html(record)).text


def test_one_number_is_rounded_alike_wherever_it_stands(make_case, tmp_path):
    """301.498 mL are written as 301.5, and shown as 302 in the table and under the still."""
    source, segmentation, analysis = make_case()
    volumes = np.full_like(analysis.curve.volume_ml, 301.498)
    odd = replace(analysis, edv_ml=301.498, curve=replace(analysis.curve, volume_ml=volumes))
    record = measurements(source, segmentation, odd, provenance(model="compact", weights_sha256=None))
    rows = {row.label: row for row in measure_rows(record["measures"])}
    assert rows["LV end-diastolic volume"].value == "302"
    paths = write_clip_report(tmp_path, source, segmentation, odd, record)
    assert re.findall(r"(\d+) mL", Page(paths["report.html"].read_text()).text).count("302") >= 2
    assert "301 mL" not in Page(paths["report.html"].read_text()).text


@pytest.mark.parametrize(("value", "decimals", "text"), [(-0.3, 0, "0"), (-0.04, 1, "0.0"), (-0.6, 0, "-1"), (0.5, 0, "1"), (None, 1, "–")])
def test_numbers_for_reading(value, decimals, text):
    assert shown(value, decimals) == text


def test_pixels_are_described_width_first_as_the_picture_is():
    source = {"frames": 2, "kind": "clip", "width": 549, "height": 778, "fps": None, "spacing_mm": [0.154, 0.308], "slice_spacing_mm": None}
    assert subtitle(source) == "2 frames · 549 × 778 pixels · 0.308 × 0.154 mm"


def test_table_marks_what_is_not_normal_and_names_the_guideline(make_case):
    source, segmentation, analysis = make_case()
    made_by = provenance(model="compact", weights_sha256=None)
    record = measurements(source, segmentation, replace(analysis, ef=45.0), made_by, subject=Subject("M"))
    rows = {row.label: row for row in measure_rows(record["measures"])}
    assert (rows["Ejection fraction"].range, rows["Ejection fraction"].abnormal) == ("52 to 72", True)
    assert "mildly" in rows["Ejection fraction"].grade
    text = Page(report_html(record)).text
    assert "Normal ranges of men: ASE/EACVI 2015" in text
    assert "The sex is unknown: no reference ranges." in Page(report_html(record_of(make_case()))).text


def test_picture_of_the_page_is_a_whole_a4_sheet(written):
    paths, _ = written
    with Image.open(paths["report.png"]) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape[1] == 1240 and abs(pixels.shape[0] / pixels.shape[1] - 297 / 210) < 0.01
    inked = (pixels < 128).any(axis=1)
    assert inked[: len(inked) // 4].any() and inked[len(inked) * 9 // 10 :].any()  # from the title to the footer
    assert not (pixels[:, -60:] < 200).any()  # nothing runs over the margin


def test_a_long_table_and_many_flags_stay_above_the_footer(make_case):
    case = make_case()
    record, still = record_of(case), Picture(curve_png(lv_trace(*case[1:])), "ED")
    measures = record["measures"] | {f"measure_{index}": record["measures"]["edv"] for index in range(11)}

    def page(count):
        flags = [{"code": f"flag_{index}", "message": "x" * 200, "severity": "review"} for index in range(count)]
        long = record | {"measures": measures, "flags": flags}
        return np.asarray(Image.open(BytesIO(page_png(long, "title", "line", [still, still], [still], footer=["a", "b"]))))

    few, many = page(0), page(8)
    end = len(few) - 125  # a little above the first line of the footer
    assert (few[end - 10 : end + 5] == 255).all() and (few[end:] < 128).any()
    assert np.array_equal(few[end:, 400:], many[end:, 400:]) and (many[end - 10 : end + 5] == 255).all()


def test_given_masks_have_no_model(make_case):
    record = measurements(*make_case(), provenance(model=None, weights_sha256=None, prompt=None))
    assert model_line(record) == "Model none: masks were given, weights none"


@pytest.mark.parametrize(
    ("ef", "text", "grade"), [(51.46, "52", "normal"), (72.5, "73", "above normal"), (40.44, "40", "moderately reduced")]
)
def test_the_number_that_is_shown_is_the_one_that_is_graded(make_case, ef, text, grade):
    source, segmentation, analysis = make_case()
    record = measurements(source, segmentation, replace(analysis, ef=ef), record_of(make_case())["provenance"], subject=Subject("M"))
    row = measure_rows(record["measures"])[0]
    assert (row.value, row.grade) == (text, grade)


def test_names_are_escaped(make_case):
    name = '<script>alert("x")</script>'
    case = make_case(name=name, object_name="<b>LV</b>", flags=(Flag("odd", "<img src=x onerror=y>", "info"),))
    page = Page(report_html(record_of(case)))
    assert "script" not in page.tags and "img" not in page.tags
    assert name in page.text and "<b>LV</b>" in page.text


def test_source_that_cannot_be_read_again_gets_a_report_without_video(tmp_path, make_case):
    case = make_case()
    case[0].rereadable = False
    paths = write_clip_report(tmp_path, *case, record_of(case))
    assert "overlay.mp4" not in paths
    assert "video" not in Page(paths["report.html"].read_text()).tags


def test_clip_without_a_ventricle_shows_area_and_seed(tmp_path, make_case):
    source, segmentation, _ = make_case(object_name="object 1")
    paths = write_clip_report(tmp_path, source, segmentation, None, record_of((source, segmentation, None)))
    page = Page(paths["report.html"].read_text())
    assert "Frame 4" in page.text and "Ejection" not in page.text


@pytest.mark.parametrize("absent", [[5, 6, 7], range(33)])
def test_frames_without_the_object_are_no_obstacle(tmp_path, make_case, absent):
    case = make_case(absent=absent)
    assert len(write_clip_report(tmp_path, *case, record_of(case))) >= 6


@pytest.mark.parametrize(("spacing", "fps"), [(None, 25.0), ((0.8, 0.8), None), (None, None)])
def test_unknown_geometry_and_timing_are_no_obstacle(tmp_path, make_case, spacing, fps):
    case = make_case(spacing=spacing, fps=fps)
    assert len(write_clip_report(tmp_path, *case, record_of(case))) >= 6


def test_clip_of_one_frame(tmp_path, make_case):
    case = make_case(frames=1)
    text = Page(write_clip_report(tmp_path, *case, record_of(case))["report.html"].read_text()).text
    assert "no cardiac cycle could be identified" in text and "Frame 1" in text


def test_failing_source_leaves_no_half_written_video(tmp_path, make_case):
    case = make_case()
    first = case[0].frame(0)

    def broken(start=0, stop=None):
        yield first
        raise SourceError("the file ends within frame 1")

    case[0].frames = broken
    with pytest.raises(SourceError, match="ends within frame 1"):
        write_clip_report(tmp_path, *case, record_of(case))
    assert not [path.name for path in tmp_path.iterdir() if "mp4" in path.name or "tmp" in path.name]


def test_volume_report_writes_preview_table_and_page(tmp_path, make_case):
    source, segmentation, _ = make_case(kind="volume", object_name="lesion")
    paths = write_volume_report(tmp_path, source, segmentation, record_of((source, segmentation, None)))
    assert set(paths) == {"measurements.json", "frames.csv", "preview.png", "report.html"}
    page = Page(paths["report.html"].read_text())
    assert "lesion" in page.text and "33 of 33" in page.text and "Slices with it" in page.text
    assert page.tags.count("img") == 1


def test_report_of_one_image(tmp_path, make_case):
    source, segmentation, _ = make_case(kind="image", frames=1)
    paths = write_volume_report(tmp_path, source, segmentation, record_of((source, segmentation, None)))
    assert "1 frame ·" in Page(paths["report.html"].read_text()).text
