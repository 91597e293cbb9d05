"""A clip from opening to acceptance, against the real server with the shipped model, in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_clip_from_draft_to_acceptance(serve, open_page, demo_dicom, beat):
    page = open_page(serve(demo_dicom, beat))
    page.wait_drafted()
    first, drafted, drafted_edv = page.clip(), page.ef, page["edv"].inner_text()
    drafted_ef = page["ef"].inner_text()
    assert 40 < drafted < 80
    assert re.fullmatch(r"\d+ mL", drafted_edv)

    shown = int(page["canvas"].get_attribute("data-shown") or 0)
    page["play"].click()
    page.wait_for('#play[data-playing="true"]')
    page.page.wait_for_timeout(1500)
    page["play"].click()
    assert int(page["canvas"].get_attribute("data-shown") or 0) > shown + 3

    page.press("Home", "n")
    frame, area = page.frame, page.pixels()
    page.click(350, 190)  # the middle of the ventricle is taken away
    page.wait_spread()
    assert page.frame == frame
    assert page.pixels() != area
    corrected = page["main-measure-numbers"].inner_text()

    page["undo"].click()
    expect(page["main-measure-numbers"]).not_to_have_text(corrected)
    assert page.pixels() == area
    expect(page["ef"]).to_have_text(drafted_ef)

    page.page.locator(".beats button").nth(1).click()  # to the first beat's ES
    systole = page.frame
    page.press("ArrowLeft", "ArrowLeft", "ArrowLeft", "e")
    expect(page.page.locator('[data-phase="ed"][data-beat="0"]')).to_have_attribute("data-frame", str(systole - 3))
    assert page["edv"].inner_text() != drafted_edv

    page["accept"].click()
    page.wait_next(first)
    assert page["edv"].inner_text() == "no mL"
    assert page["spacing"].inner_text() == "unknown: no mL"
    expect(page["queue"]).to_contain_text("1 of 2 done")


def test_markers_are_dragged_and_the_border_too(serve, open_page, beat):
    page = open_page(serve(beat))
    page.wait_drafted()
    marker = page["es-mark"]
    was = int(marker.get_attribute("data-frame") or -1)
    box, strip = marker.bounding_box(), page.page.locator("#timeline").bounding_box()
    assert box is not None and strip is not None
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 6)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] - 60, box["y"] + 6, steps=4)
    page.page.mouse.up()
    expect(page["es-mark"]).not_to_have_attribute("data-frame", str(was))
    moved = int(page["es-mark"].get_attribute("data-frame") or -1)
    assert moved < was
    page.wait_for(".lamp.good")

    page.press("Home", "c")
    area = page.pixels()
    right, middle = page.page.evaluate(RIGHTMOST_OF_MASK)
    page.drag((right, middle), (right + 25, middle))
    page.wait_spread()
    assert page.pixels() > area + 200

    page.press("r", "]", "]", "]")
    painted = page.pixels()
    page.drag((right + 40, middle), (right + 60, middle))
    page.wait_spread()
    assert page.pixels() > painted + 200


# The rightmost place of the overlay that is drawn, in source pixels.
RIGHTMOST_OF_MASK = """() => {
  const canvas = document.querySelector('[data-testid="canvas"]');
  const [sx, sy, left, top] = canvas.dataset.view.split(" ").map(Number);
  const ratio = canvas.width / canvas.clientWidth;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  for (let x = canvas.width - 2; x > 0; x--)
    for (let y = 0; y < canvas.height; y++)
      if (pixels[4 * (y * canvas.width + x) + 3] > 100) return [(x / ratio - left) / sx, (y / ratio - top) / sy];
}"""


def test_the_keyboard_alone_is_enough(serve, open_page, beat):
    page = open_page(serve(beat, beat))
    page.wait_drafted()
    first, area = page.clip(), page.pixels(0)
    page.press("?")
    expect(page.page.get_by_role("dialog")).to_contain_text("play, pause")
    page.press("Escape", " ")
    page.wait_for('#play[data-playing="true"]')
    page.press(" ", "Home", "n", "Control+ArrowDown", "Control+Shift+ArrowUp", "f")
    page.wait_spread()
    assert page.pixels(0) != area
    page.press("z")
    page.wait_for("#act-redo:enabled")
    assert page.pixels(0) == area
    page.press("x", "2")
    page.wait_next(first)
    page.press("Enter")
    expect(page["canvas"].locator("..")).to_contain_text("Nothing left to do")


def test_another_user_gets_another_item(serve, open_page, beat):
    server = serve(beat, beat)
    ana = open_page(server, "ana")
    ana.wait_drafted()
    ben = open_page(server, "ben")
    ben.wait_drafted()
    assert ana.clip() != ben.clip()
    expect(ana["queue"]).to_contain_text("ben")


def test_a_killed_server_loses_nothing(serve, open_page, beat):
    server = serve(beat)
    page = open_page(server)
    page.wait_drafted()
    page.press("Home", "n")
    page.click(350, 190)
    page.wait_spread()
    area, label = page.pixels(0), page["undo"].get_attribute("title")
    server.kill()
    page.press("e")  # said to nobody: it is said again when the server is back
    page.wait_for(".lamp.bad")
    server.start()
    page.wait_for(".lamp.good")
    expect(page.page.locator('[data-phase="ed"][data-beat="0"]')).to_have_attribute("data-frame", "0")
    assert page.pixels(0) == area
    page.page.reload()
    page.wait_drafted()
    page.press("z")
    expect(page["undo"]).to_have_attribute("title", label or "")
    assert page.pixels(0) == area
    # A browser says by itself that a server is away; nothing else may be in the console.
    page.console[:] = [line for line in page.console if "ERR_CONNECTION_REFUSED" not in line and "ERR_EMPTY_RESPONSE" not in line]
