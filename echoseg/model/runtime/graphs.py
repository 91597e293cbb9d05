"""The verbs of the network as modules that can be traced: tensors in, tensors out, no number of objects or memories fixed.

A module holds references to the network's own layers, so that one set of weights serves both; only what a graph needs in another form is
made anew (:mod:`echoseg.model.runtime.rotary`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from echoseg.model.config import SAM2Config
from echoseg.model.prompt_encoder import PADDING, PromptTensors
from echoseg.model.runtime.rotary import AttendMemory
from echoseg.model.sam2 import SAM2

Axes = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class Graph:
    """A verb, or one form of it, as a graph.

    Attributes:
        name: of its file.
        build: the module to trace, made of a network.
        example: inputs to trace it with, by name in the order of ``forward``.
        outputs: names.
        free: axes of inputs that are not fixed, by input.
    """

    name: str
    build: Callable[[SAM2], nn.Module]
    example: Callable[[SAM2Config], dict[str, Tensor]]
    outputs: tuple[str, ...]
    free: Axes


class EncodeImage(nn.Module):
    """One image ``(1, 3, S, S)`` to its embedding and, where the decoder takes them, two finer levels."""

    def __init__(self, network: SAM2) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        features = self.network.encode_image(image)
        return (features.embedding, *features.high_res)


class Decode(nn.Module):
    """Conditioned embedding and prompts to masks.

    Args:
        masked: there is a mask among the prompts.
        multimask: see :meth:`SAM2.decode`.
    """

    def __init__(self, network: SAM2, masked: bool, multimask: bool) -> None:
        super().__init__()
        self.network, self.masked, self.multimask = network, masked, multimask

    def forward(self, embedding: Tensor, points: Tensor, labels: Tensor, *more: Tensor) -> tuple[Tensor, ...]:
        """``more``: ``structure (B, 0 or 1)`` where the model knows structures, the mask if ``masked``, the finer levels if it has them."""
        structure, more = (more[0], more[1:]) if self.network.config.structures else (None, more)
        mask, more = (more[0], more[1:]) if self.masked else (None, more)
        prompts = self.network.sam_prompt_encoder
        sparse, dense = prompts(PromptTensors(points, labels, mask), points.shape[0])
        if structure is not None:
            kinds = torch.cat((prompts.not_a_point_embed.weight, prompts.structure_embed.weight))
            sparse = torch.cat((sparse, kinds[structure + 1]), dim=1)
        found = self.network.decode_tokens(embedding, sparse, dense, more, self.multimask)
        return found.multimasks, found.ious, found.mask, found.iou, found.object_pointer, found.object_score


class EncodeMemory(nn.Module):
    """See :meth:`SAM2.encode_memory`; an embedding of one frame serves the masks of several objects."""

    def __init__(self, network: SAM2, from_prompt: bool) -> None:
        super().__init__()
        self.network, self.from_prompt = network, from_prompt

    def forward(self, embedding: Tensor, mask: Tensor, object_score: Tensor) -> Tensor:
        return self.network.encode_memory(embedding, mask, object_score, self.from_prompt)


def graphs(config: SAM2Config) -> dict[str, Graph]:
    """All graphs of a model, by name."""
    found = [_encode_image(config), _attend_memory(config)]
    found += [_decode(config, masked, multimask) for masked in (False, True) for multimask in (False, True)]
    found += [_encode_memory(config, from_prompt) for from_prompt in (False, True)]
    return {graph.name: graph for graph in found}


def decode_name(masked: bool, multimask: bool) -> str:
    """Of the graph that decodes such prompts."""
    return f"decode{'_masked' * masked}{'_multimask' * multimask}"


def encode_memory_name(from_prompt: bool) -> str:
    """Of the graph that encodes such masks."""
    return f"encode_memory{'_prompted' * from_prompt}"


def _encode_image(config: SAM2Config) -> Graph:
    names = ("embedding", "fine", "middle") if config.use_high_res_features else ("embedding",)
    side = config.image_size
    return Graph("encode_image", EncodeImage, lambda _: {"image": torch.zeros(1, 3, side, side)}, names, {})


def _attend_memory(config: SAM2Config) -> Graph:
    def example(config: SAM2Config) -> dict[str, Tensor]:
        side = config.embedding_size
        return {
            "embedding": _embedding(config, 1),
            "memories": torch.zeros(2, 2, config.mem_dim, side * side),
            "places": torch.zeros(2, dtype=torch.int64),
            "pointers": torch.zeros(2, 2, config.d_model),
            "ages": torch.zeros(2),
        }

    free = {
        "embedding": {0: "frames"},
        "memories": {0: "objects", 1: "memories"},
        "places": {0: "memories"},
        "pointers": {0: "objects", 1: "pointers"},
        "ages": {0: "pointers"},
    }
    return Graph("attend_memory", AttendMemory, example, ("conditioned",), free)


def _decode(config: SAM2Config, masked: bool, multimask: bool) -> Graph:
    def example(config: SAM2Config) -> dict[str, Tensor]:
        inputs = {
            "embedding": _embedding(config, 2),
            "points": torch.zeros(2, 2, 2),
            "labels": torch.full((2, 2), PADDING),
        }
        if config.structures:
            inputs["structure"] = torch.zeros(2, 1, dtype=torch.int64)
        if masked:
            inputs["mask"] = torch.zeros(2, 1, config.mask_size, config.mask_size)
        if config.use_high_res_features:
            side, width = config.embedding_size, config.d_model
            inputs |= {"fine": torch.zeros(1, width // 8, 4 * side, 4 * side), "middle": torch.zeros(1, width // 4, 2 * side, 2 * side)}
        return inputs

    free = {name: {0: "frames" if name in ("fine", "middle") else "objects"} for name in example(config)}
    free["points"] = free["labels"] = {0: "objects", 1: "points"}
    if config.structures:
        free["structure"] = {0: "objects", 1: "named"}
    outputs = ("multimasks", "ious", "best", "iou", "pointer", "object_score")
    name = decode_name(masked, multimask)
    return Graph(name, lambda network: Decode(network, masked, multimask), example, outputs, free)


def _encode_memory(config: SAM2Config, from_prompt: bool) -> Graph:
    def example(config: SAM2Config) -> dict[str, Tensor]:
        side = config.mask_size
        return {"embedding": _embedding(config, 1), "mask": torch.zeros(2, 1, side, side), "object_score": torch.zeros(2, 1)}

    free = {"embedding": {0: "frames"}, "mask": {0: "objects"}, "object_score": {0: "objects"}}
    return Graph(encode_memory_name(from_prompt), lambda network: EncodeMemory(network, from_prompt), example, ("memory",), free)


def _embedding(config: SAM2Config, batch: int) -> Tensor:
    return torch.zeros(batch, config.d_model, config.embedding_size, config.embedding_size)
