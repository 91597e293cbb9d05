"""Encoding a frame is what costs: how often it happens, and what is kept."""

import pytest

from echoseg import Box, Points
from echoseg.tracking import features_cache

BOX = Box(6, 8, 26, 28)


@pytest.fixture
def counted(session_over, monkeypatch):
    """A session whose encodings are counted."""

    def over(source, **options):
        session = session_over(source, **options)
        encode, calls = session.tracker.encode, []
        monkeypatch.setattr(session.tracker, "encode", lambda frame: (calls.append(1), encode(frame))[1])
        return session, calls

    return over


class RecordingCache:
    def __init__(self):
        self.values, self.asked = {}, []

    def get(self, key):
        self.asked.append(key)
        return self.values.get(key)

    def put(self, key, value):
        self.values[key] = value

    def clear(self):
        self.values.clear()


def test_a_correction_encodes_nothing_again(counted, clip):
    session, calls = counted(clip)
    session.prompt(1, 0, BOX)
    list(session.propagate("forward"))
    assert len(calls) == len(clip)
    session.correct(1, 6, Points([[30, 20]], [1]))
    list(session.propagate("forward", start=6))
    assert len(calls) == len(clip)


def test_reset_keeps_the_features(counted, clip):
    session, calls = counted(clip)
    session.prompt(1, 0, BOX)
    list(session.propagate("forward"))
    session.reset()
    session.prompt(2, 0, BOX)
    list(session.propagate("forward"))
    assert len(calls) == len(clip)


def test_the_cache_is_pluggable(counted, clip):
    cache = RecordingCache()
    session, calls = counted(clip, cache=cache)
    session.prompt(1, 3, BOX)
    list(session.propagate("both"))
    assert sorted(cache.values) == list(range(12))
    assert set(cache.asked) == set(range(12))
    assert len(calls) == 12


def test_a_shared_cache_serves_a_second_session(counted, clip):
    cache = features_cache()
    first, _ = counted(clip, cache=cache)
    first.prompt(1, 0, BOX)
    list(first.propagate("forward"))
    second, calls = counted(clip, cache=cache)
    second.prompt(1, 0, BOX)
    list(second.propagate("forward"))
    assert calls == []


def test_no_cache_gives_the_same_answers(session_over, clip, assert_same):
    cached, bare = session_over(clip), session_over(clip, cache=features_cache(0))
    for session in (cached, bare):
        session.prompt(1, 4, BOX)
    assert_same(bare.propagate("both"), cached.propagate("both"))


def test_the_cache_stays_within_its_bytes(counted, clip):
    one, _ = counted(clip)
    one.prompt(1, 0, BOX)
    bytes_of_a_frame = one.cache.bytes
    cache = features_cache(3 * bytes_of_a_frame)
    session, calls = counted(clip, cache=cache)
    session.prompt(1, 0, BOX)
    for _ in session.propagate("forward"):
        assert cache.bytes <= 3 * bytes_of_a_frame
    assert cache.bytes == 3 * bytes_of_a_frame
    assert [cache.get(index) is not None for index in (8, 9, 10, 11)] == [False, True, True, True]
    assert len(calls) == len(clip)
