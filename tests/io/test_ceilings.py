"""A small file that unpacks to more than is allowed is refused before that is held; what is no file is not waited for."""

import gzip
import io
import json
import os
import struct
import tracemalloc
import zipfile
import zlib

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless, UltrasoundImageStorage

from echoseg.errors import PromptError, SourceError
from echoseg.io import open_source
from echoseg.io.ceiling import ceiling
from echoseg.io.labels.read import read_labels
from echoseg.io.memory import memory_limited
from echoseg.io.regular import read_regular
from echoseg.prompting.parse import read_prompt_file

MIB = 1 << 20
TIGHT = 1 / 64
"""GiB: 16 MiB, so that bombs of tests need not be large."""


def zeros(count):
    """``count`` MiB of zeros as gzip, in members."""
    return gzip.compress(bytes(MIB), 9) * count


def nifti(path, shape):
    header = nibabel.Nifti1Header()
    header.set_data_shape(shape)
    header.set_data_dtype(np.uint8)
    header["magic"], header["vox_offset"] = b"n+1", 352
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4)) + zeros(int(np.prod(shape)) // MIB))


def npz(path, stated, held):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": stated})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("frames.npy", "w") as file:
        file.write(header.getvalue())
        for _ in range(held):
            file.write(bytes(MIB))


def dicom(path, syntax, pixels, rows, columns):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = UltrasoundImageStorage, "1.2.3", "US"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.PhotometricInterpretation = rows, columns, 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = pixels
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)


def bombs(folder):
    nifti(folder / "v.nii.gz", (1024, 1024, 64))
    yield "v.nii.gz"
    npz(folder / "honest.npz", (64, 1024, 1024), 64)
    yield "honest.npz"
    dicom(folder / "deflated.dcm", DeflatedExplicitVRLittleEndian, bytes(64 * MIB), 8192, 8192)
    yield "deflated.dcm"
    dicom(folder / "rle.dcm", RLELossless, encapsulate([struct.pack("<16L", 1, 64, *[0] * 14) + bytes(64)]), 60000, 60000)
    yield "rle.dcm"
    Image.new("L", (9000, 9000)).save(folder / "large.png")
    yield "large.png"
    sizes = "2048 2048 16"
    packed = zlib.compress(bytes(64 * MIB))
    header = f"ObjectType = Image\nNDims = 3\nDimSize = {sizes}\nElementType = MET_UCHAR\nCompressedData = True\nElementDataFile = LOCAL\n"
    (folder / "v.mha").write_bytes(header.encode() + packed)
    yield "v.mha"
    (folder / "v.nrrd").write_bytes(
        f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: {sizes}\nencoding: gzip\n\n".encode() + gzip.compress(bytes(64 * MIB))
    )
    yield "v.nrrd"


def test_what_unpacks_to_more_than_is_allowed_is_refused_before_it_is_held(tmp_path):
    for name in list(bombs(tmp_path)):
        assert (tmp_path / name).stat().st_size < MIB
        tracemalloc.start()
        with pytest.raises(SourceError, match=r"GiB are allowed \(`echoseg --max-unpacked GIB` gives more\)"), ceiling(TIGHT):
            open_source(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 32 * MIB, (name, peak)
        with ceiling(TIGHT), pytest.raises(SourceError):
            read_labels(tmp_path / name)


def test_the_same_files_are_read_where_they_are_allowed(tmp_path):
    for name in set(bombs(tmp_path)) - {"rle.dcm"}:
        with ceiling(1.0):
            open_source(tmp_path / name).close()


def test_an_array_that_cannot_hold_what_it_states_is_damaged(tmp_path):
    npz(tmp_path / "lie.npz", (1 << 20, 1 << 20), 1)
    with pytest.raises(SourceError, match="not a complete"):
        open_source(tmp_path / "lie.npz")


def test_a_frame_of_rle_that_cannot_hold_its_size_is_damaged(tmp_path):
    dicom(tmp_path / "rle.dcm", RLELossless, encapsulate([struct.pack("<16L", 1, 64, *[0] * 14) + bytes(64)]), 10000, 10000)
    with pytest.raises(SourceError, match="too few bytes for its size"):
        open_source(tmp_path / "rle.dcm")


def test_zeros_without_end_behind_the_voxels_are_not_waited_for(tmp_path):
    nifti(tmp_path / "v.nii.gz", (64, 64, 4))
    (tmp_path / "v.nii.gz").write_bytes((tmp_path / "v.nii.gz").read_bytes() + zeros(64))
    with ceiling(TIGHT), pytest.raises(SourceError, match="allowed"):
        open_source(tmp_path / "v.nii.gz")


@pytest.mark.parametrize("name", ["pipe.mp4", "pipe.nii.gz", "pipe.dcm", "pipe.json", "pipe.npz"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for reads in (open_source, read_labels, lambda path: read_prompt_file(path)):
        with pytest.raises((SourceError, PromptError)):
            reads(tmp_path / name)
    with pytest.raises(OSError, match="no regular file"):
        read_regular(tmp_path / name, 10)


def entry(**given):
    return {"objects": [{"id": 1, "prompts": [given]}]}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"objects":' * 100_000,
        json.dumps(entry(frame=0, points=[[1, 1, 1]] * 300_000)),
        " " * (1 << 25),
        json.dumps(entry(mask="/etc/hostname")),
        json.dumps(entry(mask="../secret.png")),
        json.dumps(entry(mask="link.png")),
    ],
    ids=["depth", "objects", "points", "bytes", "absolute", "above", "link"],
)
def test_a_prompt_file_is_bounded_and_names_files_of_its_folder_alone(tmp_path, text):
    (tmp_path / "in").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "secret.png")
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in" / "p.json").write_text(text)
    with pytest.raises(PromptError):
        read_prompt_file(tmp_path / "in" / "p.json")


def test_memory_beyond_the_limit_is_refused_and_the_limit_ends_with_its_block():
    with memory_limited(1 << 30), pytest.raises(MemoryError):
        np.empty(1 << 32, np.uint8)
    assert np.empty(1 << 31, np.uint8).size
