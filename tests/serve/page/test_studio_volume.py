"""A volume: box, spread, measures in millilitres and millimetres, stop marks, acceptance."""

from __future__ import annotations

import math

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_volume_from_box_to_acceptance(serve, open_page, lesion):
    page = open_page(serve(lesion))
    expect(page["frame"]).to_have_text("13")
    page.press("b")
    page.drag((27, 28), (63, 72))
    page.wait_spread()
    truth_ml = 4 / 3 * math.pi * 20 * (22 * 0.8) * (18 * 0.8) / 1000
    volume = float(page["volume"].inner_text())
    assert volume == pytest.approx(truth_ml, rel=0.15)
    longest = float(page["long-axis"].inner_text().removesuffix(" mm"))
    assert longest == pytest.approx(2 * 22 * 0.8, rel=0.1)

    page.page.mouse.wheel(0, 120)
    expect(page["frame"]).not_to_have_text("13")
    page.press("Home", *["ArrowRight"] * 13, ".")
    expect(page.page.locator("#no-stops")).to_be_visible()
    assert float(page["volume"].inner_text()) < volume
    assert page.pixels(15) == 0

    grey = page.page.locator("#hud-view").inner_text()
    page.press("k")
    page.page.get_by_label("Level").press("ArrowRight")
    expect(page.page.locator("#hud-view")).not_to_have_text(grey)

    page.press("k", "Enter")
    expect(page["queue"]).to_contain_text("1 of 1 done")
