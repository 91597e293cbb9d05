"""DICOM Segmentations of any maker, read and laid onto the frames of a source: BINARY, FRACTIONAL and LABELMAP.

A segmentation names the frames that it has masks of, and leaves out the empty ones. Which frame of a source a mask
belongs to is told by its place in the patient (volumes), else by the image and frame number it was derived from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom.frames import decode_frame, open_frames, read_header
from echoseg.io.dicom.header import Origin, Reference, dicom_origin
from echoseg.io.dicom.reading import dcmread
from echoseg.io.dicom.values import items, number, numbers, quiet_reading, text
from echoseg.io.labels.nifti import LabelMap
from echoseg.io.labels.slicer import overlap_flag
from echoseg.io.source import Source
from echoseg.types import Geometry, Timing

_LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"  # newer than pydicom's dictionary
_SOP_CLASSES = (SegmentationStorage, _LABEL_MAP_STORAGE)
_MOST_FRAMES = 2**15
_OFF_PLANE = 0.02  # of the slice distance; writers round positions
_OFF_PIXELS = 0.1
_OFF_GRID_MM = 0.05  # per voxel across the whole image: what rounding of spacing and direction explains


@dataclass(frozen=True)
class SegmentFrame:
    """One frame of a segmentation.

    Attributes:
        segment: its segment number; None in a label map, whose values are segment numbers.
        position: ``(x, y, z)`` of its first pixel in LPS millimetres, or None.
        references: the source frames that it was derived from.
    """

    segment: int | None
    position: tuple[float, ...] | None
    references: tuple[Reference, ...]


@dataclass(frozen=True)
class DicomSegmentation:
    """A segmentation object without its pixels, which are read by :func:`segmentation_masks`.

    Attributes:
        path: the file.
        size: ``(H, W)``.
        labels: ``{segment number: label}``, ascending.
        frames: in the order of the file.
        orientation: the six direction cosines of rows and columns, or None.
        spacing: ``(row_mm, col_mm)``, or None.
        threshold: stored values from this on are inside.
        space: Frame of Reference UID that positions refer to; empty when unknown.
    """

    path: Path
    size: tuple[int, int]
    labels: dict[int, str]
    frames: tuple[SegmentFrame, ...] = field(repr=False)
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    threshold: float
    space: str = ""


def is_segmentation(path: Path) -> bool:
    """True for a DICOM segmentation object; False also for what is no DICOM file."""
    try:
        with quiet_reading():
            return text(dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True), "SOPClassUID") in _SOP_CLASSES
    except Exception:  # the parser fails in many ways on other files
        return False


def read_segmentation(path: Path) -> DicomSegmentation:
    """What a DICOM segmentation holds.

    Raises:
        SourceError: damaged or cut off.
        UnsupportedSourceError: another DICOM object, or more than 255 segments.
    """
    try:
        with quiet_reading():
            header = dcmread(path, stop_before_pixels=True)
            if text(header, "SOPClassUID") not in _SOP_CLASSES:
                raise UnsupportedSourceError(f"{path}: this DICOM file is not a segmentation; give a SEG object")
            return _understood(header, path)
    except SourceError:
        raise
    except Exception as error:  # a damaged header can fail anywhere in the parser; its message may quote the patient
        raise SourceError(f"{path}: not a readable DICOM segmentation ({type(error).__name__}); damaged or cut off") from error


def _understood(header: Dataset, path: Path) -> DicomSegmentation:
    labels = {int(item.SegmentNumber): text(item, "SegmentLabel") for item in header.SegmentSequence}
    labels = {segment: label or f"segment {segment}" for segment, label in sorted(labels.items()) if segment > 0}
    if not labels or max(labels) > 255:
        raise UnsupportedSourceError(f"{path}: holds {len(labels)} segments with numbers up to {max(labels, default=0)}; 1 to 255 are read")
    (shared,) = items(header, "SharedFunctionalGroupsSequence") or [Dataset()]
    groups = items(header, "PerFrameFunctionalGroupsSequence")
    if len(groups) != int(header.NumberOfFrames):
        raise SourceError(f"{path}: states {header.NumberOfFrames} frames and describes {len(groups)}; the segmentation is damaged")
    stored_bytes = int(header.Rows) * int(header.Columns) * len(groups) * int(header.BitsAllocated) // 8
    if not header.file_meta.TransferSyntaxUID.is_compressed and stored_bytes > path.stat().st_size:
        raise SourceError(f"{path}: holds fewer pixels than its header states; the segmentation was cut off, copy it again")
    label_map = text(header, "SegmentationType") == "LABELMAP"
    frames = tuple(_frame(group, shared, label_map) for group in groups)
    if any(frame.segment is not None and frame.segment not in labels for frame in frames):
        raise SourceError(f"{path}: a frame belongs to a segment that is not described; the segmentation is damaged")
    orientation = _from_groups(groups[0], shared, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = _from_groups(groups[0], shared, "PixelMeasuresSequence", "PixelSpacing")
    fractional = text(header, "SegmentationType") == "FRACTIONAL"
    return DicomSegmentation(
        path=path,
        size=(int(header.Rows), int(header.Columns)),
        labels=labels,
        frames=frames,
        orientation=tuple(orientation) if len(orientation) == 6 else None,
        spacing=(spacing[0], spacing[1]) if len(spacing) == 2 and min(spacing) > 0 else None,
        threshold=(number(header, "MaximumFractionalValue") or 1) / 2 if fractional else 1,
        space=text(header, "FrameOfReferenceUID"),
    )


def _from_groups(group: Dataset, shared: Dataset, sequence: str, keyword: str) -> list[float]:
    """An attribute of the frame's own functional group, else of the shared one."""
    return next((found for holder in (group, shared) for item in items(holder, sequence) if (found := numbers(item, keyword))), [])


