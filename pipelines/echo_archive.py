"""A folder of echo clips to one table: python pipelines/echo_archive.py FOLDER [--out DIR] [--workers N]

The same command goes on after any interruption. On the command line: echoseg archive FOLDER --out DIR.
"""

import argparse
from pathlib import Path

import pyarrow.parquet as pq

from echoseg.archive.local import LocalEngine
from echoseg.archive.report import write_cohort_report
from echoseg.archive.run import run_archive, worker_count
from echoseg.archive.settings import Settings
from echoseg.archive.source import open_archive
from echoseg.archive.worker import WorkerSpec


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure every echo clip of a folder.")
    parser.add_argument("folder", help="folder tree, CSV or Parquet manifest, EchoNet-Dynamic or CAMUS folder")
    parser.add_argument("--out", default="out", type=Path, help="folder of the tables (default: out)")
    parser.add_argument("--workers", type=int, help="default: one for each core")
    arguments = parser.parse_args()

    settings, out = Settings(prompt="auto", model="compact"), arguments.out
    workers = worker_count(arguments.workers)
    done = run_archive(
        open_archive(arguments.folder, out), out, lambda: LocalEngine(WorkerSpec(settings, str(out.absolute())), workers), settings
    )
    print(done.counts, done.stopped or "")
    clips = pq.read_table(out / "clips.parquet", columns=["path", "view", "ef", "quality"])
    for row in clips.slice(0, 10).to_pylist():
        print(row)
    print(write_cohort_report(out))


if __name__ == "__main__":  # workers are started by importing this file again
    main()
