import re
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.open import open_parts


@pytest.fixture(scope="module")
def template():
    return pydicom.dcmread(get_testdata_file("CT_small.dcm"))


@pytest.fixture
def write_slice(tmp_path, template):
    """Writes one slice of 40 x 48 pixels, all of one value; keywords are attributes, ``None`` deletes."""

    def write(name, place, value=0, folder="series", uid="1.2.3", **attributes):
        dataset = pydicom.Dataset()
        dataset.update(template)
        dataset.file_meta = pydicom.dataset.FileMetaDataset(template.file_meta)
        dataset.Rows, dataset.Columns, dataset.PixelSpacing = 40, 48, [0.5, 0.75]
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = list(place), [1, 0, 0, 0, 1, 0]
        dataset.SeriesInstanceUID, dataset.SeriesNumber = uid, 7
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{abs(hash(name)) % 10**9}"
        dataset.PixelData = np.full((40, 48), value, dtype=np.int16).tobytes()
        del dataset.SpacingBetweenSlices  # of the template, at whose distance these slices do not lie
        for keyword, given in attributes.items():
            if given is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, given)
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return path.parent

    return write


def codes(source):
    return [flag.code for flag in source.flags]


def itk_volume(source):
    return SimpleITK.ReadImage([str(path) for path, _ in source.dicom_frames])


def test_an_oblique_series_lies_where_itk_puts_it(write_slice):
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    row, column, normal = turn[:, 0], turn[:, 1], np.cross(turn[:, 0], turn[:, 1])
    for n in (2, 0, 3, 1):
        orientation = [round(float(c), 8) for c in (*row, *column)]
        place = [round(float(c), 6) for c in np.array([10, 20, 30]) + 2.5 * n * normal]
        folder = write_slice(f"s{n}", place, value=100 * n, ImageOrientationPatient=orientation)
    source = open_source(folder, axis="stored")
    image = itk_volume(source)
    for index in [(0, 0, 0), (47, 39, 3), (5, 30, 2)]:
        place = source.stored_affine @ [*index, 1]
        np.testing.assert_allclose(place[:3], image.TransformIndexToPhysicalPoint(index), atol=1e-5)
    np.testing.assert_array_equal([source.stored(k) for k in range(4)], SimpleITK.GetArrayFromImage(image))
    assert source.geometry.spacing == pytest.approx((0.5, 0.75))
    assert codes(source) == []


@pytest.mark.parametrize("axis", ["axial", "coronal", "sagittal"])
def test_planes_of_a_series_hold_the_same_voxels(write_slice, axis):
    for n in range(4):
        folder = write_slice(f"s{n}", (0, 0, 2.0 * n), value=100 * n, RescaleSlope=n + 1, RescaleIntercept=-n)
    source = open_source(folder, axis=axis)
    values = np.stack([source.stored(index) for index in range(source.length)])
    expected = SimpleITK.GetArrayFromImage(itk_volume(source))  # rescaled slice by slice, as in PET
    np.testing.assert_allclose(source.to_stored(values), expected)
    assert np.ptp(expected[2]) == 0
    assert expected[2, 0, 0] == 200 * 3 - 2


