"""Frames of masks brought into the order of a clip's rows and columns, where both files say how these run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.volume.orientation import directions
from echoseg.types import Image

_PARALLEL = 0.99  # cosine
_ONE_PLACE = 0.5  # pixels
_DEFAULTS = (np.diag([1.0, 1.0, 1.0, 1.0]), np.diag([-1.0, -1.0, 1.0, 1.0]))  # what writers put who know of no place


class Turned(NamedTuple):
    """Frames in another order.

    Attributes:
        masks: ``(T, H, W)``.
        swapped: whether rows and columns have changed places.
        agree: whether the two files agree on where the frames lie.
    """

    masks: Image
    swapped: bool = False
    agree: bool = True


def turned_as(masks: Image, ours: NDArray[np.float64], theirs: NDArray[np.float64], size: tuple[int, int], where: str) -> Turned:
    """Frames ``(T, H, W)`` as rows and columns of another file run.

    They agree where the turned frames cover the same pixels, and where nothing is to be turned. Else the frames stay as they are: a matrix
    that is a default of its writer places them beside the picture or on its other side, and says nothing of their order.

    Args:
        ours, theirs: ``(4, 4)`` to LPS mm, of the masks and of the clip; the third axis is time.
        size: rows and columns of the clip.

    Raises:
        SourceError: axes that are not those of the clip.
    """
    if any(np.allclose(ours * [1, 1, 0, 1], default * [1, 1, 0, 1]) for default in _DEFAULTS):
        return Turned(masks)
    cosines = (directions(theirs).T @ directions(ours))[:2, :2]
    swapped = bool((np.abs(np.diag(cosines[::-1])) > _PARALLEL).all())
    if not swapped and not (np.abs(np.diag(cosines)) > _PARALLEL).all():
        raise SourceError(
            f"{where}: the axes of the masks are turned against those of the image; bring them to its grid and save them again"
        )
    along = cosines[0, 1 if swapped else 0], cosines[1, 0 if swapped else 1]
    if not swapped and min(along) > 0:
        return Turned(masks)
    rows, columns = masks.shape[1:]
    corners = np.array([[0, 0, 0, 1], [columns - 1, rows - 1, 0, 1]], dtype=float).T
    there = np.sort((np.linalg.inv(theirs) @ ours @ corners)[:2], axis=1)
    if np.abs(there - [[0, size[1] - 1], [0, size[0] - 1]]).max() > _ONE_PLACE:
        return Turned(masks, agree=False)
    masks = masks.swapaxes(1, 2) if swapped else masks
    return Turned(np.flip(masks, tuple(axis for axis, cosine in ((2, along[0]), (1, along[1])) if cosine < 0)), swapped)
