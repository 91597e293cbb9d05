"""Tolerant reading of single DICOM attributes: a malformed value of one that is not needed must not refuse the file."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from echoseg.io.warned import heard


@contextmanager
def quiet_reading() -> Iterator[None]:
    """Reading without pydicom's warnings and log lines: they are many, and quote values, which may identify the patient."""
    logger = logging.getLogger("pydicom")
    propagated, logger.propagate = logger.propagate, False
    try:
        with disable_value_validation(), heard():  # and nobody asks what was heard
            yield
    finally:
        logger.propagate = propagated


def value(dataset: Dataset, keyword: str) -> Any:
    """The value of an attribute; None when it is absent, empty, or cannot be parsed (pydicom parses on access)."""
    try:
        found = dataset.get(keyword)
    except Exception:  # the parser has one exception for each value representation
        return None
    return None if found is None or (isinstance(found, str) and not found.strip()) else found


def text(dataset: Dataset, keyword: str) -> str:
    """The value as one line of text, empty when there is none; of several values, the first. What cannot be printed becomes a space."""
    found = value(dataset, keyword)
    if found is None:
        return ""
    if not isinstance(found, str) and isinstance(found, Iterable):
        found = next(iter(found), "")
    return "".join(char if char.isprintable() else " " for char in str(found)).strip()


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """All values as finite numbers; empty when there is none or one of them is no finite number."""
    found = value(dataset, keyword)
    if found is None:
        return []
    values = list(found) if isinstance(found, Iterable) and not isinstance(found, str | bytes) else [found]
    try:
        converted = [float(item) for item in values]
    except (TypeError, ValueError):
        return []
    return converted if all(math.isfinite(number) for number in converted) else []


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number, or None."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; empty when it is absent or damaged."""
    found = value(dataset, keyword)
    return [item for item in found if isinstance(item, Dataset)] if isinstance(found, Iterable) else []
