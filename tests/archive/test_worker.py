"""What a worker is allowed on the machine that it finds itself on."""

import psutil
import pytest

from echoseg.archive import worker
from echoseg.archive.settings import Settings
from echoseg.archive.worker import WorkerSpec


@pytest.mark.parametrize(("cores", "threads", "share"), [(16, 1, 1 / 16), (16, 4, 1 / 4), (2, 4, 1.0)])
def test_a_share_is_of_the_machine_that_the_worker_is_on(monkeypatch, cores, threads, share):
    monkeypatch.setattr(worker.os, "cpu_count", lambda: cores)
    spec = WorkerSpec(Settings(), "out", threads=threads, memory_bytes="share")
    assert spec.allowed_bytes() == pytest.approx(0.8 * psutil.virtual_memory().total * share, rel=1e-6)


def test_a_number_is_that_number_and_none_is_no_limit():
    assert WorkerSpec(Settings(), "out", memory_bytes=5).allowed_bytes() == 5
    assert WorkerSpec(Settings(), "out").allowed_bytes() is None
