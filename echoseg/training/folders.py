"""Images and masks in two folders, paired by name: ``images/case7.nii.gz`` with ``masks/case7.nii.gz``, ``a.png`` with ``a.png``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from echoseg.datasets.pairs import paired_by_name
from echoseg.io.labels.read import read_labels
from echoseg.io.open import open_source
from echoseg.training.dataset import Sample, sample_of_source


class FolderPairs:
    """One sample a mask.

    An image is whatever :func:`~echoseg.io.open.open_source` reads: NIfTI, PNG, video, DICOM, a folder of frames. A mask is a label map as
    :func:`~echoseg.io.labels.read.read_labels` takes it. Pairs are those of
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
            labels = source.from_stored(read_labels(mask, white=False).masks)
            return sample_of_source(source, labels, self.structures, self.frames, rng)
