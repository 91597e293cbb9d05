"""Names for new DICOM objects that anybody can compute again: no random numbers, no secrets.

The rule: ``2.25.`` followed by the decimal number of a version 5 UUID (PS3.5 B.2, RFC 9562), whose namespace is
:data:`NAMESPACE` and whose name are the parts in order, joined by line feeds. The first part says what is named.
Equal parts give equal UIDs on every machine, so that the same job done twice gives a PACS the same object twice, not two.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from pydicom.uid import UID

NAMESPACE = uuid5(NAMESPACE_URL, "urn:echoseg:dicom")


def derived_uid(what: str, *parts: str) -> UID:
    """The UID that is derived from ``what`` is named and the ``parts`` that tell it from others of its kind.

    >>> derived_uid("SEG", "1.2.3") == derived_uid("SEG", "1.2.3") != derived_uid("SR", "1.2.3")
    True
    """
    return UID(f"2.25.{uuid5(NAMESPACE, chr(10).join((what, *parts))).int}")
