import pytest

from echoseg.cardiac import grade, grade_ef, guideline
from echoseg.cardiac.references import GUIDELINES
from echoseg.errors import MeasureError
from echoseg.options import Subject
from echoseg.record.entries import reference_range

NAMES = ("ase-eacvi-2015", "bse-2020", "ase-2025-right-heart")


@pytest.mark.parametrize(
    ("ef", "sex", "word"),
    [(60, "M", "normal"), (52, "M", "normal"), (51.4, "M", "mildly reduced"), (53, "F", "mildly reduced"), (54, "F", "normal"),
     (40, "F", "moderately reduced"), (29.4, "M", "severely reduced"), (75, "F", "above normal"), (72, "M", "normal")],
)  # fmt: skip
def test_ef_is_graded_by_sex_and_names_its_source(ef, sex, word):
    result = grade_ef(ef, sex)
    assert result.grade == word
    assert result.source == "ASE/EACVI 2015" and "2015;28:1-39" in result.citation


@pytest.mark.parametrize(
    ("measure", "value", "sex", "word"),
    [
        ("edv_index", 74, "M", "normal"),
        ("edv_index", 75, "M", "mildly enlarged"),
        ("edv_index", 75, "F", "moderately enlarged"),
        ("esv_index", 46, "M", "severely enlarged"),
        ("esv_index", 7.4, "F", "below normal"),
        ("la_volume_index", 34.4, "F", "normal"),
        ("la_volume_index", 60, "M", "severely enlarged"),
        ("rv_fac", 34, "F", "reduced"),
    ],
)
def test_volumes_and_fac_are_graded_too(measure, value, sex, word):
    result = grade(measure, value, sex)
    assert (result.grade, result.source) == (word, "ASE/EACVI 2015")


@pytest.mark.parametrize("name", NAMES)
def test_every_whole_number_has_one_grade_and_normal_is_the_stated_range(name):
    for measure, stated in guideline(name)["ranges"].items():
        for sex in ("M", "F"):
            grades = stated["grades"][sex]
            assert [low for _, low, _ in grades[1:]] == [high + 1 for _, _, high in grades[:-1]]
            assert grades[0][1] == 0 and grades[-1][2] in (100, None)
            (normal,) = [bounds for word, *bounds in grades if word == "normal"]
            assert normal[0] == stated[sex][0] and stated[sex][1] in (normal[1], None), measure


def test_guidelines_differ_and_an_unknown_one_is_refused():
    assert grade_ef(52, "M", "bse-2020").grade == "borderline low"
    assert grade_ef(35, "F", "bse-2020").grade == "severely impaired"
    with pytest.raises(MeasureError, match="bse-2020"):
        guideline("esc-1999")
    with pytest.raises(MeasureError, match="BSE 2020 has no range"):
        grade("edv_index", 50, "M", "bse-2020")


def test_nothing_is_graded_without_a_sex_or_outside_the_possible():
    for ef, sex in [(60, "X"), (101, "M"), (float("nan"), "F"), (-1, "M")]:
        with pytest.raises(MeasureError):
            grade_ef(ef, sex)
    with pytest.raises(MeasureError):
        grade("edv_index", float("inf"), "M")


@pytest.mark.parametrize(
    ("fac", "word"),
    [(36, "normal"), (35, "mildly reduced"), (30, "mildly reduced"), (29, "moderately reduced"), (22.6, "moderately reduced"),
     (22, "severely reduced")],
)  # fmt: skip
def test_the_right_ventricle_is_graded_as_in_2025_and_a_limit_counts_with_the_worse(fac, word):
    assert grade("rv_fac", fac, "F", GUIDELINES["rv_fac"]).grade == word
    assert reference_range("rv_fac", fac, Subject("F")).guideline == "ASE 2025"
