"""What made a DICOM result, in the words that DICOM objects want: equipment, algorithm, and the UIDs that follow from both."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from highdicom import AlgorithmIdentificationSequence
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from echoseg.io.dicom.header import Origin
from echoseg.io.dicom.uid import derived_uid
from echoseg.io.dicom.values import number, quiet_reading

MANUFACTURER = "echoseg"
Modality = Literal["SEG", "SR"]
_SERIES_OFFSET = {"SEG": 10000, "SR": 20000}
UNFIT = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What highdicom and pydicom raise on headers that cannot be built upon."""
_LONGEST_NUMBER = 2**31 - 1  # of an IS


def long_string(text: str) -> str:
    """``text`` as a value of type LO (PS3.5 6.2), without backslashes and control characters, not empty.

    The standard allows 64 characters; checkers and archives count bytes, so that it is 64 of these.

    >>> long_string("left\\\\ventricle\\n"), long_string(" ")
    ('left ventricle', 'unnamed')
    """
    plain = re.sub(r"[\\\x00-\x1f\x7f]+", " ", text).strip()
    return plain.encode()[:64].decode(errors="ignore").strip() or "unnamed"


@dataclass(frozen=True)
class Algorithm:
    """What made a result: goes into every DICOM object made of it, and into their UIDs.

    Attributes:
        model: name of the model.
        version: of echoseg.
        weights_sha256: hex digest of the weights, or None when unknown.
        automatic: False when a person drew a prompt.
        created: local time of the run; stands in the objects, but not in their UIDs.
        parameters: every other choice, as text.
    """

    model: str
    version: str
    weights_sha256: str | None
    automatic: bool
    created: datetime
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return long_string(f"{MANUFACTURER} {self.model}")

    def identification(self) -> AlgorithmIdentificationSequence:
        """The algorithm macro (PS3.3 10.16)."""
        given = {"weights_sha256": self.weights_sha256 or "unknown", **self.parameters}
        return AlgorithmIdentificationSequence(self.name, codes.cid7162.ArtificialIntelligence, self.version, MANUFACTURER, given)

    def equipment(self) -> dict[str, Any]:
        """Equipment (PS3.3 C.7.5) and date of content, by their names in highdicom.

        Software has no serial number: the digest of the weights stands there, which tells two devices of one version apart.
        """
        return {
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": self.name,
            "software_versions": self.version,
            "device_serial_number": (self.weights_sha256 or "unknown")[:64],
            "content_date": self.created.date(),
            "content_time": self.created.time().replace(microsecond=0),
        }

    def identity(self, modality: Modality, origin: Origin, content: bytes, instance_number: int = 1) -> dict[str, Any]:
        """Series and instance, by their names in highdicom; the UIDs follow from the images, this algorithm, and the content.

        Series numbers lie beside those of the source's study: 10000 and more for SEG, 20000 and more for SR.
        """
        options = json.dumps(dict(self.parameters), sort_keys=True)
        images = (f"{uid} {frame or ''}" for uid, frame in map(origin.reference, range(len(origin.frames))))
        parts = (*images, self.model, self.version, self.weights_sha256 or "", options)
        source_number = max(int(number(origin.first, "SeriesNumber") or 0), 0)
        return {
            "series_instance_uid": derived_uid(f"{modality} series", *parts),
            "sop_instance_uid": derived_uid(f"{modality} {instance_number}", *parts, hashlib.sha256(content).hexdigest()),
            "series_number": min(source_number + _SERIES_OFFSET[modality], _LONGEST_NUMBER),
            "instance_number": instance_number,
        }


def date_instance(made: Dataset, algorithm: Algorithm, *pointers: Dataset) -> None:
    """Replace what highdicom draws at random or from the clock: the dimensions' UID, the time of creation."""
    made.InstanceCreationDate = algorithm.created.strftime("%Y%m%d")
    made.InstanceCreationTime = algorithm.created.strftime("%H%M%S")
    for item in pointers:
        item.DimensionOrganizationUID = dimension_organization(made.SOPInstanceUID)


def dimension_organization(instance_uid: str) -> UID:
    """The UID of how an object's frames are ordered; one for each object."""
    return derived_uid("dimension organization", str(instance_uid))


@contextmanager
def quiet_building() -> Iterator[None]:
    """highdicom and pydicom without their log lines and warnings, which quote names of patients."""
    logger, silent = logging.getLogger("highdicom"), logging.NullHandler()  # a logger without any would write to the terminal
    propagated = logger.propagate
    logger.addHandler(silent)
    logger.propagate = False
    try:
        with quiet_reading():
            yield
    finally:
        logger.removeHandler(silent)
        logger.propagate = propagated
