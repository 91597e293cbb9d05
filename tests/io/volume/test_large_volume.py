import struct
import tracemalloc

import nibabel
import numpy as np
import pytest

from echoseg.io import open_source

SHAPE = (512, 512, 1500)


@pytest.fixture
def large(tmp_path):
    """A whole-body CT of air, 786 MB, almost none of which is written."""
    image = nibabel.Nifti1Image(np.zeros((1, 1, 1), np.int16), np.diag([0.8, 0.8, 1.25, 1]))
    header = bytearray(image.to_bytes()[:352])
    struct.pack_into("<8h", header, 40, 3, *SHAPE, 1, 1, 1, 1)
    path = tmp_path / "large.nii"
    with path.open("wb") as file:
        file.write(header)
        file.truncate(352 + int(np.prod(SHAPE)) * 2)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("axis", ["axial", "coronal"])
def test_a_large_volume_needs_memory_for_a_few_slices(large, axis):
    tracemalloc.start()
    with open_source(large, axis=axis, window="soft-tissue") as source:
        assert source.length == (1500 if axis == "axial" else 512)
        for index in range(0, source.length, 10):
            assert source.frame(index).dtype == np.uint8
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6  # one slice in float32 and back
