"""Where graphs lie: those of echoseg's own models ship, others are exported when first needed and kept in the user's cache.

A graph holds no weights, so it is one for all weights of an architecture. It is told apart by everything that decides it: the
architecture, the code it is traced from, and, where it was not shipped, the libraries that traced it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path

import platformdirs
import torch

from echoseg.errors import OutputError
from echoseg.io.atomic import atomic_path
from echoseg.model.config import SAM2Config, model_config
from echoseg.model.runtime.export import OPSET, Exported, exported
from echoseg.model.runtime.graphs import graphs

ENVIRONMENT = "ECHOSEG_CACHE"
"""Environment variable that names the folder of everything that can be made again."""

SHIPPED = ("compact", "compact-sim", "compact-volume", "compact-volume-sim", "medsam2")
"""Models whose graphs ship: those whose weights do, and the one that most others are measured by."""

_TRACED = (
    *("sam2", "layers", "trunks", "image_encoder", "mask_decoder", "memory_attention", "memory_encoder", "position", "prompt_encoder"),
    *("transformer", "runtime/graphs", "runtime/rotary", "runtime/export"),
)
_NOT_TRACED = {"name", "dropout", "crop_to_sector", "zoom_to_prompt", "mirror_prompted", "tracked_bias"}
_NOT_TRACED |= {"for_volumes", "view_net", "weights", "licence", "citation", "terms", "origin", "published"}
"""Fields of a configuration that no graph depends on."""

_log = logging.getLogger(__name__)


def graph_of(config: SAM2Config, name: str) -> Exported:
    """A graph of a model: as it ships, else as it is kept, else exported now and kept for the next time.

    Raises:
        ImportError: it must be exported, and the library ``onnx`` is not installed.
    """
    shipped = _read(shipped_path(config), name)
    if shipped is not None:
        return shipped
    path = kept_path(config, name)
    kept = _read(path, name)
    if kept is not None:
        return kept
    made = exported(graphs(config)[name], config)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_graphs(path, {name: made})
    except (OSError, OutputError) as error:  # a full disk or a read-only home: it is exported again next time
        _log.info("%s is not kept: %s", path.name, error)
    return made


def ship() -> None:
    """Writes the graphs that ship into the package, in place of all that lie there: ``make graphs``."""
    wanted = {shipped_path(config): config for config in map(model_config, SHIPPED)}
    for path in shipped_folder().glob("*.zip"):
        if path not in wanted:
            path.unlink()
    for path, config in wanted.items():
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            write_graphs(path, {graph.name: exported(graph, config) for graph in graphs(config).values()})


def write_graphs(path: Path, made: dict[str, Exported]) -> None:
    """A file of graphs; the same graphs give the same bytes.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
        for name, graph in made.items():
            for suffix, content in (("onnx", graph.content), ("json", json.dumps(graph.weights).encode())):
                file.writestr(zipfile.ZipInfo(f"{name}.{suffix}"), content, zipfile.ZIP_DEFLATED)


def shipped_path(config: SAM2Config) -> Path:
    """Where the graphs of a model lie if they ship."""
    return shipped_folder() / f"{graph_key(config)[:16]}.zip"


def shipped_folder() -> Path:
    """Where the graphs of all models lie that ship."""
    return Path(str(files("echoseg") / "weights" / "graphs"))


def kept_path(config: SAM2Config, name: str) -> Path:
    """Where a graph of a model is kept."""
    made_by = hashlib.sha256(f"{graph_key(config)} {torch.__version__} {_onnx_version()}".encode()).hexdigest()
    return cache_folder() / "graphs" / f"{config.name}-{name}-{made_by[:16]}.zip"


def cache_folder() -> Path:
    """``$ECHOSEG_CACHE``, else ``echoseg`` in the user's cache; it need not exist."""
    given = os.environ.get(ENVIRONMENT)
    return Path(given).expanduser() if given else platformdirs.user_cache_path("echoseg", appauthor=False)


def graph_key(config: SAM2Config) -> str:
    """Hex digest of what decides the graphs of a model beside the libraries that trace them."""
    shape = {name: value for name, value in asdict(config).items() if name not in _NOT_TRACED}
    told = f"{_code_sha256()} {OPSET} {type(config.trunk).__name__} {json.dumps(shape, sort_keys=True)}"
    return hashlib.sha256(told.encode()).hexdigest()


@cache
def _code_sha256() -> str:
    digest, folder = hashlib.sha256(), files("echoseg") / "model"
    for name in _TRACED:
        digest.update((folder / f"{name}.py").read_text(encoding="utf-8").encode())
    return digest.hexdigest()


@cache
def _onnx_version() -> str:
    from importlib import metadata

    try:
        return metadata.version("onnx")
    except metadata.PackageNotFoundError:
        return "none"


def _read(path: Path, name: str) -> Exported | None:
    """None where there is no such file, or one that is damaged: a zip file knows its contents by their checksums."""
    try:
        with zipfile.ZipFile(path) as file:
            return Exported(file.read(f"{name}.onnx"), tuple(json.loads(file.read(f"{name}.json"))))
    except FileNotFoundError:
        return None
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        _log.warning("%s is damaged and is made again: %s", path, error)
        return None
