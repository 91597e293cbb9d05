import numpy as np
import pytest
import SimpleITK

from echoseg.errors import SourceError
from echoseg.io import open_source
from echoseg.io.volume.windowing import WINDOW_NAMES, fixed_window

LEVEL_WIDTH = {  # as on any CT console
    "soft-tissue": (40, 400),
    "lung": (-600, 1500),
    "bone": (400, 1800),
    "brain": (40, 80),
    "liver": (30, 150),
    "mediastinum": (50, 350),
    "-160,1500": (-160, 1500),
    "12.5, 1": (12.5, 1),
}


@pytest.fixture
def ct(tmp_path):
    values = np.random.default_rng(0).integers(-1024, 3000, (4, 40, 40)).astype(np.int16)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(tmp_path / "ct.nrrd"))
    return tmp_path / "ct.nrrd", values


@pytest.mark.parametrize(("name", "pair"), LEVEL_WIDTH.items())
def test_a_window_maps_its_ends_to_black_and_white(ct, name, pair):
    path, values = ct
    level, width = pair
    with open_source(path, window=name) as source:
        grey = np.clip((values - (level - width / 2)) / width, 0, 1) * 255
        assert np.abs(np.array(list(source.frames())) - grey).max() <= 0.501
        assert f"centre {level:g}, width {width:g}" in source.details["intensity"]


def test_every_name_is_a_window(ct):
    for name in WINDOW_NAMES:
        assert open_source(ct[0], window=name).frame(0).dtype == np.uint8


def test_a_percentile_can_be_asked_for_in_ct(ct):
    assert "percentile" in open_source(ct[0], window="percentile").details["intensity"]
    assert "soft tissue" in open_source(ct[0]).details["intensity"]


def test_air_of_value_zero_does_not_count_in_percentiles(tmp_path):
    values = np.zeros((4, 40, 40), dtype=np.int16)
    values[:, 10:20, 10:20] = np.arange(1, 101).reshape(10, 10) * 10
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(tmp_path / "mr.nrrd"))
    source = open_source(tmp_path / "mr.nrrd")
    low, high = np.percentile(values[values > 0], (0.5, 99.5))
    assert f"above zero ({low:g} to {high:g})" in source.details["intensity"]


def test_a_window_is_applied_to_8_bit_values_when_asked_for(tmp_path):
    values = np.full((2, 40, 40), 100, dtype=np.uint8)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(tmp_path / "v.nrrd"))
    assert open_source(tmp_path / "v.nrrd").frame(0)[0, 0] == 100
    assert open_source(tmp_path / "v.nrrd", window="100,100").frame(0)[0, 0] == 128


@pytest.mark.parametrize("text", ["lungs", "", "40", "40,0", "40,-1", "nan,40", "40,inf", "1,2,3", "Bone"])
def test_what_is_no_window_is_refused(ct, text):
    with pytest.raises(SourceError, match="give one of soft-tissue, lung"):
        open_source(ct[0], window=text)


def test_no_window_is_no_window():
    assert fixed_window(None, "x") is None
