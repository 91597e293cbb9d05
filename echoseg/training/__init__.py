"""Training and fine-tuning by the SAM 2 recipe. ``train(config)`` is the entry point; datasets stand behind one small protocol.

Importing this package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from echoseg.training.config import TrainConfig, load_config
    from echoseg.training.dataset import Dataset, Sample
    from echoseg.training.trainer import TrainResult, train

_HOME = {
    "TrainConfig": "config",
    "load_config": "config",
    "Dataset": "dataset",
    "Sample": "dataset",
    "TrainResult": "trainer",
    "train": "trainer",
}
__all__ = ["Dataset", "Sample", "TrainConfig", "TrainResult", "load_config", "train"]


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
