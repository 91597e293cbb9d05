"""Image files as a source: one image, a folder of images (one frame each), or the pages of a TIFF."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps

from echoseg.errors import SourceError
from echoseg.io.array import frame_to_uint8
from echoseg.io.ceiling import check_frame
from echoseg.io.intensity import window_for
from echoseg.io.seekable import SeekableSource, sample_indices
from echoseg.io.source import Kind
from echoseg.types import Image

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".jp2", ".pgm", ".ppm")
_SAMPLED_FRAMES = 8
_WIDTHS = {"I": 4, "F": 4, "I;16": 2, "I;16B": 2, "I;16L": 2, "P": 3}  # bytes of a band; a palette becomes colours
_GREY_MODES = ("1", "L", "I;16", "I;16B", "I;16L", "I", "F", "LA")
_CAMERA_FORMATS = ("JPEG", "MPO", "TIFF")  # in PNG the orientation may follow the pixels, and cameras write no PNG

Page = tuple[Path, int]


class ImageSource(SeekableSource):
    """Frames from image files, each read when it is asked for.

    Grey files give ``(H, W)``, colour ``(H, W, 3)`` RGB (palettes are resolved, alpha dropped); when a folder mixes the
    two, all are colour. Deeper than 8 bits: by :mod:`echoseg.io.intensity`, one window for all. The orientation that a
    camera wrote (EXIF) is applied.

    Args:
        pages: file and page number of each frame, in order.
        name: name for outputs.
        kind: default: ``image`` for one frame, else ``clip``.

    Raises:
        SourceError: a file that is no readable image, or images of different sizes. Sizes are checked at once from
            the file headers, pixels when they are read.
    """

    def __init__(self, pages: list[Page], name: str, kind: Kind | None = None) -> None:
        super().__init__()
        self._pages = pages
        self.name = name
        self.length = len(pages)
        self.kind = kind or ("image" if self.length == 1 else "clip")
        self.size, self._colour, file_format = _common_header(pages)
        self._window = window_for((self.stored(i) for i in sample_indices(self.length, _SAMPLED_FRAMES)), name)
        self.details = {"format": file_format, "intensity": self._window.rule}

    def stored(self, index: int) -> NDArray[np.generic]:
        return _read_page(self._pages[index], self._colour)

    def _read(self, start: int, stop: int) -> Iterator[Image]:
        for index in range(start, stop):
            yield frame_to_uint8(self.stored(index), self._window, f"{self.name}: frame {index}")


def open_image(path: Path, name: str, kind: Kind | None = None) -> ImageSource:
    """One image file; a TIFF of several pages gives a frame for each."""
    return ImageSource(_pages(path), name, kind)


def open_image_folder(paths: list[Path], name: str, kind: Kind | None = None) -> ImageSource:
    """The image files of a folder, already in order, as the frames of one clip."""
    return ImageSource([(path, 0) for path in paths], name, kind)


def read_indices(paths: list[Path]) -> NDArray[np.generic]:
    """Images as label maps have them, ``(T, H, W)``: grey levels, or the indices of a palette in place of its colours.

    Raises:
        SourceError: no readable image, one in true colours, or images of different sizes.
    """
    pages = _pages(paths[0]) if len(paths) == 1 else [(path, 0) for path in paths]
    _common_header(pages)
    frames = [_read_page(page, colour=False) for page in pages]
    _check_not_in_alpha(pages, frames)
    for (path, _), frame in zip(pages, frames, strict=True):
        if frame.ndim == 3:
            raise SourceError(f"{path}: a colour image is no label map; save the label numbers as grey levels or palette indices")
    return np.stack(frames)


def _check_not_in_alpha(pages: list[Page], frames: list[NDArray[np.generic]]) -> None:
    """Raises SourceError where all is of one colour, and a mask lies in what is transparent: as some programs export a layer."""
    if any(frame.ndim == 3 or frame.min() != frame.max() or frame.max() == 0 for frame in frames):
        return
    for path, page in pages:
        with _damage(path), _opened(path) as image:
            image.seek(page)
            if "A" in image.getbands() and len(set(image.getchannel("A").getextrema())) > 1:
                raise SourceError(f"{path}: is of one grey, and its transparency holds a shape; save the mask as grey levels")


def _pages(path: Path) -> list[Page]:
    with _damage(path), _opened(path) as image:
        return [(path, page) for page in range(int(getattr(image, "n_frames", 1)))]


def _common_header(pages: list[Page]) -> tuple[tuple[int, int], bool, str]:
    """Size, colour or not, and format, from the headers alone."""
    sizes: dict[tuple[int, int], Path] = {}
    colour = False
    file_format = ""
    for path, page in pages:
        with _damage(path), _opened(path) as image:
            if page:
                image.seek(page)
            width, height = image.size
            check_frame(width * height * max(_WIDTHS.get(image.mode, 1) * len(image.getbands()), 1), path)
            if image.format in _CAMERA_FORMATS and image.getexif().get(0x0112, 1) >= 5:  # Orientation 5 to 8 swaps rows and columns
                width, height = height, width
            sizes.setdefault((height, width), path)
            colour = colour or image.mode not in _GREY_MODES
            file_format = file_format or str(image.format)
        if len(sizes) > 1:
            (first, a), (other, b) = sizes.items()
            raise SourceError(f"{b.parent}: {a.name} has size {first}, {b.name} {other} (rows, columns); all must have one size")
    return next(iter(sizes)), colour, file_format


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Whatever Pillow raises on a damaged header, as our error."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{path}: the image is damaged or cut off ({error})") from error


def _opened(path: Path) -> PillowImage.Image:
    try:
        return PillowImage.open(path)
    except Exception as error:  # Pillow's plugins raise OSError, ValueError, SyntaxError, DecompressionBombError, ...
        raise SourceError(f"{path}: not a readable image ({error})") from error


def _read_page(page: Page, colour: bool) -> NDArray[np.generic]:
    """One page as stored, ``(H, W)`` or ``(H, W, 3)``."""
    path, number = page
    with _damage(path), _opened(path) as image:
        if number:
            image.seek(number)
        upright = ImageOps.exif_transpose(image) if image.format in _CAMERA_FORMATS else image
        if colour:
            return np.asarray(upright.convert("RGB"))
        return np.asarray(upright.getchannel(0) if upright.mode in ("LA", "PA") else upright)
