"""The examples of docs/how-to/readers.md run as they stand, and it names every reader and task."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from echoseg.cli.main import app
from echoseg.io.video.open import READERS

DOC = (Path(__file__).parents[2] / "docs" / "how-to" / "readers.md").read_text(encoding="utf-8")


def test_the_python_example_runs_and_leaves_the_clip_of_the_info_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for code in re.findall(r"```python\n(.*?)```", DOC, flags=re.DOTALL):
        exec(compile(code, "docs/how-to/readers.md", "exec"), {})
    (line,) = re.findall(r"\$ echoseg (info .*)", DOC)
    done = CliRunner().invoke(app, shlex.split(line))
    assert done.exit_code == 0, done.output
    assert "decord" in done.stdout


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_is_explained(reader):
    assert f"| `{reader}`" in DOC
