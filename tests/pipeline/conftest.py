"""A few frames of the real clip in many kinds of files, and the command line as a user calls it."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import echoseg
from echoseg.cli.main import app
from echoseg.datasets.demo import demo_clip
from echoseg.io import open_source
from echoseg.model import Model

FRAMES = 24


@pytest.fixture(scope="session")
def compact() -> Model:
    return echoseg.load_model("compact", device="cpu")


@pytest.fixture(scope="session")
def frames() -> np.ndarray:
    """``(24, 240, 320, 3)``: the first 0.8 s of the demo clip at half its size; the LV is in view on all of them."""
    with open_source(demo_clip()) as source:
        return np.stack([frame[::2, ::2] for frame in source.frames(0, FRAMES)])


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory, frames: np.ndarray) -> SimpleNamespace:
    """The same frames as an mp4, a gif, a folder of images, an array, and one image; 8 of them as a short array."""
    folder = tmp_path_factory.mktemp("inputs")
    here = SimpleNamespace(mp4=folder / "beat.mp4", gif=folder / "beat.gif", folder=folder / "beat", npy=folder / "beat.npy")
    _write_video(here.mp4, frames, "libx264", "yuv420p", {"crf": "12"})
    _write_video(here.gif, frames, "gif", "rgb8", {})
    here.folder.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(here.folder / f"view {index}.png")
    np.save(here.npy, frames)
    here.short = folder / "short.npy"
    np.save(here.short, frames[:8])
    here.png = folder / "one.png"
    Image.fromarray(frames[0]).save(here.png)
    return here


def _write_video(path: Path, frames: np.ndarray, codec: str, pixels: str, options: dict[str, str]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(25), options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        for image in frames:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """Calls ``echoseg run ARGUMENTS --out tmp_path/out``; gives exit code, stderr as plain text, and the output folder."""

    def call(*arguments: object) -> SimpleNamespace:
        out = tmp_path / "out"
        done = CliRunner().invoke(app, ["run", *map(str, arguments), "--out", str(out), "--device", "cpu"])
        return SimpleNamespace(exit_code=done.exit_code, out=out, stderr=re.sub(r"\s+", " ", done.stderr), output=done.output)

    return call
