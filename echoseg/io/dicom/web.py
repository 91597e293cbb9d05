"""Images from a PACS and results back to it, by DICOMweb (PS3.18): QIDO-RS, WADO-RS, STOW-RS.

Credentials are taken from ``~/.netrc``, never from an address, and sent over https or to this machine alone. What is fetched goes to a
folder of its own under names of our own, and is deleted with the source.
"""

from __future__ import annotations

import shutil
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoseg.errors import OutputError, SourceError, UnsupportedSourceError
from echoseg.io.dicom.frames import NO_IMAGES
from echoseg.io.dicom.values import quiet_reading
from echoseg.io.dicom.web_address import Address, is_uid, parse_address, parse_query
from echoseg.io.scratch import scratch_folder
from echoseg.io.source import Source

if TYPE_CHECKING:
    from dicomweb_client.api import DICOMwebClient

_CLIPS = ("US", "IVUS", "XA", "RF", "ES")  # every instance is a source of its own
_AS_STORED = (("application/dicom", "*"),)  # any transfer syntax: the server must not decompress
_ATTEMPTS, _FIRST_WAIT_MS = 3, 200
_PAGE = 100  # studies asked for at a time
_MOST_PAGES = 50_000
_MOST_INSTANCES = 100_000


def sources_at(text: str) -> list[str]:
    """The addresses of the sources in a study or series: each CT or MR series is one, and each ultrasound clip.

    Reports, segmentations and other objects without images do not count.

    Raises:
        SourceError: no such study, or the server cannot be reached or refuses.
        UnsupportedSourceError: nothing in it is an image.
    """
    address = parse_address(text)
    if address.study is None:
        raise SourceError("the DICOMweb address names no study; add /studies/UID")
    if address.instance is not None:
        return [text]
    filters = {"SeriesInstanceUID": address.series} if address.series else None
    found: list[str] = []
    with _talking(SourceError), quiet_reading():
        client = _client(address)
        matches = client.search_for_series(address.study, fields=["Modality", "SeriesNumber"], search_filters=filters)
        for series in sorted(matches, key=lambda match: _number(match, "00200011")):
            modality, uid = _text(series, "00080060"), _uid(series, "0020000E")
            if modality in NO_IMAGES:
                continue
            if modality not in _CLIPS:
                found.append(address.within(uid))
                continue
            instances = client.search_for_instances(address.study, uid, fields=["InstanceNumber"])
            ordered = sorted(instances, key=lambda match: _number(match, "00200013"))
            found += [address.within(uid, _uid(instance, "00080018")) for instance in ordered]
    if not found:
        raise UnsupportedSourceError(f"{address.service}: the study or series is unknown there, or holds no images")
    return found


def study_uids(address: Address, filters: Mapping[str, str], *, limit: int, offset: int) -> list[str]:
    """StudyInstanceUIDs of one page of the studies of a service that match ``filters`` (QIDO-RS).

    Raises:
        SourceError: the server cannot be reached, refuses, or does not know a filter.
    """
    with _talking(SourceError), quiet_reading():
        found = _client(address).search_for_studies(limit=limit, offset=offset, search_filters=dict(filters))
        return [_uid(match, "0020000D") for match in found]


def studies_matching(text: str) -> Iterator[str]:
    """The addresses of the studies that a query finds, page by page, in the server's order; of an address with a study, that study.

    Raises:
        SourceError: malformed, or the server cannot be reached or refuses.
    """
    address, filters = parse_query(text)
    if address.study is not None:
        yield text
        return
    seen: set[str] = set()
    for _ in range(_MOST_PAGES):
        page = study_uids(address, filters, limit=_PAGE, offset=len(seen))
        new = [uid for uid in page if uid not in seen]
        for uid in new:
            yield address.of_study(uid)
        seen.update(new)
        if not new:  # the end, or a server that knows no pages
            return
    raise SourceError(f"{address.service}: lists studies without end; ask for fewer, such as ?StudyDate=20240101-20240131")


def answers(text: str) -> bool:
    """Whether the server at an address answers a query at all."""
    try:
        study_uids(parse_address(text), {}, limit=1, offset=0)
    except SourceError:
        return False
    return True