def _frame(group: Dataset, shared: Dataset, label_map: bool) -> SegmentFrame:
    identified = items(group, "SegmentIdentificationSequence") or items(shared, "SegmentIdentificationSequence")
    position = _from_groups(group, shared, "PlanePositionSequence", "ImagePositionPatient")
    sources = [source for derivation in items(group, "DerivationImageSequence") for source in items(derivation, "SourceImageSequence")]
    references: list[Reference] = []
    for source in sources:
        of_frames = numbers(source, "ReferencedFrameNumber")
        uid = text(source, "ReferencedSOPInstanceUID")
        references += [(uid, int(frame)) for frame in of_frames] or [(uid, None)]
    segment = None if label_map else int(identified[0].ReferencedSegmentNumber)
    return SegmentFrame(segment, tuple(position) if len(position) == 3 else None, tuple(references))


def segmentation_masks(segmentation: DicomSegmentation, source: Source) -> dict[int, NDArray[np.bool_]]:
    """``{segment number: (T, H, W) bool}`` over the frames of ``source``; segments may overlap.

    Raises:
        SourceError: the segmentation is of other images, on another grid, or its pixels are damaged.
    """
    affine = source.stored_affine
    if source.kind == "volume" and affine is not None and all(frame.position for frame in segmentation.frames):
        shape = source.to_stored(np.broadcast_to(np.uint8(0), (len(source), *source.size))).shape
        _check_grid(segmentation, affine, shape)
        _check_space(segmentation, source.dicom_frames)
        own = _image_places(source.dicom_frames)
        places = _by_position(segmentation, affine, _matrix_places(affine, shape[0]) if own is None else own)
    else:
        shape = (len(source), *source.size)
        places = _by_reference(segmentation, dicom_origin(source.dicom_frames))
    if segmentation.size != shape[1:]:
        raise SourceError(_misfit(segmentation, f"its frames are {segmentation.size[1]} x {segmentation.size[0]} pixels"))
    return {segment: source.from_stored(masks) for segment, masks in _filled(segmentation, places, shape).items()}


