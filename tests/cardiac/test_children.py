"""The guidelines' ranges are those of adults: children are not held against them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.cardiac.references import child_flags
from echoseg.errors import MeasureError
from echoseg.options import Subject
from echoseg.record.entries import reference_range, subject_entry


@pytest.mark.parametrize("subject", [Subject("M"), Subject("M", 180, 80), Subject("F", 135, 40, 54), Subject("F", age_years=18)])
def test_adults_and_those_of_whom_nothing_is_known_are_graded(subject):
    assert child_flags(subject) == []
    assert reference_range("ef", 60, subject).grade == "normal"


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        (Subject("M", age_years=3), "age is 3 years"),
        (Subject("M", 180, 80, 17.9), "age is 17 years"),
        (Subject("M", age_years=0.3), "less than a year"),
        (Subject("F", 95, 14), "height is a child's and no age"),
        (Subject("F", 145, 35), "body surface is a child's and no age"),
    ],
)
def test_children_get_no_range_and_the_reason(subject, told):
    (flag,) = child_flags(subject)
    assert (flag.code, told in flag.message) == ("child", True)
    assert reference_range("ef", 60, subject) is None


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 120), st.floats(30, 250), st.floats(1, 200))
def test_an_age_that_is_known_decides_alone(age, height, weight):
    assert bool(child_flags(Subject("F", height, weight, age))) == (age < 18)


def test_age_is_written_in_whole_years_and_no_older_than_ninety():
    assert [subject_entry(Subject(age_years=age)).age_years for age in (None, 0.4, 17.9, 101)] == [None, 0, 17, 90]


def test_what_the_caller_knows_of_the_age_wins():
    assert Subject(age_years=40).over(Subject(age_years=3)).age_years == 40
    assert Subject().over(Subject(age_years=0.0)).age_years == 0


def test_a_negative_age_is_refused():
    with pytest.raises(MeasureError, match="age"):
        Subject(age_years=-1)
