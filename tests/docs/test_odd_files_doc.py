"""docs/reference/odd-files.md says what the flags in the code say."""

import pytest
from flag_texts import ADVICE, PAGE, flags, page


def test_the_page_is_made_of_the_flags_own_texts():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/docs/flag_texts.py"


def test_every_flag_says_something():
    assert all(len(text) >= 15 for _, texts in flags().values() for text in texts if text != "…")
    assert {"m_mode", "child", "no_beat", "spacing_missing"} <= set(flags())


@pytest.mark.parametrize("room", ["cardiac", "record", "report", "results.py", "study.py"])
def test_a_flag_on_the_measurement_ends_with_what_to_do(room):
    found = flags(room)
    silent = {
        code: text for code, (severities, texts) in found.items() for text in texts if not ADVICE.search(text) and severities != ["info"]
    }
    assert found and silent == {}
