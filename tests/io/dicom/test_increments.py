"""What frames differ in, FrameIncrementPointer says: gated frames are moments, reconstructed ones slices; a mosaic is neither."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from echoseg.errors import UnsupportedSourceError
from echoseg.io import open_source
from echoseg.volumetry import volume_ml


def write(path, frames, **tags):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.20"
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    d.StudyInstanceUID, d.SeriesInstanceUID, d.Modality = generate_uid(), tags.pop("series", generate_uid()), "NM"
    d.Rows, d.Columns = frames.shape[1:]
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelSpacing = 1, "MONOCHROME2", [4.0, 4.0]
    d.BitsAllocated = d.BitsStored = 8
    d.HighBit, d.PixelRepresentation = 7, 0
    if len(frames) > 1:
        d.NumberOfFrames = len(frames)
    for keyword, value in tags.items():
        setattr(d, keyword, value)
    d.PixelData = frames.astype(np.uint8).tobytes()
    d["PixelData"].VR = "OB"
    d.save_as(path, enforce_file_format=True)
    return path


FRAMES = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((6, 40, 40), np.uint8)


def codes(source):
    return {flag.code for flag in source.flags}


def test_gated_frames_are_moments_at_the_interval_of_their_slots(tmp_path):
    data, gated = Dataset(), Dataset()
    data.FrameTime, data.NominalInterval = 50, 1000
    gated.DataInformationSequence = [data]
    vectors = {"RRIntervalVector": [1] * 6, "TimeSlotVector": [1, 2, 3, 4, 5, 6], "FrameIncrementPointer": [0x00540060, 0x00540070]}
    with open_source(write(tmp_path / "a.dcm", FRAMES, **vectors)) as source:
        assert (source.kind, source.timing.fps) == ("clip", None) and "timing_missing" in codes(source)
    with open_source(write(tmp_path / "b.dcm", FRAMES, **vectors, GatedInformationSequence=[gated])) as source:
        assert (source.timing.fps, source.timing.heart_rate) == (20.0, 60.0) and not codes(source)


def test_slices_and_slots_are_told_apart(tmp_path):
    vectors = {"TimeSlotVector": [1, 1, 1, 2, 2, 2], "SliceVector": [1, 2, 3, 1, 2, 3], "FrameIncrementPointer": [0x00540070, 0x00540080]}
    path = write(tmp_path / "a.dcm", FRAMES, **vectors)
    with pytest.raises(UnsupportedSourceError, match="3 slices x 2 phases"):
        open_source(path)
    with open_source(path, part="phase:1") as source:
        assert [int(source.stored(index).max()) for index in range(3)] == [3, 4, 5] and source.geometry.slice_spacing is None


def test_slices_without_a_statement_are_said_to_be_assumed(tmp_path):
    with open_source(write(tmp_path / "a.dcm", FRAMES)) as source:
        assert source.kind == "volume" and "frames_assumed_slices" in codes(source)
    vectors = {"SliceVector": [1, 2, 3, 4, 5, 6], "FrameIncrementPointer": 0x00540080}
    with open_source(write(tmp_path / "b.dcm", FRAMES, **vectors)) as source:
        assert source.kind == "volume" and "frames_assumed_slices" not in codes(source)


def test_angles_are_no_moments(tmp_path):
    vectors = {"AngularViewVector": [1, 2, 3, 4, 5, 6], "FrameIncrementPointer": 0x00540090}
    with open_source(write(tmp_path / "a.dcm", FRAMES, **vectors)) as source:
        assert "frames_are_views" in codes(source)


def test_a_mosaic_is_refused(tmp_path):
    path = write(tmp_path / "a.dcm", FRAMES[:1], ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    with pytest.raises(UnsupportedSourceError, match="mosaic"):
        open_source(path)


@pytest.mark.parametrize(
    ("heights", "shares"),
    [([0, 4, 6, 10, 12], [4, 3, 3, 3, 2]), ([0, 2, 6, 8, 12], [2, 3, 3, 3, 4]), ([0, 4, 8, 12, 16], None)],
)
def test_uneven_slices_count_with_their_own_distance(tmp_path, heights, shares):
    for index, height in enumerate(heights):
        place = {"ImagePositionPatient": [0, 0, height], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        write(tmp_path / f"{index}.dcm", FRAMES[:1], series="1.2.3", StudyInstanceUID="1.2", **place)
    with open_source(tmp_path) as source:
        found = source.geometry.slice_shares
        assert (found is None) == (shares is None) and ("slices_uneven" in codes(source)) == (shares is not None)
        mask = np.zeros((5, 40, 40), bool)
        mask[3, :10, :10] = True
        assert volume_ml(mask, source.geometry) == pytest.approx(100 * 16 * (4 if shares is None else 3) / 1000)
        assert source.geometry.slice_spacing == (4.0 if shares is None else None)
