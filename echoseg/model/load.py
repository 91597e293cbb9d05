"""A network ready to run: weights loaded, device and precision chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from echoseg.model.build import WeightsInfo, load_network, shipped_weights
from echoseg.model.config import SAM2Config
from echoseg.model.device import Execution, choose_execution
from echoseg.model.runtime.onnx import OnnxVerbs
from echoseg.model.runtime.verbs import Verbs, choose_runtime
from echoseg.model.sam2 import SAM2
from echoseg.options import Runtime
from echoseg.types import Flag, Severity


@dataclass(frozen=True)
class Model:
    """What :func:`load_model` returns.

    Attributes:
        network: the SAM 2.1 modules, frozen, in evaluation mode, on ``execution.device``.
        execution: device and precision; call it as a context manager around network calls.
        weights: file name and sha256 of the weights.
        shipped: whether the weights are those that ship with echoseg.
        runtime: what is to run the network. Whoever changes its weights keeps torch: ONNX Runtime reads them once.
    """

    network: SAM2
    execution: Execution
    weights: WeightsInfo
    shipped: bool = False
    runtime: Literal["torch", "onnx"] = "torch"

    @property
    def config(self) -> SAM2Config:
        return self.network.config

    @property
    def name(self) -> str:
        return self.config.name

    @cached_property
    def verbs(self) -> Verbs:
        """The network as it is run: by ``runtime``, or by torch once that has failed."""
        return OnnxVerbs(self.network) if self.runtime == "onnx" else self.network

    @property
    def runtime_failure(self) -> str | None:
        """Why torch has taken over from ONNX Runtime; None where it has not."""
        return self.verbs.failure if isinstance(self.verbs, OnnxVerbs) else None

    @property
    def ran_by(self) -> Literal["torch", "onnx"]:
        """What runs the network, for provenance."""
        return "torch" if self.runtime_failure is not None else self.runtime

    def prepare(self) -> None:
        """Makes ready now what would be made on the first frames, so that :attr:`ran_by` stands."""
        if isinstance(self.verbs, OnnxVerbs):
            self.verbs.prepare()

    @property
    def for_volumes_name(self) -> str:
        """The name of :attr:`for_volumes`, which is not loaded for it."""
        return self.config.for_volumes if self.config.for_volumes is not None and self.shipped else self.name

    @cached_property
    def for_volumes(self) -> Model:
        """The model to use on CT and MRI: itself, or the one that its config names, loaded when first asked for.

        Weights of one's own are used on everything.
        """
        if self.config.for_volumes is None or self.for_volumes_name == self.name:
            return self
        network, info = load_network(self.config.for_volumes)
        return Model(network.to(self.execution.device).requires_grad_(False), self.execution, info, shipped=True, runtime=self.runtime)


def load_model(
    name: str = "compact",
    weights: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    runtime: Runtime = "auto",
) -> Model:
    """Loads a model by name.

    Args:
        name: ``compact`` (ships with echoseg), ``medsam2``, ``sam2.1-tiny``, ``efficienttam-tiny`` ... (import or pull their weights
            once); see ``echoseg weights list``.
        weights: path of a ``.pt`` or ``.safetensors`` file; None uses the weights that ship, or those that were imported or pulled.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        runtime: what runs the network: ``torch``, or ``onnx`` (ONNX Runtime, float32 on a CPU); ``auto``: onnx on a CPU, torch
            elsewhere, or as the environment variable ``ECHOSEG_RUNTIME`` says. They give the same masks, to rounding; where ONNX Runtime
            fails, torch takes over, and the result says so.

    Raises:
        ModelConfigError: unknown name, or a runtime that cannot run on this device.
        WeightsError: weights missing, unsafe, partial or of another architecture.
        DeviceError: device or precision not available.

    >>> model = echoseg.load_model("compact", device="cpu")
    >>> model.config.name, model.config.structures
    ('compact', ('LV', 'LA', 'MYO', 'RV'))
    """
    execution = choose_execution(device, precision)
    chosen = choose_runtime(runtime, execution)
    network, info = load_network(name, weights)
    shipped = weights is None and shipped_weights(network.config) is not None
    return Model(network.to(execution.device).requires_grad_(False), execution, info, shipped=shipped, runtime=chosen)


def torch_instead(*models: Model | None) -> Iterator[Flag]:
    """A flag where torch had to take over from ONNX Runtime in any of ``models``."""
    failures = [model.runtime_failure for model in models if model is not None and model.runtime_failure is not None]
    if failures:
        text = f"ONNX Runtime cannot be used here ({failures[0]}): torch computed the result, to rounding the same."
        yield Flag("torch_instead", text, Severity.INFO)
