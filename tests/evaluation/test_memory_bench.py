"""A stream holds the same number of memories and features however long it is, and the measure of that can fail."""

import gc
import math
from collections import Counter

import numpy as np
import pytest

import echoseg.evaluation.memory as memory
from echoseg import load_model, stream
from echoseg.evaluation.memory import BASELINE_FRAME, GeneratedClip, MemoryReport, bench_memory
from echoseg.evaluation.resident import peak_resident_mb, resident_mb
from echoseg.model.sam2 import FrameFeatures
from echoseg.options import MemorySelection
from echoseg.tracking import ObjectMemory


def held() -> Counter[str]:
    """How many memories and frame features are alive in this process."""
    gc.collect()
    return Counter(type(thing).__name__ for thing in gc.get_objects() if type(thing) in (ObjectMemory, FrameFeatures))


@pytest.mark.parametrize(("rereadable", "selection"), [(False, None), (True, None), (False, MemorySelection(0.5, -math.inf))])
def test_stream_holds_as_many_memories_at_frame_300_as_at_frame_100(tiny_model, rereadable, selection, monkeypatch):
    monkeypatch.setattr("echoseg.pipeline._STREAM_CACHE_BYTES", 200_000)  # full within the first 100 frames
    clip = GeneratedClip(300)
    counts = {}
    source = clip if rereadable else clip.frames()
    for done, _ in enumerate(stream(source, clip.box(), tiny_model, direction="forward", memory_selection=selection), start=1):
        if done in (100, 200, 300):
            counts[done] = held()
    config = tiny_model.config
    assert counts[100] == counts[200] == counts[300]
    most = config.max_obj_ptrs + 4 + (config.num_maskmem - 1 if selection else 0)
    assert config.max_obj_ptrs <= counts[300]["ObjectMemory"] <= most
    assert 1 <= counts[300]["FrameFeatures"] < 100


def test_samples_are_taken_at_the_marks_and_at_the_end(tiny_model, monkeypatch):
    readings = iter([100.0, 140.0])
    monkeypatch.setattr(memory, "resident_mb", lambda: next(readings))
    done = []
    report = bench_memory(tiny_model, 205, progress=done.append)
    assert report == MemoryReport("tiny", "once", {200: 100.0, 205: 140.0})
    assert (report.growth_mb, report.passed) == (40.0, False)
    assert done == list(range(1, 206))


@pytest.mark.parametrize(("last", "passed"), [(129.9, True), (130.0, False), (90.0, True)])
def test_growth_counts_from_the_baseline_to_the_end(last, passed):
    assert MemoryReport("tiny", "once", {200: 100.0, 2_000: 500.0, 2_500: last}).passed is passed


def test_too_short_a_stream_is_refused(tiny_model):
    with pytest.raises(ValueError, match="more than 200"):
        bench_memory(tiny_model, BASELINE_FRAME)


def test_generated_clip_is_the_same_at_each_reading_and_its_box_holds_the_dark_ellipse():
    clip = GeneratedClip(40)
    frames = np.stack(list(clip.frames()))
    assert frames.shape == (40, 112, 112) and frames.dtype == np.uint8
    assert np.array_equal(clip.frame(37), frames[37])
    areas = (frames < 60).sum(axis=(1, 2))
    assert areas.max() > 1.3 * areas.min()
    box = clip.box()
    dark = frames[0] < 60
    assert dark[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)].sum() == dark.sum()


@pytest.mark.skipif(resident_mb() is None, reason="this system does not tell how much memory a process holds")
def test_resident_memory_counts_what_is_held():
    before = resident_mb()
    block = np.ones(64 * 2**20, dtype=np.uint8)
    assert 60 < resident_mb() - before < 70
    assert peak_resident_mb() >= resident_mb()
    del block


@pytest.mark.slow
def test_compact_model_is_flat_over_2000_frames():
    report = bench_memory(load_model("compact"), 2_000)
    assert report.passed, report
