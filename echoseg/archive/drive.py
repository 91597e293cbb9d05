"""Whether the drive that a clip was read from a moment ago is still there.

A manifest may name files on several drives by absolute path. When one of them goes, its files are "not there", one after the other; that
is not the fault of any of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A folder that was there, and the device that it was on."""

    folder: str
    device: int


def place_of(path: str) -> Place | None:
    """Where a file lies; None when its folder cannot be asked, as for an address."""
    folder = os.path.dirname(path)
    try:
        return Place(folder, os.stat(folder).st_dev)
    except OSError:
        return None


def is_gone(place: Place) -> bool:
    """Whether the drive is no longer there: what is left of the folder's path lies on another device, or cannot be asked at all.

    Files and folders may be deleted: the folders above them stay on the same device.
    """
    folder = place.folder
    while True:
        try:
            return os.stat(folder).st_dev != place.device
        except (FileNotFoundError, NotADirectoryError):
            above = os.path.dirname(folder)
            if above == folder:
                return True
            folder = above
        except PermissionError:
            return False
        except OSError:  # stale, not connected, input/output error
            return True
