"""``open_source``: one function for every kind of input; ``open_parts`` for the slices or phases of one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from echoseg.errors import SourceError
from echoseg.io.dicom.web_address import is_dicomweb
from echoseg.io.names import is_camus_sequence, output_name, safe_name
from echoseg.io.sniff import sniff
from echoseg.io.source import Kind, Source
from echoseg.io.video.open import Reader, check_reader
from echoseg.io.volume.files import VolumeChoice, each_part, read_volume_file, volume_choice, volume_source
from echoseg.io.volume.orientation import Plane
from echoseg.io.volume.voxels import Acquisition
from echoseg.io.warned import heard, with_new
from echoseg.types import Flag, Severity

if TYPE_CHECKING:
    from echoseg.io.folder import FolderContent

_KINDS = ("clip", "volume", "image")
Found: TypeAlias = tuple["Source | Acquisition", tuple[Flag, ...]]
"""What was found, and flags on what lies beside it."""
_CAMUS_SEQUENCE = Flag(
    "clip_by_name", "Read as a clip, because the file is named as a sequence of CAMUS; kind 'volume' reads it as a volume.", Severity.INFO
)
_ON_TIMING = (
    "timing_missing",
    "timing_contradictory",
    "frame_times_differ",
    "frame_times_unusable",
    "frame_rate_assumed",
    "capture_rate_differs",
)
_ON_SPACING = ("spacing_missing", "spacing_inconsistent", "spacing_unit_assumed", "spacing_estimated", "pixels_not_square")
_SMALL = 32  # pixels; below this no structure can be told


def open_source(
    source: Any,
    *,
    name: str | None = None,
    fps: float | None = None,
    spacing: float | tuple[float, float] | None = None,
    kind: Kind | None = None,
    series: str | int | None = None,
    part: str | None = None,
    axis: Plane | None = None,
    window: str | None = None,
    reader: Reader | None = None,
) -> Source:
    """Open one input as a lazily read sequence of frames.

    Args:
        source: one of

            - a path: video (mp4, avi, mov, mkv, webm, gif), DICOM (any name), image, ``.npy`` / ``.npz``, volume
              (NIfTI, NRRD, MetaImage); or a folder: images (one frame each, in natural order) or DICOM series;
            - an address in a PACS, ``dicomweb://HOST/studies/UID/series/UID``, see :mod:`echoseg.io.dicom.web`;
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
        series: which DICOM series of a folder, by Series Number or Series Instance UID.
        part: of slices at several phases (cine MR): ``slice:N``, one slice through all phases, a clip; or ``phase:N``,
            the volume at one phase; counted from 0. For all of them see :func:`open_parts`.
        axis: plane of a volume's slices: ``axial`` (default), ``coronal``, ``sagittal``, whatever the order of the file,
            or ``stored``, the order of the file.
        window: grey values of a volume: ``soft-tissue``, ``lung``, ``bone``, ``brain``, ``liver``, ``mediastinum``,
            ``percentile`` or ``LEVEL,WIDTH``; default: soft tissue for CT, else the percentile.
        reader: what decodes a video file: ``pyav`` (default), ``decord`` (``pip install 'echoseg[video]'``) or ``opencv``.
            All give the same frames at the same times, or an error.

    Raises:
        SourceError: missing, empty, cut off, damaged, or of an unusable shape; the message says what to do.
        UnsupportedSourceError: readable, but not frames.

    >>> with echoseg.open_source(np.zeros((50, 48, 64), np.uint8), spacing=(0.4, 0.5), fps=25) as source:
    ...     len(source), source.size, source.geometry.spacing, source.timing.fps
    (50, (48, 64), (0.4, 0.5), 25.0)
    """
    _check_kind(kind)
    choice = volume_choice(series, part, axis, window)
    if reader is not None:
        check_reader(reader)
    if isinstance(source, Source):
        if choice.given or any(option is not None for option in (name, fps, spacing, kind, reader)):
            raise SourceError(f"{source.name}: is open already; give name, fps, spacing, kind and the rest where it is opened first")
        return source
    if choice.part is not None and choice.part.index is None:
        raise SourceError(f"part {choice.part} is many sources: give {choice.part}:N for one, or open them with open_parts")
    if is_dicomweb(source):
        from echoseg.io.dicom.web import open_fetched

        given: dict[str, Any] = dict(fps=fps, spacing=spacing, kind=kind, series=series, part=part, axis=axis, window=window, reader=reader)
        return open_fetched(source, lambda path, title: open_source(path, name=name or title, **given))
    with heard() as warned:
        (found, flags), title = _find(source, safe_name(name) if name else None, kind, choice, reader)
        if reader is not None and (isinstance(found, Acquisition) or "reader" not in found.details):
            raise SourceError(f"{title}: a reader is chosen for a video file, and this is none; leave reader out")
        opened = _finished(found, title, source, kind, choice, fps, spacing, flags)
    return opened.replaced(flags=with_new(opened.flags, warned)) if warned else opened


def open_parts(
    source: str | PathLike[str],
    part: str,
    *,
    name: str | None = None,
    fps: float | None = None,
    spacing: float | tuple[float, float] | None = None,
    kind: Kind | None = None,
    series: str | int | None = None,
    axis: Plane | None = None,
    window: str | None = None,
) -> Iterator[Source]:
    """Open every part of slices at several phases as a source of its own; voxels are read once for all.

    Args:
        source: a path.
        part: ``slice`` for a clip of each slice, ``phase`` for a volume of each phase; with a number for one of them.
        name, fps, spacing, kind, series, axis, window: as of :func:`open_source`; a number is appended to the name.

    Raises:
        SourceError: as of :func:`open_source`; at the first part.
    """
    _check_kind(kind)
    choice = volume_choice(series, part, axis, window)
    if is_dicomweb(source):
        raise SourceError(f"parts are opened from files: give one part, such as {part.split(':')[0]}:0, to open it from a PACS")
    with heard():
        (found, flags), title = _find(source, safe_name(name) if name else None, kind, choice)
    for one in each_part(found, choice) if isinstance(found, Acquisition) else [choice]:
        with heard() as warned:
            opened = _finished(found, title, source, kind, one, fps, spacing, flags)
        yield opened.replaced(flags=with_new(opened.flags, warned)) if warned else opened


def _check_kind(kind: object) -> None:
    if kind is not None and kind not in _KINDS:
        raise SourceError(f"unknown kind {kind!r}; one of {', '.join(_KINDS)}")


def _finished(
    found: Source | Acquisition,
    name: str,
    given: Any,
    kind: Kind | None,
    choice: VolumeChoice,
    fps: float | None,
    spacing: float | tuple[float, float] | None,
    flags: tuple[Flag, ...],
) -> Source:
    if isinstance(found, Acquisition):
        if kind is None and not choice.given and found.phases == 1 < found.slices and is_camus_sequence(Path(given).name):
            kind, flags = "clip", (*flags, _CAMUS_SEQUENCE)
        opened: Source = volume_source(found, choice, kind, name, Path(given))
    else:
        opened = found
    try:
        if not isinstance(found, Acquisition):
            _check_unused(opened, choice)
        if (kind is not None and opened.kind != kind) or (kind == "image" and opened.length != 1):
            raise SourceError(f"{opened.name}: is a {opened.kind} of {opened.length} frames and cannot be read as kind {kind!r}")
        return apply_given(opened.replaced(flags=(*opened.flags, *flags)) if flags else opened, fps, spacing)
    except SourceError:
        opened.close()
        raise


def _check_unused(opened: Source, choice: VolumeChoice) -> None:
    """A series is chosen by now; the window, in DICOM, too. All else has no meaning outside of volumes, and none for one image."""
    done = {"series", "window"} if opened.details.get("format") == "DICOM" else {"series"}
    unused = [option for option in choice.given if option not in done and not (option == "axis" and opened.kind == "image")]
    if unused:
        raise SourceError(f"{opened.name}: {', '.join(unused)} can be chosen in volumes and DICOM series; this {opened.kind} is none")


def _find(source: Any, name: str | None, kind: Kind | None, choice: VolumeChoice, reader: Reader | None = None) -> tuple[Found, str]:
    """A source, or slices of which the source is still to be chosen, with flags on what is not part of it; and its name."""
    if isinstance(source, str | PathLike):
        from echoseg.io.dicom.dicomdir import is_dicomdir

        path = Path(source)
        name = name or output_name(path if path.name else path.resolve())
        if not path.exists():
            raise SourceError(f"{path}: no such file or folder; check the path")
        if path.is_dir():
            return _find_in_folder(path, name, kind, choice), name
        if not path.is_file():
            raise SourceError(f"{path}: is a pipe or a device, no regular file; save what it gives to one")
        if choice.series is not None:
            raise SourceError(f"{path}: a series is chosen in a folder of DICOM files, and this is one file")
        if path.is_file() and is_dicomdir(path):
            return _find_in_folder(path.parent, safe_name(path.resolve().parent.name), kind, choice), name
        return (_find_in_file(path, name, kind, choice, reader), ()), name
    from echoseg.io.array import ArraySource, IterableSource, stack_frames

    if hasattr(source, "__array__"):
        import numpy as np

        return (ArraySource(np.asanyarray(source), name or "array", kind), ()), name or "array"
    if isinstance(source, list | tuple) and source:
        if any(isinstance(item, str | PathLike | Source) for item in source):
            raise SourceError(f"a list of {len(source)} paths is several sources, not one; open each by itself")
        return (ArraySource(stack_frames(source, name or "frames"), name or "frames", kind), ()), name or "frames"
    if isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | dict | set):
        return (IterableSource(source, name or "frames"), ()), name or "frames"
    raise SourceError(f"a {type(source).__name__} is not a source; give a path, a numpy array, or an iterable of frames")


def _find_in_file(path: Path, name: str, kind: Kind | None, choice: VolumeChoice, reader: Reader | None) -> Source | Acquisition:
    content = sniff(path)
    if content == "dicom":
        return _find_in_dicom(path, name, kind, choice)
    if content == "video":
        from echoseg.io.video.source import VideoSource

        return VideoSource(path, name, reader or "pyav")
    if content == "image":
        from echoseg.io.images import open_image

        return open_image(path, name, kind)
    if content == "array":
        from echoseg.io.array import open_array_file

        return open_array_file(path, name, kind)
    return read_volume_file(path)


def _find_in_dicom(path: Path, name: str, kind: Kind | None, choice: VolumeChoice) -> Source | Acquisition:
    from echoseg.io.dicom.cine import DicomSource, stacks_slices

    if kind != "clip" and stacks_slices(path):
        from echoseg.io.dicom.series import read_multiframe

        return read_multiframe(path)
    return DicomSource(path, name, kind, choice.window)


def _find_in_folder(folder: Path, name: str, kind: Kind | None, choice: VolumeChoice) -> Found:
    """In a folder of images or of DICOM series, or above DICOM files, as a CD's; hidden files do not count."""
    from echoseg.io.folder import dicoms_of, folder_content, frames_among, refuse_folder
    from echoseg.io.images import open_image_folder

    dicoms = dicoms_of(folder)
    if dicoms is not None:
        return _find_among_dicoms(folder, dicoms, name, kind, choice)
    if choice.series is not None:
        raise SourceError(f"{folder}: a series is chosen in a folder of DICOM files, and this one holds none")
    images = folder_content(folder).images
    if not images:
        raise refuse_folder(folder)
    frames, flags = frames_among(images)
    return open_image_folder(frames, name, kind), flags


