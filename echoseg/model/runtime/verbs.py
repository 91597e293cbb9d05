"""What a tracker asks of a network, and which of its executors answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, Protocol, get_args

from torch import Tensor

from echoseg.errors import ModelConfigError
from echoseg.model.config import SAM2Config
from echoseg.model.device import Execution
from echoseg.model.prompt_encoder import PromptTensors
from echoseg.model.sam2 import FrameFeatures, MaskPrediction
from echoseg.options import Runtime

ENVIRONMENT = "ECHOSEG_RUNTIME"
"""Environment variable that says what ``auto`` means."""


class Verbs(Protocol):
    """The verbs of :class:`~echoseg.model.sam2.SAM2` on a frame, for all objects that share a batch."""

    @property
    def config(self) -> SAM2Config: ...

    def encode_image(self, images: Tensor) -> FrameFeatures: ...

    def attend_memory(self, embedding: Tensor, memory: None) -> Tensor: ...

    def condition(
        self, embedding: Tensor, spatial: Sequence[tuple[int, Tensor]], pointers: Sequence[tuple[float, Tensor]], pointer_span: int
    ) -> Tensor: ...

    def decode(self, embedding: Tensor, high_res: tuple[Tensor, ...], prompt: PromptTensors | None, multimask: bool) -> MaskPrediction: ...

    def adopt_mask(self, features: FrameFeatures, mask: Tensor) -> MaskPrediction: ...

    def encode_memory(self, embedding: Tensor, mask_logits: Tensor, object_score: Tensor, from_prompt: bool) -> Tensor: ...


def choose_runtime(asked: Runtime, execution: Execution) -> Literal["torch", "onnx"]:
    """What runs the network: ``auto`` is ONNX Runtime for float32 on a CPU, else torch.

    Raises:
        ModelConfigError: no such runtime, or ``onnx`` for another device or precision.
    """
    fits = execution.device.type == "cpu" and execution.autocast is None
    if asked not in get_args(Runtime):
        raise ModelConfigError(f"no runtime {asked!r}: choose from {', '.join(get_args(Runtime))}")
    if asked == "onnx" and not fits:
        precision = str(execution.autocast or "float32").removeprefix("torch.")
        raise ModelConfigError(f"runtime onnx is for float32 on a CPU, not {precision} on {execution.device}: use runtime torch, or auto")
    if asked == "auto" and fits:
        wanted = os.environ.get(ENVIRONMENT) or "auto"
        if wanted not in get_args(Runtime):
            raise ModelConfigError(f"{ENVIRONMENT}={wanted}: no such runtime; choose from {', '.join(get_args(Runtime))}")
        return "torch" if wanted == "torch" else "onnx"
    return "onnx" if asked == "onnx" else "torch"
