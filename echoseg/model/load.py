"""A network ready to run: weights loaded, device and precision chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from echoseg.model.build import WeightsInfo, load_network, shipped_weights
from echoseg.model.config import SAM2Config
from echoseg.model.device import Execution, choose_execution
from echoseg.model.sam2 import SAM2


@dataclass(frozen=True)
class Model:
    """What :func:`load_model` returns.

    Attributes:
        network: the SAM 2.1 modules, frozen, in evaluation mode, on ``execution.device``.
        execution: device and precision; call it as a context manager around network calls.
        weights: file name and sha256 of the weights.
        shipped: whether the weights are those that ship with echoseg.
    """

    network: SAM2
    execution: Execution
    weights: WeightsInfo
    shipped: bool = False

    @property
    def config(self) -> SAM2Config:
        return self.network.config

    @property
    def name(self) -> str:
        return self.config.name

    @cached_property
    def for_volumes(self) -> Model:
        """The model to use on CT and MRI: itself, or the one that its config names, loaded when first asked for.

        Weights of one's own are used on everything.
        """
        if self.config.for_volumes is None or not self.shipped:
            return self
        network, info = load_network(self.config.for_volumes)
        return Model(network.to(self.execution.device).requires_grad_(False), self.execution, info, shipped=True)


def load_model(name: str = "compact", weights: str | Path | None = None, device: str = "auto", precision: str = "auto") -> Model:
    """Loads a model by name.

    Args:
        name: ``compact`` (ships with echoseg), ``medsam2``, ``sam2.1-tiny``, ``efficienttam-tiny`` ... (import or pull their weights
            once); see ``echoseg weights list``.
        weights: path of a ``.pt`` or ``.safetensors`` file; None uses the weights that ship, or those that were imported or pulled.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``.
        precision: ``auto``, ``float32`` or ``bfloat16``.

    Raises:
        ModelConfigError: unknown name.
        WeightsError: weights missing, unsafe, partial or of another architecture.
        DeviceError: device or precision not available.

    >>> model = echoseg.load_model("compact", device="cpu")
    >>> model.config.name, model.config.structures
    ('compact', ('LV', 'LA', 'MYO', 'RV'))
    """
    execution = choose_execution(device, precision)
    network, info = load_network(name, weights)
    shipped = weights is None and shipped_weights(network.config) is not None
    return Model(network.to(execution.device).requires_grad_(False), execution, info, shipped=shipped)
