"""Addresses of studies, series and instances in a PACS.

``dicomweb://HOST[:PORT][/PREFIX]/studies/UID[/series/UID[/instances/UID]]`` is read over https; ``dicomweb+http://`` is the
same without encryption, for a server on this machine.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from echoseg.errors import SourceError

_SCHEMES = {"dicomweb": "https", "dicomweb+http": "http"}
_UID = "[0-9.]{1,64}"
_RESOURCE = re.compile(
    rf"(?P<prefix>.*?)(?:/studies/(?P<study>{_UID})(?:/series/(?P<series>{_UID})(?:/instances/(?P<instance>{_UID}))?)?)?/?"
)


@dataclass(frozen=True)
class Address:
    """A place on a DICOMweb server.

    Attributes:
        service: URL of the service.
        study, series, instance: UIDs, or None from the level on that is not named.
        scheme: as it was written.
    """

    service: str
    study: str | None
    series: str | None
    instance: str | None
    scheme: str = "dicomweb"

    def within(self, series: str, instance: str | None = None) -> str:
        """The text of the address of a series, or instance, of this study."""
        place = f"{self.scheme}://{self.service.partition('://')[2]}/studies/{self.study}/series/{series}"
        return f"{place}/instances/{instance}" if instance else place

    def of_study(self, study: str) -> str:
        """The text of the address of a study of this service."""
        return f"{self.scheme}://{self.service.partition('://')[2]}/studies/{study}"

    @property
    def name(self) -> str:
        """A name for outputs that does not give away the UIDs."""
        parts = "/".join(part for part in (self.study, self.series, self.instance) if part)
        return f"pacs-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"


def is_dicomweb(source: object) -> bool:
    """True for text that is meant as an address on a DICOMweb server."""
    return isinstance(source, str) and source.partition("://")[0].lower() in _SCHEMES


def parse_address(text: str) -> Address:
    """The address that ``text`` is.

    Raises:
        SourceError: not of the form that this module describes, or with credentials in it.
    """
    try:
        parts = urlsplit(text)
        scheme, host = parts.scheme.lower(), parts.netloc
        _ = parts.port  # raises on a port that is no number
    except ValueError:
        scheme, host, parts = "", "", urlsplit("")
    match = _RESOURCE.fullmatch(parts.path)
    if "@" in host:
        raise SourceError("a DICOMweb address holds no user and password: write them to ~/.netrc, where no log shows them")
    if scheme not in _SCHEMES or not host or not match or parts.query or parts.fragment or "/studies/" in match["prefix"]:
        raise SourceError("not a DICOMweb address; give dicomweb://HOST[:PORT][/PREFIX]/studies/UID[/series/UID[/instances/UID]]")
    return Address(f"{_SCHEMES[scheme]}://{host}{match['prefix']}", match["study"], match["series"], match["instance"], scheme)
