"""Every `>>>` example of the package is true, with `np` and `echoseg` at hand, and every public door has one."""

import doctest
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import echoseg
from echoseg import cardiac

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for path in (ROOT / "echoseg").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
DOORS = [*(getattr(echoseg, name) for name in echoseg._HOME), cardiac.lv_volume, cardiac.lv_ef, cardiac.analyse_lv]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_are_true(path, tmp_path, monkeypatch):
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(module, extraglobs={"echoseg": echoseg, "np": np})
    assert found.attempted > 0 and found.failed == 0


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__qualname__)
def test_every_public_door_has_an_example(door):
    assert doctest.DocTestParser().get_examples(door.__doc__)
