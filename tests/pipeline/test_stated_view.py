"""The view that a file states decides what is measured."""

import pytest

from echoseg import Box, run
from echoseg.errors import MeasureError, ModelConfigError
from echoseg.io import open_source

BOX = Box(100, 30, 160, 110)


def stating(frames, view):
    source = open_source(frames[:4], fps=30.0)
    source.details = {**source.details, "view": view}
    return source


def test_a_stated_two_chamber_view_is_measured_as_one(frames, micro_model, tmp_path):
    result = run(stating(frames, "A2C"), tmp_path, BOX, micro_model)
    assert "A2C" in result.measurements["measures"]["ef"]["method"]


def test_a_view_without_lv_volumes_is_flagged_and_not_measured(frames, micro_model, tmp_path):
    result = run(stating(frames, "PLAX"), tmp_path, BOX, micro_model)
    assert "view_not_apical" in {flag.code for flag in result.flags}
    assert result.measurements["measures"].get("ef", {}).get("value") is None


def test_the_users_view_wins(frames, micro_model, tmp_path):
    result = run(stating(frames, "PLAX"), tmp_path, BOX, micro_model, view="A4C")
    assert "A4C" in result.measurements["measures"]["ef"]["method"]


def test_a_view_without_lv_volumes_cannot_be_asked_for(frames, micro_model, tmp_path):
    with pytest.raises(MeasureError, match="A4C and A2C"):
        run(frames[:4], tmp_path, BOX, micro_model, view="PLAX")


def test_weights_beside_a_loaded_model_are_refused(frames, micro_model, tmp_path):
    with pytest.raises(ModelConfigError, match="loaded already"):
        run(frames[:4], tmp_path, BOX, micro_model, weights="other.pt")
    assert not any(tmp_path.iterdir())
