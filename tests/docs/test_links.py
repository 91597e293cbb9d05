"""Every relative link of the papers leads to a file that is there, and to a heading in it where it names one."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAPERS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "pipelines").glob("*.md"), *(ROOT / "echoseg" / "weights").glob("*.md")])
SHELVES = ("start", "how-to", "concepts", "reference", "evidence", "decisions")


@cache
def anchors(path: Path) -> frozenset[str]:
    """The headings of a page as GitHub names them in addresses."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def broken(path: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    wrong = []
    for link in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    assert broken(path) == []


def test_the_check_itself_knows_a_dead_link(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A heading: of two\n[a](page.md#a-heading-of-two) [b](https://x.org/none) [c](none.md) [d](#none) `[e](none.md)`\n")
    assert broken(page) == ["none.md", "#none"]


def test_every_page_stands_on_a_shelf_and_in_the_index():
    pages = [path for path in DOCS.rglob("*.md") if path != DOCS / "index.md"]
    assert {path.parent.relative_to(DOCS).as_posix() for path in pages} == set(SHELVES)
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", (DOCS / "index.md").read_text(encoding="utf-8"))}
    assert [path for path in pages if path.resolve() not in linked and path.parent.name != "decisions"] == []


@pytest.mark.parametrize("folder", ["echoseg", "pipelines", "configs", "notebooks", "tests"])
def test_pages_named_in_code_are_there(folder):
    dead = []
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in {".py", ".pyi", ".yaml", ".ipynb", ".json", ".html"}:
            named = re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))
            dead += [(path.name, name) for name in named if not (ROOT / name).exists()]
    assert dead == []


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_named_in_pages_is_there(path):
    named = re.findall(r"`(\w[\w-]*/[\w/.-]+\.py)`", path.read_text(encoding="utf-8"))
    assert [name for name in named if "NAME" not in name and not any((base / name).exists() for base in (ROOT, ROOT / "echoseg"))] == []
