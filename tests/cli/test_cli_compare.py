"""`echoseg compare`: two results of one patient on the command line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from echoseg.cli.main import app
from echoseg.options import Subject
from echoseg.record.measurements import measurements
from echoseg.record.provenance import provenance
from tests.report.conftest import make_case  # noqa: F401 (the beating ellipse)


@pytest.fixture
def result(make_case, tmp_path):  # noqa: F811
    """``result("old", ef=50.0, sex="M")`` is a folder with a measurements.json."""

    def write(name, ef, sex="M", sha256=None):
        record = measurements(*make_case(), provenance(model="compact", weights_sha256=sha256), subject=Subject(sex))
        record["measures"]["ef"]["value"] = ef
        (tmp_path / name).mkdir()
        (tmp_path / name / "measurements.json").write_text(json.dumps(record))
        return str(tmp_path / name)

    return write


def call(*arguments):
    done = CliRunner().invoke(app, ["compare", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, " ".join(done.stdout.split()), " ".join(done.stderr.split())


def test_the_change_and_what_it_means_are_printed(result):
    code, out, _ = call(result("old", 50.0), result("new", 56.5))
    assert code == 0 and "+6.5 %" in out and "no change is shown" in out
    assert "improved" not in out


def test_other_weights_are_told_of(result):
    assert "different models or weights" in call(result("old", 50.0), result("new", 50.0, sha256="ab" * 32))[2]


def test_two_persons_are_refused(result):
    code, _, told = call(result("old", 50.0, "F"), result("new", 50.0))
    assert code == 1 and "another sex" in told


def test_a_folder_without_results_is_named(result, tmp_path):
    code, _, told = call(str(tmp_path / "nothing"), result("new", 50.0))
    assert code == 1 and "nothing: no results of echoseg are there" in told
