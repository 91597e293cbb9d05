"""Clips and volumes go through the same code: what a source is decides when it is opened, prompted and reported, and nowhere between."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "echoseg"
ROOMS = ("tracking", "model", "cardiac", "volumetry")
FILES = ("pipeline.py", "results.py", "masks.py", "study.py")
BETWEEN = sorted([*(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")), *(PACKAGE / name for name in FILES)])
_KINDS = {"VolumeSource", "VolumeTracks", "Session", "ArraySource", "DicomSource"}


def questions(tree):
    """Comparisons with the kind ``volume``, and questions for the class of a source or of tracks."""
    for node in ast.walk(tree):
        inside = list(ast.walk(node))
        compared = isinstance(node, ast.Compare | ast.Match) and any(isinstance(n, ast.Constant) and n.value == "volume" for n in inside)
        asked = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance"
        if compared or (asked and _KINDS & {n.id for n in inside if isinstance(n, ast.Name)}):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", BETWEEN, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_asks_for_a_volume(path):
    assert list(questions(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("line", ['source.kind == "volume"', 'kind in ("volume", "image")', "isinstance(x, VolumeTracks)"])
def test_the_check_itself_knows_the_question(line):
    assert list(questions(ast.parse(line)))
