"""Addresses of studies, series and instances in a PACS, and queries for studies.

``dicomweb://HOST[:PORT][/PREFIX]/studies/UID[/series/UID[/instances/UID]]`` is read over https; ``dicomweb+http://`` is the
same without encryption, for a server on this machine. ``dicomweb://HOST/studies?ModalitiesInStudy=US&StudyDate=20240101-20241231`` names
the studies that match (QIDO-RS, PS3.18 10.6): any attribute that the server can match may stand behind the question mark, by keyword or
tag; with none it is every study.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from echoseg.errors import SourceError

_SCHEMES = {"dicomweb": "https", "dicomweb+http": "http"}
_UID = "[0-9.]{1,64}"
_RESOURCE = re.compile(
    rf"(?P<prefix>.*?)(?:/studies/(?P<study>{_UID})(?:/series/(?P<series>{_UID})(?:/instances/(?P<instance>{_UID}))?)?)?/?"
)
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9]*|[0-9A-Fa-f]{8}")
_PAGING = ("limit", "offset", "includefield", "fuzzymatching")


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


def is_uid(text: str) -> bool:
    """Whether ``text`` may be a UID (PS3.5 9), and so stand in a URL."""
    return re.fullmatch(_UID, text) is not None and text.strip(".") != ""


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


def parse_query(text: str) -> tuple[Address, dict[str, str]]:
    """The service and the filters of a query; an address that names a study is none and has no filters.

    Raises:
        SourceError: neither an address nor a query of the form that this module describes.
    """
    place, mark, query = text.partition("?")
    address = parse_address(place.rstrip("/").removesuffix("/studies") if place.rstrip("/").endswith("/studies") else place)
    try:
        filters = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) if query else {}
    except ValueError:
        filters = {"": ""}
    wrong = [name for name in filters if not _ATTRIBUTE.fullmatch(name) or name.lower() in _PAGING]
    if wrong or (mark and address.study is not None):
        raise SourceError(
            "not a DICOMweb query; give dicomweb://HOST[:PORT][/PREFIX]/studies?ATTRIBUTE=VALUE&..., such as ModalitiesInStudy=US, or one "
            "study by dicomweb://HOST/studies/UID"
        )
    return address, filters
