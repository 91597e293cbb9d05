"""docs/reference/measurements.md names what the schemas and the code name."""

import re
from pathlib import Path

from echoseg.cli.eval_ef import _LABELS
from echoseg.evaluation.agreement import STATISTICS
from echoseg.report.measurements import schema
from echoseg.report.rows import LABELS
from echoseg.report.study_record import study_schema

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "reference" / "measurements.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([a-z][a-z0-9_]*)`", DOCS))


def test_every_part_of_measurements_json_is_explained():
    described = set(schema()["properties"]) - {"schema"}
    assert described | set(schema()["$defs"]["measure"]["properties"]) <= NAMED


def test_every_measure_that_has_a_label_is_explained():
    assert set(LABELS) <= NAMED


def test_both_schemas_are_linked_and_describe_a_measure_alike():
    for name in ("measurements.schema.json", "study.schema.json"):
        assert f"](../../echoseg/report/{name})" in DOCS
    clip, study = (dict(found["$defs"]["measure"]["properties"]) for found in (schema(), study_schema()))
    assert clip.keys() == study.keys() and clip["unit"] == study["unit"] and clip["reference"] == study["reference"]


def test_every_statistic_is_printed():
    assert set(_LABELS) == set(STATISTICS)
