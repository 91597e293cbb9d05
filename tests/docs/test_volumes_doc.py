"""The Python examples of docs/how-to/volumes.md run as they stand."""

import re
from pathlib import Path

import pytest

DOC = (Path(__file__).parents[2] / "docs" / "how-to" / "volumes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", DOC, flags=re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_the_python_examples_run(code):
    exec(compile(code, "docs/how-to/volumes.md", "exec"), {})


def test_the_example_of_a_prompt_file_is_one(tmp_path):
    from echoseg.prompting.parse import parse_prompt

    (example,) = re.findall(r"```json\n(.*?)```", DOC, flags=re.DOTALL)
    path = tmp_path / "lesions.json"
    path.write_text(example)
    plan = parse_prompt(str(path))
    assert sorted(plan.prompts) == [1, 2, 3] and plan.extents == {2: (60, 110)} and sorted(plan.prompts[3]) == [40, 52]
