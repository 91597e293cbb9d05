"""DICOM images as a source: echo cine above all, also single images of other modalities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from echoseg.errors import SourceError
from echoseg.io.dicom.colour import with_true_colour
from echoseg.io.dicom.frames import FrameTable, decode_frame, frame_flags, open_frames, read_header
from echoseg.io.dicom.geometry import pixel_spacing, sector_fault, ultrasound_spacing
from echoseg.io.dicom.increments import are_slices, check_no_mosaic, views_flag
from echoseg.io.dicom.reading import dcmread
from echoseg.io.dicom.regions import region_flags
from echoseg.io.dicom.timing import cine_timing, has_timing
from echoseg.io.dicom.values import items, number, numbers, quiet_reading, text
from echoseg.io.dicom.video_stream import checked_by_stream
from echoseg.io.intensity import CT_SOFT_TISSUE, UNCHANGED, GreyWindow, bit_depth_window, percentile_window, to_uint8
from echoseg.io.sector import is_wedge
from echoseg.io.seekable import SeekableSource, sample_indices
from echoseg.io.source import Kind
from echoseg.io.volume.windowing import fixed_window
from echoseg.types import BoolMask, Flag, Geometry, Image, Timing

_SAMPLED_FRAMES = 8
_BLURRED = 64  # pixels; in smaller pictures the blocks of compression are no finer than what tells the sector's place
_STACK_MODALITIES = ("CT", "MR", "PT", "NM")
_STACK_CLASSES = ("1.2.840.10008.5.1.4.1.1.6.3", "1.2.840.10008.5.1.4.1.1.13.1.1")  # Enhanced US Volume, X-Ray 3D Angiographic
_GLANCE = ["SOPClassUID", "NumberOfFrames", "Modality", "FrameTimeVector", "FrameTime", "CineRate", "RecommendedDisplayFrameRate"]
_GLANCE += ["FrameIncrementPointer"]

# Echocardiography image views (PS3.16 CID 12226) by SNOMED CT code and its retired SRT form.
_VIEWS = {
    ("399214001", "G-A19C"): "A4C",
    ("399232001", "G-A19B"): "A2C",
    ("399339008", "G-0395"): "A3C",
    ("399139001", "G-0396"): "PLAX",
    ("399306005", "G-0397"): "PSAX",
}

_OTHER_MODALITIES = frozenset({"CR", "CT", "DX", "MG", "MR", "NM", "PT", "RF", "XA"})


class DicomSource(SeekableSource):
    """The frames of one DICOM file, each decoded when it is asked for.

    Colour is RGB whatever the file stores (YBR, palette); grey is ``(H, W)`` with MONOCHROME1 inverted, so that
    bright is strong. 8-bit values stay; deeper ones go through the file's own window, else CT soft tissue, else the
    stored bit depth (ultrasound), else the 0.5 to 99.5 percentile of eight frames.

    Spacing of ultrasound comes from its calibrated regions alone, see :mod:`echoseg.io.dicom.geometry`.

    Args:
        path: the file.
        name: name for outputs.
        kind: default: ``image`` for one frame, else ``clip``.
        window: a name or ``level,width`` to use for grey values in place of these rules, see :mod:`echoseg.io.volume.windowing`.

    Raises:
        SourceError: damaged or cut off, or no such window. Frames are counted at once; a damaged frame is found when it is read.
        UnsupportedSourceError: no images in it, encrypted, or stored in a way that cannot be decoded here.
    """

    def __init__(self, path: Path, name: str, kind: Kind | None = None, window: str | None = None) -> None:
        super().__init__()
        self.name = name
        self._asked = window
        with quiet_reading():
            dataset, self._table = read_header(path)
            try:
                found = [flag for flag in self._understand(dataset, kind) if flag]
            except SourceError:
                raise
            except Exception as error:  # values are parsed on access; the message may quote one, so it is not passed on
                raise SourceError(f"{path}: the DICOM image header is not valid ({type(error).__name__}); damaged file") from error
            self.details = _details(dataset, self._table, self._window)
        self.flags = tuple(flag for flag in (*found, self._timing_flag(found), *frame_flags(self._table), *self._table.flags) if flag)
        self._check_sector(dataset)

    def _understand(self, dataset: Dataset, kind: Kind | None) -> tuple[Flag | None, ...]:
        """Fill in what the header tells; returns the flags on the pixels' size and shape."""
        modality = text(dataset, "Modality")
        ultrasound = modality in ("US", "IVUS") or "SequenceOfUltrasoundRegions" in dataset
        spacing, flag = ultrasound_spacing(dataset) if ultrasound else pixel_spacing(dataset)
        with open_frames(self._table) as file:
            self._table, recoloured = (self._table, None) if self._table.video else with_true_colour(self._table, file)
        photometric = str(self._table.options["photometric_interpretation"])
        self.length = self._table.count
        self.dicom_frames = tuple((self._table.path, index) for index in range(self.length))
        self.kind = kind or ("image" if self.length == 1 else "clip")
        self.size = (int(dataset.Rows), int(dataset.Columns))
        self.geometry = Geometry(spacing=spacing)
        check_no_mosaic(dataset, self._table.path)
        self.timing, clock = cine_timing(dataset, self.length) if self.kind == "clip" else (Timing(), ())
        if self._table.video is not None and self.kind == "clip":
            self.timing, clock = checked_by_stream(self.timing, clock, self._table.video)
        self._inverted = photometric == "MONOCHROME1"
        self._palette = _palette(dataset, self._table.path) if photometric == "PALETTE COLOR" else None
        plain_bytes = self._palette is not None or self._table.video is not None or _depth(dataset) == (8, 0)
        self._rescale = None if plain_bytes else _rescale(dataset)
        self._window = self._choose_window(dataset, modality, plain_bytes)
        regions = region_flags(dataset) if ultrasound else ()
        return flag, None if spacing else _aspect_flag(dataset), *clock, recoloured, views_flag(dataset), *regions

    def sector(self) -> BoolMask | None:
        return super().sector() if self.details.get("modality") in (None, "US") else None

    def ultrasound(self) -> bool | None:
        modality = self.details.get("modality")
        if modality in ("US", "IVUS"):
            return True
        return False if modality in _OTHER_MODALITIES else super().ultrasound()  # a secondary capture may show an echo

    def _check_sector(self, dataset: Dataset) -> None:
        """No spacing where the scan sector does not lie in the file's regions; a damaged frame says so when it is read."""
        if self.geometry.spacing is None or "SequenceOfUltrasoundRegions" not in dataset or min(self.size) < _BLURRED:
            return
        try:
            sector = self.sector()
        except SourceError:
            return
        if sector is None or (self.length == 1 and not is_wedge(sector)):  # of one frame, text and frames look alike
            return
        fault = sector_fault(dataset, sector)
        if fault is not None:
            self.geometry = Geometry()
            self.flags = (fault, *self.flags)

    def _read(self, start: int, stop: int) -> Iterator[Image]:
        if self._table.video is not None:  # from frame to frame; for one at a time all before it would be decoded again
            yield from self._table.video.frames(start, stop)
            return
        with open_frames(self._table) as file:
            for index in range(start, stop):
                image = to_uint8(self._values(file, index), self._window, f"{self.name}: frame {index}")
                yield 255 - image if self._inverted else image

    def _values(self, file: BinaryIO, index: int) -> NDArray[np.generic]:
        """Frame ``index`` in the unit that the window refers to."""
        stored = decode_frame(self._table, file, index)
        if self._palette is not None:
            return self._palette[stored]
        if self._rescale is not None:
            return stored.astype(np.float32) * np.float32(self._rescale[0]) + np.float32(self._rescale[1])
        return stored

    def _choose_window(self, dataset: Dataset, modality: str, plain_bytes: bool) -> GreyWindow:
        with open_frames(self._table) as file:
            first = self._values(file, 0)  # also proves, early, that the frames can be decoded
            if first.shape[:2] != self.size:
                raise SourceError(f"{self._table.path}: frame 0 has size {first.shape[:2]}, the header states {self.size}; damaged file")
            asked = fixed_window(self._asked, self.name)
            if asked is not None and first.ndim == 2:
                return asked
            if plain_bytes:
                return UNCHANGED
            if first.ndim == 3:
                return bit_depth_window(int(dataset.BitsStored))
            stated = _voi_window(dataset)
            if stated is not None and self._asked is None:
                return stated
            if modality == "CT" and self._asked is None:
                return CT_SOFT_TISSUE
            if modality == "US" and _depth(dataset)[1] == 0:
                return bit_depth_window(int(dataset.BitsStored))
            return percentile_window((self._values(file, i) for i in sample_indices(self._table.count, _SAMPLED_FRAMES)), self.name)

    def _timing_flag(self, flags: Iterable[Flag]) -> Flag | None:
        if self.kind != "clip" or self.timing.fps is not None or any(flag.code == "timing_contradictory" for flag in flags):
            return None
        return Flag("timing_missing", "The file states no usable frame time: give fps to get times in seconds.")


