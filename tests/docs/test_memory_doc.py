"""The Python example of docs/concepts/memory.md runs as it stands."""

import re
from pathlib import Path

DOC = (Path(__file__).parents[2] / "docs" / "concepts" / "memory.md").read_text(encoding="utf-8")


def test_the_python_example_is_true():
    (code,) = re.findall(r"```python\n(.*?)```", DOC, flags=re.DOTALL)
    exec(compile(code, "docs/concepts/memory.md", "exec"), {})  # its assertion is the test
