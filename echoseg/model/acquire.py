"""Getting weights once, so that a model is found by its name from then on: from a file, or from its authors' repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from echoseg.errors import WeightsError
from echoseg.model.build import shipped_weights
from echoseg.model.checkpoint import check_fits, read_state_dict, sha256
from echoseg.model.config import SAM2Config, model_config
from echoseg.model.installed import WeightsRecord, by_hand, install, installed_weights
from echoseg.model.recognise import empty_state, recognise

Download = Callable[[str, str], str]
"""``download(repository, file)``: the path of the file, once it is here."""


def import_weights(path: str | Path, model: str | None = None) -> WeightsRecord:
    """Copies a file of weights into the folder of weights, where ``load_model`` finds it by the model's name.

    Args:
        path: ``.safetensors``, or ``.pt``/``.pth`` as published; read without executing anything.
        model: name of the architecture; None: recognised by the names and shapes of the parameters.

    Raises:
        ModelConfigError: unknown name.
        WeightsError: no weights, of no known architecture or of several alike, or a model whose weights ship with echoseg.
        OutputError: the folder cannot be written.
    """
    path = Path(path)
    state, digest = read_state_dict(path), sha256(path)
    config = recognise(state, path.name, digest) if model is None else model_config(model)
    check_fits(empty_state(config), state, path.name)
    return _installed(path, config, digest, as_published=config.published is not None and config.published.sha256 == digest)


def pull_weights(name: str, download: Download | None = None) -> WeightsRecord:
    """Downloads the published weights of a model, compares their sha256 where it is known, and imports them; when the very file is here
    already, nothing is downloaded.

    Args:
        name: of the model.
        download: gets a file of a repository; default: the Hugging Face Hub's client, which keeps what it has downloaded.

    Raises:
        ModelConfigError: unknown name.
        WeightsError: nothing is published for it, or the download failed (the message says how to do it by hand), or what came is not the
            published file.
        OutputError: the folder cannot be written.
    """
    config = model_config(name)
    published = config.published
    _check_not_shipped(config)
    if published is None:
        raise WeightsError(f"{name}: no repository is known to pull from. {by_hand(config)}")
    here = _usable(name)
    if here is not None and here.sha256 == published.sha256:
        return here
    try:
        path = Path((download or _hub_download)(published.repository, published.file))
    except Exception as error:  # the hub's client and the HTTP library below it raise errors without a common base
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{name}: {published.file} cannot be downloaded ({reason}). {by_hand(config)}") from error
    digest = sha256(path)
    if published.sha256 is not None and digest != published.sha256:
        raise WeightsError(
            f"{name}: what came as {published.file} has the sha256 {digest}, but the file echoseg knows has {published.sha256}. It is "
            f"damaged, or its authors have replaced it: if you trust it, echoseg weights import {path} --model {name}"
        )
    check_fits(empty_state(config), read_state_dict(path), published.file)
    return _installed(path, config, digest, as_published=True)


def _usable(name: str) -> WeightsRecord | None:
    try:
        return installed_weights(name)
    except WeightsError:  # damaged: to be replaced
        return None


def _installed(path: Path, config: SAM2Config, digest: str, as_published: bool) -> WeightsRecord:
    _check_not_shipped(config)
    suffix = ".safetensors" if path.suffix == ".safetensors" else ".pt"
    record = WeightsRecord(
        model=config.name,
        name=path.name,
        stored=f"{config.name}-{digest[:12]}{suffix}",
        sha256=digest,
        size=path.stat().st_size,
        as_published=as_published,
        licence=config.licence if as_published else None,
        origin=config.origin if as_published else f"your file {path.name}",
    )
    install(path, record)
    return record


def _check_not_shipped(config: SAM2Config) -> None:
    if shipped_weights(config) is not None:
        raise WeightsError(f"{config.name}: its weights ship with echoseg; use weights of your own by --weights FILE (weights=FILE)")


def _hub_download(repository: str, file: str) -> str:
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise WeightsError("huggingface_hub is not installed: pip install 'echoseg[hub]'") from error
    return hf_hub_download(repository, file)
