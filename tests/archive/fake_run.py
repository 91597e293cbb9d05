"""An archive run with the fake task, as a process of its own that can be killed: python fake_run.py SOURCE OUT [ray]"""

import sys
from pathlib import Path

from fake_clips import TASK

from echoseg.archive.foreman import Policy
from echoseg.archive.local import LocalEngine
from echoseg.archive.run import run_archive
from echoseg.archive.settings import Settings
from echoseg.archive.source import open_archive
from echoseg.archive.worker import WorkerSpec


def fake_run(source, out, weights=None, *, workers=2, memory=None, time_limit=60.0, engine=LocalEngine, engine_options=(), **options):
    """Runs the archive ``source`` with fake workers; ``options`` as of :func:`echoseg.archive.run.run_archive`."""
    settings = Settings(weights=weights)
    spec = WorkerSpec(settings, str(out), options.get("keep", "rows"), task=TASK, memory_bytes=memory)
    return run_archive(
        open_archive(source, Path(out)),
        Path(out),
        lambda: engine(spec, workers, **dict(engine_options)),
        settings,
        Policy(2, time_limit),
        review=0,
        **options,
    )


if __name__ == "__main__":
    source, out, *engine = sys.argv[1:]
    if engine:
        from echoseg.archive.ray_engine import RayEngine
    done = fake_run(source, out, engine=RayEngine if engine else LocalEngine)
    print(done.counts, done.stopped)
