"""Device and precision: float32 on CPU and MPS, bfloat16 autocast on CUDA."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from echoseg.errors import DeviceError


@dataclass(frozen=True)
class Execution:
    """Where and how precisely a network runs.

    Attributes:
        device: torch device.
        autocast: dtype of mixed precision, or None for float32 throughout.
    """

    device: torch.device
    autocast: torch.dtype | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Inference mode in the chosen precision."""
        with torch.inference_mode(), torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            yield


def choose_execution(device: str | torch.device = "auto", precision: str = "auto") -> Execution:
    """Where to run: ``auto`` prefers CUDA, then MPS, then CPU.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: ``auto`` (bfloat16 on CUDA, else float32), ``float32`` or ``bfloat16``.

    Raises:
        DeviceError: the device does not exist here, or the precision is unknown.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"device {device!r} cannot be used here ({reason}); try device='auto' or 'cpu'") from error
    dtypes = {"auto": torch.bfloat16 if chosen.type == "cuda" else None, "float32": None, "bfloat16": torch.bfloat16}
    if precision not in dtypes:
        raise DeviceError(f"unknown precision {precision!r}; there are: {', '.join(dtypes)}")
    return Execution(chosen, dtypes[precision])
