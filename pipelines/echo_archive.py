"""A folder of echo clips to one table: python pipelines/echo_archive.py FOLDER [--out DIR] [--workers N]

The same command goes on after any interruption. On the command line: echoseg archive FOLDER --out DIR.
"""

import argparse
from pathlib import Path

import pyarrow.parquet as pq

from echoseg.archive.run import archive_folder


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure every echo clip of a folder.")
    parser.add_argument("folder", help="folder tree, CSV or Parquet manifest, EchoNet-Dynamic or CAMUS folder")
    parser.add_argument("--out", default="out", type=Path, help="folder of the tables (default: out)")
    parser.add_argument("--workers", type=int, help="default: one for each core")
    arguments = parser.parse_args()

    done = archive_folder(arguments.folder, arguments.out, workers=arguments.workers)
    print(done.counts, done.stopped or "")
    clips = pq.read_table(arguments.out / "clips.parquet", columns=["path", "view", "ef", "quality"])
    for row in clips.slice(0, 10).to_pylist():
        print(row)
    print(arguments.out / "report.html")


if __name__ == "__main__":  # workers are started by importing this file again
    main()