def test_tilt_is_kept_in_the_matrix_and_flagged(write_slice):
    angle = np.radians(20)
    for n in range(5):
        place = (0, 3.0 * n * np.sin(angle), 3.0 * n * np.cos(angle))  # the table moves along z, the slices lean
        folder = write_slice(f"s{n}", place, ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    source = open_source(folder)
    assert codes(source) == ["slices_sheared"]
    np.testing.assert_allclose(source.stored_affine @ [0, 0, 4, 1], [0, 12 * np.sin(angle), 12 * np.cos(angle), 1], atol=1e-9)
    assert source.geometry.slice_spacing == pytest.approx(3 * np.cos(angle))
    assert abs(np.linalg.det(source.stored_affine[:3, :3])) == pytest.approx(0.5 * 0.75 * 3 * np.cos(angle))


def test_rounded_positions_are_not_tilt(write_slice):
    for n in range(30):
        folder = write_slice(f"s{n:02}", (0, round(0.0004 * n, 3), 1.25 * n))
    source = open_source(folder)
    assert codes(source) == []
    np.testing.assert_array_equal(source.stored_affine[:3, 2], [0, 0, source.geometry.slice_spacing])


def test_slices_shifted_irregularly_are_flagged(write_slice):
    for n, shift in enumerate((0, 2, 0, 5, 0)):
        folder = write_slice(f"s{n}", (shift, 0, 3.0 * n))
    assert codes(open_source(folder)) == ["slices_shifted"]


@pytest.mark.parametrize(
    ("heights", "message"),
    [((0, 1, 2, 4, 5), "1 slices .* slice 2"), ((0, 1, 5, 6, 8, 9), "4 slices .* slice 1, slice 3")],
)
def test_missing_slices_are_counted(write_slice, heights, message):
    for n, height in enumerate(heights):
        folder = write_slice(f"s{n}", (0, 0, 2.0 * height))
    (flag,) = open_source(folder).flags
    assert flag.code == "slices_missing"
    assert re.search(message, flag.message)


def test_copies_count_once(write_slice):
    for n in range(3):
        folder = write_slice(f"s{n}", (0, 0, 2.0 * n), value=n)
    shutil.copy(folder / "s1", folder / "s1-copy")
    source = open_source(folder)
    assert (source.length, codes(source)) == (3, ["copies_left_out"])


def write_cine(write_slice, slices=3, phases=4, **attributes):
    for k in range(slices):
        for t in range(phases):
            moment = {"TriggerTime": 20.0 + k + 40.0 * t, "HeartRate": 75, "Modality": "MR", **attributes}
            folder = write_slice(f"im{k}-{9 - t}", (0, 0, 8.0 * k), value=100 * k + t, InstanceNumber=1000 - t, **moment)
    return folder


def test_phases_are_told_apart_by_trigger_time(write_slice):
    folder = write_cine(write_slice)
    with pytest.raises(UnsupportedSourceError, match=r"3 slices x 4 phases \(in time\)"):
        open_source(folder)
    clip = open_source(folder, part="slice:1")
    assert (clip.name, clip.kind, clip.length, clip.timing.heart_rate) == ("series_slice01", "clip", 4, 75)
    assert [int(clip.stored(t)[0, 0]) + 1024 for t in range(4)] == [100, 101, 102, 103]
    np.testing.assert_allclose(clip.timing.times, [0, 0.04, 0.08, 0.12])
    assert clip.timing.fps == pytest.approx(25)
    assert clip.ultrasound() is False
    assert clip.sector() is None
    phase = open_source(folder, part="phase:3")
    assert (phase.name, phase.kind, phase.length) == ("series_phase03", "volume", 3)
    assert [int(phase.stored(k)[0, 0]) + 1024 for k in range(3)] == [3, 103, 203]
    assert [path.name for path, _ in phase.dicom_frames] == ["im0-6", "im1-6", "im2-6"]


def test_every_slice_and_every_phase_is_a_source(write_slice):
    folder = write_cine(write_slice)
    assert [(s.name, s.length) for s in open_parts(folder, "slice")] == [(f"series_slice0{k}", 4) for k in range(3)]
    assert [(s.name, s.length) for s in open_parts(folder, "phase")] == [(f"series_phase0{t}", 3) for t in range(4)]


def test_echoes_are_phases_without_times(write_slice):
    folder = write_cine(write_slice, slices=1, TriggerTime=0)
    for n, path in enumerate(sorted(folder.iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.EchoTime = 5.0 * (n + 1)
        dataset.save_as(path)
    source = open_source(folder)
    assert (source.kind, source.length, source.timing.times, source.timing.fps) == ("clip", 4, None, None)
    assert "4 phases (in echo time)" in source.details["acquired"]


def test_images_that_nothing_tells_apart_are_refused(write_slice):
    for n in range(4):
        same = dict.fromkeys(("InstanceNumber", "AcquisitionNumber", "ContentTime"))
        folder = write_slice(f"s{n}", (0, 0, 3.0 * (n // 2)), value=n, **same)
    with pytest.raises(UnsupportedSourceError, match="nothing tells those"):
        open_source(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}, "different orientations"),
        ({"PixelSpacing": [0.6, 0.6]}, "different pixel spacing"),
        ({"ImagePositionPatient": None}, "do not state their positions"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, "different orientations"),
        ({"Rows": 20, "PixelData": bytes(20 * 48 * 2)}, "48 x 20 pixels"),
    ],
)
def test_images_that_do_not_fit_are_refused(write_slice, change, reason):
    write_slice("s0", (0, 0, 0))
    write_slice("s1", (0, 0, 3))
    folder = write_slice("s2", (0, 0, 6), **change)
    with pytest.raises(SourceError, match=reason):
        open_source(folder)


def two_series(write_slice):
    for n in range(3):
        write_slice(f"a{n}", (0, 0, 3.0 * n), uid="1.2.3", SeriesNumber=4)
    for n in range(2):
        folder = write_slice(f"b{n}", (0, 0, 3.0 * n), uid="1.2.4", SeriesNumber=12, Modality="MR", SeriesDescription="Doe^Jane T2")
    return folder


def test_one_of_several_series_is_chosen_by_number_or_uid(write_slice):
    folder = two_series(write_slice)
    with pytest.raises(
        SourceError, match=r"2 DICOM series \(number 4: CT, 3 images of 48 x 40; number 12: MR, 2 images of 48 x 40\)"
    ) as caught:
        open_source(folder)
    assert "Doe" not in str(caught.value)
    assert [open_source(folder, series=wanted).length for wanted in (4, "12", "1.2.3", "1.2.4")] == [3, 2, 3, 2]
    with pytest.raises(SourceError, match="no DICOM series 5, but number 4"):
        open_source(folder, series=5)


def test_series_of_one_number_are_chosen_by_uid(write_slice):
    write_slice("a", (0, 0, 0), uid="1.2.3")
    folder = write_slice("b", (0, 0, 0), uid="1.2.4")
    with pytest.raises(SourceError, match=r"2 series have the number 7; choose one by its UID: 1\.2\.3, 1\.2\.4"):
        open_source(folder, series=7)
    assert open_source(folder, series="1.2.4").kind == "image"


def test_an_index_of_a_medium_does_not_count(write_slice):
    folder = write_slice("s0", (0, 0, 0))
    write_slice("s1", (0, 0, 3))
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(400))
    assert open_source(folder).length == 2


def test_a_series_is_streamed_slice_by_slice(write_slice):
    for n in range(100):
        folder = write_slice(f"s{n:02}", (0, 0, 1.0 * n), Rows=256, Columns=256, PixelData=bytes(2 * 256 * 256))
    source = open_source(folder)
    whole = 100 * 256 * 256 * 2
    tracemalloc.start()
    assert sum(1 for _ in source.frames()) == 100
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.25 * whole  # five slices read ahead, of which one is being windowed in float32
    source.close()


def test_across_the_stored_planes_the_series_is_held_once_in_its_own_type(write_slice):
    for n in range(40):
        folder = write_slice(f"s{n:02}", (0, 0, 1.0 * n), Rows=256, Columns=256, PixelData=bytes(2 * 256 * 256))
    whole = 40 * 256 * 256 * 2
    tracemalloc.start()
    with open_source(folder, axis="sagittal") as source:
        assert sum(1 for _ in source.frames()) == 256
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert whole < peak < 1.3 * whole


@pytest.fixture
def data(request):
    import os

    if "ECHOSEG_DATA" not in os.environ:
        pytest.skip("ECHOSEG_DATA is not set")
    return Path(os.environ["ECHOSEG_DATA"])


@pytest.mark.parametrize("name", ["ct/totalsegmentator/example_ct_dicom", "ct/dicom-seg/ct-3slice"])
def test_real_series_hold_what_itk_reads(data, name):
    source = open_source(data / name)
    image = itk_volume(source)
    np.testing.assert_array_equal([source.stored(k) for k in range(source.length)], SimpleITK.GetArrayFromImage(image))
    last = np.array(image.GetSize()) - 1
    place = source.stored_affine @ [*last, 1]
    np.testing.assert_allclose(place[:3], image.TransformIndexToPhysicalPoint(last.tolist()), atol=1e-6)


def test_a_real_cine_has_nine_slices_of_twenty_phases(data):
    folder = data / "mri/sunnybrook/SC-HF-I-1/dicom"
    clips = list(open_parts(folder, "slice"))
    assert [clip.length for clip in clips] == [20] * 9
    assert all(0.6 < clip.timing.times[-1] < 0.8 for clip in clips)
    names = [path.name for path, _ in clips[-2].dicom_frames]
    assert len({int(name.split(".")[0]) // 20 for name in names}) <= 2  # the files of one slice follow each other
    phase = open_source(folder, part="phase:0", axis="stored")
    assert (phase.length, phase.geometry.slice_spacing) == (9, pytest.approx(10, abs=1e-3))
    for k, (path, _) in enumerate(phase.dicom_frames):
        stated = np.array(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient, dtype=float)
        np.testing.assert_allclose((phase.stored_affine @ [0, 0, k, 1])[:3], stated, atol=1e-3)


def test_one_image_takes_a_window_too(write_slice):
    folder = write_slice("s0", (0, 0, 0), value=1024 - 600)
    assert open_source(folder, window="lung").frame(0)[0, 0] == 128
    with pytest.raises(SourceError, match="part can be chosen"):
        open_source(folder, part="slice:0")


def test_a_series_is_not_chosen_among_pictures(tmp_path):
    from PIL import Image

    Image.new("L", (40, 40)).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match="holds none"):
        open_source(tmp_path, series=1)


@pytest.mark.parametrize("directions", [[2, 0, 0, 0, 2, 0], [1, 0, 0, 0.5, 0.87, 0]])
def test_directions_that_are_none_are_named(write_slice, directions):
    for n in range(3):
        folder = write_slice(f"s{n}", (0, 0, 3.0 * n), ImageOrientationPatient=directions)
    with pytest.raises(SourceError, match="not of length 1, or not perpendicular"):
        open_source(folder)
