"""``echoseg serve`` says what is wrong before anything listens."""

import numpy as np
import pytest
from typer.testing import CliRunner

from echoseg.cli.main import app


def run(*arguments):
    return CliRunner().invoke(app, ["serve", *map(str, arguments)])


@pytest.fixture
def clip(tmp_path):
    np.save(tmp_path / "clip.npy", np.zeros((3, 48, 48), np.uint8))
    return tmp_path / "clip.npy"


def test_an_address_that_others_reach_is_refused_without_a_secret(clip, tmp_path):
    result = run(clip, "--project", tmp_path / "p", "--host", "0.0.0.0", "--port", "0")
    assert result.exit_code == 1
    assert "--token-file" in result.stderr
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (["--order", "random"], 2, "neither"),
        (["--root-path", "user/ana"], 2, "begins with"),
        (["--token-file", "nowhere/token"], 1, "cannot be read or written"),
    ],
)
def test_what_cannot_be_served_is_said(clip, tmp_path, more, code, told):
    result = run(clip, "--project", tmp_path / "p", "--port", "0", *more)
    assert result.exit_code == code
    assert told in result.stderr


def test_an_input_that_is_none_is_said(tmp_path):
    result = run(tmp_path / "missing.avi", "--project", tmp_path / "p", "--port", "0")
    assert result.exit_code == 1
    assert "no such file" in result.stderr
