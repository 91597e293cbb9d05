"""Chromium, a server with the real model, and pages that must stay quiet: no word in the console, no request to another host."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.serve.page.studio_page import PATIENCE_MS, StudioPage, StudioServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Debian's chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    playwright.expect.set_options(timeout=PATIENCE_MS)
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-background-networking"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., StudioPage]]:
    pages: list[StudioPage] = []

    def opened(server: StudioServer, user: str = "ana") -> StudioPage:
        page = StudioPage(browser.new_page(viewport={"width": 1440, "height": 900}), server.link, user)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        hosts, console = page.hosts, page.console
        page.page.close()
        assert {host.split(":")[0] for host in hosts} == {"127.0.0.1"}
        assert not console, console


@pytest.fixture(scope="session")
def demo_dicom() -> Path:
    pytest.importorskip("pydicom.data", reason="pydicom-data is not installed")
    from echoseg.datasets.demo import demo_clip

    return demo_clip()


@pytest.fixture(scope="session")
def beat(demo_dicom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One systole of the demo clip, end-diastole to early filling, as an array without spacing: small, so quick to spread."""
    from echoseg.io import open_source

    path = tmp_path_factory.mktemp("beat") / "beat.npy"
    with open_source(demo_dicom) as source:
        np.save(path, np.stack(list(source.frames(18, 40))))
    return path


@pytest.fixture(scope="session")
def lesion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bright ellipsoid of 19 x 18 x 22 voxels' half axes (3, 0.8, 0.8 mm) in noise, 24 slices; its volume is 4/3 pi of them."""
    import nibabel as nib

    z, y, x = np.mgrid[:24, :96, :96]
    inside = ((z - 12) * 3 / 20.0) ** 2 + ((y - 50) / 22.0) ** 2 + ((x - 45) / 18.0) ** 2 < 1
    voxels = np.where(inside, 120, 20) + np.random.default_rng(0).normal(0, 12, inside.shape)
    path = tmp_path_factory.mktemp("lesion") / "lesion.nii.gz"
    nib.save(nib.Nifti1Image(voxels.transpose(2, 1, 0).astype(np.int16), np.diag([0.8, 0.8, 3, 1])), path)
    return path


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., StudioServer]]:
    servers: list[StudioServer] = []

    def served(*inputs: Path, options: tuple[str, ...] = ("--no-draft",)) -> StudioServer:
        folder = tmp_path / "in"
        folder.mkdir()
        for number, path in enumerate(inputs):
            shutil.copy(path, folder / f"{number}-{path.name}")
        servers.append(StudioServer(tmp_path, [folder], *options))
        return servers[-1]

    yield served
    for server in servers:
        server.stop()
