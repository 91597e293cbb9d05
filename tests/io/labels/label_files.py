"""One small label map in every format of its reader."""

import numpy as np
import SimpleITK as sitk
from PIL import Image

LABELS = np.zeros((3, 20, 24), np.uint8)
LABELS[:, 4:12, 6:16] = 1
LABELS[1:, 14:18, 2:9] = 3


def write(path, labels=LABELS, spacing=(2.0, 0.5, 0.25)):
    """``labels`` in the format that the path's suffix says."""
    if path.suffix == ".npy":
        np.save(path, labels)
    elif path.suffix == ".npz":
        np.savez(path, imgs=labels, gts=labels, spacing=np.array(spacing[::-1]))
    elif path.suffix == ".png":
        Image.fromarray(labels[0] if labels.ndim == 3 else labels).save(path)
    else:
        image = sitk.GetImageFromArray(labels)
        image.SetSpacing(spacing[::-1])
        sitk.WriteImage(image, str(path))
    return path
