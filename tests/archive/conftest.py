"""Archives of fake clips."""

from pathlib import Path

import pytest


@pytest.fixture
def make_tree(tmp_path):
    """``make_tree({"a/1.dcm": "ok 55"})``: a folder of fake clips."""

    def make(contents: dict[str, str]) -> Path:
        root = tmp_path / "tree"
        for name, text in contents.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return make
