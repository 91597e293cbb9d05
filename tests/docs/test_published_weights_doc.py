"""docs/how-to/published-weights.md says of every model what the registry says: file, repository, licence."""

import re
from pathlib import Path

import pytest

from echoseg.model import REGISTRY

DOC = (Path(__file__).parents[2] / "docs" / "how-to" / "published-weights.md").read_text(encoding="utf-8")
ROWS = {name: row for row in re.findall(r"^\| `.*", DOC, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


@pytest.mark.parametrize("config", REGISTRY.values(), ids=REGISTRY)
def test_a_row_names_file_repository_and_licence(config):
    _, _, where, licence, _ = ROWS[config.name].split("|")
    told = "ship with echoseg" if config.published is None else f"`{config.published.file}`, {config.published.repository}"
    assert where.strip() == told
    assert config.licence.split(",")[0] in licence


def test_there_are_no_rows_of_other_models():
    assert set(ROWS) == set(REGISTRY)
