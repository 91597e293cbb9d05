"""``open_source``: one function for every kind of input."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.names import output_name, safe_name
from echoseg.io.sniff import looks_like_dicom, sniff
from echoseg.io.source import Kind, Source
from echoseg.types import Flag

_KINDS = ("clip", "volume", "image")
_SMALL = 32  # pixels; below this no structure can be told


def open_source(
    source: Any,
    *,
    name: str | None = None,
    fps: float | None = None,
    spacing: float | tuple[float, float] | None = None,
    kind: Kind | None = None,
) -> Source:
    """Open one input as a lazily read sequence of frames.

    Args:
        source: one of

            - a path: video (mp4, avi, mov, mkv, webm, gif), DICOM (any name), image, ``.npy`` / ``.npz``, volume
              (NIfTI, NRRD, MetaImage); or a folder: images (one frame each, in natural order) or one DICOM series;
            - a numpy array ``(H, W)``, ``(T, H, W)``, ``(H, W, 3)`` or ``(T, H, W, 3)``;
            - a list or tuple of frames, arrays ``(H, W)`` or ``(H, W, 3)`` of one shape: one source, read as often as
              needed. A list of paths or sources is several sources and an error: open each by itself;
            - any other iterable of such frames: read forward once, length unknown;
            - a :class:`Source`, returned as it is.

            What a file is, its content tells, not its name.
        name: name for outputs; default: the file name without extension.
        fps: frames per second, in place of what the file says; without meaning for a single image, and not used there.
        spacing: ``(row_mm, col_mm)``, or one number for square pixels, in place of what the file says.
        kind: what the frames are, where that can be chosen: an array, ``.npz``, folder of images or NIfTI file as
            ``clip`` or ``volume``.

    Raises:
        SourceError: missing, empty, cut off, damaged, or of an unusable shape; the message says what to do.
        UnsupportedSourceError: readable, but not frames.
    """
    if kind is not None and kind not in _KINDS:
        raise SourceError(f"unknown kind {kind!r}; one of {', '.join(_KINDS)}")
    if isinstance(source, Source):
        if any(option is not None for option in (name, fps, spacing, kind)):
            raise SourceError(f"{source.name}: is open already; give name, fps, spacing and kind where it is opened first")
        return source
    opened = _open(source, safe_name(name) if name else None, kind)
    try:
        if (kind is not None and opened.kind != kind) or (kind == "image" and opened.length != 1):
            raise SourceError(f"{opened.name}: is a {opened.kind} of {opened.length} frames and cannot be read as kind {kind!r}")
        _apply(opened, fps, spacing)
    except SourceError:
        opened.close()
        raise
    return opened


def _open(source: Any, name: str | None, kind: Kind | None) -> Source:
    if isinstance(source, str | PathLike):
        path = Path(source)
        name = name or output_name(path if path.name else path.resolve())
        if not path.exists():
            raise SourceError(f"{path}: no such file or folder; check the path")
        return _open_folder(path, name, kind) if path.is_dir() else _open_file(path, name, kind)
    from echoseg.io.array import ArraySource, IterableSource, stack_frames

    if hasattr(source, "__array__"):
        import numpy as np

        return ArraySource(np.asanyarray(source), name or "array", kind)
    if isinstance(source, list | tuple) and source:
        if any(isinstance(item, str | PathLike | Source) for item in source):
            raise SourceError(f"a list of {len(source)} paths is several sources, not one; open each by itself")
        return ArraySource(stack_frames(source, name or "frames"), name or "frames", kind)
    if isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | dict | set):
        return IterableSource(source, name or "frames")
    raise SourceError(f"a {type(source).__name__} is not a source; give a path, a numpy array, or an iterable of frames")


def _open_file(path: Path, name: str, kind: Kind | None) -> Source:
    content = sniff(path)
    if content == "dicom":
        return _open_dicom(path, name, kind)
    if content == "video":
        from echoseg.io.video import VideoSource

        return VideoSource(path, name)
    if content == "image":
        from echoseg.io.images import open_image

        return open_image(path, name, kind)
    if content == "array":
        from echoseg.io.array import open_array_file

        return open_array_file(path, name, kind)
    from echoseg.io.volume import open_volume

    return open_volume(path, name, kind)


def _open_dicom(path: Path, name: str, kind: Kind | None) -> Source:
    from echoseg.io.dicom_cine import DicomSource, stacks_slices

    if kind != "clip" and stacks_slices(path):
        from echoseg.io.dicom_frames import read_header
        from echoseg.io.volume import open_volume

        header, _ = read_header(path)  # ITK reads cut-off files without complaint
        return open_volume(path, name, kind, modality=str(header.get("Modality")))
    return DicomSource(path, name, kind)


def _open_folder(folder: Path, name: str, kind: Kind | None) -> Source:
    """A folder of images or of one DICOM series; hidden files, other files and subfolders do not count."""
    from natsort import natsorted

    from echoseg.io.images import IMAGE_SUFFIXES, open_image_folder

    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be listed ({error.strerror})") from error
    images = natsorted((path for path in files if path.suffix.lower() in IMAGE_SUFFIXES), key=lambda path: path.name)
    others = (path for path in files if path.suffix.lower() not in IMAGE_SUFFIXES)
    dicoms = natsorted((path for path in others if looks_like_dicom(path)), key=lambda path: path.name)
    if images and dicoms:
        raise SourceError(f"{folder}: holds {len(images)} images and {len(dicoms)} DICOM files; separate them")
    if images:
        return open_image_folder(images, name, kind)
    if len(dicoms) == 1:
        return _open_dicom(dicoms[0], name, kind)
    if dicoms:
        from echoseg.io.volume import open_series

        return open_series(dicoms, folder, name, kind)
    raise UnsupportedSourceError(f"{folder}: holds no images (PNG, JPEG, TIFF, ...) and no DICOM files; give the folder of the frames")


def _apply(source: Source, fps: float | None, spacing: float | tuple[float, float] | None) -> None:
    """What the caller knows better than the file, noted in the flags; and a flag on images too small to mean anything."""
    if fps is not None:
        rate = _positive(fps)
        if rate is None or source.kind == "volume":
            raise SourceError(f"{source.name}: fps is a positive number and not for volumes; got {fps!r} for kind {source.kind!r}")
        if source.kind == "clip":
            source.timing = replace(source.timing, fps=rate, times=None)
            _note(source, Flag("fps_given", f"The frame rate of {rate:g}/s was given by the user.", "info"), "timing_missing")
    if spacing is not None:
        if source.geometry.affine is not None:
            raise SourceError(f"{source.name}: the volume has its own geometry; spacing cannot be given beside it")
        row_mm, column_mm = _spacing_pair(source, spacing)
        source.geometry = replace(source.geometry, spacing=(row_mm, column_mm))
        note = Flag("spacing_given", f"The pixel spacing of {row_mm:g} x {column_mm:g} mm (row, column) was given by the user.", "info")
        _note(source, note, "spacing_missing", "spacing_inconsistent", "pixels_not_square")
    if source.geometry.spacing is None and not any(flag.code.startswith("spacing_") for flag in source.flags):
        missing = "Pixel spacing is unknown (the input states none): lengths, areas and volumes are relative."
        _note(source, Flag("spacing_missing", missing))
    if min(source.size) < _SMALL:
        height, width = source.size
        _note(source, Flag("small_frames", f"Frames of {width} x {height} pixels are too small for a result to be trusted."))


def _spacing_pair(source: Source, spacing: object) -> tuple[float, float]:
    stated = list(spacing) if isinstance(spacing, Iterable) else [spacing, spacing]
    row_mm, column_mm = (_positive(stated[0]), _positive(stated[1])) if len(stated) == 2 else (None, None)
    if row_mm is None or column_mm is None:
        raise SourceError(f"{source.name}: spacing is (row_mm, col_mm), two positive numbers; got {spacing!r}")
    return row_mm, column_mm


def _positive(value: object) -> float | None:
    """``value`` as a positive finite number, or None when it is not one."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _note(source: Source, flag: Flag, *replaces: str) -> None:
    source.flags = (*(f for f in source.flags if f.code not in replaces), flag)
