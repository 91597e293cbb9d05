"""Sources in memory: numpy arrays, ``.npy`` / ``.npz`` files, and iterables of frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import NotRereadableError, SourceError, UnsupportedSourceError
from echoseg.io.intensity import GreyWindow, to_uint8, window_for
from echoseg.io.npz import load_arrays
from echoseg.io.seekable import SeekableSource, sample_indices
from echoseg.io.source import Kind, Source
from echoseg.io.volume.orientation import is_usable
from echoseg.io.volume.voxels import Acquisition, Spacing, Voxels
from echoseg.types import BoolMask, Geometry, Image

_SAMPLED_FRAMES = 16
_NPZ_NAMES = ("frames", "imgs", "images", "image", "video", "arr_0")
_EXPECTED = "expected (H, W), (T, H, W), (H, W, 3) or (T, H, W, 3)"


class ArraySource(SeekableSource):
    """Frames of one array, brought to uint8 one at a time; a memory-mapped array stays on disk.

    Args:
        frames: any shape that :func:`as_sequence` accepts, any numeric type.
        name: name for outputs.
        kind: default: ``image`` for one frame, else ``clip``.
        geometry: what is known of it.

    Raises:
        SourceError: unusable shape or type, or no pixels. NaN is found when its frame is read (or sampled).
    """

    reads_ahead = False

    def __init__(self, frames: NDArray[np.generic], name: str, kind: Kind | None = None, geometry: Geometry | None = None) -> None:
        super().__init__()
        self._frames = as_sequence(frames, name)
        self.name = name
        self.length = len(self._frames)
        self.kind = kind or ("image" if self.length == 1 else "clip")
        self.size = (self._frames.shape[1], self._frames.shape[2])
        self.geometry = geometry or Geometry()
        self._window = window_for((self._frames[i] for i in sample_indices(self.length, _SAMPLED_FRAMES)), name)
        self.details = {"format": "array", "stored_type": str(self._frames.dtype), "intensity": self._window.rule}

    def stored(self, index: int) -> NDArray[np.generic]:
        return self._frames[index]

    def _read(self, start: int, stop: int) -> Iterator[Image]:
        for index in range(start, stop):
            yield frame_to_uint8(self._frames[index], self._window, f"{self.name}: frame {index}")


class IterableSource(Source):
    """Frames from an iterable, taken as they are asked for: forward, once, of unknown length.

    The first frame is read at once, because it tells the size and the window for values other than uint8; the sector needs a few more.

    Args:
        frames: ``(H, W)`` or ``(H, W, 3)`` images of one size and type.
        name: name for outputs.

    Raises:
        SourceError: no frame at all, or a first frame that is no image.
    """

    rereadable = False
    length = None
    kind: Kind = "clip"

    def __init__(self, frames: Iterable[NDArray[np.generic]], name: str) -> None:
        self.name = name
        self._iterator = iter(frames)
        self._next_index = 0
        first = next(self._iterator, None)
        if first is None:
            raise SourceError(f"{name}: the iterable of frames is empty")
        image = _one_image(first, f"{name}: frame 0")
        self._ahead: deque[NDArray[np.generic]] = deque([image])  # read, but not yet asked for
        self.size = (image.shape[0], image.shape[1])
        self._window = window_for([image], name)
        self._sector: BoolMask | None = None
        self._sector_known = False
        self.details = {"format": "iterable", "stored_type": str(image.dtype), "intensity": self._window.rule}

    def sector(self) -> BoolMask | None:
        """As of any clip; reads ahead the few frames it is found on."""
        if not self._sector_known:
            from echoseg.io.sector import SECTOR_FRAMES, find_sector

            self._ahead.extend(islice(self._iterator, max(SECTOR_FRAMES - self._next_index - len(self._ahead), 0)))
            images = (self._image(raw, self._next_index + i) for i, raw in enumerate(self._ahead))
            self._sector, self._sector_known = find_sector(images), True
        return self._sector

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Image]:
        if start < self._next_index:
            raise NotRereadableError(
                f"{self.name}: frame {start} was asked for after frame {self._next_index - 1}, but these frames come only once, in order; "
                "give an array or a file to read again"
            )
        while stop is None or self._next_index < stop:
            index = self._next_index
            raw = self._ahead.popleft() if self._ahead else next(self._iterator, None)
            if raw is None:
                return
            self._next_index += 1
            image = self._image(raw, index)
            if index >= start:
                yield image

    def _image(self, raw: NDArray[np.generic], index: int) -> Image:
        where = f"{self.name}: frame {index}"
        image = _one_image(raw, where)
        if image.shape[:2] != self.size:
            raise SourceError(f"{where} has size {image.shape[:2]}, the frames before {self.size}; all frames must have one size")
        return frame_to_uint8(image, self._window, where)

    def close(self) -> None:
        """Close the generator behind, if it is one; no frame can be read afterwards."""
        if hasattr(self._iterator, "close"):
            self._iterator.close()


def as_sequence(array: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    """``array`` as ``(T, H, W)`` or ``(T, H, W, 3)``, without a copy; an alpha channel is dropped.

    Args:
        array: ``(H, W)``, ``(H, W, 3 or 4)``, ``(T, H, W)`` or ``(T, H, W, 3 or 4)``.
        name: names the source in an error.

    Raises:
        SourceError: another shape (the message says how to bring it into order), an empty array, or no numbers.
    """
    shape = array.shape
    if array.dtype.kind not in "buif":
        raise SourceError(f"{name}: values of type {array.dtype} are no pixels; {_EXPECTED} of uint8, uint16 or float")
    if array.size == 0:
        raise SourceError(f"{name}: the array of shape {shape} holds no pixels; {_EXPECTED}")
    if array.ndim == 2:
        return array[None]
    if array.ndim == 3:
        one_colour_image = shape[-1] in (3, 4) and shape[1] > 4  # frames 3 or 4 pixels wide and taller are no images, 4 x 4 may be
        return array[None, ..., :3] if one_colour_image else array
    if array.ndim == 4 and shape[-1] in (3, 4):
        return array[..., :3]
    advice = ""
    if array.ndim == 4:
        if shape[1] in (3, 4):
            advice = ": channels come last, use numpy.moveaxis(array, 1, -1)"
        elif shape[0] in (3, 4):
            advice = ": channels come last, use numpy.moveaxis(array, 0, -1)"
        elif shape[1] == 1:
            advice = ": remove the axis of one channel, use array[:, 0]"
        elif shape[-1] == 1:
            advice = ": remove the axis of one channel, use array[..., 0]"
    raise SourceError(f"{name}: an array of shape {shape} is not a sequence of frames; {_EXPECTED}{advice}")


def stack_frames(frames: Sequence[NDArray[np.generic]], name: str) -> NDArray[np.generic]:
    """A list of images as one array ``(T, H, W)`` or ``(T, H, W, 3)``.

    Raises:
        SourceError: an image of another shape than the first.
    """
    images = [_one_image(frame, f"{name}: frame {index}") for index, frame in enumerate(frames)]
    for index, image in enumerate(images):
        if image.shape != images[0].shape:
            raise SourceError(f"{name}: frame {index} has shape {image.shape}, frame 0 {images[0].shape}; all frames must have one shape")
    return np.stack(images)


def frame_to_uint8(frame: NDArray[np.generic], window: GreyWindow, where: str) -> Image:
    """One ``(H, W)`` or ``(H, W, 3)`` frame as uint8, never a view the caller could spoil the source through."""
    image = to_uint8(frame, window, where)
    return image.copy() if np.shares_memory(image, frame) else image


def open_array_file(path: Path, name: str, kind: Kind | None) -> Source | Acquisition:
    """A ``.npy`` (memory-mapped) or ``.npz`` file. Pickled objects are refused: they can run code.

    An ``.npz`` must hold one array, or one called ``frames``, ``imgs``, ``images``, ``image``, ``video`` or ``arr_0``.
    MedSAM2's ``imgs`` ``(slices, H, W)`` with ``spacing`` ``(x, y, z)`` in mm is a volume.

    Raises:
        SourceError: damaged file, no such array, or an unusable one.
    """
    affine: NDArray[np.float64] | None = None
    spacing: Spacing = (None, None, None)
    try:
        loaded = load_arrays(path)
        if isinstance(loaded, np.ndarray):
            array = loaded
        else:
            with loaded as archive:
                array, key = _pick(archive, path)
                if key == "imgs" and array.ndim == 3:
                    kind = kind or "volume"
                if kind == "volume":
                    affine, spacing = _npz_geometry(archive)
    except SourceError:
        raise
    except Exception as error:  # numpy raises ValueError, EOFError, OSError, BadZipFile, zlib.error, KeyError, ...
        if "allow_pickle" in str(error) or "Python objects" in str(error):
            raise UnsupportedSourceError(f"{path}: holds pickled Python objects, never loaded here; save a plain numeric array") from None
        raise SourceError(f"{path}: not a complete {path.suffix} file ({error}); save the array again") from error
    file_format = path.suffix.lower().lstrip(".") or "npy"
    if kind == "volume":
        planes = as_sequence(array, name)
        one = Voxels(planes, affine, spacing)
        # Only the number of slices can be more than 1: the file holds one moment.
        return Acquisition(len(planes), 1, lambda _: one, lambda k: Voxels(planes[k : k + 1], None, (*spacing[:2], None)), file_format)
    source = ArraySource(array, name, kind)
    return source.replaced(details={**source.details, "format": file_format})


def _pick(archive: np.lib.npyio.NpzFile, path: Path) -> tuple[NDArray[np.generic], str]:
    keys = [key for key in _NPZ_NAMES if key in archive.files] or (archive.files if len(archive.files) == 1 else [])
    if not keys:
        raise SourceError(f"{path}: holds the arrays {', '.join(archive.files) or '(none)'}; call the one with the frames 'frames'")
    return archive[keys[0]], keys[0]


def _npz_geometry(archive: np.lib.npyio.NpzFile) -> tuple[NDArray[np.float64] | None, Spacing]:
    """Affine and spacing of a MedSAM2 file: ``spacing`` (x, y, z) in mm; with ``direction`` (3 x 3) and ``origin`` an affine too."""
    stated = {key: np.asarray(archive[key], dtype=np.float64).ravel() for key in ("spacing", "direction", "origin") if key in archive.files}
    spacing = stated.get("spacing", np.empty(0))
    if spacing.shape != (3,) or not np.isfinite(spacing).all() or (spacing <= 0).any():
        return None, (None, None, None)
    steps = float(spacing[0]), float(spacing[1]), float(spacing[2])
    if stated.get("direction", np.empty(0)).size != 9:
        return None, steps
    affine = np.eye(4)
    affine[:3, :3] = stated["direction"].reshape(3, 3) * spacing
    if stated.get("origin", np.empty(0)).size == 3:
        affine[:3, 3] = stated["origin"]
    return (affine if is_usable(affine) else None), steps


def _one_image(frame: object, where: str) -> NDArray[np.generic]:
    image = np.asarray(frame)
    if image.dtype.kind not in "buif" or image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[-1] in (3, 4))):
        raise SourceError(f"{where} has shape {image.shape} and type {image.dtype}; expected (H, W) or (H, W, 3) of uint8, uint16 or float")
    return image[..., :3] if image.ndim == 3 else image
