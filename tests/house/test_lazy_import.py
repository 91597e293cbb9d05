"""`import echoseg` is cheap, and still offers every public name."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import echoseg

PUBLIC = sorted(set(echoseg.__all__) - {"__version__"})


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_import_takes_less_than_300_ms_of_cpu_and_loads_neither_torch_nor_numpy():
    code = """
import json, sys, time
start = time.process_time()
import echoseg
print(json.dumps([time.process_time() - start, sorted({"torch", "numpy"} & set(sys.modules))]))
"""
    seconds, heavy = json.loads(run_python(code))
    assert heavy == []
    assert seconds < 0.3


def test_command_line_starts_without_torch():
    code = "import sys, echoseg.cli.main; print(sorted({'torch', 'numpy', 'cv2', 'av'} & set(sys.modules)))"
    assert run_python(code).strip() == "[]"


def test_the_first_frame_of_a_run_does_not_wait_for_what_measures_and_draws():
    code = """
import sys, tempfile, numpy as np, echoseg.cli.run, echoseg.pipeline

class First(Exception): pass

def progress(done, length): raise First(sorted({'matplotlib', 'scipy', 'nibabel', 'SimpleITK', 'highdicom', 'onnx'} & set(sys.modules)))

try:
    echoseg.pipeline.run(np.zeros((2, 64, 64), np.uint8), tempfile.mkdtemp(), echoseg.Box(20, 20, 40, 40), progress=progress)
except First as found:
    print(found)
"""
    assert run_python(code).strip() == "[]"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_the_one_of_its_room(name):
    assert getattr(echoseg, name) is getattr(import_module(echoseg._HOME[name]), name)


def test_stub_for_type_checkers_names_the_same_homes():
    stub = ast.parse(Path(echoseg.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [(node.module, alias) for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert {alias.asname: module for module, alias in imports} == echoseg._HOME
    assert all(alias.asname == alias.name for _, alias in imports)  # else the name would not be public


def test_dir_lists_public_names_before_they_are_loaded():
    assert set(echoseg.__all__) <= set(json.loads(run_python("import json, echoseg; print(json.dumps(dir(echoseg)))")))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="echoseg.*nonsense"):
        echoseg.nonsense  # noqa: B018
