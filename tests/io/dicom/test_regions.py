"""What the declared regions of an ultrasound image are decides whether a measure is defined in it (PS3.3 C.8.5.5)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from echoseg.io.dicom.regions import region_flags
from echoseg.types import Severity


def region(form=1, data=1, edges=(0, 0, 300, 200)):
    one = Dataset()
    one.RegionSpatialFormat, one.RegionDataType = form, data
    one.RegionLocationMinX0, one.RegionLocationMinY0, one.RegionLocationMaxX1, one.RegionLocationMaxY1 = edges
    return one


def told(*regions):
    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = list(regions)
    return [(flag.code, flag.severity) for flag in region_flags(dataset)]


@pytest.mark.parametrize(
    "regions",
    [
        (),
        (region(),),
        (region(), region(4, 10, (0, 200, 300, 240))),  # an ECG
        (region(), region(edges=(10, 10, 60, 60))),  # an inset
        (region(), region()),  # the same written twice
        (region(), region(5, 13, (310, 0, 320, 200))),  # a grey bar
    ],
)
def test_a_2d_picture_of_tissue_gets_no_flag(regions):
    assert told(*regions) == []


@pytest.mark.parametrize(
    ("regions", "code"),
    [
        ((region(2, 1),), "m_mode"),
        ((region(2, 2),), "m_mode"),  # colour M-mode
        ((region(3, 3),), "spectral_doppler"),
        ((region(3, 4),), "spectral_doppler"),
        ((region(edges=(0, 0, 300, 90)), region(3, 3, (0, 100, 300, 200))), "spectral_doppler"),  # duplex
        ((region(), region(1, 2, (50, 50, 120, 120))), "colour_doppler"),
        ((region(edges=(0, 0, 140, 200)), region(edges=(150, 0, 300, 200))), "several_sectors"),
    ],
)
def test_other_pictures_are_rejected_by_name(regions, code):
    assert told(*regions) == [(code, Severity.REJECT)]


def test_a_strip_of_trace_below_the_picture_is_for_review():
    assert told(region(), region(2, 1, (0, 200, 300, 230))) == [("m_mode", Severity.REVIEW)]


def test_regions_without_a_picture_are_for_review():
    assert told(region(4, 10), region(5, 14)) == [("no_picture_region", Severity.REVIEW)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, 0, 1, 2, 3, 4, 5]), st.sampled_from([None, 0, 1, 2, 3, 4, 10])), max_size=4))
def test_no_trace_passes_in_silence(kinds):
    codes = {code for code, _ in told(*(region(form, data) for form, data in kinds))}
    assert ("m_mode" in codes) == any(form == 2 for form, _ in kinds)
    assert "spectral_doppler" in codes or not any(form == 3 for form, _ in kinds)
