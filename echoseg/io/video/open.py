"""The libraries that can decode a video file, and a file opened through one of them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from echoseg.errors import SourceError
from echoseg.options import Reader

if TYPE_CHECKING:
    from echoseg.io.video.decoder import VideoReader
    from echoseg.io.video.index import FrameIndex
    from echoseg.types import Image

READERS: tuple[Reader, ...] = get_args(Reader)
MODULES: dict[Reader, str] = {"pyav": "av", "decord": "decord", "opencv": "cv2"}
"""What each reader imports."""

MISSING: dict[Reader, str] = {
    "pyav": "pip install av",
    "decord": "pip install 'echoseg[video]' (its wheel is called decord2)",
    "opencv": "pip install opencv-python-headless",
}
"""How a missing reader is installed."""


def check_reader(name: str) -> None:
    """Raises SourceError when there is no reader ``name``, or its library is not installed."""
    if name not in READERS:
        raise SourceError(f"unknown reader {name!r}; one of {', '.join(READERS)}")
    if find_spec(MODULES[name]) is None:
        raise SourceError(f"the reader {name} is not installed: {MISSING[name]}, or leave the reader out to read with pyav")


def open_reader(name: Reader, path: Path, index: FrameIndex, first: Image) -> VideoReader:
    """The reader ``name`` on a file of which PyAV has given the index and the first frame.

    Raises:
        SourceError: not installed; the file is damaged; the first frame is not what PyAV gives.
        UnsupportedSourceError: this reader cannot give the frames of this file.
    """
    check_reader(name)
    if name == "decord":
        try:
            from echoseg.io.video.decord import DecordReader
        except (ImportError, OSError) as error:  # its own library, or one that it links to
            raise SourceError(f"the reader decord does not start ({error}): {MISSING[name]}") from error
        return DecordReader(path, index, first)
    if name == "opencv":
        from echoseg.io.video.opencv import OpencvReader

        return OpencvReader(path, index, first)
    from echoseg.io.video.pyav import PyavReader

    return PyavReader(path, index)
