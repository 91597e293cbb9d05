"""Results of other code are not mixed: whatever can change a number in the tables is part of the fingerprint."""

import shutil
from pathlib import Path

import pytest

from echoseg.archive.settings import _NOT_DECIDING, check_config, code_sha256
from echoseg.errors import ArchiveError
from tests.house.test_house_plan import PACKAGE, imported_modules, parsed

ROOMS = sorted({path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py")})


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the package's code."""
    skipped = shutil.ignore_patterns("__pycache__", "compact*.safetensors")
    return Path(shutil.copytree(PACKAGE, tmp_path_factory.mktemp("copy") / "echoseg", ignore=skipped))


@pytest.mark.parametrize("room", ROOMS)
def test_an_edit_changes_the_fingerprint_in_every_room_that_decides(copied, room):
    before, file = code_sha256(copied), next(path for path in (copied / room, *sorted((copied / room).rglob("*.py"))) if path.is_file())
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}\n# edited\n", encoding="utf-8")
    code_sha256.cache_clear()
    try:
        assert (code_sha256(copied) == before) == (room in _NOT_DECIDING)
    finally:
        file.write_text(text, encoding="utf-8")
        code_sha256.cache_clear()


def test_constants_beside_the_code_and_a_new_room_decide_too(copied):
    before = code_sha256(copied)
    (copied / "new_room").mkdir()
    for file in ("cardiac/guidelines/new.json", "new_room/code.py"):
        (copied / file).write_text("{}")
        code_sha256.cache_clear()
        assert code_sha256(copied) != before
        before = code_sha256(copied)


def test_a_worker_enters_no_room_that_does_not_decide():
    entered, ahead = set(), [PACKAGE / "archive" / "clip_task.py"]
    while ahead:
        file = ahead.pop()
        if file not in entered:
            entered.add(file)
            names = imported_modules(parsed(file), ["echoseg", *file.relative_to(PACKAGE).parts[:-1]])
            ahead += [found for name in names if name.startswith("echoseg.") and (found := file_of(name))]
    rooms = {file.relative_to(PACKAGE).parts[0] for file in entered}
    assert {"cardiac", "io", "model", "record", "volumetry", "pipeline.py"} <= rooms
    assert rooms & _NOT_DECIDING == set()


def file_of(name):
    """The file that ``echoseg.a.b`` is, or is defined in."""
    parts = name.split(".")[1:]
    for count in range(len(parts), 0, -1):
        stem = PACKAGE.joinpath(*parts[:count])
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file():
                return file
    return None


def test_a_ledger_of_other_code_is_refused_with_what_differs():
    noted = {"model": "compact", "code_sha256": "ab" * 32}
    check_config(noted, dict(noted), "out")
    with pytest.raises(ArchiveError) as refused:
        check_config(noted, noted | {"code_sha256": "cd" * 32}, "out")
    assert str(refused.value) == (
        "out: its results were computed differently (code_sha256 was abababababab..., now cdcdcdcdcdcd...), and are not mixed; "
        "use another --out, or --recompute to replace them"
    )
