"""What is no image is called by its name, with what to do."""

import gzip
import zipfile

import nibabel
import numpy as np
import pytest

from echoseg.errors import UnsupportedSourceError
from echoseg.io import open_source

VOXELS = np.arange(8 * 8 * 4, dtype=np.int16).reshape(8, 8, 4)


def packed(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0001.dcm", bytes(200))
    return path


def gzipped(path):
    path.write_bytes(gzip.compress(bytes(128) + b"DICM" + bytes(100)))
    return path


def pair(path):
    kind = nibabel.Spm99AnalyzeImage if "analyze" in path.name else nibabel.Nifti1Pair
    nibabel.save(kind(VOXELS, np.eye(4)), path)
    return path


def holding(content):
    def write(path):
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("make", "name", "told"),
    [
        (packed, "study.zip", "a ZIP archive; unpack it"),
        (packed, "study.dcm", "a ZIP archive; unpack it"),
        (gzipped, "a.dcm.gz", "packed by gzip"),
        (pair, "a.hdr", "a NIfTI or Analyze pair"),
        (pair, "a.img", "a pair of files"),
        (pair, "analyze.hdr", "a NIfTI or Analyze pair"),
        (holding(b"<!DOCTYPE html><title>Log in</title>"), "clip.mp4", "a failed download"),
        (holding(b"%PDF-1.7 report"), "clip.dcm", "a PDF document"),
        (holding(b"\0\0\0\1\x67\x42" + bytes(600)), "clip.h264", "a bare video stream"),
        (holding(bytes(range(7, 200))), "clip.bin", "none that echoseg reads"),
    ],
)
def test_an_error_names_what_is_there(tmp_path, make, name, told):
    with pytest.raises(UnsupportedSourceError, match=told):
        open_source(make(tmp_path / name))


def test_one_nifti_file_is_read(tmp_path):
    for name in ("a.nii", "a.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(VOXELS, np.eye(4)), tmp_path / name)
        assert open_source(tmp_path / name).kind == "volume"
