"""Agreement of ejection fractions: published examples, exact constructions, and the command."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from typer.testing import CliRunner

from echoseg.cli.main import app
from echoseg.errors import MeasureError, SourceError
from echoseg.evaluation.ef_tables import paired_values
from echoseg.metrics.agreement import confusion, ef_agreement, ef_classes, icc_2_1, kappa, pearson_r

# Shrout and Fleiss 1979, table 2: six targets, four judges.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_icc_is_that_of_shrout_and_fleiss():
    assert icc_2_1(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)


def test_icc_sees_a_shift_that_correlation_does_not():
    a = np.arange(30.0, 60.0)
    assert pearson_r(a + 10, a) == pytest.approx(1)
    assert icc_2_1(np.stack([a, a], axis=1)) == pytest.approx(1)
    # half the rows' mean square goes to the raters: MSR = 2 var, MSC = n 50, no rest
    assert icc_2_1(np.stack([a + 10, a], axis=1)) == pytest.approx(a.var(ddof=1) / (a.var(ddof=1) + 50))


@pytest.mark.parametrize("value", [55.1, 57.3, 60.0])
@pytest.mark.parametrize("count", [3, 7, 10])
def test_values_that_do_not_vary_correlate_with_nothing(value, count):
    """However the sums round."""
    same = np.full(count, value)
    assert np.isnan(icc_2_1(np.stack([same, same], axis=1)))
    assert np.isnan(pearson_r(same, np.linspace(30, 60, count))) and np.isnan(pearson_r(np.linspace(30, 60, count), same))


def test_kappa_is_that_of_the_textbook():
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_linear_kappa_forgives_neighbours():
    near, far = np.array([[8, 2, 0], [0, 10, 0], [0, 0, 10]]), np.array([[8, 0, 2], [0, 10, 0], [0, 0, 10]])
    assert kappa(near) == pytest.approx(kappa(far), abs=0.01)
    assert kappa(near, linear=True) > kappa(near) > kappa(far, linear=True)


def test_classes_go_by_whole_percent():
    assert ef_classes(np.array([10, 40, 40.4, 40.5, 49.4, 49.5, 80])).tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert confusion(np.array([0, 0, 2]), np.array([0, 1, 2])).tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_differences_of_known_mean_and_spread_come_out():
    reference = np.linspace(30, 70, 41)
    difference = np.where(np.arange(41) % 2, 3.0, -1.0)
    found = ef_agreement(reference + difference, reference).statistics
    bias, sd = difference.mean(), difference.std(ddof=1)
    assert found["bias"].value == pytest.approx(bias)
    assert found["mae"].value == pytest.approx(np.abs(difference).mean())
    assert found["rmse"].value == pytest.approx(np.sqrt((difference**2).mean()))
    assert (found["loa_low"].value, found["loa_high"].value) == (pytest.approx(bias - 1.96 * sd), pytest.approx(bias + 1.96 * sd))
    for name in ("bias", "mae"):
        assert found[name].low < found[name].value < found[name].high


@given(st.lists(st.tuples(st.floats(10, 80), st.floats(10, 80)), min_size=3, max_size=30))
def test_pearson_is_scipys(pairs):
    a, b = np.array(pairs).T
    if min(a.std(), b.std()) > 1e-3:
        assert pearson_r(a, b) == pytest.approx(pearsonr(a, b).statistic, abs=1e-9)


def test_cases_of_one_subject_make_the_interval_wider():
    rng = np.random.default_rng(1)
    reference = rng.uniform(30, 70, 20).repeat(5)
    predicted = reference + rng.normal(0, 5, 20).repeat(5)
    alone, together = ef_agreement(predicted, reference), ef_agreement(predicted, reference, np.arange(20).repeat(5).tolist())
    widths = [a.statistics["bias"].high - a.statistics["bias"].low for a in (alone, together)]
    assert widths[1] > 1.5 * widths[0]
    assert (alone.subjects, together.subjects) == (100, 20)


def test_the_same_seed_gives_the_same_intervals():
    a, b = np.linspace(30, 60, 12), np.linspace(32, 59, 12)
    assert ef_agreement(a, b).statistics == ef_agreement(a, b).statistics


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [([50, 60], [50, 60], "3 or more"), ([50, 60, 55], [50, 60], "shapes"), ([50, 60, np.nan], [50, 60, 55], "finite")],
)
def test_what_cannot_be_compared_is_refused(a, b, reason):
    with pytest.raises(MeasureError, match=reason):
        ef_agreement(a, b)


def write(path, header, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_tables_are_joined_by_key_and_what_is_missing_is_named(tmp_path):
    pred = write(tmp_path / "p.csv", ["name", "ef"], ["a", 50], ["b", ""], ["c", 61.5], ["x", 40])
    ref = write(tmp_path / "r.csv", ["FileName", "EF", "who"], ["c", 60, "2"], ["a", 52, "1"], ["b", 55, "1"], ["y", 40, "3"])
    paired = paired_values(pred, ref, reference_key="FileName", reference_column="EF", subject="who")
    assert (paired.keys, paired.predicted, paired.reference) == (("c", "a"), (61.5, 50.0), (60.0, 52.0))
    assert paired.subjects == ("2", "1")
    assert (paired.unpredicted, paired.unreferenced, paired.empty) == (("y",), ("x",), ("b",))


@pytest.mark.parametrize(
    ("rows", "error", "reason"),
    [
        ([["file", "ef"], ["a", 50]], SourceError, "no column 'name'; it has file, ef"),
        ([["name", "EF"], ["a", 50]], SourceError, "no column 'ef'"),
        ([["name", "ef"], ["a", 50], ["a", 51]], SourceError, "'a' stands there twice"),
        ([["name", "ef"], ["a", "fifty"]], SourceError, "'fifty', which is no number"),
        ([["name", "ef"], ["z", 50]], MeasureError, "no case has the name"),
        ([["name", "ef"], ["a", 150]], SourceError, "of 'a' is 150; it is given in percent"),
        ([["name", "ef"], ["a", -999]], SourceError, "of 'a' is -999; leave a missing one empty"),
        ([["name", "ef"], ["a", 50, 5]], SourceError, "row of 'a' has more fields than the header: a decimal comma"),
        ([["name", "ef"], ["a", 50], ["", 51]], SourceError, "the value 51 stands there without a name"),
        ([["name;ef"], ["a;50"]], SourceError, "columns are separated by commas"),
    ],
)
def test_tables_that_do_not_fit_are_refused_with_the_reason(tmp_path, rows, error, reason):
    pred = write(tmp_path / "p.csv", *rows)
    ref = write(tmp_path / "r.csv", ["name", "ef"], ["a", 52])
    with pytest.raises(error, match=reason):
        paired_values(pred, ref)


def test_empty_rows_of_a_spreadsheet_are_no_cases(tmp_path):
    pred = write(tmp_path / "p.csv", ["name", "ef"], ["a", 50], ["", ""], [" ", ""])
    ref = write(tmp_path / "r.csv", ["name", "ef"], ["a", 52], ["", ""])
    paired = paired_values(pred, ref)
    assert (paired.keys, paired.empty, paired.unpredicted) == (("a",), (), ())


def test_a_case_of_nobody_is_a_subject_of_its_own(tmp_path):
    pred = write(tmp_path / "p.csv", ["name", "ef"], *([name, 50] for name in "abcd"))
    ref = write(tmp_path / "r.csv", ["name", "ef", "who"], ["a", 52, "1"], ["b", 52, ""], ["c", 52, ""], ["d", 52, "1"])
    subjects = paired_values(pred, ref, subject="who").subjects
    assert subjects[0] == subjects[3] and len(set(subjects)) == 3


def test_a_table_in_another_encoding_says_how_to_save_it(tmp_path):
    pred = write(tmp_path / "p.csv", ["name", "ef"], ["a", 50])
    (tmp_path / "r.csv").write_bytes("name,ef\nMüller,50\n".encode("latin-1"))
    with pytest.raises(SourceError, match="r.csv: not in UTF-8"):
        paired_values(pred, tmp_path / "r.csv")


def test_fractions_in_place_of_percent_are_refused(tmp_path):
    pred = write(tmp_path / "p.csv", ["name", "ef"], ["a", 0.5], ["b", 0.61], ["c", -0.1])
    ref = write(tmp_path / "r.csv", ["name", "ef"], ["a", 52], ["b", 60], ["c", 30])
    with pytest.raises(SourceError, match="p.csv: .*multiply them by 100"):
        paired_values(pred, ref)


def test_the_command_prints_and_writes(tmp_path):
    reference = [28, 35, 44, 47, 52, 58, 61, 66]
    pred = write(tmp_path / "p.csv", ["name", "ef"], *([f"s{i}", ef + 2] for i, ef in enumerate(reference)), ["extra", 50])
    ref = write(tmp_path / "r.csv", ["name", "ef"], *([f"s{i}", ef] for i, ef in enumerate(reference)))
    done = CliRunner().invoke(app, ["eval", "ef", str(pred), str(ref), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "2.00 points" in done.stdout and "ICC(2,1)" in done.stdout
    assert "1 cases in the prediction have no reference, such as extra" in " ".join(done.stderr.split())
    with (tmp_path / "out" / "agreement.csv").open(newline="") as file:
        table = {row["statistic"]: row for row in csv.DictReader(file)}
    assert float(table["bias"]["value"]) == 2 and float(table["sd"]["value"]) == 0 and table["cases"]["value"] == "8"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("agreement.csv", "cases.csv", "confusion.csv", "bland_altman.png", "scatter.png")
    }


def test_the_command_names_what_is_wrong(tmp_path):
    pred = write(tmp_path / "p.csv", ["name", "ef"], ["a", 50])
    done = CliRunner().invoke(app, ["eval", "ef", str(pred), str(tmp_path / "gone.csv")])
    assert done.exit_code == 1 and "gone.csv: not a readable CSV file" in " ".join(done.stderr.split())
