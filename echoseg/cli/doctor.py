"""``echoseg doctor``: what is installed, what works, what is missing and what for."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Literal, NamedTuple

import typer
from rich.table import Table
from rich.text import Text

from echoseg import __version__
from echoseg.cli.console import output
from echoseg.errors import EchosegError

State = Literal["ok", "optional", "problem"]
STYLE: dict[State, str] = {"ok": "green", "optional": "dim", "problem": "bold red"}

LIBRARIES = (
    *("torch", "onnxruntime", "onnx", "numpy", "scipy", "av", "opencv-python-headless", "pillow"),
    *("pydicom", "simpleitk", "safetensors", "matplotlib"),
)
OPTIONAL = {
    "pydicom-data": "the clip of `echoseg demo` (pip install 'echoseg[demo]')",
    "transformers": "the tests that compare the model with another implementation",
}
"""Libraries that may be missing, and what each is for."""

DICOM_DECODERS = {
    "JPEG baseline": "JPEGBaseline8Bit",
    "JPEG lossless": "JPEGLosslessSV1",
    "JPEG-LS": "JPEGLSLossless",
    "JPEG 2000": "JPEG2000",
    "RLE": "RLELossless",
}
"""Compression of a DICOM clip, and the name of its transfer syntax in pydicom."""


class Check(NamedTuple):
    """One line of the report. ``problem`` stops the main job, a missing ``optional`` thing does not."""

    what: str
    state: State
    finding: str


def doctor() -> None:
    """Check this installation; exit code 1 when `echoseg run` cannot work."""
    video = [*video_readers(), video_codec()]
    checks = [*libraries(), *optional_libraries(), *devices(), *runtimes(), *video, *dicom_decoders(), *weights(), cache_folder()]
    table = Table.grid(padding=(0, 2))
    for check in checks:
        table.add_row(check.what, Text(check.state, STYLE[check.state]), Text(check.finding, overflow="fold"))
    console = output()
    console.print(table)
    problems = [check for check in checks if check.state == "problem"]
    if problems:
        console.print(Text(f"\n{len(problems)} problem{'s' * (len(problems) > 1)}: {', '.join(c.what for c in problems)}", "bold red"))
        raise typer.Exit(1)
    console.print(Text("\nOK", "bold green"))


def libraries() -> Iterator[Check]:
    """Python, echoseg and the libraries it cannot do without."""
    yield Check("python", "ok", f"{platform.python_version()} on {platform.platform()}")
    yield Check("echoseg", "ok", __version__)
    for name in LIBRARIES:
        try:
            yield Check(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, "problem", "not installed: pip install echoseg")


def optional_libraries() -> Iterator[Check]:
    """Libraries that add something."""
    for name, purpose in OPTIONAL.items():
        try:
            yield Check(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, "optional", f"not installed; needed for {purpose}")


def video_readers() -> Iterator[Check]:
    """What can decode video files, and the version of each."""
    try:
        from echoseg.io.video.open import MISSING, MODULES
    except ImportError:  # reported with the libraries
        return
    for name, module in MODULES.items():
        try:
            version = getattr(import_module(module), "__version__", "version unknown")
        except (ImportError, OSError):  # decord is not needed by any other part
            yield Check(f"video reader {name}", "optional" if name == "decord" else "problem", f"not installed: {MISSING[name]}")
        else:
            yield Check(f"video reader {name}", "ok", f"{module} {version}")


def devices() -> Iterator[Check]:
    """What the network can run on."""
    try:
        import torch
    except ImportError:  # reported with the libraries
        return
    yield Check("cpu", "ok", f"{os.cpu_count()} logical cores, torch uses {torch.get_num_threads()} threads")
    for index in range(torch.cuda.device_count()):
        yield Check(f"cuda:{index}", "ok", torch.cuda.get_device_name(index))
    if not torch.cuda.is_available():
        yield Check("cuda", "optional", "none")
    yield Check("mps", *(("ok", "available") if torch.backends.mps.is_available() else ("optional", "none")))


def runtimes() -> Iterator[Check]:
    """What runs the network where nothing else is asked for, tried on the model that ships."""
    try:
        from echoseg.model import load_model
        from echoseg.model.runtime.store import cache_folder
    except ImportError:  # reported with the libraries
        return
    try:
        model = load_model()
        model.prepare()
    except EchosegError as error:
        yield Check("runtime", "problem", str(error))
        return
    if model.runtime_failure is not None:
        yield Check("runtime", "optional", f"torch, since ONNX Runtime cannot be used: {model.runtime_failure}")
    else:
        yield Check("runtime", "ok", f"{model.ran_by}, graphs of other models are kept in {cache_folder() / 'graphs'}")


def video_codec() -> Check:
    """The H.264 encoder that overlay.mp4 is written with."""
    try:
        import av

        av.codec.Codec("libx264", "w")
    except ImportError:
        return Check("H.264 encoder", "problem", "PyAV is not installed")
    except ValueError:  # PyAV's UnknownCodecError
        return Check("H.264 encoder", "problem", "this PyAV has no libx264: install the wheel from PyPI")
    return Check("H.264 encoder", "ok", "libx264")


def dicom_decoders() -> Iterator[Check]:
    """For each compression of DICOM clips the pydicom plugins that can read it."""
    try:
        from pydicom import uid
        from pydicom.pixels import get_decoder
    except ImportError:  # reported with the libraries
        return
    for name, syntax in DICOM_DECODERS.items():
        decoder = get_decoder(getattr(uid, syntax))
        if decoder.is_available:
            yield Check(f"DICOM {name}", "ok", ", ".join(decoder.available_plugins))
        else:
            yield Check(f"DICOM {name}", "optional", "no decoder: such files cannot be read")


def weights() -> Iterator[Check]:
    """The checkpoints that come with the package."""
    try:
        from echoseg.model import REGISTRY, shipped_weights
        from echoseg.model.checkpoint import sha256
    except ImportError:  # reported with the libraries
        return
    for config in REGISTRY.values():
        if config.weights is None:
            continue
        path = shipped_weights(config)
        if path is None:
            yield Check(f"weights of {config.name}", "problem", f"{config.weights} is not in the package: reinstall echoseg")
        else:
            yield Check(f"weights of {config.name}", "ok", f"{path.name} sha256 {sha256(path)}, {config.licence}")


def cache_folder() -> Check:
    """Whether the user's cache, where training runs write by default, can be written."""
    folder = Path.home() / ".cache"
    while not folder.exists():  # the first write makes the folders that are missing
        folder = folder.parent
    if os.access(folder, os.W_OK):
        return Check("cache", "ok", str(folder))
    return Check("cache", "problem", f"{folder} cannot be written: set HOME to a folder that can")
