"""In which colours a frame is really stored: what its codestream says, then what its pixels show, then the header's label.

PhotometricInterpretation is a label that survives recoding (PS3.3 C.7.6.3.1.2). The codestream of JPEG speaks for itself: JFIF is YCbCr
(ITU-T T.871), the Adobe marker names the transform (T.872), components of different resolution are YCbCr. What has none of these is told
by its greys: in YCbCr they lie at 128 in two of the three components, in RGB all three are equal.
"""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGBaseline8Bit

from echoseg.io.dicom.codestream import CodedFrame, coded_frame
from echoseg.io.dicom.frames import FrameTable, compressed_frame, decode_samples
from echoseg.io.seekable import sample_indices
from echoseg.types import Flag, Severity

_YBR = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422")
_LOOKED_AT = 3  # frames
_NEAR = 10  # levels; compression moves greys so far
_MOST_GREY, _CLEARLY = 0.5, 3.0  # share of grey pixels in one reading, and how many times the other's
_MOSTLY = 0.8  # share of grey pixels at which the header's order of components is not doubted
_SMOOTHER = 0.9
_ENOUGH = 0.002  # share of pixels that are not zero in all components, which is black in one reading and green in the other


def with_true_colour(table: FrameTable, file: BinaryIO) -> tuple[FrameTable, Flag | None]:
    """``table`` with the number of components and the colour space that its frames really have, and a flag where the header says otherwise.

    Args:
        table: from :func:`echoseg.io.dicom.frames.read_header`.
        file: from :func:`echoseg.io.dicom.frames.open_frames`.

    Raises:
        SourceError: a frame's data is damaged.
    """
    label = str(table.options["photometric_interpretation"])
    coded = _coded(table, file)
    table, recounted = _recounted(table, coded, label)
    if int(table.options["samples_per_pixel"]) != 3:
        return table, recounted
    table, rearranged = _rearranged(table, file)
    marked = None if coded is None else _by_codestream(table, coded)
    if marked is None and int(table.options["bits_allocated"]) == 8:
        frames = [decode_samples(table, file, index) for index in sample_indices(table.count, _LOOKED_AT)]
        seen = colour_seen(np.concatenate([values.reshape(-1, 3) for values, _ in frames]))
        decoded = frames[0][1]
    else:
        seen, decoded = None, label
    assumed = "YBR_FULL" if decoded in _YBR else "RGB"
    colour = marked or seen or assumed
    if rearranged is not None:
        return replace(table, colour=colour), rearranged
    if recounted is not None or colour == ("RGB" if label in ("YBR_ICT", "YBR_RCT", "RGB") else "YBR_FULL"):
        return replace(table, colour=colour), recounted
    by = "the markers of its compression" if marked else "its greys"
    told = f"The header calls the colours {label}, by {by} they are {'YCbCr' if colour == 'YBR_FULL' else 'RGB'}: they were read as such."
    severity = Severity.INFO if marked else Severity.REVIEW
    if marked and table.transfer_syntax == JPEGBaseline8Bit:  # the decoder would warn of what the flag says
        table = replace(table, options=table.options | {"photometric_interpretation": "RGB" if colour == "RGB" else "YBR_FULL_422"})
    return replace(table, colour=colour), Flag("colour_label_wrong", told, severity)


def colour_seen(pixels: NDArray[np.generic]) -> str | None:
    """``RGB`` or ``YBR_FULL``, in whichever the most of ``(N, 3)`` uint8 pixels are greys by far; None where neither is so.

    >>> grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    >>> colour_seen(grey), colour_seen(np.where([True, False, False], grey, np.uint8(128)))
    ('RGB', 'YBR_FULL')
    """
    shares = _grey_shares(pixels)
    if shares is None:
        return None
    equal, centred = shares
    if max(equal, centred) < _MOST_GREY or max(equal, centred) < _CLEARLY * min(equal, centred):
        return None
    return "RGB" if equal > centred else "YBR_FULL"


