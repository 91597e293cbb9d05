"""A module to an ONNX graph without its weights, which are named in the graph and handed over when it is loaded."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from echoseg.model.build import build_model
from echoseg.model.config import SAM2Config
from echoseg.model.runtime.graphs import Graph

OPSET = 17
_ELSEWHERE = "weights"  # where a graph says that its weights lie; no such file is ever read


@dataclass(frozen=True)
class Exported:
    """A graph as ONNX Runtime reads it, and the names of the weights to hand over with it."""

    content: bytes
    weights: tuple[str, ...]


def exported(graph: Graph, config: SAM2Config) -> Exported:
    """The graph of a float32 network on the CPU.

    Raises:
        ImportError: the library ``onnx`` is not installed.
    """
    import onnx

    inputs = graph.example(config)
    buffer = io.BytesIO()
    with torch.random.fork_rng(devices=[]):
        # Values of its own, no two alike: the exporter makes one of what is equal, and a graph must not depend on weights.
        network = build_model(config)
        for parameter in network.parameters():
            parameter.data.normal_()
        module = graph.build(network).eval()
    with torch.no_grad(), _quiet():
        # The exporter that traces: it takes part of a second, the newer one tens of them and a further library.
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            buffer,  # type: ignore[arg-type]  # the exporter that traces writes to it
            dynamo=False,
            export_params=False,
            do_constant_folding=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(graph.outputs),
            dynamic_axes={name: dict(axes) for name, axes in graph.free.items()},
        )
    model = onnx.load_from_string(buffer.getvalue())
    weights = [each for each in model.graph.input if each.name not in inputs]
    for each in weights:
        kind = each.type.tensor_type
        held = model.graph.initializer.add(name=each.name, data_type=kind.elem_type, data_location=onnx.TensorProto.EXTERNAL)
        held.dims.extend(dim.dim_value for dim in kind.shape.dim)
        held.external_data.add(key="location", value=_ELSEWHERE)
        model.graph.input.remove(each)
    for node in model.graph.node:
        node.ClearField("doc_string")  # where in the sources it was traced
    return Exported(bytes(model.SerializeToString(deterministic=True)), tuple(each.name for each in weights))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of itself, and of Python values that the trace fixes: those of a configuration."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
