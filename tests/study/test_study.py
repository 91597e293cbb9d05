"""What belongs to one study, which clips are used, and what study.json says."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import jsonschema
import numpy as np
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from echoseg.cardiac.interval import IntervalModel
from echoseg.errors import StudyError
from echoseg.options import Subject
from echoseg.record.documents import StudyRecord
from echoseg.study import write_study
from tests.study.conftest import NARROW, SHORT

WIDE, THIN, LONG = 13.0, 10.0, 40.0
KNOWN, OTHER = "00ff" * 16, "abcd" * 16
EF = 100 * (1 - NARROW**2 * SHORT)


def half_ellipsoid_ml(first, second, long):
    return 2 / 3 * np.pi * first * second * long / 1000


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def record_in(result):
    record = json.loads(result.files["study.json"].read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(StudyRecord.json_schema()).validate(record)
    assert record == result.record
    return record


def value(record, key):
    return record["measures"][key]["value"]


def test_the_schema_is_itself_valid():
    jsonschema.Draft202012Validator.check_schema(StudyRecord.json_schema())


def test_two_views_give_the_volumes_of_an_ellipsoid_of_three_axes(make_clip, out):
    record = record_in(write_study(out, [make_clip("p1_a4c", WIDE), make_clip("p1_a2c", THIN)]))
    assert value(record, "edv") == pytest.approx(half_ellipsoid_ml(WIDE, THIN, LONG), rel=0.04)
    assert value(record, "ef") == pytest.approx(EF, abs=2)
    assert record["measures"]["ef"]["method"] == "biplane disks"
    assert value(record, "co") == pytest.approx(value(record, "sv") * 93.75 / 1000, rel=0.01)
    assert len(record["beats"]) == 4 and record["measures"]["ef"]["interval"] is not None
    assert [clip["folder"] for clip in record["clips"]] == ["p1_a4c", "p1_a2c"]
    assert "edv_index" not in record["measures"] and record["subject"]["sex"] is None


def test_sex_and_size_come_from_the_header_and_options_win(make_clip, out):
    uid = generate_uid()
    clips = [make_clip(name, view=view, uid=uid, subject=Subject("M", 180, 80)) for name, view in (("a", "A4C"), ("b", "A2C"))]
    record = record_in(write_study(out, clips))
    size = {"height_cm": 180.0, "weight_kg": 80.0, "bsa_m2": 2.0, "bsa_formula": "mosteller"}
    assert record["subject"] == {"sex": "M", "age_years": None} | size
    assert record["measures"]["edv_index"]["reference"]["guideline"] == "ASE/EACVI 2015"
    assert value(record, "edv_index") == pytest.approx(value(record, "edv") / 2, abs=0.1)
    given = record_in(write_study(out, clips, subject=Subject("F")))
    assert given["measures"]["ef"]["reference"]["sex"] == "F"
    assert uid not in json.dumps(given)


def test_the_atrium_has_a_volume_by_both_methods(make_clip, out):
    clips = [make_clip("a4c", atrium=True), make_clip("a2c", atrium=True)]
    record = record_in(write_study(out, clips, subject=Subject("F", 180, 80)))
    assert value(record, "la_volume") == pytest.approx(half_ellipsoid_ml(8, 8, 14), rel=0.1)
    assert value(record, "la_volume_disks") == pytest.approx(half_ellipsoid_ml(8, 8, 14), rel=0.1)
    measures = record["measures"]
    assert measures["la_volume_disks_index"]["value"] == pytest.approx(value(record, "la_volume_disks") / 2, abs=0.05)
    assert measures["la_volume_disks_index"]["reference"]["high"] == 34
    assert measures["la_volume_index"]["reference"] is None  # by area-length atria come out larger: not graded


def test_an_atrium_in_one_view_only_has_no_volume_and_the_reason_is_given(make_clip, out):
    record = record_in(write_study(out, [make_clip("a4c", atrium=True), make_clip("a2c")]))
    assert value(record, "la_volume") is None and "both views" in record["measures"]["la_volume"]["reason"]


def test_the_best_clip_of_a_view_is_used_and_all_are_listed_best_first(make_clip, out):
    clips = [
        make_clip("p1_a4c_1", score=0.78),
        make_clip("p1_a4c_2", score=0.7),  # so unsure, and no sector: rejected, as no heart
        make_clip("p1_a4c_3", score=0.95, beats=False),
        make_clip("p1_a4c_4", score=0.91),
        make_clip("p1_a2c"),
    ]
    result = write_study(out, clips)
    record = record_in(result)
    assert [(clip["name"], clip["used"]) for clip in record["clips"]] == [
        ("p1_a4c_4", True),
        ("p1_a4c_1", False),
        ("p1_a4c_3", False),
        ("p1_a4c_2", False),
        ("p1_a2c", True),
    ]
    assert "several_clips" in {flag.code for flag in result.flags}


def test_a_view_without_a_beat_gives_reasons_in_place_of_numbers(make_clip, out):
    record = record_in(write_study(out, [make_clip("a4c"), make_clip("a2c", beats=False)], subject=Subject("M", 180, 80)))
    assert record["quality"] == "reject"
    assert {entry["value"] for entry in record["measures"].values()} == {None}
    assert {entry["reason"] for entry in record["measures"].values()} == {"no cardiac cycle could be identified in any A2C clip"}


def test_unknown_spacing_gives_ef_and_never_ml(make_clip, out):
    record = record_in(write_study(out, [make_clip("a4c", spacing=None), make_clip("a2c", spacing=None)]))
    assert value(record, "ef") == pytest.approx(EF, abs=2)
    assert {key for key in record["measures"] if value(record, key) is not None} == {"ef", "hr"}
    assert record["measures"]["edv"]["reason"] == "the pixel spacing is unknown"
    assert {item for beat in record["beats"] for key, item in beat.items() if key.endswith("_ml")} == {None}


def test_the_method_can_be_chosen_and_is_written(make_clip, out):
    clips = [make_clip("a4c", WIDE), make_clip("a2c", THIN, length=34.0)]
    disks, camus, area = (record_in(write_study(out, clips, method=name)) for name in ("disks", "camus-2019", "area-length"))
    assert "camus-2019" in camus["measures"]["ef"]["method"] and value(camus, "edv") == pytest.approx(value(disks, "edv"))
    assert value(area, "edv") > value(disks, "edv")
    assert "foreshortening" in {flag["code"] for flag in disks["flags"]}


def test_an_earlier_study_is_kept_unless_it_may_be_overwritten(make_clip, out):
    clips = [make_clip("a4c"), make_clip("a2c")]
    paths = [write_study(out, clips, overwrite=overwrite).files["study.json"].name for overwrite in (False, False, True)]
    assert paths == ["study.json", "study-2.json", "study.json"]


def test_overwriting_replaces_a_study_of_the_same_clips_alone(make_clip, out):
    first = [make_clip("p1_a4c"), make_clip("p1_a2c")]
    second = [make_clip("p2_a4c"), make_clip("p2_a2c")]
    paths = [write_study(out, clips, overwrite=True).files["study.json"].name for clips in (first, second, second, first)]
    assert paths == ["study.json", "study-2.json", "study-2.json", "study.json"]


@pytest.mark.parametrize("name", ["study.json", "study.html", "study.png"])
def test_a_file_of_that_name_that_is_no_study_is_kept(make_clip, out, name):
    out.mkdir(exist_ok=True)
    (out / name).write_text("{}")
    assert write_study(out, [make_clip("a4c"), make_clip("a2c")], overwrite=True).files["study.png"].name == "study-2.png"
    assert (out / name).read_text() == "{}"


def test_clips_that_replaced_each_other_make_no_study(make_clip, out):
    first, second = make_clip("a4c"), make_clip("a2c")
    with pytest.raises(StudyError, match="the second replaced the first: run them without overwrite"):
        write_study(out, [first, replace(second, directory=first.directory)])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"name": "p1_a4c"}, {"name": "p2_a2c"}),
        ({"name": "a4c", "folder": "p1"}, {"name": "a2c", "folder": "p2"}),
        ({"name": "x", "view": "A4C", "uid": "1.2.3"}, {"name": "y", "view": "A2C", "uid": "1.2.4"}),
        ({"name": "x", "view": "A4C", "uid": "1.2.3"}, {"name": "y", "view": "A2C"}),
    ],
)
def test_clips_of_several_studies_are_never_mixed(make_clip, out, first, second):
    with pytest.raises(StudyError, match="belong to one study"):
        write_study(out, [make_clip(**first), make_clip(**second)])
    assert not (out / "study.json").exists()


def test_given_views_in_one_folder_make_a_study_whatever_the_names(make_clip, out):
    record = record_in(write_study(out, [make_clip("x", view="A4C"), make_clip("y", view="A2C")]))
    assert {clip["view_from"] for clip in record["clips"]} == {"given"}
    assert record["provenance"]["options"]["clips_belong_together_by"] == "folder and name"


def test_a_caller_may_vouch_for_files_but_not_for_different_studies(make_clip, out):
    apart = [make_clip("a4c", folder="p1"), make_clip("a2c", folder="p2")]
    record = record_in(write_study(out, apart, same_study=True))
    assert record["measures"]["ef"]["value"] is not None
    assert record["provenance"]["options"]["clips_belong_together_by"] == "the caller"
    stated = [make_clip("x", view="A4C", uid="1.2.3"), make_clip("y", view="A2C", uid="1.2.4")]
    with pytest.raises(StudyError, match="2 StudyInstanceUIDs"):
        write_study(out, stated, same_study=True)


def test_a_view_that_was_only_assumed_is_not_part_of_a_study(make_clip, out):
    assert make_clip("clip") is None
    with pytest.raises(StudyError, match="none of A2C"):
        write_study(out, [make_clip("a4c")])


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.addresses, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.addresses += [item for key, item in attrs if key in ("src", "href")]

    def handle_data(self, data):
        self.text += " ".join(data.split()) + " "


def test_the_page_is_whole_in_itself_and_links_the_clips(make_clip, out):
    result = write_study(out, [make_clip("p1_a4c", files=True), make_clip("p1_a2c", files=True)], subject=Subject("F"))
    page = Page(result.files["study.html"].read_text(encoding="utf-8"))
    links = {address for address in page.addresses if not address.startswith("data:image/")}
    assert links == {"p1_a4c/report.html", "p1_a2c/report.html"}
    assert all((out / link).is_file() for link in links)
    assert sum(address.startswith("data:image/png") for address in page.addresses) == 6
    for text in ("Biplane study", "54 to 74", "ASE/EACVI 2015", "biplane disks", "guessed from the file name", "Not a medical device"):
        assert text in page.text
    with Image.open(result.files["study.png"]) as picture:
        assert picture.size[0] == 1240


def test_a_failed_write_leaves_no_study(make_clip, out, monkeypatch):
    monkeypatch.setattr("echoseg.study.study_html", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_study(out, [make_clip("a4c"), make_clip("a2c")])
    assert sorted(path.name for path in out.iterdir()) == ["a2c", "a4c"]


@pytest.mark.parametrize(
    ("sha256", "prompt", "method", "calibrated"),
    [
        (KNOWN, "auto", "disks", True),
        (KNOWN, "auto", "camus-2019", True),
        (OTHER, "auto", "disks", False),
        (KNOWN, "box:1,2,30,40@0", "disks", False),
        (KNOWN, "auto", "area-length", False),
    ],
)
def test_biplane_ef_has_the_interval_that_was_calibrated_for_what_made_both_clips(
    make_clip, out, monkeypatch, sha256, prompt, method, calibrated
):
    model = IntervalModel((4.0, 0.0, 0.0, 0.0, 0.0), low=-2.0, high=1.5, clips=40, studies=40, weights_sha256=KNOWN, command="")
    monkeypatch.setattr("echoseg.record.measurements.shipped_model", lambda *key: {(KNOWN, "biplane"): model}.get(key))
    clips = [make_clip("p1_a4c", WIDE), replace(make_clip("p1_a2c", THIN), automatic=prompt == "auto")]
    for clip, sha in zip(clips, (KNOWN, sha256), strict=True):
        clip.record["provenance"]["model"]["weights_sha256"] = sha
    entry = write_study(out, clips, method=method).record["measures"]["ef"]
    assert ("interval_level" in entry) == calibrated
    if calibrated:
        assert entry["interval"] == pytest.approx([entry["value"] - 8, entry["value"] + 6], abs=0.11)
