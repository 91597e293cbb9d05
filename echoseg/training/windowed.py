"""Volumes as they are seen in use: through a square window around one object, from the slices that show most of it outward."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from echoseg.training.dataset import Dataset, Sample

_SMALLEST = 48  # pixels of a window's side: less is blown up to mush
_MOST = 0.5  # of the object's largest area that a slice must show to be prompted
_COARSE = (28, 64)  # pixels of a coarse window's side


@dataclass(frozen=True)
class Seen:
    """How much of a slice is seen, and how sharply.

    Attributes:
        fill: least and greatest share of the window's side that the object's box takes on its largest slice.
        coarse: probability that the window is shrunk to 28 to 64 pixels, as small crops and thick pixels are.
    """

    fill: tuple[float, float]
    coarse: float = 0.0


class Windowed:
    """Every sample of another set, its slices cut to a window around one of its objects, in the order of the file or its reverse."""

    def __init__(self, whole: Dataset, seen: Seen) -> None:
        self._whole, self._seen = whole, seen

    def __len__(self) -> int:
        return len(self._whole)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Sample ``index`` through a window drawn by ``rng``."""
        return through_window(self._whole.sample(index, rng), self._seen, rng)


def through_window(sample: Sample, seen: Seen, rng: np.random.Generator) -> Sample:
    """A sample of whole slices, which must show an object, cut to a window around one of them; it may be prompted where it is large.

    The object lies anywhere in the window's middle half, as far as the slice reaches. Slices come in their order or its reverse.
    """
    areas = sample.masks.sum(axis=(2, 3))
    chosen = int(rng.choice(np.flatnonzero(areas.any(axis=0))))
    largest = int(areas[:, chosen].argmax())
    ys, xs = np.nonzero(sample.masks[largest, chosen])
    extent = int(max(np.ptp(xs), np.ptp(ys))) + 1
    share = np.exp(rng.uniform(*np.log(seen.fill)))
    side = int(np.clip(extent / share, _SMALLEST, max(sample.frames.shape[1:3])))
    rows, columns = (
        _span(points, size, side, rng.uniform(-0.25, 0.25) * (side - extent))
        for points, size in zip((ys, xs), sample.frames.shape[1:3], strict=True)
    )
    order = slice(None, None, -1 if rng.random() < 0.5 else 1)
    cut = replace(
        sample,
        frames=sample.frames[order, rows, columns],
        masks=sample.masks[order, :, rows, columns],
        known=sample.known[order],
        starts=(areas[:, chosen] >= _MOST * areas[largest, chosen])[order],
    )
    target = int(rng.integers(*_COARSE))
    if rng.random() < seen.coarse and side > target:
        cut = _shrunk(cut, target / side)
    return cut


def _span(points: np.ndarray, size: int, side: int, shift: float) -> slice:
    """``side`` pixels of ``size``, around the middle of ``points`` but for ``shift``."""
    side = min(side, size)
    first = int(np.clip(round((points.min() + points.max() + 1 - side) / 2 + shift), 0, size - side))
    return slice(first, first + side)


def _shrunk(sample: Sample, factor: float) -> Sample:
    height, width = (max(8, round(side * factor)) for side in sample.frames.shape[1:3])
    frames = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in np.ascontiguousarray(sample.frames)]
    masks = [
        [cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) > 127 for mask in layers]
        for layers in np.ascontiguousarray(sample.masks)
    ]
    shown = np.array(masks, bool).any(axis=(1, 2, 3))  # a small object may be lost
    if sample.starts is None or not (shown & sample.starts).any():
        return sample
    return replace(sample, frames=np.stack(frames), masks=np.array(masks))
