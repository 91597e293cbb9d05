"""Features that memory has no room for are found on disk, and nothing stays behind."""

import gc
from pathlib import Path

import pytest
import torch

from echoseg import Box, Points
from echoseg.model.sam2 import FrameFeatures
from echoseg.tracking.spill import SpillingCache, features_bytes


def features(value):
    return FrameFeatures(
        torch.full((1, 2, 4, 4), float(value)), (torch.full((1, 1, 8, 8), value + 0.5), torch.full((1, 1, 6, 6), value + 0.25))
    )


SIZE = features_bytes(features(0))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def files(folder):
    return {int(path.stem) for path in Path(folder).rglob("*.safetensors")}


def assert_holds(cache, key):
    found, wanted = cache.get(key), features(key)
    assert all(torch.equal(a, b) for a, b in zip((found.embedding, *found.high_res), (wanted.embedding, *wanted.high_res), strict=True))


def test_what_memory_lets_go_is_read_from_disk(folder):
    cache = SpillingCache(2 * SIZE, 3 * SIZE)
    for key in range(4):
        cache.put(key, features(key))
    assert files(folder) == {0, 1} and cache.disk_bytes == 2 * SIZE
    for key in range(4):
        assert_holds(cache, key)


def test_both_places_are_bounded(folder):
    cache = SpillingCache(2 * SIZE, 3 * SIZE)
    for key in range(9):
        cache.put(key, features(key))
    assert files(folder) == {4, 5, 6} and cache.disk_bytes == 3 * SIZE
    assert cache.get(3) is None
    assert_holds(cache, 4)


def test_a_frame_put_anew_is_the_new_one(folder):
    cache = SpillingCache(SIZE, 3 * SIZE)
    for key in (1, 2):
        cache.put(key, features(9))
    cache.put(1, features(1))
    assert_holds(cache, 1)
    assert files(folder) == {2}


def test_larger_than_memory_goes_to_disk_at_once(folder):
    cache = SpillingCache(SIZE - 1, 2 * SIZE)
    cache.put(5, features(5))
    assert_holds(cache, 5)


def test_a_file_that_vanished_or_is_damaged_is_a_frame_not_kept(folder):
    cache = SpillingCache(0, 9 * SIZE)
    for key in (1, 2):
        cache.put(key, features(key))
    next(folder.rglob("1.safetensors")).unlink()
    next(folder.rglob("2.safetensors")).write_bytes(b"damaged")
    assert cache.get(1) is None and cache.get(2) is None and cache.disk_bytes == 0


def test_the_folder_is_private_and_goes_with_the_cache(folder):
    cache = SpillingCache(0, 9 * SIZE)
    assert list(folder.iterdir()) == []
    cache.put(1, features(1))
    made = next(folder.rglob("1.safetensors")).parent
    assert all(each.stat().st_mode & 0o077 == 0 for each in (made, made.parent))
    cache.clear()
    assert files(folder) == set() and cache.get(1) is None
    del cache
    gc.collect()
    assert not made.exists()


def test_where_nothing_can_be_written_memory_still_serves(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    cache = SpillingCache(SIZE, 9 * SIZE)
    for key in (1, 2):
        cache.put(key, features(key))
    assert cache.get(1) is None
    assert_holds(cache, 2)


def test_a_pass_after_a_correction_encodes_nothing_though_memory_holds_one_frame(session_over, clip, folder, assert_same):
    def corrected(**options):
        session = session_over(clip, **options)
        session.prompt(1, 0, Box(6, 8, 26, 28))
        list(session.propagate("forward"))
        encode, calls = session.tracker.encode, []
        session.tracker.encode = lambda frame: (calls.append(1), encode(frame))[1]
        session.correct(1, 6, Points([[30, 20]], [1]))
        return list(session.propagate("forward", start=6)), calls

    in_memory, _ = corrected()
    one_frame = features_bytes(session_over(clip).tracker.encode(clip[0]))
    on_disk, calls = corrected(cache=SpillingCache(one_frame, 2**30))
    assert calls == []
    assert_same(on_disk, in_memory)
