"""Label maps as other programs write them."""

from __future__ import annotations

import nibabel
import numpy as np
from numpy.typing import NDArray


def foreign_nifti(path, labels: NDArray[np.generic], *, steps=(1.0, 1.0, 0.04), units=("mm", "sec")):
    """``labels`` ``(T, H, W)`` with a matrix, as nibabel, ITK and Slicer write clips and volumes alike.

    ``steps`` are along x, y and the third axis.
    ``units`` of None leave the field "unknown", as nibabel does unless told otherwise.
    """
    image = nibabel.Nifti1Image(labels.T, np.diag([*steps, 1.0]))
    image.header.set_xyzt_units(*units)
    nibabel.save(image, path)
    return path
