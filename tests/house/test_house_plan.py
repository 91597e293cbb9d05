"""The house plan: imports go down and not in circles, files are short, names say something, no paths of one machine."""

import ast
import re
import subprocess
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "echoseg"

# From the top of the house to its ground floor; rooms of one storey do not import each other. ARCHITECTURE.md tells what each is for.
STOREYS = [
    {"__main__"},
    {"cli", "serve"},
    {"annotate"},
    {"archive", "training", "evaluation"},
    {"study", "cine"},
    {"pipeline", "masks"},
    {"results"},
    {"report"},
    {"record"},
    {"prompting"},
    {"tracking"},
    {"model"},
    {"datasets"},
    {"metrics"},
    {"simulate"},
    {"cardiac", "volumetry"},
    {"io"},
    {"types", "options", "errors"},
]
STOREY = {room: len(STOREYS) - level for level, rooms in enumerate(STOREYS) for room in rooms}
SAME_STOREY_ALLOWED = {("cli", "serve"), ("training", "evaluation"), ("types", "errors"), ("options", "errors")}
LONGEST_FILE = 400
WITHOUT_TORCH = {"annotate", "record", "datasets", "metrics", "simulate", "cardiac", "volumetry", "io", "types", "options", "errors"}

MODULES = sorted(PACKAGE.rglob("*.py"))
module_cases = pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_modules(tree: ast.Module, package: list[str]) -> list[str]:
    """Every module that is imported anywhere in the file, by its full name; ``from a import b`` gives ``a.b``."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names += [f"{stem}.{alias.name}" for alias in node.names]
    return names


def upward_imports(room: str, imports: list[str]) -> list[str]:
    """Those of ``imports`` that do not go down from ``room``. The package's version is anybody's."""
    wrong = []
    for name in imports:
        parts = name.split(".")
        if parts[0] != "echoseg" or parts[1:] == ["__version__"]:
            continue
        # `import echoseg` brings the whole public surface: only the top of the house may
        target = parts[1] if len(parts) > 1 else "pipeline"
        if target not in STOREY:
            target = "pipeline"
        if target != room and STOREY[target] >= STOREY[room] and (room, target) not in SAME_STOREY_ALLOWED:
            wrong.append(name)
    return wrong


@pytest.mark.parametrize(
    ("room", "line", "goes_up"),
    [
        ("cardiac", "from echoseg.io.source import Source", False),
        ("cardiac", "from echoseg import volumetry", True),
        ("io", "import echoseg.model.registry", True),
        ("io", "from ..cardiac import cycle", True),
        ("io", "from .source import Source", False),
        ("training", "from echoseg.evaluation import speed", False),
        ("evaluation", "from echoseg.training import train", True),
        ("report", "from echoseg import __version__", False),
        ("report", "import echoseg", True),
        ("record", "from echoseg.report import pages", True),
        ("cli", "import echoseg", False),
    ],
)
def test_the_check_itself_knows_up_from_down(room, line, goes_up):
    imports = imported_modules(ast.parse(line), ["echoseg", room])
    assert bool(upward_imports(room, imports)) is goes_up


@module_cases
def test_imports_go_down(path):
    if path == PACKAGE / "__init__.py":
        return  # the public surface names every room, lazily: test_lazy_import
    package = ["echoseg", *path.relative_to(PACKAGE).parts[:-1]]
    imports = imported_modules(parsed(path), package)
    assert upward_imports(room_of(path), imports) == []
    if room_of(path) in WITHOUT_TORCH:
        assert [name for name in imports if name.split(".")[0] == "torch"] == []


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def loading_imports(tree: ast.Module, package: list[str], known: set[str]) -> set[str]:
    """Those of ``known`` that are imported when the file is loaded: neither in functions nor under ``if TYPE_CHECKING``."""

    def kept(body: list[ast.stmt]) -> list[ast.stmt]:
        statements = []
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                statements.append(node)
            elif isinstance(node, ast.If):
                statements += kept([] if ast.unparse(node.test).endswith("TYPE_CHECKING") else node.body) + kept(node.orelse)
            elif isinstance(node, ast.Try | ast.With | ast.ClassDef):
                statements += kept(node.body)
        return statements

    names = imported_modules(ast.Module(kept(tree.body), []), package)
    return {name if name in known else name.rpartition(".")[0] for name in names} & known


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules along a circle of imports, none when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_imports_go_in_a_circle():
    known = {module_name(path) for path in MODULES}
    packages = {path: ["echoseg", *path.relative_to(PACKAGE).parts[:-1]] for path in MODULES}
    assert circle({module_name(path): loading_imports(parsed(path), packages[path], known) for path in MODULES}) == []


def test_the_check_itself_knows_a_circle():
    known = {"echoseg.a.b", "echoseg.a.c", "echoseg.a.d"}
    here = "import typing\nfrom .c import thing\nif typing.TYPE_CHECKING:\n    import echoseg.a.d\ndef late():\n    import echoseg.a.d"
    assert loading_imports(ast.parse(here), ["echoseg", "a"], known) == {"echoseg.a.c"}
    assert sorted(set(circle({"b": {"c"}, "c": {"d"}, "d": {"b"}}))) == ["b", "c", "d"]
    assert circle({"b": {"c", "d"}, "c": {"d"}}) == []


def test_architecture_names_the_same_rooms_in_the_same_order():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`.*?) \|", text.split("## The house")[1].split("\n## ")[0], flags=re.MULTILINE)
    assert [set(re.findall(r"`(\w+)(?:/|\.py)`", cell)) for cell in table] == STOREYS[1:]
    assert f"{LONGEST_FILE} lines" in text


@module_cases
def test_file_is_one_idea(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    assert not re.fullmatch(r"(utils?|helpers?|common|misc)(\.py)?", path.name)
    assert not {"utils", "util", "helpers", "common", "misc"} & set(path.relative_to(PACKAGE).parts[:-1])


@module_cases
def test_only_the_command_line_prints(path):
    calls = [n.func for n in ast.walk(parsed(path)) if isinstance(n, ast.Call)]
    assert room_of(path) == "cli" or "print" not in [f.id for f in calls if isinstance(f, ast.Name)]


def test_one_file_imports_transformers():
    """It is there to compare with; nothing else leans on it."""
    names = {path: imported_modules(parsed(path), ["echoseg", *path.relative_to(PACKAGE).parts[:-1]]) for path in MODULES}
    users = [path.name for path, imports in names.items() if any(name.split(".")[0] == "transformers" for name in imports)]
    assert users == ["transformers_model.py"]


def test_every_room_is_a_package():
    rooms = {path.parent for path in MODULES} - {PACKAGE}
    assert [str(room.relative_to(ROOT)) for room in sorted(rooms) if not (room / "__init__.py").exists()] == []


def test_tracked_files_hold_no_paths_of_one_machine():
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    machine_path = re.compile(rb"(?<![\w.])/(?:work|farm|root|opt/pypi|opt/wheels)/")
    guilty = []
    for name in listing.stdout.decode().split("\0"):
        path = ROOT / name
        if path.is_file() and path.suffix not in {".safetensors", ".png", ".npz"} and machine_path.search(path.read_bytes()):
            guilty.append(name)
    assert guilty == []
