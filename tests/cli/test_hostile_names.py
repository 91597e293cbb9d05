"""Inputs whose names are no text, or more than that: each fails or succeeds by itself, and is written out as what it is."""

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from echoseg.cli.failures import Aliases, ErrorsFile, Failure
from echoseg.errors import OutputError, SourceError
from echoseg.io.names import cell, printable


def rows(folder):
    with (folder / "errors.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def echoseg(*arguments, **more):
    command = [sys.executable, "-m", "echoseg", *arguments]
    return subprocess.run(command, capture_output=True, env={**os.environ, "COLUMNS": "400"}, **more)


def test_a_name_that_is_no_utf8_fails_like_any_other_and_the_good_one_is_done(tmp_path):
    (tmp_path / "in").mkdir()
    base = os.fsencode(tmp_path / "in")
    names = [b"br\xf6ken.npy", b"=cmd|x!A1.npy", b"esc\x1b[31m.npy", b"line\nbreak.npy"]
    for name in names:
        with open(base + b"/" + name, "wb") as file:
            file.write(b"\x93NUMPY junk")
    np.save(tmp_path / "g.npy", np.random.default_rng(0).integers(0, 255, (2, 48, 48), dtype=np.uint8))
    os.rename(tmp_path / "g.npy", base + b"/M\xfcller.npy")
    given = [base + b"/" + name for name in names] + [base + b"/M\xfcller.npy"]
    done = echoseg("run", *given, "--out", tmp_path / "out", "--prompt", "box:5,5,30,30", "--device", "cpu", cwd=tmp_path)
    assert (done.returncode, b"Traceback" in done.stderr, b"\x1b" in done.stderr) == (1, False, False), done.stderr.decode()
    assert [row[0].rpartition("/")[2] for row in rows(tmp_path / "out")] == [
        *("br\\xf6ken.npy", "=cmd|x!A1.npy", "esc\\x1b[31m.npy", "line\\x0abreak.npy")
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["M_ller", "errors.csv"]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", " =1", "\t=1", "\uff1d1"])
def test_no_cell_is_a_formula(text):
    assert cell(text)[0] in "'\\" and not any(char in cell(text) for char in "\t\r\n")


def test_what_is_printable_stays_and_what_is_not_is_written_out():
    assert printable("Björk 心.dcm") == "Björk 心.dcm"
    assert printable(os.fsdecode(b"a\xff") + "\u202e\x00\ud800") == "a\\xff\\u202e\\x00\\ud800"


def test_errors_of_two_runs_at_a_time_are_both_kept(tmp_path):
    ErrorsFile(tmp_path).write([Failure("before", "gone")])
    one, other = ErrorsFile(tmp_path), ErrorsFile(tmp_path)
    one.write([Failure("=one", "damaged")])
    other.write([Failure("other", "missing")])
    assert rows(tmp_path) == [["'=one", "damaged"], ["other", "missing"]]
    ErrorsFile(tmp_path).write([])
    assert os.listdir(tmp_path) == []


def test_a_hidden_input_is_called_by_its_number_wherever_its_name_may_stand(tmp_path):
    folder = tmp_path / "DOE^JOHN"
    folder.mkdir()
    (folder / "DOE_19400101.dcm").touch()
    called = Aliases(["other.dcm", str(folder)], hidden=True)
    error = SourceError(f"{folder}/DOE_19400101.dcm: damaged; DOE_JOHN, DOE^JOHN and DOE_19400101 differ")
    reason = called.reason(str(folder), error)
    assert "DOE" not in reason and reason.startswith("input 2 of run ")
    assert called.reason(str(folder), KeyError("DOE^JOHN")) == "unexpected KeyError"
    with pytest.raises(OutputError, match="must not lie in"):
        called.write(tmp_path / "names.csv", tmp_path)
    called.write(tmp_path / "names.csv", tmp_path / "out")
    assert str(folder) in (tmp_path / "names.csv").read_text()


def test_a_failing_input_that_is_to_be_deidentified_is_named_nowhere(tmp_path):
    (tmp_path / "DOE_JOHN.dcm").write_bytes(b"\x00" * 128 + b"DICM" + b"junk")
    given = ["--deidentify", "--aliases", tmp_path / "names.csv", "--device", "cpu", "--debug"]
    done = echoseg("run", tmp_path / "DOE_JOHN.dcm", "--out", tmp_path / "out", *given)
    written = (tmp_path / "out" / "errors.csv").read_text()
    assert done.returncode == 1 and "input 1 of run" in written
    assert "DOE" not in written and b"DOE" not in done.stderr + done.stdout
    assert "DOE_JOHN.dcm" in (tmp_path / "names.csv").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_leaves_nothing_behind(tmp_path, number):
    clip = np.random.default_rng(0).integers(0, 255, (400, 112, 112), dtype=np.uint8)
    np.save(tmp_path / "long.npy", clip)
    command = [sys.executable, "-m", "echoseg", "run", tmp_path / "gone.npy", tmp_path / "long.npy", "--out", tmp_path / "out"]
    (tmp_path / "tmp").mkdir()
    with subprocess.Popen(
        [*map(str, command), "--prompt", "box:5,5,30,30", "--device", "cpu"],
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
    ) as process:
        while not list((tmp_path).glob("out/.echoseg-long-*")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        stderr = process.communicate()[1]
    assert (process.returncode, b"Traceback" in stderr) == (130, False)  # as of Ctrl-C
    assert os.listdir(tmp_path / "out") == ["errors.csv"]  # the input that had failed before
    assert [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()] == []
