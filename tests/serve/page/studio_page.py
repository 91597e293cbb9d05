"""The studio for tests: a server process with the real model, and the page as a user handles it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

START_S = 120
# A machine that is busy with other things is no bug of the page: nothing here asserts a time.
PATIENCE_MS = 240_000


class StudioServer:
    """``echoseg serve`` in a process of its own, that can be killed and started again with the same project, port and secret."""

    def __init__(self, folder: Path, inputs: list[Path], *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.command = [sys.executable, "-m", "echoseg", "serve", *map(str, inputs), "--project", str(folder / "project")]
        self.command += ["--port", str(self.port), "--token-file", str(folder / "token"), "--order", "given", *options]
        self.start()

    def start(self) -> None:
        log = self.folder / "server.log"
        log.write_text("")
        with log.open("w") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"})
        deadline = time.monotonic() + START_S
        while not (links := [word for word in log.read_text().split() if word.startswith("http")]):
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"no link within {START_S} s: {log.read_text()}"
            time.sleep(0.2)
        self.link = links[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


class StudioPage:
    """One user's page. What the console said and which hosts were asked is kept."""

    def __init__(self, page: Page, link: str, user: str) -> None:
        self.page = page
        self.console: list[str] = []
        self.hosts: set[str] = set()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self.console.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]) if request.url.startswith("http") else None)
        page.goto(link)
        self["name-input"].fill(user)
        page.keyboard.press("Enter")

    def __getitem__(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_for(self, selector: str) -> None:
        self.page.wait_for_selector(selector, state="attached")

    def wait_drafted(self) -> None:
        """Until a mask is on the frame in view and nothing spreads any more."""
        self.wait_for('[data-testid="canvas"][data-mask="new"]')
        self.wait_for('#propagate[data-running="false"]')

    def wait_next(self, clip: str) -> None:
        """Until another item than ``clip`` is open and drafted."""
        from playwright.sync_api import expect

        expect(self.page).not_to_have_url(re.compile(f"{clip}$"))
        self.wait_drafted()

    def wait_spread(self) -> None:
        """Until what was said has spread: no frame shows an old mask, nothing is on its way."""
        self.wait_for('#propagate[data-running="true"]')
        self.wait_for('#propagate[data-running="false"]')
        self.wait_for(".lamp.good")

    @property
    def frame(self) -> int:
        return int(self["frame"].get_attribute("data-frame") or -1)

    @property
    def ef(self) -> float:
        return float(self["ef"].inner_text())

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the picture (source pixels) is on the screen."""
        canvas = self["canvas"]
        box = canvas.bounding_box()
        assert box is not None
        scale_x, scale_y, left, top = map(float, (canvas.get_attribute("data-view") or "").split())
        return box["x"] + left + x * scale_x, box["y"] + top + y * scale_y

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at((start[0] + stop[0]) / 2, (start[1] + stop[1]) / 2))
        self.page.mouse.move(*self.at(*stop))
        self.page.mouse.up()

    def clip(self) -> str:
        return self.page.url.rpartition("#")[2]

    def pixels(self, frame: int | None = None) -> int:
        """Area of all masks of a frame in source pixels, by the server's lines through the page's own reading of them."""
        return int(
            self.page.evaluate(
                """async ([clip, user, frame]) => {
                  const { askJson, ask } = await import(new URL("page/js/net/client.js", document.baseURI));
                  const { lines } = await import(new URL("page/js/net/streams.js", document.baseURI));
                  const { Mask } = await import(new URL("page/js/image/masks.js", document.baseURI));
                  const session = await askJson("sessions", { method: "POST", body: { clip, user } });
                  let area = 0;
                  for await (const line of lines(await ask(`sessions/${session.id}/masks?from=${frame}&to=${frame + 1}`)))
                    if (line.type === "mask") area += new Mask(line).pixels().reduce((sum, value) => sum + value, 0);
                  return area;
                }""",
                [self.clip(), self["user-name"].inner_text(), self.frame if frame is None else frame],
            )
        )
