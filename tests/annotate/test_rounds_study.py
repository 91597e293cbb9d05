"""A study of rounds runs by one command on a public layout, and goes on wherever it was killed."""

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import SimpleITK as sitk

from echoseg.annotate.log import EventLog
from echoseg.simulate import random_clip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PATIENTS = 5


@pytest.fixture(scope="module")
def camus(tmp_path_factory):
    """Simulated patients in the layout of CAMUS: both views, ED and ES."""
    root = tmp_path_factory.mktemp("camus")
    for number in range(1, PATIENTS + 1):
        folder = root / f"patient{number:04d}"
        folder.mkdir()
        for short, view in (("2CH", "A2C"), ("4CH", "A4C")):
            clip = random_clip(number, 96, 8, (view,))
            for phase, frame in (("ED", 0), ("ES", 7)):
                for ending, values in (("", clip.frames[frame]), ("_gt", clip.masks[frame])):
                    image = sitk.GetImageFromArray(np.uint8(values))
                    image.SetSpacing((1.0, 1.0))
                    sitk.WriteImage(image, str(folder / f"{folder.name}_{short}_{phase}{ending}.nii.gz"))
    return root


def command(camus, out):
    given = ["--held", str(camus), "--sizes", "1,2,2", "--arms", "tuned,untuned", "--stills", "2", "--clips", "1", "--model", "compact-sim"]
    return [sys.executable, "-m", "echoseg", "eval", "rounds", str(camus), "--out", str(out), "--held-out", "0.5", "--count", "5", *given]


def test_a_study_that_is_killed_again_and_again_gives_every_row_once(camus, tmp_path):
    out = tmp_path / "study"
    log = out / "tuned" / "project.sqlite"
    for stop_after in (3, 9):  # decisions: in round 1, in round 2
        run = subprocess.Popen(command(camus, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while run.poll() is None and decisions(log) < stop_after:
            time.sleep(0.1)
        run.send_signal(signal.SIGKILL)
        run.communicate()
    done = subprocess.run(command(camus, out), capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    with (out / "items.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for arm in ("tuned", "untuned"):
        of_arm = [row for row in rows if row["arm"] == arm]
        assert [sum(row["round"] == str(number) for row in of_arm) for number in range(3)] == [2, 4, 4]
        assert len({row["item"] for row in of_arm}) == 2 * PATIENTS
        assert all(float(row["seconds"]) > float(row["correction"]) >= 0 for row in of_arm)
    assert {row["item"] for row in rows if row["arm"] == "tuned" and row["round"] == "2"} == {
        row["item"] for row in rows if row["arm"] == "untuned" and row["round"] == "2"
    }
    assert pq.read_table(out / "items.parquet").num_rows == len(rows)
    page = (out / "rounds.html").read_text(encoding="utf-8")
    assert "Fine-tuning against none" in page and "outline 79 s" in page and "click +50 %" in page
    made = EventLog(log)
    rounds = [event.body for event in made.of_kinds(("round",))]
    made.close()
    assert [each["number"] for each in rounds] == [1, 2]
    assert not set(rounds[0]["learned"]) & set(rounds[0]["held"])


def decisions(path):
    if not path.is_file():
        return 0
    import sqlite3

    try:
        db = sqlite3.connect(path)
        try:
            return db.execute("SELECT COUNT(*) FROM events WHERE kind = 'outcome'").fetchone()[0]
        finally:
            db.close()
    except sqlite3.Error:
        return 0
