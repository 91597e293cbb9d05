"""Which studies of a PACS: ``dicomweb://HOST[:PORT][/PREFIX]/studies?ModalitiesInStudy=US&StudyDate=20240101-20241231`` (QIDO-RS, PS3.18
10.6). Any attribute that the server can match may stand behind the question mark, by keyword or tag; with none it is every study.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from echoseg.errors import SourceError
from echoseg.io.dicom.web_address import Address, parse_address

_PAGE = 100
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9]*|[0-9A-Fa-f]{8}")
_PAGING = ("limit", "offset", "includefield", "fuzzymatching")


def parse_query(text: str) -> tuple[Address, dict[str, str]]:
    """The service and the filters of a query; an address that names a study is none and has no filters.

    Raises:
        SourceError: neither an address nor a query of the form above.
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


def studies_matching(text: str) -> Iterator[str]:
    """The addresses of the studies that a query finds, page by page, in the server's order; of an address with a study, that study.

    Raises:
        SourceError: malformed, or the server cannot be reached or refuses.
    """
    from echoseg.io.dicom.web import study_uids

    address, filters = parse_query(text)
    if address.study is not None:
        yield text
        return
    seen: set[str] = set()
    while True:
        page = study_uids(address, filters, limit=_PAGE, offset=len(seen))
        new = [uid for uid in page if uid not in seen]
        for uid in new:
            yield address.of_study(uid)
        seen.update(new)
        if not new:  # the end, or a server that knows no pages
            return
