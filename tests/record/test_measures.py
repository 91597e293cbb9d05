"""Every measure is declared once; page, tables and archive take what they say of it from there."""

import re
from pathlib import Path
from typing import get_args

from echoseg.archive.tables import BEATS, CLIPS
from echoseg.record.documents import BeatEntry
from echoseg.record.measures import BEAT, HEADLINE, MEASURES, TABLED, Unit

PACKAGE = Path(__file__).parents[2] / "echoseg"


def test_a_measure_is_shown_with_no_more_decimals_than_are_written():
    assert all(measure.shown <= measure.decimals for measure in MEASURES.values())
    assert {measure.unit for measure in MEASURES.values()} <= set(get_args(Unit))


def test_columns_name_their_unit_and_stand_in_the_archive_s_tables():
    columns = [measure.column for measure in TABLED]
    assert columns == [name for name in CLIPS.names if name in columns] and columns[: len(HEADLINE)] == [each.column for each in HEADLINE]
    assert [each.column for each in BEAT] == [name for name in BEATS.names if name in columns] == list(BeatEntry.model_fields)[-len(BEAT) :]
    for measure in TABLED:
        plain = re.sub(r"\W+", "_", measure.unit.replace("²", "2")).lower()
        assert measure.unit in ("%", "1", "EDV/s", "/min") or measure.column == f"{measure.key}_{plain}"


def test_a_measure_s_label_stands_in_one_file():
    texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    for measure in MEASURES.values():
        if " " in measure.label:
            found = [path.name for path, text in texts.items() if f'"{measure.label}"' in text]
            assert found == ["measures.py"], measure.label
