"""Segmentations of any maker are laid onto the frames that they belong to, or refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.dicom.header import dicom_origin
from echoseg.io.dicom.seg import build_segmentation
from echoseg.io.labels.dicom_seg import is_segmentation, read_segmentation, segmentation_label_map, segmentation_masks
from tests.dicom_objects import write_clip, write_series
from tests.io.dicom.test_dicom_segmentation import ALGORITHM, COLOURS, NAMES, masks_like


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A clip and a series with segmentations of both kinds: ``{kind: (source path, segmentation path, masks)}``."""
    folder = tmp_path_factory.mktemp("made")
    sources = {
        "clip": write_clip(folder / "clip.dcm", np.zeros((7, 9, 11, 3), np.uint8)),
        "series": write_series(folder / "ct", np.zeros((6, 12, 10), np.int16)),
    }
    found = {}
    for kind, path in sources.items():
        with open_source(path) as source:
            origin = dicom_origin(source.dicom_frames)
            stored = masks_like((len(origin.frames), int(origin.first.Rows), int(origin.first.Columns)))
        for form in ("binary", "fractional"):
            values = stored if form == "binary" else np.stack([(stored == label) * np.uint8(200) for label in NAMES], axis=-1)
            build_segmentation(origin, values, NAMES, ALGORITHM, COLOURS).save_as(folder / f"{kind}-{form}.dcm")
            found[kind, form] = path, folder / f"{kind}-{form}.dcm", stored
    return found


@pytest.mark.parametrize("form", ["binary", "fractional"])
@pytest.mark.parametrize("kind", ["clip", "series"])
@pytest.mark.parametrize("axis", [None, "sagittal"])
def test_masks_come_back_on_the_frames_of_the_source(made, kind, form, axis):
    path, segmentation, stored = made[kind, form]
    if kind == "clip" and axis:
        pytest.skip("a clip has no planes")
    with open_source(path, axis=axis) as source:
        masks = segmentation_masks(read_segmentation(segmentation), source)
        expected = stored if kind == "clip" else source.from_stored(stored)
        for segment, label in enumerate(NAMES, start=1):
            np.testing.assert_array_equal(masks[segment], expected == label)
            assert masks[segment].shape == (len(source), *source.size)


def test_a_volume_of_another_format_takes_masks_by_their_place(made, tmp_path):
    path, segmentation, stored = made["series", "binary"]
    image = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(path)))
    SimpleITK.WriteImage(image, str(tmp_path / "ct.nrrd"))
    with open_source(tmp_path / "ct.nrrd") as source:
        masks = segmentation_masks(read_segmentation(segmentation), source)
        placed = source.to_stored(masks[1])
    upside_down = not np.array_equal(placed, stored == 2)
    np.testing.assert_array_equal(placed[::-1] if upside_down else placed, stored == 2)


def test_in_a_series_with_a_gap_masks_stay_on_the_images_they_were_made_of(tmp_path):
    path = write_series(tmp_path / "ct", np.zeros((8, 12, 10), np.int16))
    sorted(path.iterdir())[2].unlink()  # the places beyond the gap are not those of the matrix
    with open_source(path, axis="stored") as source:
        assert "slices_missing" in {flag.code for flag in source.flags}
        stored = masks_like((len(source), *source.size))
        build_segmentation(dicom_origin(source.dicom_frames), stored, NAMES, ALGORITHM, COLOURS).save_as(tmp_path / "seg.dcm")
        masks = segmentation_masks(read_segmentation(tmp_path / "seg.dcm"), source)
    np.testing.assert_array_equal(masks[1], stored == 2)


def test_by_itself_a_segmentation_spans_its_first_to_its_last_frame(made):
    for kind in ("clip", "series"):
        _, segmentation, stored = made[kind, "binary"]
        own = segmentation_label_map(read_segmentation(segmentation))
        expected = np.select([stored == 2, stored == 5], [1, 2])[:-1]  # the last frame is empty
        np.testing.assert_array_equal(own.masks, expected)
        assert (own.geometry.affine is None) == (kind == "clip")
    assert own.geometry.slice_spacing == pytest.approx(2.5, abs=1e-6)


def test_a_label_map_segmentation_is_read_too(made, tmp_path):
    path, _, stored = made["series", "binary"]
    with open_source(path) as source:
        origin = dicom_origin(source.dicom_frames)
        binary = build_segmentation(origin, stored, NAMES, ALGORITHM, COLOURS)
        label_map = highdicom.seg.Segmentation(
            list(origin.headers),
            np.select([stored == 2, stored == 5], [1, 2]).astype(np.uint8),
            "LABELMAP",
            list(binary.SegmentSequence),
            highdicom.UID(),
            1,
            highdicom.UID(),
            1,
            "x",
            "x",
            "1",
            "1",
        )
        label_map.save_as(tmp_path / "labels.dcm")
        masks = segmentation_masks(read_segmentation(tmp_path / "labels.dcm"), source)
        np.testing.assert_array_equal(source.to_stored(masks[2]), stored == 5)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"first": (-20.0, 5.0, 9.0)}, "lies on none of its slices"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}, "orientation or pixel spacing"),
        ({"PixelSpacing": [0.7, 0.8]}, "orientation or pixel spacing"),
    ],
)
def test_a_volume_on_another_grid_is_refused(made, tmp_path, other, why):
    folder = write_series(tmp_path / "ct", np.zeros((6, 12, 10), np.int16), **other)
    with open_source(folder) as source, pytest.raises(SourceError, match=why):
        segmentation_masks(read_segmentation(made["series", "binary"][1]), source)


