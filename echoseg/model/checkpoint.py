"""Reading weights: official ``.pt`` files and safetensors, strictly and without executing anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from echoseg.errors import WeightsError


def read_metadata(path: Path) -> dict[str, str]:
    """The texts that a safetensors file carries beside its numbers; empty for other files, and where there are none."""
    if path.suffix != ".safetensors":
        return {}
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Parameters in ``path``: safetensors, or a ``.pt``/``.pth`` holding a state dict or ``{"model": state_dict}``.

    Raises:
        WeightsError: no such file, unreadable, or a pickle that holds more than tensors (it is never executed).
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no weights at {path}: give the path of a .pt or .safetensors file")
    try:
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "is the file complete, and does it hold tensors only?"
        raise WeightsError(f"{path.name} cannot be read as weights ({reason}): {hint}") from error
    except Exception as error:  # torch advises to load it unsafely; of bytes that are no pickle its reader raises whatever they make it do
        raise WeightsError(
            f"{path.name} cannot be read as weights: it holds something other than tensors, or is not a checkpoint; "
            "save a state dict of tensors only"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict) or not content or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise WeightsError(f'{path.name} does not hold a state dict or {{"model": state_dict}}')
    return content


def load_strict(model: nn.Module, state: dict[str, Tensor], label: str) -> None:
    """Loads every parameter, converting to the model's dtype; all or nothing.

    Raises:
        WeightsError: names the missing, unexpected and mis-shaped keys.
    """
    check_fits(model.state_dict(), state, label)
    model.load_state_dict(state)


def check_fits(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor], label: str) -> None:
    """Compares the names and shapes of parameters, and looks whether their values can be taken as they are.

    Args:
        wanted: parameters of the network; may be on the device ``meta``.
        state: those of the file.
        label: of the file, for an error.

    Raises:
        WeightsError: names the missing, unexpected and mis-shaped keys, those of another kind of numbers (integers or complex ones where
            the network has real ones, sparse tensors), and those with values that are not finite.
    """
    problems = []
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    misshaped = [
        f"{key} is {tuple(state[key].shape)} but should be {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in state and state[key].shape != value.shape
    ]
    unlike = [
        f"{key} is {state[key].dtype}, {state[key].layout}"
        for key, value in wanted.items()
        if key in state and (state[key].is_floating_point() != value.is_floating_point() or state[key].layout != value.layout)
    ]
    for kind, keys in (("missing", missing), ("unexpected", unexpected), ("mis-shaped", misshaped), ("of another kind", unlike)):
        if keys:
            problems.append(f"{len(keys)} {kind}: {_some(keys)}")
    if problems:
        raise WeightsError(f"{label} does not fit this model ({'; '.join(problems)}); is it the right --model for these weights?")
    if broken := [key for key, value in state.items() if not value.float().isfinite().all()]:
        raise WeightsError(f"{label} holds values that are not finite ({_some(broken)}): its training failed, or the file is damaged")


def sha256(path: str | Path) -> str:
    """Hex digest of a file, read block by block: a checkpoint may be larger than the memory that is free."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _some(keys: Iterable[str], most: int = 6) -> str:
    keys = list(keys)
    return ", ".join(keys[:most]) + (f", ... and {len(keys) - most} more" if len(keys) > most else "")
