"""Results beside earlier ones: what changed, what it means, and what cannot be compared."""

import json

import pytest

from echoseg.errors import MeasureError, SourceError
from echoseg.io.views import ViewChoice
from echoseg.options import Subject
from echoseg.record.comparison import BEYOND, OTHER_METHOD, WITHIN, compared, earlier_records, with_earlier
from echoseg.record.documents import Measurements
from echoseg.record.measurements import measurements
from echoseg.record.provenance import provenance


@pytest.fixture
def record(make_case):
    """``record(ef=..., view=..., sex=...)`` of the beating ellipse."""

    def make(ef=50.0, view="A4C", sex="M"):
        made = measurements(
            *make_case(), provenance(model="compact", weights_sha256=None), view=ViewChoice(view, "given"), subject=Subject(sex)
        )
        made["measures"]["ef"]["value"] = ef
        return made

    return make


@pytest.mark.parametrize(("new", "meaning"), [(59.9, WITHIN), (60.0, BEYOND), (40.0, BEYOND), (40.1, WITHIN), (50.0, WITHIN)])
def test_a_change_of_ef_means_something_from_ten_points_on(record, new, meaning):
    change = compared(record(50.0), record(new)).changes["ef"]
    assert (change.old, change.new, change.change, change.meaning) == (50.0, new, pytest.approx(new - 50), meaning)
    assert "improve" not in WITHIN + BEYOND


def test_of_other_measures_only_the_numbers_are_said(record):
    change = compared(record(), record()).changes["edv"]
    assert (change.change, change.unit, change.comparable, change.meaning) == (0, "mL", True, None)


def test_values_of_two_methods_are_not_compared(record):
    old, new = record(30.0), record(60.0)
    old["measures"]["ef"]["method"] = "single-plane area-length (A4C)"
    assert compared(old, new).changes["ef"].meaning == OTHER_METHOD


def test_what_only_one_of_both_knows_is_left_out(record):
    old = record()
    old["measures"]["edv"] |= {"value": None, "reason": "the pixel spacing is unknown"}
    assert "edv" not in compared(old, record()).changes


@pytest.mark.parametrize(("old", "why"), [({"view": "A2C"}, "A2C"), ({"sex": "F"}, "another sex")])
def test_other_views_and_other_persons_are_refused(record, old, why):
    with pytest.raises(MeasureError, match=why):
        compared(record(**old), record())


def test_the_earlier_clip_of_the_same_view_is_taken(record):
    new = with_earlier(record(70.0), [record(20.0, "A2C"), record(50.0)])
    assert new["earlier"]["changes"]["ef"]["old"] == 50.0
    Measurements.model_validate(new)
    assert "earlier" not in with_earlier(record(), [record(view="A2C")])


def test_a_folder_of_results_is_searched_and_an_empty_one_is_an_error(tmp_path, record):
    with pytest.raises(SourceError, match="no results of echoseg"):
        earlier_records(tmp_path)
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "measurements.json").write_text(json.dumps(record(41.0)))
    (tmp_path / "study.json").write_text("{}")
    for path in (tmp_path, tmp_path / "clip", tmp_path / "clip" / "measurements.json"):
        (found,) = earlier_records(path)
        assert found["measures"]["ef"]["value"] == 41.0