@pytest.mark.parametrize(("space", "renamed", "fits"), [("9.9.9", True, False), ("9.9.9", False, True), (None, True, True)])
def test_places_of_another_frame_of_reference_are_not_compared(made, tmp_path, space, renamed, fits):
    _, segmentation, _ = made["series", "binary"]
    folder = write_series(tmp_path / "other", np.zeros((6, 12, 10), np.int16))
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.FrameOfReferenceUID = space or dataset.FrameOfReferenceUID
        dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}.9" if renamed else dataset.SOPInstanceUID
        dataset.save_as(path)
    with open_source(folder) as source:
        if fits:
            assert segmentation_masks(read_segmentation(segmentation), source)[1].any()
            return
        with pytest.raises(SourceError, match="another frame of reference"):
            segmentation_masks(read_segmentation(segmentation), source)


def test_a_clip_that_it_was_not_made_of_is_refused(made, tmp_path):
    path = write_clip(tmp_path / "clip.dcm", np.zeros((7, 9, 11, 3), np.uint8))
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.save_as(path)
    with open_source(path) as source, pytest.raises(SourceError, match="made of other images"):
        segmentation_masks(read_segmentation(made["clip", "binary"][1]), source)


def test_only_segmentations_are_taken_for_such(made, tmp_path):
    path, segmentation, _ = made["clip", "binary"]
    (tmp_path / "text.dcm").write_text("no DICOM")
    assert [is_segmentation(p) for p in (segmentation, path, tmp_path / "text.dcm", tmp_path / "gone")] == [True, False, False, False]
    with pytest.raises(UnsupportedSourceError, match="not a segmentation"):
        read_segmentation(path)


def test_a_frame_number_from_nowhere_does_not_fill_the_memory(made, tmp_path):
    dataset = pydicom.dcmread(made["clip", "binary"][1])
    source = dataset.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    source.ReferencedFrameNumber = 99_999_999
    dataset.save_as(tmp_path / "far.dcm")
    with pytest.raises(SourceError, match="up to 99999999 apart"):
        segmentation_label_map(read_segmentation(tmp_path / "far.dcm"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_a_typed_error_or_harmless(made, tmp_path, data):
    path, segmentation, _ = made["clip", "binary"]
    content = bytearray(segmentation.read_bytes())
    if data.draw(st.booleans(), label="cut off"):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(content)
    with open_source(path) as source:
        try:
            read = read_segmentation(damaged)
            masks = segmentation_masks(read, source)
            segmentation_label_map(read)
        except SourceError as error:
            assert "Müller" not in str(error)
        else:
            assert all(mask.shape == (7, 9, 11) for mask in masks.values())


@pytest.fixture
def real() -> Path:
    if "ECHOSEG_DATA" not in os.environ:
        pytest.skip("ECHOSEG_DATA is unset")
    return Path(os.environ["ECHOSEG_DATA"]) / "ct" / "dicom-seg"


def test_a_real_segmentation_equals_its_nrrd_twin(real):
    """Written by dcmqi's makers; the twin by 3D Slicer."""
    truth = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(real / "liver_seg.nrrd"))) > 0
    liver = read_segmentation(real / "liver.dcm")
    for source_path in (real / "ct-3slice", real / "liver_seg.nrrd"):
        with open_source(source_path) as source:
            np.testing.assert_array_equal(source.to_stored(segmentation_masks(liver, source)[1]), truth)
    np.testing.assert_array_equal(segmentation_label_map(liver).masks > 0, truth)


def test_segments_that_overlap_and_skip_slices_keep_their_own_masks(real):
    overlaps = read_segmentation(real / "partial_overlaps.dcm")
    with open_source(real / "ct-3slice") as source:
        masks = segmentation_masks(overlaps, source)
    reference = highdicom.seg.segread(real / "partial_overlaps.dcm")
    volume = reference.get_volume(combine_segments=False, rescale_fractional=False, allow_missing_positions=True)
    sizes = {n: int(volume.array[..., n - 1].sum()) for n in overlaps.labels}
    assert {n: int(mask.sum()) for n, mask in masks.items()} == sizes
    assert (masks[1] & masks[3]).any() or (masks[4] & masks[5]).any()
