"""DICOM Segmentations: valid by the standard's checker, equal when other programs read them back, named by rule."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from echoseg.datasets.demo import demo_clip
from echoseg.errors import EchosegError, OutputError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.dicom.algorithm import Algorithm, quiet_building
from echoseg.io.dicom.header import Origin, dicom_origin
from echoseg.io.dicom.seg import build_segmentation
from echoseg.io.labels.dicom_seg import read_segmentation, segmentation_masks
from tests.dicom_objects import PATIENT, standard_errors, write_clip, write_series

NAMES = {2: "LV", 5: "lesion"}
COLOURS = {2: (0, 200, 180), 5: (255, 170, 60)}
ALGORITHM = Algorithm("compact", "0.1", "ab" * 32, True, datetime(2026, 1, 2, 3, 4, 5), {"prompt": "auto", "direction": "both"})


def masks_like(shape: tuple[int, ...]) -> np.ndarray:
    """Object 2 on most frames, object 5 on few; the last frame is empty."""
    rng = np.random.default_rng(1)
    masks = np.where(rng.random(shape) < 0.3, 2, 0).astype(np.uint8)
    masks[2:4][rng.random((2, *shape[1:])) < 0.2] = 5
    masks[-1] = 0
    return masks


@pytest.fixture
def clip(tmp_path) -> Origin:
    """7 frames of 9 x 11 pixels: 99 bits a frame fill no whole bytes."""
    path = write_clip(tmp_path / "clip.dcm", np.zeros((7, 9, 11, 3), np.uint8))
    return dicom_origin([(path, frame) for frame in range(7)])


@pytest.fixture
def series(tmp_path) -> Origin:
    folder = write_series(tmp_path / "ct", np.zeros((6, 12, 10), np.int16))
    with open_source(folder) as source:
        return dicom_origin(source.dicom_frames)


def saved(dataset: pydicom.Dataset, path: Path) -> Path:
    with quiet_building():
        dataset.save_as(path, enforce_file_format=True)
    return path


def written(origin: Origin, values: np.ndarray, path: Path, algorithm: Algorithm = ALGORITHM) -> Path:
    return saved(build_segmentation(origin, values, NAMES, algorithm, COLOURS), path)


def by_source_frame(path: Path, count: int) -> np.ndarray:
    """``(T, H, W, N)`` as highdicom reads a segmentation of a multi-frame image."""
    read = highdicom.seg.segread(path)
    source = read.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
    return read.get_pixels_by_source_frame(
        source, range(1, count + 1), ignore_spatial_locations=True, assert_missing_frames_are_empty=True, rescale_fractional=False
    )


def test_cine_masks_are_equal_when_highdicom_reads_them(clip, tmp_path):
    masks = masks_like((7, 9, 11))
    read = by_source_frame(written(clip, masks, tmp_path / "seg.dcm"), 7)
    np.testing.assert_array_equal(read, np.stack([masks == 2, masks == 5], axis=-1))


def test_cine_probabilities_keep_all_256_levels(clip, tmp_path):
    levels = np.random.default_rng(2).integers(0, 256, (7, 9, 11, 2), dtype=np.uint8)
    np.testing.assert_array_equal(by_source_frame(written(clip, levels, tmp_path / "seg.dcm"), 7), levels)


def test_cine_bits_are_where_dcmtk_finds_them(clip, tmp_path):
    """An independent reader: DCMTK extracts the bytes, and PS3.5 8.1.1 says which bit is which pixel."""
    if shutil.which("dcmdump") is None:
        pytest.skip("dcmdump is not installed (Debian package dcmtk)")
    masks = masks_like((7, 9, 11))
    path = written(clip, masks, tmp_path / "seg.dcm")
    subprocess.run(["dcmdump", "-q", "+W", str(tmp_path), str(path)], check=True, capture_output=True)
    (raw,) = tmp_path.glob("*.raw")
    frames = [(masks[t] == label) for label in (2, 5) for t in range(7) if (masks[t] == label).any()]
    bits = np.unpackbits(np.frombuffer(raw.read_bytes(), np.uint8), bitorder="little")
    np.testing.assert_array_equal(bits[: len(frames) * 99].reshape(-1, 9, 11), np.stack(frames))


@pytest.mark.parametrize("fractional", [False, True])
def test_the_standard_finds_no_error_in_cine_and_series(clip, series, tmp_path, fractional):
    for origin, shape in ((clip, (7, 9, 11)), (series, (6, 12, 10))):
        values = masks_like(shape)
        if fractional:
            values = np.stack([values, values], axis=-1) * np.uint8(40)
        assert standard_errors(written(origin, values, tmp_path / "seg.dcm")) == []


def test_every_cine_frame_names_the_frame_that_it_was_made_of(clip, tmp_path):
    masks = masks_like((7, 9, 11))
    read = pydicom.dcmread(written(clip, masks, tmp_path / "seg.dcm"))
    named = []
    for group in read.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == clip.first.SOPInstanceUID
        named.append((group.SegmentIdentificationSequence[0].ReferencedSegmentNumber, int(source.ReferencedFrameNumber)))
    assert named == [(1, t + 1) for t in range(7) if (masks[t] == 2).any()] + [(2, t + 1) for t in range(7) if (masks[t] == 5).any()]


def test_empty_masks_make_a_valid_object_of_empty_frames(clip, series, tmp_path):
    for origin, shape in ((clip, (7, 9, 11)), (series, (6, 12, 10))):
        path = written(origin, np.zeros(shape, np.uint8), tmp_path / "seg.dcm")
        assert standard_errors(path) == []
        assert not pydicom.dcmread(path).pixel_array.any()


def test_dcmqi_reads_a_series_with_its_masks_and_geometry(series, tmp_path):
    """dcmqi is what 3D Slicer reads DICOM segmentations with."""
    pytest.importorskip("dcmqi", reason="dcmqi is not installed: no wheel for this platform")
    masks = masks_like((6, 12, 10))
    path = written(series, masks, tmp_path / "seg.dcm")
    command = Path(sys.executable).with_name("segimage2itkimage")
    subprocess.run(
        [str(command), "--inputDICOM", str(path), "--outputDirectory", str(tmp_path), "-t", "nrrd"], check=True, capture_output=True
    )
    with open_source(tmp_path / "ct") as source:
        affine = source.stored_affine
    for segment, label in ((1, 2), (2, 5)):
        image = SimpleITK.ReadImage(str(tmp_path / f"{segment}.nrrd"))
        found = np.argwhere(SimpleITK.GetArrayFromImage(image))[:, ::-1]
        places = np.array([image.TransformIndexToPhysicalPoint(index.tolist()) for index in found])
        voxels = np.linalg.solve(affine, np.c_[places, np.ones(len(places))].T)[:3].T
        np.testing.assert_allclose(voxels, np.rint(voxels), atol=1e-4)
        assert set(map(tuple, np.rint(voxels).astype(int).tolist())) == set(map(tuple, np.argwhere(masks == label)[:, ::-1].tolist()))


def test_equal_work_gets_equal_files_whenever_it_is_done(clip, tmp_path):
    masks = masks_like((7, 9, 11))
    first = written(clip, masks, tmp_path / "a.dcm").read_bytes()
    assert written(clip, masks, tmp_path / "b.dcm").read_bytes() == first
    later = pydicom.dcmread(written(clip, masks, tmp_path / "c.dcm", replace(ALGORITHM, created=datetime(2027, 5, 5))))
    assert later.SOPInstanceUID == pydicom.dcmread(tmp_path / "a.dcm").SOPInstanceUID


@pytest.mark.parametrize(
    "change", [{"weights_sha256": "cd" * 32}, {"version": "0.2"}, {"parameters": {"prompt": "auto", "direction": "forward"}}]
)
def test_other_work_gets_other_uids(clip, change):
    masks = masks_like((7, 9, 11))
    one = build_segmentation(clip, masks, NAMES, ALGORITHM, COLOURS)
    other = build_segmentation(clip, masks, NAMES, replace(ALGORITHM, **change), COLOURS)
    assert one.SOPInstanceUID != other.SOPInstanceUID and one.SeriesInstanceUID != other.SeriesInstanceUID
    masks[0, 0, 0] ^= 2
    assert build_segmentation(clip, masks, NAMES, ALGORITHM, COLOURS).SOPInstanceUID != one.SOPInstanceUID


def test_patient_and_study_are_the_source_s_also_in_other_alphabets(clip, series, tmp_path):
    for origin, shape in ((clip, (7, 9, 11)), (series, (6, 12, 10))):
        read = pydicom.dcmread(written(origin, masks_like(shape), tmp_path / "seg.dcm"))
        kept = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "AccessionNumber", "StudyID")
        assert {keyword: str(read[keyword].value) for keyword in kept} == {keyword: PATIENT[keyword] for keyword in kept}
        assert read.SeriesInstanceUID != PATIENT["SeriesInstanceUID"]


def test_segments_are_coded_and_say_who_made_them(clip, tmp_path):
    read = highdicom.seg.segread(written(clip, masks_like((7, 9, 11)), tmp_path / "seg.dcm"))
    lv, lesion = (read.get_segment_description(number) for number in (1, 2))
    assert (lv.segment_label, lv.segmented_property_type.value, lv.segmented_property_category.value) == ("LV", "87878005", "91723000")
    assert (lesion.segmented_property_type.value, lesion.segmented_property_category.value) == ("52988006", "49755003")
    (algorithm,) = lv.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("echoseg compact", "0.1")
    assert f"weights_sha256={'ab' * 32}" in algorithm.AlgorithmParameters
    assert lv.algorithm_type.value == "AUTOMATIC"


def test_part_of_a_multi_frame_object_is_named_by_its_own_frames(clip, tmp_path):
    part = replace(clip, frames=clip.frames[3:6])
    read = pydicom.dcmread(written(part, np.full((3, 9, 11), 2, np.uint8), tmp_path / "seg.dcm"))
    sources = [group.DerivationImageSequence[0].SourceImageSequence[0] for group in read.PerFrameFunctionalGroupsSequence]
    assert [int(source.ReferencedFrameNumber) for source in sources] == [4, 5, 6]


def test_uids_that_an_export_stripped_are_made_up_by_rule(tmp_path):
    folder = write_series(tmp_path / "ct", np.zeros((3, 8, 8), np.int16), SOPInstanceUID="", StudyInstanceUID="", SeriesInstanceUID="")
    places = [(path, 0) for path in sorted(folder.iterdir())]
    one, other = dicom_origin(places), dicom_origin(places)
    assert [h.SOPInstanceUID for h in one.headers] == [f"{PATIENT['SeriesInstanceUID']}.{k}" for k in (3, 2, 1)]
    assert len({h.StudyInstanceUID for h in (*one.headers, *other.headers)}) == 1
    assert one.first.StudyInstanceUID.startswith("2.25.") and one.first.StudyInstanceUID != one.first.SeriesInstanceUID
    assert standard_errors(written(one, np.full((3, 8, 8), 2, np.uint8), tmp_path / "seg.dcm")) == []


@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # on purpose
def test_malformed_patient_data_do_not_stop_a_result(tmp_path):
    path = write_clip(
        tmp_path / "clip.dcm", np.zeros((2, 8, 8, 3), np.uint8), PatientSex="X?", StudyTime="25 o'clock", PatientBirthDate="young"
    )
    origin = dicom_origin([(path, 0), (path, 1)])
    read = pydicom.dcmread(written(origin, np.full((2, 8, 8), 2, np.uint8), tmp_path / "seg.dcm"))
    assert (read.PatientSex, read.StudyTime, read.PatientBirthDate) == ("", "", "")


def test_an_object_without_any_uid_cannot_be_referred_to(tmp_path):
    path = write_clip(tmp_path / "clip.dcm", np.zeros((2, 8, 8, 3), np.uint8))
    dataset = pydicom.dcmread(path)
    del dataset.SOPInstanceUID, dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.save_as(path, enforce_file_format=False)
    with pytest.raises(UnsupportedSourceError, match="no SOPInstanceUID"):
        dicom_origin([(path, 0)])


def test_names_of_any_kind_make_valid_labels(clip, tmp_path):
    names = {2: "Läsion\\7\n♥ " + "x" * 90, 5: "\t"}
    made = build_segmentation(clip, masks_like((7, 9, 11)), names, ALGORITHM, COLOURS)
    read = pydicom.dcmread(saved(made, tmp_path / "seg.dcm"))
    labels = [item.SegmentLabel for item in read.SegmentSequence]
    assert labels[0].startswith("Läsion 7 ♥ xxx") and len(labels[0].encode()) == 64 and labels[1] == "unnamed"
    assert standard_errors(tmp_path / "seg.dcm") == []


def test_a_multi_frame_ct_is_referred_to_frame_by_frame(tmp_path):
    """Made by highdicom of a series; its frames come in another order than the source's."""
    folder = write_series(tmp_path / "ct", np.random.default_rng(0).integers(0, 500, (6, 12, 10)).astype(np.int16))
    slices = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    for dataset in slices:
        dataset.ImageType, dataset.AcquisitionNumber, dataset.KVP = ["ORIGINAL", "PRIMARY", "AXIAL"], 1, 120
        dataset.Manufacturer = dataset.ManufacturerModelName = dataset.SoftwareVersions = dataset.DeviceSerialNumber = "x"
        dataset.BurnedInAnnotation = "NO"
    enhanced = highdicom.legacy.LegacyConvertedEnhancedCTImage(slices, "1.2.3.4", 1, "1.2.3.4.5", 1)
    masks = masks_like((6, 12, 10))
    with open_source(saved(enhanced, tmp_path / "enhanced.dcm")) as source:
        origin = dicom_origin(source.dicom_frames)
        path = written(origin, masks, tmp_path / "seg.dcm")
        read = segmentation_masks(read_segmentation(path), source)
        np.testing.assert_array_equal(source.to_stored(read[1]), masks == 2)
    assert standard_errors(path) == []
    positions = [group.PlanePositionSequence[0].ImagePositionPatient for group in enhanced.PerFrameFunctionalGroupsSequence]
    for group in pydicom.dcmread(path).PerFrameFunctionalGroupsSequence:
        frame = int(group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber)
        assert group.PlanePositionSequence[0].ImagePositionPatient == positions[frame - 1]