def stacks_slices(path: Path) -> bool:
    """True for a multi-frame file whose frames are slices in space (CT, MR, 3D ultrasound, ...) rather than moments in time."""
    with quiet_reading():
        try:
            header = dcmread(path, stop_before_pixels=True, force=True, specific_tags=_GLANCE)
        except Exception:  # the parser fails in many ways on a damaged file; opening it will say why
            return False
        several = (number(header, "NumberOfFrames") or 1) > 1
        if text(header, "SOPClassUID") in _STACK_CLASSES:
            return several
        stated = are_slices(header)
        if stated is not None and text(header, "Modality") in _STACK_MODALITIES:
            return several and stated
        return several and text(header, "Modality") in _STACK_MODALITIES and not has_timing(header)


def _depth(dataset: Dataset) -> tuple[int, int]:
    """``(bits allocated, pixel representation)``; (8, 0) are plain bytes."""
    return int(dataset.BitsAllocated), int(dataset.get("PixelRepresentation", 0) or 0)


def _aspect_flag(dataset: Dataset) -> Flag | None:
    """A flag where PixelAspectRatio (PS3.3 C.7.6.3.1.7, vertical then horizontal) says that pixels are not square."""
    ratio = numbers(dataset, "PixelAspectRatio")
    if len(ratio) != 2 or min(ratio) <= 0 or ratio[0] == ratio[1]:
        return None
    stated = f"{ratio[0]:g} to {ratio[1]:g} (height to width)"
    return Flag("pixels_not_square", f"The file states pixels of {stated}: shapes are distorted unless spacing is given.")