def segmentation_label_map(
    segmentation: DicomSegmentation, like: LabelMap | None = None, step_of: NDArray[np.float64] | None = None
) -> LabelMap:
    """The label map of a segmentation without its source; where segments overlap, the higher number stands.

    Args:
        like: gives the grid, or for a cine the number of frames; None: from the first frame of the segmentation to its last, of a
            cine from frame 1 of its source.
        step_of: the matrix of an image, whose distance of planes counts where frames of the segmentation lie farther apart.

    Raises:
        SourceError: frames without a place or frame number, none on the grid of ``like``, or damaged pixels.
    """
    placed = segmentation.orientation is not None and all(frame.position for frame in segmentation.frames)
    if placed:
        geometry, shape = _own_grid(segmentation, step_of) if like is None else (like.geometry, like.masks.shape)
        if geometry.affine is None:
            raise SourceError(_misfit(segmentation, "it lies in the patient, and the other label map does not say where it lies"))
        _check_grid(segmentation, geometry.affine, shape)
        places = _by_position(segmentation, geometry.affine, _matrix_places(geometry.affine, shape[0]))
    else:
        numbered = [max((n or 0 for _, n in frame.references), default=0) for frame in segmentation.frames]
        if min(numbered) < 1:
            raise SourceError(f"{segmentation.path}: does not say where its frames belong; give it together with its source")
        places = [number - 1 for number in numbered]
        shape = (_sane(segmentation, max(numbered)), *segmentation.size) if like is None else like.masks.shape
        geometry = Geometry(segmentation.spacing) if like is None else like.geometry
    if shape[1:] != segmentation.size or max(places) >= shape[0]:
        raise SourceError(_misfit(segmentation, f"it has frames of {segmentation.size}, up to frame {max(places)}; the other {shape}"))
    labels = np.zeros(shape, dtype=np.uint8)
    shared = 0
    for segment, masks in _filled(segmentation, places, shape).items():
        shared += int(np.count_nonzero(labels[masks]))
        labels[masks] = segment
    timing = Timing() if like is None else like.timing
    return LabelMap(labels, "volume" if placed else "clip", geometry, timing, overlap_flag(shared), segmentation.labels)


def _own_grid(segmentation: DicomSegmentation, step_of: NDArray[np.float64] | None = None) -> tuple[Geometry, tuple[int, int, int]]:
    """The grid from the lowest to the highest frame, as fine as the smallest step between two."""
    if segmentation.orientation is None or segmentation.spacing is None:
        raise SourceError(f"{segmentation.path}: states no pixel spacing; give it together with its source")
    columns, rows = segmentation.orientation[:3], segmentation.orientation[3:]
    normal = np.cross(columns, rows)
    positions = {round(float(normal @ frame.position), 3): frame.position for frame in segmentation.frames if frame.position}
    heights = np.array(sorted(positions))
    step = float(np.diff(heights).min()) if len(heights) > 1 else 1.0
    if step_of is not None:
        steps = np.abs(normal @ step_of[:3, :3])
        step = min(float(steps.max()), step) if len(heights) > 1 else float(steps.max())
    count = _sane(segmentation, round((heights[-1] - heights[0]) / step) + 1)
    row_mm, column_mm = segmentation.spacing
    affine = np.eye(4)
    affine[:3, :3] = np.stack([columns, rows, normal], axis=1) * np.array([column_mm, row_mm, step])
    affine[:3, 3] = positions[heights[0]]
    return Geometry(segmentation.spacing, step, affine), (count, *segmentation.size)


def _sane(segmentation: DicomSegmentation, count: int) -> int:
    if count > _MOST_FRAMES:
        raise SourceError(f"{segmentation.path}: its frames lie up to {count} apart; the segmentation is damaged")
    return count


def _image_places(images: Sequence[tuple[Path, int]]) -> NDArray[np.float64] | None:
    """``(K, 3)`` LPS millimetres: where each image says that it lies; None where one does not say.

    Where slices are missing or uneven, the matrix of the volume puts those beyond the gap elsewhere.
    """
    origin = dicom_origin(images)
    places = []
    for index, frame in origin.frames:
        header = origin.headers[index]
        groups = items(header, "PerFrameFunctionalGroupsSequence")
        holders = items(groups[frame - 1], "PlanePositionSequence") if frame is not None and frame <= len(groups) else []
        places.append(numbers((*holders, header)[0], "ImagePositionPatient"))
    return np.array(places) if places and all(len(place) == 3 for place in places) else None


