"""What slices say of themselves is held against the other slices and against their positions."""

import numpy as np
import pydicom
import pytest
from dicom_objects import write_series
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.errors import SourceError
from echoseg.io import open_source

VALUES = np.arange(4, dtype=np.int16)[:, None, None] * 300 - 500 + np.zeros((4, 40, 44), np.int16)


def series(folder, change=lambda index, slice: None, **attributes):
    """Slices 2.5 mm apart; ``change`` edits the header of each in the order of their places."""
    write_series(folder, VALUES, **attributes)
    for index, path in enumerate(sorted(folder.iterdir(), reverse=True)):
        dataset = pydicom.dcmread(path)
        change(index, dataset)
        dataset.save_as(path)
    return folder


def stored_otherwise(dataset, kind, slope, intercept):
    """The same values in cells of another kind."""
    values = np.rint((dataset.pixel_array - float(intercept)) / slope).astype(kind)
    dataset.BitsAllocated = dataset.BitsStored = 8 * values.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(values.dtype.kind == "i")
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset["PixelData"].VR = "OB" if values.itemsize == 1 else "OW"
    dataset.PixelData = values.tobytes()


@given(st.lists(st.sampled_from([("i2", 1, 0), ("u2", 1, -40_000), ("u1", 100, -800), ("i1", 100, 0)]), min_size=4, max_size=4))
@settings(max_examples=8, deadline=None)
def test_slices_stored_in_unlike_cells_keep_their_values(tmp_path_factory, kinds):
    folder = series(tmp_path_factory.mktemp("mixed"), lambda index, dataset: stored_otherwise(dataset, *kinds[index]))
    across = open_source(folder, axis="coronal", window="0,2000")
    along = open_source(folder, axis="stored", window="0,2000")
    slices = np.stack([along.stored(k) for k in range(4)])
    np.testing.assert_allclose(slices, VALUES)
    np.testing.assert_allclose(across.to_stored(np.stack([across.stored(k) for k in range(len(across))])), VALUES)


def told(folder, **choice):
    with open_source(folder, axis="stored", **choice) as source:
        return source.geometry, {flag.code: flag.severity.name for flag in source.flags}


def test_slices_that_agree_with_themselves_get_no_flag(tmp_path):
    geometry, flags = told(series(tmp_path / "twin", SpacingBetweenSlices=2.5))
    assert (geometry.spacing, geometry.slice_spacing, flags) == ((0.7, 0.9), pytest.approx(2.5), {})


@pytest.mark.parametrize("pixel", [[0.0007, 0.0009], [70, 90]])
def test_pixels_of_a_size_that_no_image_has_give_no_spacing(tmp_path, pixel):
    geometry, flags = told(series(tmp_path / "odd", PixelSpacing=pixel))
    assert (geometry.spacing, geometry.slice_spacing, flags) == (None, None, {"spacing_inconsistent": "REVIEW"})


@pytest.mark.parametrize(
    ("stated", "severity"),
    [
        ({"SpacingBetweenSlices": 1.25}, "REVIEW"),  # every second slice is here
        ({"SpacingBetweenSlices": 25}, "REVIEW"),  # positions in cm
        ({"SliceThickness": 25}, "REVIEW"),
        ({"SpacingBetweenSlices": 5}, "INFO"),
    ],
)
def test_a_stated_distance_that_positions_contradict_is_told(tmp_path, stated, severity):
    geometry, flags = told(series(tmp_path / "odd", **stated))
    assert (geometry.slice_spacing, flags) == (pytest.approx(2.5), {"slice_distances_differ": severity})


@pytest.mark.parametrize(
    "stated", [{"SliceThickness": 5}, {"SliceThickness": 1}, {"SpacingBetweenSlices": -2.5}, {"SpacingBetweenSlices": 2.52}]
)
def test_overlap_gaps_and_rounding_are_no_contradiction(tmp_path, stated):
    assert told(series(tmp_path / "twin", **stated))[1] == {}


def test_a_slice_without_the_scale_of_the_others_is_told(tmp_path):
    def change(index, dataset):
        dataset.RescaleIntercept = -1024
        if index == 2:
            del dataset.RescaleSlope, dataset.RescaleIntercept

    def none_states(index, dataset):
        del dataset.RescaleSlope, dataset.RescaleIntercept

    assert told(series(tmp_path / "odd", change))[1] == {"rescale_missing": "REVIEW"}
    assert told(series(tmp_path / "twin", none_states))[1] == {}


def test_numbers_behind_a_palette_are_told(tmp_path):
    def change(index, dataset):
        stored_otherwise(dataset, "u1", 100, -800)
        dataset.PhotometricInterpretation = "PALETTE COLOR"
        for place, colour in enumerate(("Red", "Green", "Blue")):
            dataset.add_new(0x00281101 + place, "US", [256, 0, 16])
            setattr(dataset, f"{colour}PaletteColorLookupTableData", (np.arange(256) * 257).astype("<u2").tobytes())

    assert told(series(tmp_path / "odd", change))[1] == {"palette_left_out": "REVIEW"}


def test_slices_that_were_given_one_position_are_no_clip(tmp_path):
    def moved(index, dataset):
        dataset.ImagePositionPatient, dataset.SliceLocation = [0, 0, 0], 2.5 * index

    def moments(index, dataset):
        dataset.ImagePositionPatient, dataset.SliceLocation, dataset.TriggerTime = [0, 0, 0], 2.5, 40 * index

    with pytest.raises(SourceError, match=r"4 images have one position .* and different slice locations"):
        open_source(series(tmp_path / "odd", moved))
    with open_source(series(tmp_path / "twin", moments, Modality="MR")) as source:
        assert (source.kind, len(source)) == ("clip", 4)
