import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from echoseg.io.dicom.geometry import pixel_spacing, sector_fault, ultrasound_spacing

deltas = st.floats(0.02, 0.07, allow_nan=False)  # depths that ultrasound shows


def region(dx=0.05, dy=0.04, box=(10, 20, 300, 200), units=(3, 3), data_type=1, spatial=1):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = spatial, data_type
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = box
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = dx, dy
    return item


def header(*regions, rows=240, columns=320):
    dataset = Dataset()
    dataset.Rows, dataset.Columns = rows, columns
    if regions:
        dataset.SequenceOfUltrasoundRegions = list(regions)
    return dataset


def code(dataset):
    spacing, flag = ultrasound_spacing(dataset)
    assert (spacing is None) == (flag is not None)
    return flag.code if flag else None


@given(deltas, deltas, st.sampled_from([1, -1]), st.sampled_from([1, -1]))
def test_centimetres_become_millimetres_rows_first_whatever_the_sign(dx, dy, sx, sy):
    spacing, flag = ultrasound_spacing(header(region(sx * dx, sy * dy)))
    assert flag is None
    assert spacing == pytest.approx((dy * 10, dx * 10))


@given(st.integers(0, 400), st.integers(0, 300), st.integers(0, 700), st.integers(0, 500))
def test_a_region_is_used_exactly_when_it_fits_the_image(x0, y0, x1, y1):
    fits = x0 < x1 <= 320 and y0 < y1 <= 240
    assert code(header(region(box=(x0, y0, x1, y1)))) == (None if fits else "spacing_inconsistent")


def test_no_regions_is_missing():
    assert code(header()) == "spacing_missing"


@pytest.mark.parametrize(
    "other",
    [
        region(units=(4, 3)),
        region(units=(3, 0)),
        region(units=(7, 7)),
        region(data_type=2),
        region(data_type=4),
        region(spatial=2),
        region(spatial=3),
    ],
    ids=["seconds", "no unit", "cm per second", "colour flow", "spectral Doppler", "M-mode", "spectral"],
)
def test_regions_that_are_not_2d_tissue_in_centimetres_do_not_count(other):
    assert code(header(other)) == "spacing_missing"
    assert ultrasound_spacing(header(other, region(0.03, 0.03)))[0] == pytest.approx((0.3, 0.3))


@given(deltas, st.floats(1.01, 3))
def test_tissue_regions_that_disagree_are_inconsistent(delta, factor):
    assert code(header(region(delta, delta), region(delta * factor, delta))) == "spacing_inconsistent"


def test_tissue_regions_that_agree_are_used():
    left, right = region(box=(0, 0, 150, 200)), region(box=(160, 0, 310, 200), dx=0.05 * (1 + 1e-6))
    assert ultrasound_spacing(header(left, right))[0] == pytest.approx((0.4, 0.5))


@pytest.mark.parametrize("delta", [0.0, math.nan, math.inf, 1.5, None])
def test_a_delta_that_is_no_pixel_size_is_inconsistent(delta):
    item = region()
    item.PhysicalDeltaX = delta
    assert code(header(item)) == "spacing_inconsistent"


@pytest.mark.parametrize("keyword", ["PhysicalDeltaY", "RegionLocationMaxX1"])
def test_a_calibrated_region_that_lacks_an_attribute_is_inconsistent(keyword):
    item = region()
    delattr(item, keyword)
    assert code(header(item)) == "spacing_inconsistent"


@given(st.floats(0.01, 10), st.floats(0.01, 10))
def test_pixel_spacing_keeps_rows_first(row, column):
    dataset = Dataset()
    dataset.PixelSpacing = [f"{row:.8g}", f"{column:.8g}"]
    dataset.ImagerPixelSpacing = [9, 9]
    spacing, flag = pixel_spacing(dataset)
    assert flag is None
    assert spacing == pytest.approx((row, column), rel=1e-6)


@pytest.mark.parametrize("value", [None, [0, 0], ["", ""], [1.0], [-1, 1]])
def test_unusable_pixel_spacing_is_missing(value):
    dataset = Dataset()
    if value is not None:
        dataset.PixelSpacing = value
    spacing, flag = pixel_spacing(dataset)
    assert spacing is None
    assert flag.code == "spacing_missing"


def test_spacing_of_enhanced_files_is_found_in_the_shared_groups():
    measures, group, dataset = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [0.7, 0.8]
    group.PixelMeasuresSequence = [measures]
    dataset.SharedFunctionalGroupsSequence = [group]
    assert pixel_spacing(dataset)[0] == (0.7, 0.8)


@pytest.mark.parametrize("factor", [10, 0.1])
def test_a_scale_of_no_scanner_is_inconsistent(factor):
    assert code(header(region(0.08, 0.08))) is None
    assert code(header(region(0.08 * factor, 0.08 * factor))) == "spacing_inconsistent"
    assert code(header(region(0.08 * factor, 0.08))) == "spacing_inconsistent"


def test_pixel_spacing_of_another_size_makes_the_regions_inconsistent():
    stated = header(region(0.05, 0.04))
    stated.PixelSpacing = [0.4, 0.5]
    assert code(stated) is None
    stated.PixelSpacing = [0.2, 0.25]
    assert code(stated) == "spacing_inconsistent"


@pytest.mark.parametrize(("size", "fault"), [(1.0, False), (1.1, True), (2.0, True), (0.5, True)])
def test_regions_that_the_visible_sector_does_not_fill_are_inconsistent(size, fault):
    y, x = np.mgrid[:480, :640]
    y, x = (y - 30 * size) / size, (x - 150 * size) / size
    wedge = (np.hypot(y, x) < 150) & (y > np.abs(x))
    assert (sector_fault(header(region(box=(40, 28, 260, 181)), rows=480, columns=640), wedge) is not None) == fault


def detector(modality="DX", **stated):
    dataset = Dataset()
    dataset.Modality, dataset.ImagerPixelSpacing = modality, [0.2, 0.2]
    for keyword, value in stated.items():
        setattr(dataset, keyword, value)
    return dataset


def test_the_spacing_of_a_detector_needs_a_magnification():
    assert pixel_spacing(detector())[1].code == "spacing_missing"
    assert pixel_spacing(detector(PixelSpacing=[0.2, 0.2]))[1].code == "spacing_missing"
    for stated in ({"EstimatedRadiographicMagnificationFactor": 1.25}, {"DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 800}):
        spacing, flag = pixel_spacing(detector(**stated))
        assert (spacing, flag.code) == (pytest.approx((0.16, 0.16)), "spacing_estimated")
    stated = {"EstimatedRadiographicMagnificationFactor": 2, "DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 800}
    assert pixel_spacing(detector(**stated))[0] is None


def test_a_calibrated_spacing_of_a_projection_is_used():
    assert pixel_spacing(detector(PixelSpacing=[0.15, 0.15])) == ((0.15, 0.15), None)
    assert pixel_spacing(detector(PixelSpacing=[0.2, 0.2], PixelSpacingCalibrationType="FIDUCIAL")) == ((0.2, 0.2), None)