def _matrix_places(affine: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return np.asarray(affine[:3, 3] + np.arange(count)[:, None] * affine[:3, 2])


def _check_space(segmentation: DicomSegmentation, images: Sequence[tuple[Path, int]]) -> None:
    """Positions of two frames of reference cannot be compared (PS3.3 C.7.4.1), unless the segmentation names these very images."""
    origin = dicom_origin(images)
    spaces = {text(header, "FrameOfReferenceUID") for header in origin.headers} - {""}
    if not segmentation.space or len(spaces) != 1 or segmentation.space in spaces:
        return
    uids = {str(header.SOPInstanceUID) for header in origin.headers}
    if not any(uid in uids for frame in segmentation.frames for uid, _ in frame.references):
        raise SourceError(_misfit(segmentation, "it lies in another frame of reference"))


def _check_grid(segmentation: DicomSegmentation, affine: NDArray[np.float64], shape: Sequence[int]) -> None:
    if segmentation.orientation is None:
        raise SourceError(_misfit(segmentation, "it states no orientation"))
    columns, rows = np.array(segmentation.orientation[:3]), np.array(segmentation.orientation[3:])
    row_mm, column_mm = segmentation.spacing or (np.linalg.norm(affine[:3, 1]), np.linalg.norm(affine[:3, 0]))
    across = [(affine[:3, 0] - columns * column_mm) * shape[2], (affine[:3, 1] - rows * row_mm) * shape[1]]
    if max(float(np.abs(off).max()) for off in across) > max(_OFF_GRID_MM, _OFF_PIXELS * min(row_mm, column_mm)):
        raise SourceError(_misfit(segmentation, "its orientation or pixel spacing differs"))


def _by_position(segmentation: DicomSegmentation, affine: NDArray[np.float64], places: NDArray[np.float64]) -> list[int]:
    """The slice of each frame, of slices at ``places`` ``(K, 3)`` whose voxels lie as ``affine`` says."""
    to_voxel = np.linalg.inv(affine[:3, :3])
    found = []
    for frame in segmentation.frames:
        offsets = (np.array(frame.position) - places) @ to_voxel.T
        index = int(np.abs(offsets[:, 2]).argmin())
        i, j, k = np.abs(offsets[index])
        if k > _OFF_PLANE or max(i, j) > _OFF_PIXELS:
            raise SourceError(_misfit(segmentation, "a frame lies on none of its slices"))
        found.append(index)
    return found


def _by_reference(segmentation: DicomSegmentation, origin: Origin) -> list[int]:
    known: dict[Reference, int] = {}
    for index in range(len(origin.frames)):
        uid, frame_number = origin.reference(index)
        known[uid, frame_number] = index
        if len(origin.frames) == 1:  # a single frame may be called by its number or by none
            known[uid, None] = known[uid, 1] = index
    places = [next((known[r] for r in frame.references if r in known), None) for frame in segmentation.frames]
    if any(place is None for place in places):
        raise SourceError(_misfit(segmentation, "it was made of other images"))
    return [place for place in places if place is not None]


def _filled(segmentation: DicomSegmentation, places: Sequence[int], shape: Sequence[int]) -> dict[int, NDArray[np.bool_]]:
    try:
        masks = {segment: np.zeros(tuple(shape), dtype=bool) for segment in segmentation.labels}
        with quiet_reading():
            for frame, place, values in zip(segmentation.frames, places, _pixels(segmentation), strict=True):
                for segment in segmentation.labels if frame.segment is None else (frame.segment,):
                    masks[segment][place] |= values == segment if frame.segment is None else values >= segmentation.threshold
    except Exception as error:  # each decoder has its own exceptions
        raise SourceError(f"{segmentation.path}: the pixels of the segmentation are damaged or cut off; copy it again") from error
    return masks


def _pixels(segmentation: DicomSegmentation) -> Iterator[NDArray[Any]]:
    """The stored values of each frame. Frames of bits follow each other without gaps, which pydicom does not take apart."""
    header, table = read_header(segmentation.path, images_only=False)
    size = segmentation.size[0] * segmentation.size[1]
    with open_frames(table) as file:
        for index in range(table.count):
            if header.BitsAllocated != 1 or table.spans is not None:
                yield decode_frame(table, file, index)
                continue
            start = index * size
            file.seek(table.value_offset + start // 8)
            packed = np.frombuffer(file.read((start + size + 7) // 8 - start // 8), dtype=np.uint8)
            yield np.unpackbits(packed, bitorder="little")[start % 8 : start % 8 + size].reshape(segmentation.size)


def _misfit(segmentation: DicomSegmentation, why: str) -> str:
    return f"{segmentation.path}: the segmentation does not fit the source: {why}; give the images that it was made of"