def _grey_shares(pixels: NDArray[np.generic]) -> tuple[float, float] | None:
    """The share of pixels that are greys as RGB, and as YCbCr; None where too few are lit."""
    lit = pixels[pixels.any(axis=1)].astype(np.int16)
    if len(lit) < max(_ENOUGH * len(pixels), 1):
        return None
    equal = float((np.ptp(lit, axis=1) <= _NEAR).mean())
    return equal, float((np.abs(lit[:, 1:] - 128) <= _NEAR).all(axis=1).mean())


def _rearranged(table: FrameTable, file: BinaryIO) -> tuple[FrameTable, Flag | None]:
    """``table`` with uncompressed components pixel by pixel where the header says plane by plane, or the other way, if the greys say so.

    PlanarConfiguration (PS3.3 C.7.6.3.1.3) is another label that software leaves as it was, or out.
    """
    options = table.options
    if table.transfer_syntax.is_encapsulated or int(options["bits_allocated"]) != 8 or "422" in str(options["photometric_interpretation"]):
        return table, None
    stated = int(options.get("planar_configuration") or 0)
    other = replace(table, options=options | {"planar_configuration": 1 - stated})
    greys: list[float] = []
    rough: list[float] = []  # neighbouring pixels of a picture taken apart wrongly differ more
    for reading in (table, other):
        values, _ = decode_samples(reading, file, 0)
        pixels = values.reshape(-1, 3)
        shares = _grey_shares(pixels[(np.abs(pixels.astype(np.int16) - 128) > 2).any(axis=1)])  # planes without colour say nothing
        greys.append(0.0 if shares is None else max(shares))
        rough.append(
            float(np.abs(np.diff(values.astype(np.int16), axis=0)).mean() + np.abs(np.diff(values.astype(np.int16), axis=1)).mean())
        )
    if greys[1] < _MOST_GREY or greys[0] > _MOSTLY or _CLEARLY * (1 - greys[1]) > 1 - greys[0] or rough[1] > _SMOOTHER * rough[0]:
        return table, None
    ways = ("pixel by pixel", "plane by plane")
    told = f"The header says that colours are stored {ways[stated]}, by its greys they are {ways[1 - stated]}: they were read as such."
    return other, Flag("colour_label_wrong", told)


def _coded(table: FrameTable, file: BinaryIO) -> CodedFrame | None:
    """What the first frame says of itself, if anything; damage is told when it is decoded."""
    if table.spans is None:
        return None
    try:
        return coded_frame(compressed_frame(table, file, 0), table.transfer_syntax)
    except ValueError:
        return None


def _recounted(table: FrameTable, coded: CodedFrame | None, label: str) -> tuple[FrameTable, Flag | None]:
    """``table`` with the components of the codestream, where these are one or three and the header states the other."""
    stated = int(table.options["samples_per_pixel"])
    if coded is None or coded.samples == stated or {coded.samples, stated} != {1, 3}:
        return table, None
    options = table.options | {"samples_per_pixel": coded.samples}
    if coded.samples == 3:
        options |= {"photometric_interpretation": "RGB" if coded.colour == "RGB" else "YBR_FULL", "planar_configuration": 0}
    elif label != "MONOCHROME1":
        options |= {"photometric_interpretation": "MONOCHROME2"}
    told = f"The header states {stated} components ({label}), the compressed frames have {coded.samples}: they were read as compressed."
    return replace(table, options=options), Flag("colour_label_wrong", told, Severity.INFO)


def _by_codestream(table: FrameTable, coded: CodedFrame) -> str | None:
    """The colour space in which the decoders hand the components out, where the codestream settles it."""
    if table.transfer_syntax in JPEG2000TransferSyntaxes:
        return coded.colour
    return coded.colour if table.transfer_syntax == JPEGBaseline8Bit else None