def test_masks_of_another_size_are_refused(clip):
    with pytest.raises(OutputError, match="do not fit"):
        build_segmentation(clip, np.zeros((7, 9, 12), np.uint8), NAMES, ALGORITHM, COLOURS)


def test_a_failure_tells_no_name(series, caplog, capsys):
    series.headers[2].Rows = 99
    with pytest.raises(OutputError) as raised:
        build_segmentation(series, masks_like((6, 12, 10)), NAMES, ALGORITHM, COLOURS)
    assert not {"Müller", "SECRET-7"} & set(str(raised.value).replace("^", " ").split())
    assert "Müller" not in caplog.text + "".join(capsys.readouterr())


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_header_is_a_typed_error_or_a_whole_object(clip, tmp_path, caplog, data):
    content = bytearray((tmp_path / "clip.dcm").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(132, 1100))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(content)
    try:
        made = written(dicom_origin([(damaged, frame) for frame in range(7)]), masks_like((7, 9, 11)), tmp_path / "seg.dcm")
    except EchosegError as error:
        assert "Müller" not in str(error)
    else:
        assert pydicom.dcmread(made).NumberOfFrames == 8  # 6 of the LV, 2 of the lesion
    assert "Müller" not in caplog.text and "SECRET-7" not in caplog.text


def test_the_demo_clip_makes_a_valid_object_of_its_own_size(tmp_path):
    with open_source(demo_clip()) as source:
        origin = dicom_origin(source.dicom_frames)
    masks = np.zeros((120, 480, 640), np.uint8)
    masks[10:20, 100:200, 250:300] = 2
    path = written(origin, masks, tmp_path / "seg.dcm")
    assert standard_errors(path) == []
    np.testing.assert_array_equal(by_source_frame(path, 120)[..., 0], masks == 2)
