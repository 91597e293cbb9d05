import gc
import threading
import time

import numpy as np
import pytest

from echoseg.io import open_source
from echoseg.io.prefetch import prefetch


def workers():
    return [t for t in threading.enumerate() if t.name == "echoseg-prefetch"]


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_every_item_comes_in_order():
    assert list(prefetch(iter(range(1000)), depth=3)) == list(range(1000))
    assert list(prefetch(iter(()))) == []
    assert workers() == []


def test_no_more_than_depth_items_are_made_ahead():
    made = []

    def items():
        for index in range(100):
            made.append(index)
            yield index

    reader = prefetch(items(), depth=3)
    assert next(reader) == 0
    assert wait_until(lambda: len(made) == 3)
    time.sleep(0.05)
    assert len(made) == 3  # the one given out still counts: its slot is free once the next is asked for
    next(reader)
    assert wait_until(lambda: len(made) == 4)
    reader.close()


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise ValueError("broken")

    reader = prefetch(items())
    assert [next(reader), next(reader)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(reader)
    assert workers() == []


def test_closing_ends_the_thread_and_closes_the_iterator():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    reader = prefetch(endless())
    next(reader)
    assert len(workers()) == 1
    reader.close()
    assert workers() == []
    assert closed.is_set()


def test_a_forgotten_reader_ends_its_thread():
    reader = prefetch(iter(range(10**9)))
    next(reader)
    del reader
    gc.collect()
    assert wait_until(lambda: not workers())


def test_closing_a_source_ends_its_readers(stale_path):
    with open_source(stale_path) as source:
        readers = [source.frames() for _ in range(3)]
        for reader in readers:
            next(reader)
        assert len(workers()) == 3
    assert workers() == []


def test_two_readers_of_one_source_do_not_disturb_each_other(stale_path):
    with open_source(stale_path) as source:
        first = list(source.frames(0, 10))
        for a, b, expected in zip(source.frames(), source.frames(), first, strict=False):
            np.testing.assert_array_equal(a, expected)
            np.testing.assert_array_equal(b, expected)
