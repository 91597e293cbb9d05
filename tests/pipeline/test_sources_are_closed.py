"""Who opens a source closes it."""

import pytest

import echoseg
from echoseg import Box
from echoseg.errors import PromptError
from echoseg.io.array import ArraySource

BOX = Box(100, 30, 160, 110)


def closings(monkeypatch) -> list[str]:
    closed: list[str] = []
    monkeypatch.setattr(ArraySource, "close", lambda self: closed.append(self.name))
    return closed


def test_segment_and_stream_close_what_they_open(frames, micro_model, monkeypatch):
    closed = closings(monkeypatch)
    echoseg.segment(frames[:3], BOX, micro_model)
    assert len(closed) == 1
    streamed = echoseg.stream(frames[:3], BOX, micro_model)
    assert len(closed) == 1
    assert len(list(streamed)) == 3 and len(closed) == 2


def test_a_refused_prompt_leaves_nothing_open(frames, micro_model, monkeypatch):
    closed = closings(monkeypatch)
    with pytest.raises(PromptError, match="outside"):
        echoseg.stream(frames[:3], Box(900, 900, 950, 950), micro_model)
    assert len(closed) == 1


def test_a_source_of_the_caller_stays_open(frames, micro_model, monkeypatch, tmp_path):
    source = echoseg.open_source(frames[:3])
    closed = closings(monkeypatch)
    echoseg.segment(source, BOX, micro_model)
    list(echoseg.stream(source, BOX, micro_model))
    echoseg.run(source, tmp_path, BOX, micro_model)
    assert not closed
