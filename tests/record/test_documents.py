"""The models accept what real runs wrote, as it was written, and the generated schemas refuse what the hand-written ones refused."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from echoseg.record import documents
from echoseg.record.documents import SCHEMAS, Measurements, StudyRecord, write_schemas

FILES = Path(__file__).parent / "documents"
"""Of runs on a clip, a volume and two clips of a study, and the schemas that were written by hand."""
WRITTEN = {name: Measurements for name in ("clip", "clip-without-spacing", "volume")} | {
    name: StudyRecord for name in ("study", "study-without-spacing")
}
OTHERS = (None, True, "x", "", "given", -1, 0, 1, 0.5, 101.5, 1e6, [], [1.0], [1.0, 2.0], {}, {"x": 1})
"""What a value is replaced by."""
each_document = pytest.mark.parametrize("name", WRITTEN)


def read(name):
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))


def validators(name):
    file = next(file for file, document in SCHEMAS.items() if document is WRITTEN[name])
    former = json.loads((FILES / file).read_text(encoding="utf-8"))
    return [jsonschema.Draft202012Validator(schema) for schema in (former, WRITTEN[name].json_schema())]


def small(record):
    """One of everything: of measures a calibrated, a plain and an unknown one."""
    by_shape = {(entry["value"] is None, entry["reference"] is None, len(entry)): key for key, entry in record["measures"].items()}
    record["measures"] = {key: record["measures"][key] for key in by_shape.values()}
    record["provenance"]["options"] = {"direction": "both"}
    return record | {key: record[key][:1] for key in ("objects", "beats", "flags") if key in record}


def places(value, path=()):
    """The path of every value in a JSON value; of a list's values that of the first."""
    yield path
    items = value.items() if isinstance(value, dict) else list(enumerate(value))[:1] if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(record):
    """The record with one value lost, one too many, or another in its place; for every value."""
    for path in places(record):
        for other in OTHERS if path else ():
            made = copy.deepcopy(record)
            at(made, path[:-1])[path[-1]] = other
            yield (*path, other), made
        made = copy.deepcopy(record)
        found = at(made, path)
        if isinstance(found, dict):
            found["one_more"] = 1
            yield (*path, "one_more"), made
        if path and isinstance(at(record, path[:-1]), dict):
            made = copy.deepcopy(record)
            del at(made, path[:-1])[path[-1]]
            yield (*path, "lost"), made


def at(value, path):
    for key in path:
        value = value[key]
    return value


@each_document
def test_what_a_run_wrote_is_valid_by_both_schemas_and_comes_back_as_it_was(name):
    record = read(name)
    for validator in validators(name):
        validator.check_schema(validator.schema)
        validator.validate(record)
    assert json.dumps(WRITTEN[name].model_validate(record).plain()) == json.dumps(record)


@each_document
def test_both_schemas_refuse_the_same_documents(name):
    former, generated = validators(name)
    verdicts = [(what, former.is_valid(record), generated.is_valid(record)) for what, record in changed(small(read(name)))]
    assert [what for what, old, new in verdicts if old != new] == []
    assert {old for _, old, _ in verdicts} == {True, False}


@each_document
def test_a_record_is_frozen_and_refuses_what_its_schema_refuses(name):
    record = WRITTEN[name].model_validate(read(name))
    with pytest.raises(ValidationError, match="frozen"):
        record.quality = "accept"
    with pytest.raises(ValidationError, match="reason"):
        key, entry = next(iter(read(name)["measures"].items()), ("ef", {"unit": "%", "method": None, "interval": None, "reference": None}))
        WRITTEN[name].model_validate({**read(name), "measures": {key: entry | {"value": None, "reason": ""}}})


def test_the_schemas_that_ship_are_those_of_the_models(tmp_path):
    write_schemas(tmp_path)
    shipped = Path(documents.__file__).parent
    assert sorted(path.name for path in shipped.glob("*.json")) == sorted(SCHEMAS)
    for name in SCHEMAS:
        assert (tmp_path / name).read_text(encoding="utf-8") == (shipped / name).read_text(encoding="utf-8"), "write them: make schemas"
