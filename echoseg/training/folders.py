"""Images and masks in two folders, paired by name: ``images/case7.nii.gz`` with ``masks/case7.nii.gz``, ``a.png`` with ``a.png``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from natsort import natsorted
from numpy.typing import NDArray
from PIL import Image as PillowImage

from echoseg.datasets.pairs import paired_by_name
from echoseg.errors import SourceError
from echoseg.io.labels.nifti import read_label_map
from echoseg.io.open import open_source
from echoseg.io.volume.source import VolumeSource
from echoseg.training.dataset import Sample, sample_of_source


class FolderPairs:
    """One sample a mask.

    An image is whatever :func:`~echoseg.io.open.open_source` reads: NIfTI, PNG, video, DICOM, a folder of frames. A mask is a NIfTI label
    map, a PNG of label numbers (grey or palette), or a folder of such PNGs, one a frame. Pairs are those of
    :func:`~echoseg.datasets.pairs.paired_by_name`.

    Args:
        structures: names of labels, such as ``{1: "LV"}``; other labels are objects without a name.
        frames: longest sample; see :func:`~echoseg.training.dataset.sample_of_source`.

    Raises:
        SourceError: a folder is missing or has no masks, two files share a name, or a mask has no image.
    """

    def __init__(self, images: str | Path, masks: str | Path, structures: Mapping[int, str], frames: int) -> None:
        self.structures, self.frames = dict(structures), frames
        self.pairs = list(paired_by_name(Path(images), Path(masks)).values())

    def __len__(self) -> int:
        return len(self.pairs)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Consecutive frames of pair ``index``, drawn by ``rng`` around one that shows an object."""
        image, mask = self.pairs[index]
        with open_source(image) as source:
            labels: NDArray[Any] = read_masks(mask)
            if isinstance(source, VolumeSource):
                labels = source.from_stored(labels)
            return sample_of_source(source, labels, self.structures, self.frames, rng)


def read_masks(path: Path) -> NDArray[np.integer]:
    """``(T, H, W)`` label numbers of a NIfTI file (slices in the order of the file), a PNG, or a folder of PNGs (natural order).

    Raises:
        SourceError: not readable as label numbers, or PNGs of different sizes.
    """
    if path.is_dir():
        frames = [_read_png(file) for file in natsorted(path.glob("*.png"))]
        if len({frame.shape for frame in frames}) != 1:
            raise SourceError(f"{path}: expected PNG masks of one size, found {len(frames)} of {len({f.shape for f in frames})} sizes")
        return np.stack(frames)
    return _read_png(path)[None] if path.suffix.lower() == ".png" else read_label_map(path).masks


def _read_png(path: Path) -> NDArray[np.integer]:
    try:
        with PillowImage.open(path) as image:
            labels = np.asarray(image)  # a palette image gives its indices, which are the labels
    except Exception as error:  # Pillow's plugins raise OSError, ValueError, SyntaxError, ...
        raise SourceError(f"{path}: not a readable PNG ({error})") from error
    if labels.ndim != 2:
        raise SourceError(f"{path}: a colour image cannot be a mask; save the label numbers as grey levels or palette indices")
    return labels.astype(np.int64)
