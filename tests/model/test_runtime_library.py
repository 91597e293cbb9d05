import os
import signal
import subprocess
import sys

import pytest

from echoseg.model.runtime.library import signals_waiting


def test_a_ctrl_c_while_a_library_is_loaded_is_answered_after_it():
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with signals_waiting():
            signal.raise_signal(signal.SIGINT)
            steps.append("loaded")
        steps.append("went on")
    assert steps == ["loaded"]


def test_handlers_stand_as_before():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with signals_waiting():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_ctrl_c_inside_the_import_of_onnx_runtime_ends_the_command():
    # The module asks for NumPy while it is made: there the signal comes.
    code = """
import builtins, signal
from echoseg.model.runtime.library import silent_library
usual = builtins.__import__
sent = []
def importing(name, *args, **kwargs):
    if name.endswith("_multiarray_umath") and not sent:
        sent.append(name)
        signal.raise_signal(signal.SIGINT)
    return usual(name, *args, **kwargs)
builtins.__import__ = importing
try:
    silent_library()
except KeyboardInterrupt:
    print("interrupted", len(sent))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True)
    assert answer.stdout.split() == ["interrupted", "1"]
