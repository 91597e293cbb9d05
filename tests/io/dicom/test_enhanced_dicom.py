"""Multi-frame objects whose frames lie where their functional groups say, in no order of their own."""

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source

ENHANCED_US_VOLUME = "1.2.840.10008.5.1.4.1.1.6.3"


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def frame_group(place, delay=None, index=None, slope=None, sequence="PlanePositionSequence", keyword="ImagePositionPatient"):
    group = item(**{sequence: [item(**{keyword: list(place)})]})
    if delay is not None:
        group.CardiacSynchronizationSequence = [item(NominalCardiacTriggerDelayTime=delay)]
    if index is not None:
        group.FrameContentSequence = [item(TemporalPositionIndex=index)]
    if slope is not None:
        group.PixelValueTransformationSequence = [item(RescaleSlope=slope, RescaleIntercept=-1000, RescaleType="HU")]
    return group


@pytest.fixture
def write_enhanced(tmp_path):
    """One file; frame ``n`` of 40 x 48 pixels holds the value ``n``."""

    def write(groups, shared=None, modality="MR", sop_class=EnhancedMRImageStorage):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = pydicom.FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        dataset.Modality, dataset.SeriesInstanceUID = modality, "1.2.3"
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = len(groups), 40, 48
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
        dataset.SharedFunctionalGroupsSequence = [
            shared
            or item(
                PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.75], SliceThickness=4)],
                PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            )
        ]
        dataset.PerFrameFunctionalGroupsSequence = groups
        dataset.PixelData = np.repeat(np.arange(len(groups), dtype=np.uint16), 40 * 48).tobytes()
        dataset.save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
        return tmp_path / "enhanced.dcm"

    return write


def values(source):
    return [float(source.stored(index).mean()) for index in range(source.length)]


def test_frames_are_slices_in_the_order_of_their_places(write_enhanced):
    source = open_source(write_enhanced([frame_group((1, 2, 3 + 4.0 * height)) for height in (2, 0, 3, 1)]))
    assert (source.kind, values(source)) == ("volume", [1, 3, 0, 2])
    assert [frame for _, frame in source.dicom_frames] == [1, 3, 0, 2]
    np.testing.assert_allclose(source.stored_affine, [[0.75, 0, 0, 1], [0, 0.5, 0, 2], [0, 0, 4, 3], [0, 0, 0, 1]])


def test_each_frame_has_its_own_rescale(write_enhanced):
    groups = [frame_group((0, 0, 4.0 * n), slope=n + 1) for n in range(3)]
    assert values(open_source(write_enhanced(groups, modality="CT"))) == [-1000, -998, -994]


def test_places_and_moments_are_slices_and_phases(write_enhanced):
    groups = [frame_group((0, 0, 8.0 * k), delay=30.0 * t) for t in (2, 0, 1) for k in (1, 0)]
    path = write_enhanced(groups)
    with pytest.raises(UnsupportedSourceError, match="2 slices x 3 phases"):
        open_source(path)
    clip = open_source(path, part="slice:1")
    assert (clip.kind, values(clip), clip.timing.fps) == ("clip", [2, 4, 0], pytest.approx(1000 / 30))
    assert values(open_source(path, part="phase:2")) == [1, 0]


def test_moments_at_one_place_are_a_clip(write_enhanced):
    source = open_source(write_enhanced([frame_group((0, 0, 0), index=t) for t in (3, 1, 2)]))
    assert (source.kind, values(source), source.timing.fps) == ("clip", [1, 2, 0], None)


def test_an_ultrasound_volume_has_spacing_but_does_not_lie_in_the_patient(write_enhanced):
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.75])],
        PlaneOrientationVolumeSequence=[item(ImageOrientationVolume=[1, 0, 0, 0, 1, 0])],
    )
    place = {"sequence": "PlanePositionVolumeSequence", "keyword": "ImagePositionVolume"}
    groups = [frame_group((0, 0, 0.6 * n), **place) for n in (1, 0, 2)]
    source = open_source(write_enhanced(groups, shared, "US", ENHANCED_US_VOLUME))
    assert (source.kind, values(source), source.stored_affine) == ("volume", [1, 0, 2], None)
    assert (source.geometry.spacing, source.geometry.slice_spacing) == ((0.5, 0.75), pytest.approx(0.6))
    assert [flag.code for flag in source.flags] == ["orientation_unknown"]


def test_real_enhanced_ct():
    source = open_source(get_testdata_file("eCT_Supplemental.dcm"))
    assert (source.kind, source.length, source.geometry.spacing) == ("volume", 2, (0.388672, 0.388672))
    assert source.details["modality"] == "CT"


def test_frames_without_places_are_slices_of_unknown_distance():
    source = open_source(get_testdata_file("emri_small.dcm"))
    assert (source.kind, source.length, source.geometry.slice_spacing, source.geometry.affine) == ("volume", 10, None, None)
    assert {"orientation_unknown", "spacing_missing"} <= {flag.code for flag in source.flags}
    with pytest.raises(SourceError, match="no coronal slices"):
        open_source(get_testdata_file("emri_small.dcm"), axis="coronal")
