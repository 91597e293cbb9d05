"""A task without a model: a "clip" is a text file that says what becomes of the worker that takes it."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import time
from pathlib import Path

from echoseg.archive.jobs import ClipResult
from echoseg.errors import OutputError, SourceError

TASK = "fake_clips:FakeTask"


class FakeTask:
    """``ok N [seconds]`` gives EF N; ``weights`` of the settings are its fingerprint; every attempt leaves a line in ``attempts.log``."""

    def __init__(self, settings, out, keep):
        self.settings, self.log = settings, Path(out).parent / "attempts.log"

    def fingerprint(self):
        return {"weights_sha256": self.settings.weights or "0" * 64, "device": "cpu"}

    def identify(self, item, location):
        try:
            return hashlib.blake2b(Path(location).read_bytes(), digest_size=16).hexdigest()
        except OSError as error:
            raise SourceError(f"{location}: cannot be read ({error.strerror})") from error

    def process(self, item, location, key):
        with self.log.open("ab") as log:
            log.write(os.fsencode(item.path) + b"\n")
        word, *values = Path(location).read_text().split()
        return getattr(self, word)(location, *values)

    def draw(self, item, location, key):
        raise SourceError("no pictures of a fake")

    def ok(self, location, ef, seconds="0", *_):
        time.sleep(float(seconds))
        beats = [{"ed": 0, "es": 3, "next_ed": 9, "partial": False, "ef": float(ef), "ed_s": 0.0}]
        return ClipResult(fake_row(ef=float(ef), complete_beats=1), beats)

    def broken(self, location):
        raise SourceError(f"{location}: the file is damaged; copy it again")

    def segfault(self, location):
        os.kill(os.getpid(), signal.SIGSEGV)

    def abort(self, location):
        os.abort()

    def hang(self, location):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        time.sleep(600)

    def grow(self, location):
        held = []
        while True:
            held.append(bytearray(16 * 2**20))

    def odd(self, location):
        raise ZeroDivisionError("odd")

    def flaky(self, location):
        if self.log.read_text().count(Path(location).name) < 2:
            os.abort()
        return self.ok(location, "50")

    def full(self, location):
        disk = OutputError("masks cannot be written (No space left on device)")
        raise disk from OSError(errno.ENOSPC, "No space left on device")


def fake_row(**values):
    """A row of clips.parquet as a worker gives it."""
    row = dict.fromkeys(("stated_study", "fps", "row_mm", "col_mm", "ef", "edv", "esv", "sv", "hr", "co", "fac"))
    row |= {"kind": "clip", "frames": 10, "height": 64, "width": 64, "view": "A4C", "view_from": "assumed", "complete_beats": 0}
    row |= {"mean_iou_score": 0.9, "quality": "accept", "flags": [], "model": "fake", "weights_sha256": "0" * 64}
    return row | values
