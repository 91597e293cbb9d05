"""Damaged volumes are read or refused with one line; nothing else is raised, whatever a header says."""

import gzip
import io
import struct
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from echoseg.errors import SourceError
from echoseg.io import open_source
from echoseg.io.volume.orientation import PLANES

VOXELS = np.random.default_rng(0).integers(-1000, 1000, (4, 6, 5)).astype(np.int16)
fuzz = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)
numbers = st.one_of(
    st.sampled_from(["0", "-1", "1", "nan", "inf", "1e400", "", "x", "99999999999999999999", "70000", "0x10", "1 2"]),
    st.floats(width=32).map(str),
    st.integers(-3, 9).map(str),
)
NRRD_FIELDS = ["sizes", "spacings", "space directions", "space origin", "space", "dimension", "type", "kinds", "encoding", "byte skip"]
META_FIELDS = [
    *("NDims", "DimSize", "ElementSpacing", "TransformMatrix", "Offset", "ElementType", "CompressedData", "CompressedDataSize"),
    *("ElementNumberOfChannels", "HeaderSize"),
]


def read_or_refuse(path, **options):
    """True when the source could be read; a refusal names the file."""
    try:
        with open_source(path, **options) as source:
            for index in sorted({0, source.length // 2, source.length - 1}):
                frame = source.frame(index)
                assert (frame.shape[:2], frame.dtype) == (source.size, np.uint8)
            assert source.geometry.affine is None or np.isfinite(source.geometry.affine).all()
            assert all(step is None or step > 0 for step in (source.geometry.slice_spacing, *(source.geometry.spacing or ())))
    except SourceError as error:
        message = str(error)
        assert "\n" not in message
        assert Path(path).name in message or Path(path).name.split(".")[0] in message
        return False
    return True


def edited(content, changes, end=None):
    data = bytearray(content)
    for place, value in changes:
        data[int(place * (end or len(data)))] = value
    return bytes(data)


def nifti_bytes():
    image = nibabel.Nifti1Image(VOXELS.T, np.diag([1.0, 2, 3, 1]))
    image.header.set_xyzt_units("mm", "sec")
    return image.to_bytes()


def itk_bytes(suffix, folder):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOXELS), str(folder / f"whole.{suffix}"))
    return (folder / f"whole.{suffix}").read_bytes()


@fuzz
@given(edits, st.booleans(), st.sampled_from([None, *PLANES]))
def test_any_byte_of_a_nifti_header(tmp_path, changes, packed, axis):
    content = edited(nifti_bytes(), changes, end=352)
    path = tmp_path / ("v.nii.gz" if packed else "v.nii")
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    read_or_refuse(path, axis=axis)


@fuzz
@given(
    st.lists(st.integers(-32768, 32767), min_size=8, max_size=8),
    st.lists(st.floats(width=32), min_size=8, max_size=8),
    st.lists(st.floats(width=32), min_size=12, max_size=12),
    st.tuples(st.floats(width=32), st.floats(width=32), st.floats(width=32)),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_any_value_of_a_nifti_header(tmp_path, sizes, zooms, matrix, scaling, codes):
    content = bytearray(nifti_bytes())
    struct.pack_into("<8f", content, 76, *zooms)
    struct.pack_into("<3f", content, 108, 352, *scaling[:2])
    struct.pack_into("<2h", content, 252, *codes)
    struct.pack_into("<12f", content, 280, *matrix)
    (tmp_path / "v.nii").write_bytes(content)
    read_or_refuse(tmp_path / "v.nii")
    struct.pack_into("<8h", content, 40, *sizes)
    struct.pack_into("<f", content, 108, scaling[2])
    (tmp_path / "v.nii").write_bytes(content)
    read_or_refuse(tmp_path / "v.nii")


@fuzz
@given(st.dictionaries(st.sampled_from(NRRD_FIELDS), numbers))
def test_any_value_of_a_nrrd_header(tmp_path, values):
    lines = {
        "type": "short",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "5 6 4",
        "space directions": "(1,0,0) (0,2,0) (0,0,3)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(0,0,0)",
    }
    for field, value in values.items():
        vector = field in ("space directions", "space origin")
        lines[field] = (
            f"({value},0,0) (0,2,0) (0,0,{value})" if vector else " ".join([value] * 3 if field in ("sizes", "spacings") else [value])
        )
    header = "NRRD0004\n" + "".join(f"{field}: {value}\n" for field, value in lines.items()) + "\n"
    (tmp_path / "v.nrrd").write_bytes(header.encode() + VOXELS.tobytes())
    read_or_refuse(tmp_path / "v.nrrd")


@fuzz
@given(st.dictionaries(st.sampled_from(META_FIELDS), numbers))
def test_any_value_of_a_metaimage_header(tmp_path, values):
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "ElementSpacing": "1 2 3",
        "DimSize": "5 6 4",
        "ElementType": "MET_SHORT",
    }
    for field, value in values.items():
        lines[field] = " ".join([value] * (lines.get(field, "").count(" ") + 1))
    header = "".join(f"{field} = {value}\n" for field, value in lines.items()) + "ElementDataFile = LOCAL\n"
    (tmp_path / "v.mha").write_bytes(header.encode() + VOXELS.tobytes())
    read_or_refuse(tmp_path / "v.mha")


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha", "npz"])
@settings(fuzz, max_examples=40)
@given(fraction=st.floats(0, 0.99))
def test_a_volume_cut_off_anywhere_is_refused(tmp_path, suffix, fraction):
    if suffix.startswith("nii"):
        content = nifti_bytes() if suffix == "nii" else gzip.compress(nifti_bytes())
    elif suffix == "npz":
        whole = io.BytesIO()
        np.savez(whole, imgs=VOXELS.astype(np.uint8), spacing=[1.0, 2, 3])
        content = whole.getvalue()
    else:
        content = itk_bytes(suffix, tmp_path)
    (tmp_path / f"cut.{suffix}").write_bytes(content[: int(len(content) * fraction)])
    assert not read_or_refuse(tmp_path / f"cut.{suffix}")


