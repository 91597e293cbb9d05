"""Label maps laid on the frames of a source: by the place that both state in the patient, else by their order, which is flagged.

A mask that does not fit is refused: shifted, mirrored or stretched masks give numbers that look right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from echoseg.errors import SourceError
from echoseg.io.labels.nifti import LabelMap
from echoseg.io.labels.read import read_labels
from echoseg.io.labels.slicer import overlap_flag
from echoseg.io.labels.turning import turned_as
from echoseg.io.source import Source
from echoseg.io.volume.onto_grid import onto_grid
from echoseg.types import Flag, Geometry, Image, Severity

_SAME = 0.01  # relative difference of spacing that rounding explains
_ORDER_ASSUMED = Flag(
    "mask_place_assumed", "Masks and clip say that they lie side by side: it was assumed that both have one order of rows and columns."
)


@dataclass(frozen=True)
class Laid:
    """A label map in the order of a source's frames.

    Attributes:
        masks: ``(T, H, W)`` uint8; of one frame where ``single``.
        names: of labels, where the file names them.
        numbers: ``{label: number in the file}`` where labels were renumbered.
        flags: what was assumed.
        single: whether it is one mask for a frame that the file does not name.
    """

    masks: Image
    names: Mapping[int, str] = field(default_factory=dict)
    numbers: Mapping[int, int] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    single: bool = False


def laid_on(found: LabelMap, source: Source, where: Path, *, stored: bool = True, one: bool = False, on: str | None = None) -> Laid:
    """``found`` on the frames of ``source``.

    Args:
        found: as :func:`echoseg.io.labels.read.read_labels` gives it.
        where: its file, for an error.
        stored: whether a label map without a place is in the order of the source's file, or else of its frames (an array, images).
        one: whether one mask may stand for a frame that is named elsewhere.
        on: what an error calls the source; None: its name.

    Raises:
        SourceError: it does not fit; the message says what differs.
    """
    volume = not source.moments
    ours, theirs = found.geometry.affine, source.stored_affine
    length = len(found.masks) if source.length is None else source.length  # of a live source nobody knows
    shape = source.to_stored(np.broadcast_to(np.uint8(0), (length, *source.size))).shape
    flags = found.flags
    if volume and ours is not None and theirs is not None:
        masks, beyond = onto_grid(found.masks, ours, theirs, shape, str(where))
        masks = source.from_stored(masks)
        flags = (*flags, *_beyond_flag(beyond))
        return Laid(masks, found.names, found.numbers, flags)
    masks = found.masks
    if not volume and ours is not None and theirs is not None:
        masks, swapped, agree = turned_as(masks, ours, theirs, source.size, str(where))
        flags = flags if agree else (*flags, _ORDER_ASSUMED)
        spacing = found.geometry.spacing
        found = replace(found, geometry=Geometry((spacing[1], spacing[0]))) if swapped and spacing else found
    single = one and len(masks) == 1 and source.length != 1
    expected = (1, *source.size) if single else shape if stored else (length, *source.size)
    if masks.shape != expected:
        told = f"label map {masks.shape} does not fit {on or source.name} {expected} (frames, rows, columns)"
        raise SourceError(f"{where}: {told}; give the images that it was drawn on")
    _check_spacing(found, source, where)
    if stored and not single:
        masks = source.from_stored(masks)
    if volume and (ours is None) != (theirs is None):
        flags = (*flags, _place_flag("label map" if ours is None else "image", stated=stored))
    return Laid(masks, found.names, found.numbers, flags, single)


def _check_spacing(found: LabelMap, source: Source, where: Path) -> None:
    """Spacing that is stated twice must agree; 1 mm in a clip is what writers put who do not know, and what a user gives stands alone."""
    ours, theirs = found.geometry, source.geometry
    if ours.spacing is None or theirs.spacing is None or any(flag.code == "spacing_given" for flag in source.flags):
        return
    if source.moments and np.allclose(ours.spacing, 1.0):
        return
    stated = [*ours.spacing, *([ours.slice_spacing] if not source.moments and ours.slice_spacing else [])]
    image = [*theirs.spacing, *([theirs.slice_spacing or 0.0] if len(stated) == 3 else [])]
    if len(image) == 3 and not image[2]:
        stated, image = stated[:2], image[:2]
    if not np.allclose(stated, image, rtol=_SAME):
        told = " x ".join(f"{step:.4g}" for step in stated), " x ".join(f"{step:.4g}" for step in image)
        raise SourceError(
            f"{where}: the masks have a spacing of {told[0]} mm, {source.name} one of {told[1]} mm (row, column); one of the two was "
            "resized or its header is wrong: give the image that they were drawn on, or the true --spacing of a clip"
        )


def _beyond_flag(beyond: int) -> tuple[Flag, ...]:
    if not beyond:
        return ()
    message = f"The grid of the masks reaches {beyond} voxels beyond the image: they were laid where their file says, look at them."
    return (Flag("mask_beyond_image", message),)


def _place_flag(which: str, stated: bool) -> Flag:
    message = f"The {which} does not say how it lies in the patient: it was assumed that masks and image have one order of voxels."
    return Flag("mask_place_assumed", message, Severity.REVIEW if stated else Severity.INFO)


def labels_on(path: Path, source: Source, *, white: bool = True) -> Image:
    """``(T, H, W)`` the labels of a reference on the frames of ``source``; see :func:`echoseg.io.labels.read.read_labels`.

    Raises:
        SourceError: unreadable, or the two do not lie on one grid; what has no place and another shape comes back as it is.
    """
    if path.suffix.lower() == ".dcm":
        return segments_on(path, source).masks
    found = read_labels(path, white=white)
    by_place = found.geometry.affine is not None and source.stored_affine is not None
    if not by_place and sorted(found.masks.shape) != sorted((source.length or 0, *source.size)):
        return found.masks  # the reader of the data set says what does not fit
    return laid_on(found, source, path, stored=source.stored_in != "" or not path.is_dir()).masks


def segments_on(path: Path, source: Source) -> Laid:
    """The segments of a DICOM segmentation on the frames of ``source``; where they overlap, the higher number stands, with a flag.

    Raises:
        SourceError: damaged, or it does not fit.
    """
    from echoseg.io.labels.dicom_seg import read_segmentation, segmentation_label_map, segmentation_masks

    segmentation = read_segmentation(path)
    if not source.dicom_frames and source.stored_affine is not None and not source.moments:
        return laid_on(segmentation_label_map(segmentation, step_of=source.stored_affine), source, path)
    labels = np.zeros((len(source), *source.size), np.uint8)
    shared = 0
    for segment, masks in segmentation_masks(segmentation, source).items():
        shared += int(np.count_nonzero(labels[masks]))
        labels[masks] = segment
    return Laid(labels, segmentation.labels, flags=overlap_flag(shared))
