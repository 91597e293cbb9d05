"""docs/reference/odd-files.md, made from the texts of the flags in the code. To write it anew: ``python tests/docs/flag_texts.py``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "odd-files.md"
ORDER = ("reject", "review", "info")
GAP = "…"
ADVICE = re.compile(
    r"(?:^|[.:;,] )((?:give|cut|turn|look|flip|say|export|choose|copy|repeat|record|correct|average|use)\b.*)$", re.IGNORECASE
)
_ELSE = {"reject": "Do not use the numbers.", "review": "Look at the result before you use it.", "info": "Nothing: it is worth knowing."}
_TEXT = """# What echoseg does with odd files

Whatever a file lacks, contradicts or shows instead of a ventricle is said by a flag: in `measurements.json`, in the report, on the
terminal, and by `echoseg info INPUT` before anything is segmented, in the same words. An input that cannot be read at all is refused with
an error that says what is there. Flags never stop a run. What they ask of a reader is their severity:

- **reject**: no number may be used. Where the picture itself is the cause, none is given, and each measure says so in its `reason`;
- **review**: look before use. An unknown spacing or rate is such a case: what depends on it is unknown, and no value is guessed;
- **info**: worth knowing.

Where a person drew the masks or the prompt, colour, several sectors and a turned picture are for review and not rejected.

This page is made from the texts in the code (`python tests/docs/flag_texts.py`); {gap} stands for what is filled in.

| flag | severity | what it means | what to do |
|---|---|---|---|
"""


def _scope(tree: ast.AST) -> Iterator[tuple[ast.Call, dict[str, list[ast.expr]]]]:
    """Each ``Flag(...)`` of a file, with what names of its function, and of the module, were given."""
    outer = _assigned(tree, deep=False)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside: set[int] = set()
    for function in functions:
        names = {**outer, **_assigned(function, deep=True)}
        for call in _calls(function):
            inside.add(id(call))
            yield call, names
    for call in _calls(tree):
        if id(call) not in inside:
            yield call, outer


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Flag"]


def _assigned(tree: ast.AST, *, deep: bool) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree) if deep else ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _told(node: ast.expr, names: dict[str, list[ast.expr]], line: int, depth: int = 0) -> str:
    """The text of an expression, with a gap for each part that only a run knows."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_told(part, names, line, depth) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _told(node.value, names, line, depth)
    if isinstance(node, ast.Name) and depth < 3:
        before = [value for value in names.get(node.id, []) if value.lineno <= line]
        if before and isinstance(before[-1], ast.Constant | ast.JoinedStr):
            return _told(before[-1], names, line, depth + 1)
    return GAP


def _severity(call: ast.Call) -> str:
    given = call.args[2] if len(call.args) > 2 else next((word.value for word in call.keywords if word.arg == "severity"), None)
    if given is None:
        return "review"
    return given.attr.lower() if isinstance(given, ast.Attribute) else "reject or review"


def flags(room: str = "") -> dict[str, tuple[list[str], list[str]]]:
    """``{code: (severities, texts)}`` of every flag with a code of its own in the package, or in one file or folder of it."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    place = ROOT / "echoseg" / room
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        for call, names in _scope(ast.parse(path.read_text(encoding="utf-8"))):
            if len(call.args) < 2 or not isinstance(call.args[0], ast.Constant):
                continue
            severities, texts = found.setdefault(str(call.args[0].value), ([], []))
            for value, held in ((_severity(call), severities), (_told(call.args[1], names, call.lineno), texts)):
                if value not in held:
                    held.append(value)
    return found


def _row(code: str, severities: list[str], texts: list[str]) -> str:
    worst = next(word for word in ORDER if any(word in each for each in severities))
    advice: list[str] = []
    for text in texts:
        found = ADVICE.search(text)
        todo = _ELSE[worst] if found is None else found[1][0].upper() + found[1][1:].rstrip(".") + "."
        if todo not in advice:
            advice.append(todo)
    cells = (f"`{code}`", ", ".join(severities), "<br>".join(texts), "<br>".join(advice))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def page() -> str:
    """The whole page."""
    found = flags()
    ranked = sorted(found, key=lambda code: (min(ORDER.index(word.split()[0]) for word in found[code][0]), code))
    return _TEXT.format(gap=GAP) + "\n".join(_row(code, *found[code]) for code in ranked) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
