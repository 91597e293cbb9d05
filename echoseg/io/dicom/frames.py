"""Frame-by-frame decoding of DICOM pixel data: where each frame lies in the file, found once; then one frame at a time.

pydicom decodes; this file adds what it leaves open: an index of compressed frames (pydicom searches for every frame
anew when the file has no offset table) and the check that every declared frame is really there.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import as_pixel_options, convert_color_space, get_decoder
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MPEGTransferSyntaxes,
    RLELossless,
)

from echoseg.errors import NoImageError, SourceError, UnsupportedSourceError
from echoseg.io.ceiling import check_frame
from echoseg.io.dicom.bits import bit_shift, shifted
from echoseg.io.dicom.codestream import check_codestream
from echoseg.io.dicom.reading import check_deflated
from echoseg.io.dicom.spans import Span, encapsulated_spans, raise_truncated, read_span
from echoseg.io.dicom.values import number, quiet_reading, text
from echoseg.types import Flag

if TYPE_CHECKING:
    from echoseg.io.dicom.video_stream import CodedVideo

_PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
NO_IMAGES = {
    "SR": "a structured report",
    "SEG": "a segmentation",
    "RTDOSE": "a dose distribution",
    "RTSTRUCT": "a set of contours",
    "PR": "a presentation state",
    "KO": "a list of key objects",
    "ECG": "an electrocardiogram",
    "DOC": "an encapsulated document",
}
"""Modalities of DICOM objects that hold no images, and what they are."""

# Of the decoders that give the same values: the fastest that survives damaged frames. GDCM, pydicom's first choice, is
# six times slower on JPEG and ends the process on some damage (only JPEG lossless needs it); pylibjpeg-rle panics.
_PREFERRED = {
    JPEGBaseline8Bit: "pillow",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000: "pylibjpeg",
    JPEG2000Lossless: "pylibjpeg",
    RLELossless: "pydicom",
}
_OBJECT = re.compile(r"\s*<[\w.]+ object at 0x[0-9a-fA-F]+>")  # as decoders print the buffer that they read from

_RLE_HIGHEST_RATIO = 64  # 128 bytes in two (PS3.5 G.3.1)
_PHOTOMETRIC = "PhotometricInterpretation"


@dataclass(frozen=True)
class FrameTable:
    """Where the frames of one DICOM file lie and how to decode them.

    Attributes:
        path: the file.
        count: number of frames, all of them present in the file.
        options: pydicom's decoding options (rows, columns, photometric interpretation, ...).
        transfer_syntax: how the pixel data is stored.
        value_offset: where the native pixel data starts (native storage only).
        spans: for each compressed frame, its fragments; None for native storage.
        inflated: the pixel data of a deflated file, which cannot be read in parts; None otherwise.
        surplus: frames beyond the declared number.
        colour: ``RGB`` or ``YBR_FULL``, in which decoders give colour frames, see :mod:`echoseg.io.dicom.colour`; None: as the label says.
        shift: bits by which stored values are shifted down, see :mod:`echoseg.io.dicom.bits`.
        flags: what is to be said of the stored values.
        counted: the file does not declare a number of frames; what its pixel data holds was counted.
        video: the frames where they are those of one video stream, decoded to 8 bits; else None.
    """

    path: Path
    count: int
    options: dict[str, Any] = field(repr=False)
    transfer_syntax: UID
    value_offset: int
    spans: list[tuple[Span, ...]] | None = field(default=None, repr=False)
    inflated: bytes | None = field(default=None, repr=False)
    surplus: int = 0
    colour: str | None = None
    shift: int = 0
    flags: tuple[Flag, ...] = ()
    counted: bool = False
    video: CodedVideo | None = None


def read_header(path: Path, images_only: bool = True) -> tuple[Dataset, FrameTable]:
    """Read the header of a DICOM file and find its frames; no pixel is decoded and pixel data is not kept.

    Args:
        path: the file.
        images_only: refuse objects whose pixels are no image, such as segmentations.

    Returns:
        The header without pixel data, and the frame table.

    Raises:
        SourceError: not DICOM, damaged, or with fewer complete frames than it declares.
        UnsupportedSourceError: no pixel data, encrypted, or stored in a way that cannot be decoded here.
    """
    try:
        with quiet_reading():
            dataset, table = _read_header(path, images_only)
            return dataset, _aligned(dataset, table)
    except SourceError:
        raise
    except Exception as error:  # a damaged header can fail anywhere in the parser; its message may quote the patient
        raise SourceError(f"{path}: not a readable DICOM file ({type(error).__name__}); damaged or cut off, copy it again") from error


def _read_header(path: Path, images_only: bool) -> tuple[Dataset, FrameTable]:
    check_deflated(path)
    with path.open("rb") as file:
        dataset = dcmread(file, stop_before_pixels=True, force=True)
        transfer_syntax = _transfer_syntax(dataset, path)
        if images_only:
            _check_is_image(dataset, path)
        _tidy_count(dataset)
        options = as_pixel_options(dataset, transfer_syntax_uid=transfer_syntax, pixel_keyword="PixelData")
        stated = number(dataset, "NumberOfFrames")
        declared = int(options["number_of_frames"])
        _check_sizes(options, declared, path)
        video = None
        if transfer_syntax == RLELossless:  # the others have sizes of their own, which are looked at
            check_frame(_frame_bytes(options), path)
        if transfer_syntax == DeflatedExplicitVRLittleEndian:
            value = _inflated_pixels(path)
            held = _native_count(path, len(value), dataset, declared)
            value_offset, spans, inflated = 0, None, value
        else:
            value_offset, length, pixel_vr = _find_pixel_data(file, path, transfer_syntax)
            if pixel_vr:
                options["pixel_vr"] = pixel_vr
            file_size, spans, inflated = path.stat().st_size, None, None
            if transfer_syntax in MPEGTransferSyntaxes:
                video = _video(file, path, value_offset, file_size, transfer_syntax)
                held = len(video)
                if stated is not None and held < declared:
                    raise_truncated(path, held, declared)
            elif transfer_syntax.is_encapsulated:
                spans = encapsulated_spans(file, path, value_offset, file_size, declared, each_is_one=transfer_syntax == RLELossless)
                held = len(spans)
            elif length == _UNDEFINED:
                raise SourceError(f"{path}: uncompressed pixel data of undefined length; the file is damaged")
            elif _stores_full_chroma(options, length):
                options["photometric_interpretation"] = "YBR_FULL"
                held = declared
            else:
                held = _native_count(path, min(length, file_size - value_offset), dataset, declared)
        # Number of Frames is required where there are several (PS3.3 C.7.6.6). Where it is stated it rules; else the pixel data tells.
        count = held if stated is None else declared
        options["number_of_frames"] = count
        spans = None if spans is None else spans[:count]
        where = (path, count, options, transfer_syntax, value_offset, spans, inflated)
        return dataset, FrameTable(*where, surplus=held - count, counted=stated is None and count > 1, video=video)


def _tidy_count(dataset: Dataset) -> None:
    """Of several values of Number of Frames the first, and none where it is empty or 0, which states nothing (PS3.3 C.7.6.6)."""
    stated = number(dataset, "NumberOfFrames")
    if stated:
        dataset.NumberOfFrames = int(stated)
    elif "NumberOfFrames" in dataset:
        del dataset.NumberOfFrames


def frame_flags(table: FrameTable) -> tuple[Flag, ...]:
    """Frames that the file holds and does not declare."""
    if table.counted:
        held = f"its pixel data holds {table.count}, and all are read"
        return (Flag("frames_counted", f"The file does not say how many frames it has (no Number of Frames): {held}."),)
    if table.surplus <= 0:
        return ()
    message = f"The file declares {table.count} frames and holds {table.surplus} more: these are not read."
    return (Flag("surplus_frames", message),)


def _aligned(dataset: Dataset, table: FrameTable) -> FrameTable:
    """``table`` with the shift of its values, where cells have more bits than these; codestreams hold values alone."""
    if table.transfer_syntax.is_encapsulated and table.transfer_syntax != RLELossless:
        return table
    if not 0 < int(table.options["bits_stored"]) < int(table.options["bits_allocated"]):
        return table
    whole = replace(table, options=table.options | {"correct_unused_bits": False})  # else pydicom takes the lower ones
    with open_frames(table) as file:
        shift, flag = bit_shift(dataset, decode_samples(whole, file, 0)[0])
    return replace(whole if shift else table, shift=shift, flags=(flag,) if flag else ())


def decode_frame(table: FrameTable, file: BinaryIO, index: int) -> NDArray[np.generic]:
    """Frame ``index`` as stored values: ``(H, W)``, or ``(H, W, 3)`` RGB (YBR converted); palette indices stay indices.

    Args:
        table: from :func:`read_header`.
        file: from :func:`open_frames`; not shared between threads.

    Raises:
        SourceError: the frame's data is damaged.
        UnsupportedSourceError: no installed decoder reads this transfer syntax.
    """
    if table.video is not None:
        return next(table.video.frames(index, index + 1))
    values, label = decode_samples(table, file, index)
    if table.shift:
        values = shifted(values, table.shift, int(table.options["bits_stored"]))
    return _to_rgb(values, table.colour or label)


def decode_samples(table: FrameTable, file: BinaryIO, index: int) -> tuple[NDArray[np.generic], str]:
    """Frame ``index`` as decoders give it, and what they call its colours; arguments and errors as of :func:`decode_frame`."""
    try:
        decoder = get_decoder(table.transfer_syntax)
    except NotImplementedError as error:
        raise UnsupportedSourceError(
            f"{table.path}: pixel data stored as '{table.transfer_syntax.name}' cannot be decoded; export it as JPEG or uncompressed DICOM"
        ) from error
    if not decoder.is_available:
        raise UnsupportedSourceError(
            f"{table.path}: no decoder for '{table.transfer_syntax.name}' is installed; install python-gdcm and pylibjpeg-openjpeg"
        )
    try:
        if table.spans is None:
            file.seek(table.value_offset)
            return _labelled(*decoder.as_array(file, index=index, raw=True, **table.options))
        frame = compressed_frame(table, file, index)
        check_codestream(frame, table.transfer_syntax, table.options)
        if table.transfer_syntax == RLELossless and _frame_bytes(table.options) > _RLE_HIGHEST_RATIO * len(frame):
            raise ValueError("too few bytes for its size")
        options = {k: v for k, v in table.options.items() if k != "extended_offsets"} | {"number_of_frames": 1}
        plugin = _PREFERRED.get(table.transfer_syntax, "")
        options["decoding_plugin"] = plugin if plugin in decoder.available_plugins else ""
        return _labelled(*decoder.as_array(encapsulate([frame], has_bot=False), index=0, raw=True, **options))
    except Exception as error:  # each decoder plugin has its own exceptions
        last_line = str(error).splitlines()[-1] if str(error) else type(error).__name__
        reason = _OBJECT.sub("", last_line).strip()
        raise SourceError(f"{table.path}: frame {index} of {table.count} cannot be decoded ({reason}); damaged or rare coding") from error


def compressed_frame(table: FrameTable, file: BinaryIO, index: int) -> bytes:
    """The codestream of frame ``index``; of a compressed table alone."""
    assert table.spans is not None
    return b"".join(read_span(file, span) for span in table.spans[index])


def _labelled(values: NDArray[np.generic], properties: Mapping[str, object]) -> tuple[NDArray[np.generic], str]:
    return values, str(properties["photometric_interpretation"])


def _to_rgb(values: NDArray[np.generic], colour: str) -> NDArray[np.generic]:
    """YBR to RGB (PS3.3 C.7.6.3.1.2) with Pillow's integer tables: as pydicom's own within one grey level, in a tenth of the time."""
    if values.shape[-1] != 3 or values.ndim != 3 or colour not in ("YBR_FULL", "YBR_FULL_422"):
        return values
    if values.dtype != np.uint8:
        return convert_color_space(values, "YBR_FULL", "RGB")
    return np.asarray(PillowImage.fromarray(values, "YCbCr").convert("RGB"))


def open_frames(table: FrameTable) -> BinaryIO:
    """The open file that :func:`decode_frame` reads from; close it after use."""
    return io.BytesIO(table.inflated) if table.inflated is not None else table.path.open("rb")


def _transfer_syntax(dataset: Dataset, path: Path) -> UID:
    """The stated transfer syntax, or the native one that fits what pydicom found in a file without file meta."""
    stated = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if stated and UID(stated).is_transfer_syntax:
        return UID(stated)
    if stated:
        raise UnsupportedSourceError(f"{path}: the DICOM transfer syntax {stated} is unknown; export it as JPEG or uncompressed DICOM")
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _check_is_image(dataset: Dataset, path: Path) -> None:
    modality = text(dataset, "Modality")
    if "EncryptedAttributesSequence" in dataset and "Rows" not in dataset:
        raise UnsupportedSourceError(f"{path}: the DICOM file is encrypted; decrypt it first")
    if modality in NO_IMAGES or (modality and "Rows" not in dataset and not _stores_image(dataset)):
        what = NO_IMAGES.get(modality, "an object without an image")
        raise NoImageError(f"{path}: this DICOM file is {what} (modality {modality}), not images; give the image file")
    if "Rows" not in dataset or "Columns" not in dataset:
        raise SourceError(f"{path}: the DICOM header has no image size; the file is damaged or cut off, copy it again")
    if dataset.get("BitsAllocated") == 1:
        raise NoImageError(f"{path}: this DICOM file holds 1-bit masks, not images; give the image file")


def _stores_image(dataset: Dataset) -> bool:
    """Whether the object ought to hold an image, by its SOP class."""
    return UID(text(dataset, "SOPClassUID")).name.endswith("Image Storage")


def _frame_bytes(options: Mapping[str, Any]) -> int:
    rows, columns, samples, bits = (int(options[name]) for name in ("rows", "columns", "samples_per_pixel", "bits_allocated"))
    return rows * columns * samples * bits // 8


def _check_sizes(options: Mapping[str, Any], declared: int, path: Path) -> None:
    """No size is zero or negative: the number of frames would then not be bounded by the length of the file."""
    for keyword in ("rows", "columns", "samples_per_pixel", "bits_allocated"):
        if int(options[keyword]) < 1:
            raise SourceError(f"{path}: the DICOM header states {keyword.replace('_', ' ')} of {options[keyword]}; the file is damaged")
    if declared < 1:
        raise SourceError(f"{path}: the DICOM header states {declared} frames; the file is damaged")


def _find_pixel_data(file: BinaryIO, path: Path, transfer_syntax: UID) -> tuple[int, int, str | None]:
    """Offset, length and value representation of the pixel data element, at whose tag ``file`` stands."""
    order = "<" if transfer_syntax.is_little_endian else ">"
    head = file.read(8)
    if len(head) < 8:
        raise UnsupportedSourceError(f"{path}: the DICOM file holds no pixel data; it is a header only, or was cut off after it")
    group, element = struct.unpack(f"{order}HH", head[:4])
    if (group << 16 | element) != _PIXEL_DATA:
        raise UnsupportedSourceError(f"{path}: pixel data of a kind other than whole numbers is not supported")
    # Some files have another encoding than their transfer syntax says. As an implicit length, "OB" and "OW" would be odd.
    if head[4:] not in (b"OB\x00\x00", b"OW\x00\x00"):
        return file.tell(), struct.unpack(f"{order}L", head[4:])[0], None
    tail = file.read(4)
    if len(tail) < 4:
        raise SourceError(f"{path}: cut off at the start of its pixel data; copy the file again")
    return file.tell(), struct.unpack(f"{order}L", tail)[0], head[4:6].decode("ascii", "replace")


def _video(file: BinaryIO, path: Path, start: int, file_size: int, transfer_syntax: UID) -> CodedVideo:
    from echoseg.io.dicom.video_stream import read_video

    return read_video(file, path, start, file_size, transfer_syntax)


def _inflated_pixels(path: Path) -> bytes:
    try:
        return bytes(dcmread(path).PixelData)
    except Exception as error:
        raise SourceError(f"{path}: the deflated DICOM file holds no complete pixel data ({error})") from error


def _stores_full_chroma(options: dict[str, Any], length: int) -> bool:
    """True for files that say YBR_FULL_422 but store three values per pixel (the length tells)."""
    full = options["rows"] * options["columns"] * 3 * options["number_of_frames"]
    return options.get("photometric_interpretation") == "YBR_FULL_422" and length in (full, full + 1)


def _native_count(path: Path, available: int, dataset: Dataset, declared: int) -> int:
    """How many frames lie in so many bytes of uncompressed pixel data, at least those declared."""
    expected = get_expected_length(dataset, unit="bytes")
    if available < expected:
        raise_truncated(path, available * declared // expected, declared)
    if number(dataset, "NumberOfFrames") is None and available >= 2 * expected and text(dataset, _PHOTOMETRIC) == "YBR_FULL_422":
        raise SourceError(f"{path}: how many frames it holds cannot be told (no Number of Frames, and colours at half resolution or full)")
    return available * declared // expected
