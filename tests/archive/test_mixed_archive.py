"""An archive in mixed formats with broken files: every good clip has a row, every bad one a reason; killed or not, local or Ray, the same.

The whole size: python tests/archive/test_mixed_archive.py FOLDER --clips 300 --kills 10
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mixed_archive import BROKEN, make_archive

from echoseg.archive.agreement import agreement
from echoseg.archive.ledger import open_ledger
from echoseg.errors import ArchiveError

TABLES = ("clips.parquet", "beats.parquet", "studies.parquet", "errors.csv")
ECHOSEG = Path(sys.executable).with_name("echoseg")


def archive(manifest: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [ECHOSEG, "archive", manifest, "--out", out, "--workers", "2", "--review", "2", "--memory-limit", "4", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finished(out: Path) -> int:
    try:
        with open_ledger(out) as ledger:
            counts = ledger.counts()
            return counts["done"] + counts["failed"]
    except ArchiveError:
        return 0


def killed_archive(manifest: Path, out: Path, clips: int, kills: int) -> list[int]:
    """Runs the archive and kills it ``kills`` times, at random moments spread over the work; gives the items done at each kill."""
    moments, at = random.Random(3), []
    for kill in range(1, kills + 1):
        process, goal = archive(manifest, out), clips * kill / (kills + 1.5)
        while process.poll() is None and finished(out) < goal:
            time.sleep(0.2)
        time.sleep(moments.uniform(0, 1))
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
    """Every good item has a row, or shares that of its copy; every bad one a reason."""
    with manifest.open(newline="") as file:
        items = list(csv.DictReader(file))
    bad = {item["path"] for item in items if item["path"].startswith("broken/")}
    failed, clips = rows(out, "errors.csv"), rows(out, "clips.parquet")
    assert {row["path"] for row in failed} == bad
    assert all(row["category"] == "input" and len(str(row["reason"])) > 30 for row in failed)
    assert len(clips) + sum(int(str(row["copies"])) for row in clips) == len(items) - len(bad)
    assert (out / "report.html").read_text().count("Agreement with the truth") == 1


def equal(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TABLES)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_or_not_the_archive_has_the_same_tables(tmp_path):
    clips = len(BROKEN) + 16
    manifest = make_archive(tmp_path, clips)
    assert archive(manifest, tmp_path / "straight").wait() == 1
    check(manifest, tmp_path / "straight")
    killed_archive(manifest, tmp_path / "killed", clips, 2)
    assert equal(tmp_path / "straight", tmp_path / "killed")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ray_gives_the_same_tables(tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'echoseg[ray]'")
    manifest = make_archive(tmp_path, len(BROKEN) + 8)
    for engine in ("local", "ray"):
        assert archive(manifest, tmp_path / engine, "--engine", engine).wait() == 1
    check(manifest, tmp_path / "ray")
    assert equal(tmp_path / "local", tmp_path / "ray")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True)
    manifest = make_archive(folder, arguments.clips)
    for name, work in {
        "straight": lambda out: archive(manifest, out).wait(),
        "killed": lambda out: killed_archive(manifest, out, arguments.clips, arguments.kills),
        "ray": lambda out: archive(manifest, out, "--engine", "ray").wait(),
    }.items():
        start = time.monotonic()
        result = work(folder / name)
        sys.stdout.write(f"{name}: {result} in {time.monotonic() - start:.0f} s\n")
        check(manifest, folder / name)
        sys.stdout.write(f"  {len(rows(folder / name, 'clips.parquet'))} rows, {len(rows(folder / name, 'errors.csv'))} failed, ")
        sys.stdout.write(f"tables equal: {equal(folder / 'straight', folder / name)}\n")
        sys.stdout.flush()
    clips = [row for row in rows(folder / "straight", "clips.parquet") if row["ef"] is not None and row["ef_truth"] is not None]
    sys.stdout.write(f"{agreement([row['ef'] for row in clips], [row['ef_truth'] for row in clips])}\n")


if __name__ == "__main__":
    main()