def _voi_window(dataset: Dataset) -> GreyWindow | None:
    """The file's first window (PS3.3 C.11.2.1.2). LINEAR is half a value off LINEAR_EXACT; SIGMOID is read as LINEAR_EXACT."""
    centre, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    if centre is None or width is None or width < 1:
        return None
    rule = f"window of the file: centre {centre:g}, width {width:g}"
    if text(dataset, "VOILUTFunction") in ("LINEAR", "") and width > 1:
        return GreyWindow(centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2, rule)
    return GreyWindow(centre - width / 2, centre + width / 2, rule)


def _rescale(dataset: Dataset) -> tuple[float, float] | None:
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    return None if slope is None or intercept is None or (slope, intercept) == (1.0, 0.0) else (slope, intercept)


def _palette(dataset: Dataset, path: Path) -> Image:
    """The palette as ``(values, 3)`` RGB, one row for each stored value; 16-bit entries keep their high byte (PS3.3 C.7.9)."""
    bits = int(dataset.BitsAllocated)
    try:
        every_value = np.arange(2 ** min(bits, 16), dtype=np.uint8 if bits == 8 else np.uint16)
        colours = apply_color_lut(every_value[None], dataset)[0, :, :3]
    except Exception as error:  # a damaged table fails in many ways
        raise SourceError(f"{path}: the palette of the DICOM image is damaged ({error})") from error
    if colours.max(initial=0) > 255:  # some writers put 8-bit entries in 16-bit words
        colours = colours >> 8
    return colours.astype(np.uint8)


def _details(dataset: Dataset, table: FrameTable, window: GreyWindow) -> dict[str, object]:
    """What was understood; only values that cannot hold a name, a date or an identifier."""
    details: dict[str, object] = {
        "format": "DICOM",
        "modality": text(dataset, "Modality"),
        "transfer_syntax": table.transfer_syntax.name,
        "photometric": text(dataset, "PhotometricInterpretation"),
        "manufacturer": text(dataset, "Manufacturer"),
        "model": text(dataset, "ManufacturerModelName"),
        "bits_stored": int(number(dataset, "BitsStored") or 0),
        "intensity": window.rule,
        "view": _view(dataset),
    }
    return {key: value for key, value in details.items() if value}


def _view(dataset: Dataset) -> str | None:
    stated = {text(item, "CodeValue") for item in items(dataset, "ViewCodeSequence")}
    return next((view for codes, view in _VIEWS.items() if stated.intersection(codes)), None)
