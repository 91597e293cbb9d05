"""Which result folders a record of several lists."""

from __future__ import annotations

import json
from pathlib import Path

from echoseg.io.regular import LONGEST_RECORD, read_regular


def listed(path: Path, schema: str, key: str) -> tuple[str, ...]:
    """The ``folder`` of each entry under ``key`` of a JSON file whose ``schema`` begins so; empty for what is none, or not there."""
    try:
        record = json.loads(read_regular(path, LONGEST_RECORD))
    except (OSError, ValueError, RecursionError):
        return ()
    if not isinstance(record, dict) or not str(record.get("schema")).startswith(schema) or not isinstance(record.get(key), list):
        return ()
    return tuple(str(entry["folder"]) for entry in record[key] if isinstance(entry, dict) and "folder" in entry)