def open_fetched(text: str, open_path: Callable[[Path, str], Source]) -> Source:
    """Fetch the one source at an address and open it; its files are deleted when the source is no longer used.

    Args:
        open_path: opens a file or a folder under a name for outputs.

    Raises:
        SourceError: several sources there, the server cannot be reached or refuses, or what it sends is damaged.
    """
    places = sources_at(text)
    if len(places) > 1:
        raise SourceError(f"the DICOMweb address holds {len(places)} sources; open one (a series, or an ultrasound instance) at a time")
    address = parse_address(places[0])
    folder = scratch_folder()
    try:
        files = _fetch(address, folder)
        source = open_path(files[0] if len(files) == 1 else folder, address.name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(source, shutil.rmtree, folder, ignore_errors=True)
    return source


def store_instances(text: str, paths: Sequence[Path]) -> None:
    """Send DICOM files to the server at an address, whatever study it names.

    Raises:
        OutputError: the server cannot be reached, or does not take one of them.
    """
    from pydicom import dcmread

    address = parse_address(text)
    with _talking(OutputError), quiet_reading():
        answer = _client(address).store_instances([dcmread(path) for path in paths])
    failed = answer.get("FailedSOPSequence", ())
    if failed:
        reasons = sorted({f"{int(item.get('FailureReason', 0)):04X}H" for item in failed})
        raise OutputError(f"{address.service}: refuses {len(failed)} of {len(paths)} DICOM results (failure reason {', '.join(reasons)})")


def _fetch(address: Address, folder: Path) -> list[Path]:
    """The instances of a series, or the one instance, as numbered files: no name comes from what was sent."""
    from echoseg.io.dicom.web_session import FETCH_S

    files: list[Path] = []
    ends = time.monotonic() + FETCH_S
    with _talking(SourceError), quiet_reading():
        client, study, series = _client(address), str(address.study), str(address.series)
        if address.instance:
            received = iter([client.retrieve_instance(study, series, address.instance, media_types=_AS_STORED)])
        else:
            received = client.iter_series(study, series, media_types=_AS_STORED)
        for number, dataset in enumerate(received, start=1):
            if number > _MOST_INSTANCES or time.monotonic() > ends:
                raise SourceError(f"{address.service}: sends the series without end; fetch a part of it")
            files.append(folder / f"{number:06d}.dcm")
            dataset.save_as(files[-1], enforce_file_format=True)
    if not files:
        raise SourceError(f"{address.service}: sends no images of the series")
    return files


def _client(address: Address) -> DICOMwebClient:
    from dicomweb_client.api import DICOMwebClient

    from echoseg.io.dicom.web_session import PacsSession

    client = DICOMwebClient(address.service, session=PacsSession(address.service))
    client.set_http_retry_params(max_attempts=_ATTEMPTS, wait_exponential_multiplier=_FIRST_WAIT_MS)
    return client


@contextmanager
def _talking(kind: type[SourceError] | type[OutputError]) -> Iterator[None]:
    """What goes wrong with the server, as our errors; its texts hold UIDs and are not passed on."""
    import requests

    from echoseg.io.dicom.web_session import RefusedAnswer

    try:
        yield
    except RefusedAnswer as error:
        raise kind(str(error)) from error
    except (SourceError, OutputError):
        raise
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "no"
        raise kind(f"the DICOMweb server answers {status}: check the address, and the credentials in ~/.netrc") from error
    except (requests.RequestException, OSError) as error:
        raise kind(f"the DICOMweb server cannot be reached ({type(error).__name__}): check host, port and https") from error
    except Exception as error:  # an answer that is no DICOM JSON or no DICOM fails anywhere in the parsers
        raise kind(
            f"the answer of the DICOMweb server cannot be read ({type(error).__name__}): is DICOMweb spoken at this address?"
        ) from error


def _text(match: Any, tag: str) -> str:
    """The first value of an attribute of a QIDO-RS match (DICOM JSON, PS3.18 F.2)."""
    return str(next(iter(match.get(tag, {}).get("Value", ())), ""))


def _uid(match: Any, tag: str) -> str:
    """A UID of a match, which becomes part of a URL.

    Raises:
        SourceError: it is none.
    """
    found = _text(match, tag)
    if not is_uid(found):
        raise SourceError("the answer of the DICOMweb server names something that is no UID; it is not asked for")
    return found


def _number(match: Any, tag: str) -> int:
    stated = _text(match, tag)
    return int(stated) if stated.lstrip("-").isdigit() else 0
