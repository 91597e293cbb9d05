"""EchoNet-Dynamic (Ouyang et al. 2020) as a reference: apical 4-chamber clips with the LV traced on one ED and one ES frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoseg.datasets.echonet import traced_videos
from echoseg.evaluation.reference import Reference
from echoseg.io.open import open_source
from echoseg.prompting.tracings import traced_masks


def echonet_clips(root: Path, split: str = "TEST") -> Iterator[Reference]:
    """One reference a traced video that is there, all frames read; truth on the traced frames only.

    Args:
        root: the folder as released: ``FileList.csv``, ``VolumeTracings.csv``, ``Videos/``.
        split: ``TRAIN``, ``VAL`` or ``TEST``.

    Raises:
        SourceError: a table is missing or lacks a column, no traced video of the split is there, or a video ends before a traced
            frame, or is traced outside of its picture.
    """
    for path, traced in traced_videos(root, split).items():
        with open_source(path) as source:
            drawn = traced_masks(traced, source, str(path))
            frames, fps = np.stack(list(source.frames())), source.timing.fps
        masks, known = np.zeros(frames.shape[:3], bool), np.zeros(len(frames), bool)
        for frame, mask in drawn.items():
            masks[frame], known[frame] = mask, True
        yield Reference(path.stem, path.stem, frames, {"LV": masks}, known, fps=fps)
