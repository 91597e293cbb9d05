"""An archive in mixed formats with broken files: every good clip has a row, every bad one a reason, also when killed, and on Ray too."""

from __future__ import annotations

import csv
import importlib.util
import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mixed_archive import BROKEN, make_archive

from echoseg.archive.ledger import open_ledger
from echoseg.errors import ArchiveError
from echoseg.metrics.agreement import differences

TABLES = ("clips.parquet", "beats.parquet", "studies.parquet", "errors.csv")
ITEMS, KILLS = 300, 10


def archive(manifest: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "echoseg", "archive", manifest, "--out", out, "--workers", "2", "--review", "2", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finished(out: Path) -> int:
    try:
        with open_ledger(out) as ledger:
            counts = ledger.counts()
            return counts["done"] + counts["failed"]
    except ArchiveError:
        return 0


def killed_archive(manifest: Path, out: Path) -> list[int]:
    """Runs the archive and kills it at random moments spread over the work; gives the items done at each kill."""
    moments, at = random.Random(3), []
    for kill in range(1, KILLS + 1):
        process, goal = archive(manifest, out), ITEMS * kill / (KILLS + 1.5)
        while process.poll() is None and finished(out) < goal:
            time.sleep(0.2)
        time.sleep(moments.uniform(0, 0.5))
        at.append(finished(out))
        process.kill()
        process.wait()
    archive(manifest, out).wait()
    return at


def rows(out: Path, name: str) -> list[dict[str, object]]:
    if name == "errors.csv":
        with (out / name).open(newline="") as file:
            return list(csv.DictReader(file))
    return pq.read_table(out / name).to_pylist()


def check(manifest: Path, out: Path) -> None:
    """Every good item has a row, or shares that of its copy; every bad one a reason; the report compares with the truth."""
    with manifest.open(newline="") as file:
        items = list(csv.DictReader(file))
    bad = {item["path"] for item in items if item["path"].startswith("broken/")}
    failed, clips = rows(out, "errors.csv"), rows(out, "clips.parquet")
    assert len(items) == ITEMS and len(bad) == 0.05 * ITEMS and {path.split("_", 1)[1] for path in bad} == {*BROKEN}
    assert {row["path"] for row in failed} == bad
    assert all(row["category"] == "input" and len(str(row["reason"])) > 30 for row in failed)
    copies = sum(int(str(row["copies"])) for row in clips)
    assert copies == 5 and len(clips) + copies == len(items) - len(bad)
    both = [(row["ef"], row["ef_truth"]) for row in clips if row["ef"] is not None and row["ef_truth"] is not None]
    found = differences(*zip(*both, strict=True))
    assert found is not None and found.n > 0.8 * ITEMS and found.r is not None and found.r > 0.7
    page = (out / "report.html").read_text()
    assert "Agreement with the truth" in page and f"<td>all clips with an EF</td><td>{found.n}</td>" in page and "biplane, by study" in page


def equal(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TABLES)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_three_hundred_items_give_the_same_tables_when_killed_ten_times_and_on_ray(tmp_path):
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'echoseg[ray]'")
    manifest = make_archive(tmp_path, ITEMS)
    assert archive(manifest, tmp_path / "straight").wait() == 1  # some items failed
    check(manifest, tmp_path / "straight")
    at = killed_archive(manifest, tmp_path / "killed")
    assert at == sorted(at) and at[0] > 0 and at[-1] < ITEMS  # every kill hit a run that was at work
    assert equal(tmp_path / "straight", tmp_path / "killed")
    assert archive(manifest, tmp_path / "ray", "--engine", "ray").wait() == 1
    assert equal(tmp_path / "straight", tmp_path / "ray")