def _find_among_dicoms(folder: Path, content: FolderContent, name: str, kind: Kind | None, choice: VolumeChoice) -> Found:
    from echoseg.io.dicom.dicomdir import index_flags
    from echoseg.io.dicom.series import choose_series, list_series, read_series
    from echoseg.io.folder import beside_dicom

    flags = index_flags(content.index)
    if len(content.dicoms) == 1 and choice.series is None:
        return _find_in_dicom(content.dicoms[0], name, kind, choice), (*flags, *beside_dicom(content))
    listing = list_series(content.dicoms, folder)
    series = choose_series(listing.series, choice.series, folder)
    flags = (*flags, *beside_dicom(content, listing.unusable))
    if len(series.files) == 1:
        return _find_in_dicom(series.files[0][1].path, name, kind, choice), flags
    return read_series(series, folder), flags


def apply_given(source: Source, fps: float | None, spacing: float | tuple[float, float] | None) -> Source:
    """``source`` with what the caller knows better than the file, noted in the flags; and a flag on images too small to mean anything.

    Args:
        source: not changed, and to be used no longer.
        fps: frames per second, or None.
        spacing: ``(row_mm, col_mm)``, one number for square pixels, or None.

    Raises:
        SourceError: not positive numbers, ``fps`` of a volume, or ``spacing`` beside the geometry of one.
    """
    timing, geometry, flags = source.timing, source.geometry, source.flags
    if fps is not None:
        rate = _positive(fps)
        if rate is None or source.kind == "volume":
            clip = "; if its slices are moments, give kind 'clip' (--kind clip)" if rate is not None and source.stored_in == "NIfTI" else ""
            raise SourceError(f"{source.name}: fps is a positive number and not for volumes; got {fps!r} for kind {source.kind!r}{clip}")
        if source.kind == "clip":
            timing = replace(timing, fps=rate, times=None)
            note = Flag("fps_given", f"The frame rate of {rate:g}/s was given by the user.", Severity.INFO)
            flags = _noted(flags, note, *_ON_TIMING)
    if spacing is not None:
        if geometry.affine is not None:
            raise SourceError(f"{source.name}: the volume has its own geometry; spacing cannot be given beside it")
        row_mm, column_mm = _spacing_pair(source, spacing)
        geometry = replace(geometry, spacing=(row_mm, column_mm))
        note = Flag(
            "spacing_given", f"The pixel spacing of {row_mm:g} x {column_mm:g} mm (row, column) was given by the user.", Severity.INFO
        )
        flags = _noted(flags, note, *_ON_SPACING)
    if geometry.spacing is None and not any(flag.code.startswith("spacing_") for flag in flags):
        missing = "Pixel spacing is unknown (the input states none): lengths, areas and volumes are relative."
        flags = _noted(flags, Flag("spacing_missing", missing))
    if min(source.size) < _SMALL:
        height, width = source.size
        small = f"Frames of {width} x {height} pixels are too small for a result to be trusted."
        flags = _noted(flags, Flag("small_frames", small))
    return source.replaced(timing=timing, geometry=geometry, flags=flags)


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


def _noted(flags: tuple[Flag, ...], flag: Flag, *replaces: str) -> tuple[Flag, ...]:
    return (*(f for f in flags if f.code not in (flag.code, *replaces)), flag)
