"""docs/reference/measurements.md names what the schemas and the code name."""

import re
from pathlib import Path

from echoseg.cli.eval_ef import _LABELS
from echoseg.metrics.agreement import STATISTICS
from echoseg.record.documents import Measurements, StudyRecord
from echoseg.record.measures import MEASURES

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "reference" / "measurements.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([a-z][a-z0-9_]*)`", DOCS))


def test_every_part_of_measurements_json_is_explained():
    described = set(Measurements.json_schema()["properties"]) - {"schema"}
    assert described | set(Measurements.json_schema()["$defs"]["KnownMeasure"]["properties"]) <= NAMED


def test_every_measure_that_has_a_label_is_explained():
    assert set(MEASURES) <= NAMED


def test_both_schemas_are_linked_and_describe_a_measure_alike():
    for name in ("measurements.schema.json", "study.schema.json"):
        assert f"](../../echoseg/record/{name})" in DOCS
    clip, study = Measurements.json_schema()["$defs"], StudyRecord.json_schema()["$defs"]
    assert all(clip[name] == study[name] for name in ("KnownMeasure", "UnknownMeasure", "Reference"))


def test_every_statistic_is_printed():
    assert set(_LABELS) == set(STATISTICS)
