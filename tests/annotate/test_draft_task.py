"""A draft is told by what drew it."""

from dataclasses import replace

import pytest

from echoseg.annotate.draft_task import DraftTask
from echoseg.archive.settings import Settings


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_drafts_name_the_runtime_that_drew_them(tmp_path, runtime):
    settings = replace(Settings(), device="cpu", runtime=runtime)
    assert DraftTask(settings, str(tmp_path), "rows").fingerprint()["runtime"] == runtime
