"""Addresses in a PACS: what is accepted, what is refused, and that names of outputs give nothing away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoseg.errors import SourceError
from echoseg.io import open_source
from echoseg.io.dicom.web_address import Address, is_dicomweb, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("dicomweb://pacs/studies/1.2", Address("https://pacs", "1.2", None, None)),
        ("dicomweb://pacs:8443/dicom-web/studies/1.2/", Address("https://pacs:8443/dicom-web", "1.2", None, None)),
        ("dicomweb://pacs/a/b/studies/1.2/series/3.4", Address("https://pacs/a/b", "1.2", "3.4", None)),
        (
            "dicomweb+http://127.0.0.1:8042/dicom-web/studies/1/series/2/instances/3",
            Address("http://127.0.0.1:8042/dicom-web", "1", "2", "3", "dicomweb+http"),
        ),
        ("DICOMWEB://pacs/dicom-web", Address("https://pacs/dicom-web", None, None, None)),
    ],
)
def test_parts_of_an_address(text, address):
    assert parse_address(text) == address and is_dicomweb(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://pacs/studies/1.2",
        "dicomweb:///studies/1.2",
        "dicomweb://pacs/studies/../1.2",
        "dicomweb://pacs/studies/1.2/instances/3",
        "dicomweb://pacs/studies/1.2/series/x",
        "dicomweb://pacs/studies/1.2?x=1",
        "dicomweb://pacs:port/studies/1.2",
        "dicomweb://pacs/studies/" + "1" * 65,
        "",
    ],
)
def test_anything_else_is_refused_with_the_form_to_give(text):
    with pytest.raises(SourceError, match="dicomweb://HOST"):
        parse_address(text)


def test_a_password_is_refused_and_not_repeated():
    with pytest.raises(SourceError, match="netrc") as raised:
        parse_address("dicomweb://anna:geheim@pacs/studies/1.2")
    assert "geheim" not in str(raised.value)


@given(st.text())
def test_any_text_is_an_address_or_a_typed_error(text):
    for prefix in ("", "dicomweb://", "dicomweb+http://pacs/studies/"):
        try:
            address = parse_address(prefix + text)
        except SourceError:
            continue
        assert address.service.startswith(("https://", "http://"))


def test_a_series_of_a_study_has_an_address_of_its_own():
    study = parse_address("dicomweb+http://pacs:1/web/studies/1.2")
    assert study.within("3.4", "5.6") == "dicomweb+http://pacs:1/web/studies/1.2/series/3.4/instances/5.6"
    assert parse_address(study.within("3.4")).series == "3.4"


def test_names_of_outputs_do_not_hold_uids():
    one, other = (parse_address(f"dicomweb://pacs/studies/1.2.3/series/4.5.{n}") for n in (6, 7))
    assert one.name != other.name and "1.2.3" not in one.name and one.name == one.name


def test_a_server_that_is_not_there_is_a_typed_error():
    with pytest.raises(SourceError, match="cannot be reached"):
        open_source("dicomweb+http://127.0.0.1:9/studies/1.2")
