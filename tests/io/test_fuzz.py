"""Two thousand mutated files of every reader: none ends the process, raises what is not ours, takes more memory, or does not come back."""

import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

INPUTS, FAST = 2_400, 68
WORKER = Path(__file__).parent / "fuzz_worker.py"
_SECONDS = 90.0  # for one input, and for a start


def fuzzed(folder, first, stop):
    """``{number: how it ended}``; a worker that dies, or does not come back, is replaced behind the input that did it."""
    ended = {}
    while first < stop:
        command = [sys.executable, str(WORKER), str(folder), str(first), str(stop)]
        with subprocess.Popen(command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
            number, begun = first, time.monotonic()
            while True:
                ready, _, _ = select.select([worker.stdout], [], [], max(0.0, begun + _SECONDS - time.monotonic()))
                line = worker.stdout.readline().decode() if ready else ""
                if not line:
                    worker.kill()
                    break
                word, name, outcome = line.rstrip("\n").split(" ", 2)
                number, begun = int(word), time.monotonic()
                ended[number] = f"{name} {outcome}"
        if worker.returncode == 0 and number == stop - 1:
            return ended
        ended[number] = f"{ended.get(number, '')}: ended with {worker.returncode}"
        first = number + 1
    return ended


def check(ended, count):
    bad = {number: how for number, how in ended.items() if not how.endswith((" read", " refused"))}
    assert not bad, "\n".join(f"{number}: {how}" for number, how in sorted(bad.items())[:20])
    assert len(ended) == count
    share = sum(how.endswith(" read") for how in ended.values()) / count
    assert 0.1 < share < 0.9  # some get past the header, some do not


def test_a_few_mutated_files_of_every_reader_are_read_or_refused(tmp_path):
    check(fuzzed(tmp_path, 0, FAST), FAST)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_mutated_files_of_every_reader_are_read_or_refused(tmp_path):
    check(fuzzed(tmp_path, FAST, FAST + INPUTS), INPUTS)
