"""What is known of an input without a model is gathered once, and decides whether numbers may be given."""

import numpy as np
import pytest
from dicom_objects import write_clip
from pydicom.dataset import Dataset

from echoseg import open_source
from echoseg.cardiac import analyse_lv
from echoseg.cli.info import describe
from echoseg.options import Subject
from echoseg.record.input_flags import answered_by_hand, input_flags, undefined_by
from echoseg.types import Flag, Severity


def clip(tmp_path, **tags):
    frames = np.random.default_rng(0).integers(0, 255, (30, 64, 64), dtype=np.uint8)
    frames[:, 10:54, 10:54] = np.linspace(20, 250, 44, dtype=np.uint8)  # most of it stands still
    return open_source(write_clip(tmp_path / "clip.dcm", frames, **({"PatientAge": "040Y"} | tags)))


def region(form, data):
    one = Dataset()
    one.RegionSpatialFormat, one.RegionDataType = form, data
    return one


def codes(flags):
    return [flag.code for flag in flags]


def test_a_clean_clip_of_an_adult_has_no_flag_and_is_defined(tmp_path):
    with clip(tmp_path) as source:
        assert (input_flags(source), undefined_by(input_flags(source))) == ((), "")


def test_a_child_a_slow_clip_and_m_mode_are_told_before_any_model(tmp_path):
    with clip(tmp_path, PatientAge="004Y", FrameTime=100, SequenceOfUltrasoundRegions=[region(2, 1)]) as source:
        told = input_flags(source)
        assert codes(told) == ["m_mode", "spacing_missing", "child", "low_frame_rate"]
        assert [flag["message"] for flag in describe(source)["flags"]] == [flag.message for flag in told]
        assert undefined_by(told) == "not defined in such a picture: see the flag m_mode"
        assert "child" not in codes(input_flags(source, Subject(age_years=40)))


@pytest.mark.parametrize(("code", "severity"), [("colour_doppler", "review"), ("several_sectors", "review"), ("m_mode", "reject")])
def test_a_hand_sees_a_ventricle_beside_colour_but_none_in_m_mode(code, severity):
    (flag,) = answered_by_hand([Flag(code, "A sentence.", Severity.REJECT)])
    assert flag.severity == severity


def test_an_analysis_without_numbers_keeps_pixels_alone():
    y, x = np.mgrid[:60, :50] + 0.5
    masks = [(((x - 25) / w) ** 2 + ((y - 50) / 40) ** 2 < 1) & (y < 50) for w in 12 + 3 * np.cos(2 * np.pi * np.arange(50) / 25)]
    found = analyse_lv(masks, np.arange(50) / 25, (1.0, 1.0))
    bare = found.without_numbers()
    assert found.ef and found.edv_ml and found.beats
    assert (bare.ef, bare.edv_ml, bare.hr_bpm, bare.beats, bare.flags, bare.curve.volume_ml) == (None, None, None, (), (), None)
    assert np.array_equal(bare.curve.area_px, found.curve.area_px)