@fuzz
@given(
    st.lists(st.floats(), max_size=5).map(np.array),
    st.lists(st.floats(), min_size=8, max_size=9).map(np.array),
    st.lists(st.floats(), max_size=4).map(np.array),
)
def test_any_geometry_of_an_npz(tmp_path, spacing, direction, origin):
    np.savez(tmp_path / "v.npz", imgs=VOXELS.astype(np.uint8), spacing=spacing, direction=direction, origin=origin)
    read_or_refuse(tmp_path / "v.npz")


VALUES = {
    "ImagePositionPatient": st.lists(numbers, max_size=4),
    "ImageOrientationPatient": st.lists(numbers, min_size=5, max_size=6),
    "PixelSpacing": st.lists(numbers, max_size=3),
    "RescaleSlope": numbers,
    "RescaleIntercept": numbers,
    "TriggerTime": numbers,
    "SeriesNumber": numbers,
    "Modality": st.sampled_from(["CT", "MR", "", "US", "SEG"]),
    "PhotometricInterpretation": st.sampled_from(["MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR", ""]),
    "Rows": st.sampled_from([0, 1, 127, 128, 65535]),
    "BitsStored": st.sampled_from([0, 8, 12, 16, 99]),
    "NumberOfFrames": numbers,
    "SeriesInstanceUID": st.sampled_from(["1.2.3", "", "x"]),
}


@pytest.mark.filterwarnings("ignore")
@settings(fuzz, max_examples=50)
@given(st.data())
def test_any_value_of_a_dicom_series(tmp_path, data):
    folder = tmp_path / "series"
    folder.mkdir(exist_ok=True)
    spoiled = data.draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True))
    with pydicom.config.disable_value_validation():
        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        for index in range(3):
            dataset.SOPInstanceUID = f"1.2.3.{index + 1}"
            dataset.ImagePositionPatient = [0, 0, 3.0 * index]
            if index == 1:
                for keyword in spoiled:
                    spoil(dataset, keyword, data.draw(VALUES[keyword]))
            dataset.save_as(folder / f"s{index}")
    read_or_refuse(folder, axis=data.draw(st.sampled_from([None, "coronal"])))


def spoil(dataset, keyword, value):
    """Puts in what pydicom would refuse to hold as a number: what lies in files."""
    tag = pydicom.tag.Tag(keyword)
    vr = pydicom.datadict.dictionary_VR(tag)
    if isinstance(value, int):
        dataset[tag] = pydicom.DataElement(tag, vr, value)
        return
    raw = "\\".join(value if isinstance(value, list) else [value]).encode()
    raw += b" " * (len(raw) % 2)
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, vr, len(raw), raw, 0, False, True)


SIZES = [
    {"Rows": 0, "NumberOfFrames": "99999999999999999999"},  # no pixels, so the length of the file does not bound the frames
    {"Columns": 0, "NumberOfFrames": "70000"},
    {"SamplesPerPixel": 0, "NumberOfFrames": "70000"},
    {"BitsAllocated": 0, "NumberOfFrames": "70000"},
    {"NumberOfFrames": "-1"},
]


@pytest.mark.parametrize("kind", ["series", "file"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_sizes_that_are_not_positive_are_refused(tmp_path, kind, sizes):
    with pydicom.config.disable_value_validation():
        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        (tmp_path / "series").mkdir()
        for index in range(1 if kind == "file" else 2):
            dataset.SOPInstanceUID = f"1.2.3.{index + 1}"
            if index or kind == "file":
                for keyword, value in sizes.items():
                    spoil(dataset, keyword, value)
            dataset.save_as(tmp_path / "series" / f"s{index}")
    name = "s0" if kind == "file" else "s1"
    with pytest.raises(SourceError, match=rf"{name}: the DICOM header states .*; the file is damaged"):
        open_source(tmp_path / "series" / name if kind == "file" else tmp_path / "series")


@pytest.mark.filterwarnings("ignore")
@settings(fuzz, max_examples=60)
@given(edits)
def test_any_byte_of_a_multiframe_header(tmp_path, changes):
    content = Path(get_testdata_file("emri_small.dcm")).read_bytes()
    (tmp_path / "multi.dcm").write_bytes(edited(content, changes, end=1800))
    read_or_refuse(tmp_path / "multi.dcm")
