"""The verbs of a network run by ONNX Runtime on a CPU; torch takes over, for good, where that fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from echoseg.model.config import SAM2Config
from echoseg.model.prompt_encoder import PADDING, PromptTensors
from echoseg.model.runtime.graphs import decode_name, encode_memory_name, graphs
from echoseg.model.runtime.library import silent_library
from echoseg.model.runtime.store import graph_of
from echoseg.model.sam2 import SAM2, FrameFeatures, MaskPrediction

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_log = logging.getLogger(__name__)


class OnnxVerbs:
    """What a tracker asks of a network, see :class:`echoseg.model.runtime.verbs.Verbs`; answers as ``network`` does, to rounding.

    Args:
        network: frozen, in evaluation mode, float32, on the CPU. Its weights are read when a graph is first needed: they must not change.

    Attributes:
        failure: why torch has taken over; None as long as it has not.
    """

    def __init__(self, network: SAM2) -> None:
        self.network = network
        self.failure: str | None = None
        self._sessions: dict[str, InferenceSession] = {}
        self._threads = 0

    @property
    def config(self) -> SAM2Config:
        return self.network.config

    def prepare(self) -> None:
        """Makes everything ready that tracking needs, so that :attr:`failure` is known before the first frame."""
        for name in graphs(self.config):
            self._session(name)

    def encode_image(self, images: Tensor) -> FrameFeatures:
        """See :meth:`SAM2.encode_image`."""
        rows = []
        for image in images.split(1):
            found = self._run("encode_image", {"image": image})
            if found is None:
                return self.network.encode_image(images)
            rows.append(found)
        embedding, *finer = (column[0] if len(column) == 1 else torch.cat(column) for column in zip(*rows, strict=True))
        return FrameFeatures(embedding, tuple(finer))

    def attend_memory(self, embedding: Tensor, memory: None) -> Tensor:
        """See :meth:`SAM2.attend_memory`: what a frame without memories becomes."""
        return self.network.attend_memory(embedding, memory)

    def condition(
        self, embedding: Tensor, spatial: Sequence[tuple[int, Tensor]], pointers: Sequence[tuple[float, Tensor]], pointer_span: int
    ) -> Tensor:
        """See :meth:`SAM2.condition`."""
        batch = len(spatial[0][1])
        inputs = {
            "embedding": embedding,
            "memories": torch.stack([memory.flatten(2) for _, memory in spatial], dim=1),
            "places": torch.tensor([(distance - 1) % self.config.num_maskmem for distance, _ in spatial]),
            "pointers": torch.stack([one for _, one in pointers], dim=1) if pointers else torch.zeros(batch, 0, self.config.d_model),
            "ages": torch.tensor([distance for distance, _ in pointers], dtype=torch.float32) / max(pointer_span, 1),
        }
        found = self._run("attend_memory", inputs)
        return self.network.condition(embedding, spatial, pointers, pointer_span) if found is None else found[0]

    def decode(self, embedding: Tensor, high_res: tuple[Tensor, ...], prompt: PromptTensors | None, multimask: bool) -> MaskPrediction:
        """See :meth:`SAM2.decode`."""
        batch, prompt = len(embedding), prompt or PromptTensors()
        inputs = {"embedding": embedding}
        if prompt.points is None or prompt.labels is None:
            inputs |= {"points": torch.zeros(batch, 1, 2), "labels": torch.full((batch, 1), PADDING)}
        else:
            inputs |= {"points": prompt.points, "labels": prompt.labels.long()}
        if self.config.structures:
            inputs["structure"] = torch.zeros(batch, 0, dtype=torch.int64) if prompt.structure is None else prompt.structure[:, None]
        if prompt.mask is not None:
            inputs["mask"] = prompt.mask
        inputs |= dict(zip(("fine", "middle"), high_res, strict=False))
        found = self._run(decode_name(prompt.mask is not None, multimask), inputs)
        return self.network.decode(embedding, high_res, prompt, multimask) if found is None else MaskPrediction(*found)

    def adopt_mask(self, features: FrameFeatures, mask: Tensor) -> MaskPrediction:
        """See :meth:`SAM2.adopt_mask`."""
        prompt = self.network.mask_prompt(mask)
        return self.network.adopted(mask, self.decode(features.embedding, features.high_res, prompt, multimask=False))

    def encode_memory(self, embedding: Tensor, mask_logits: Tensor, object_score: Tensor, from_prompt: bool) -> Tensor:
        """See :meth:`SAM2.encode_memory`; the mask has the size of those that :meth:`decode` gives."""
        inputs = {"embedding": embedding, "mask": mask_logits, "object_score": object_score}
        found = self._run(encode_memory_name(from_prompt), inputs)
        return self.network.encode_memory(embedding, mask_logits, object_score, from_prompt) if found is None else found[0]

    def _run(self, name: str, inputs: dict[str, Tensor]) -> list[Tensor] | None:
        """The outputs of a graph; None where torch must answer."""
        session = self._session(name)
        if session is None:
            return None
        known = {each.name for each in session.get_inputs()}
        try:
            outputs = session.run(None, {key: value.numpy() for key, value in inputs.items() if key in known})
        except Exception as error:
            self._give_up(error)
            return None
        return [torch.from_numpy(each) for each in outputs]

    def _session(self, name: str) -> InferenceSession | None:
        if self.failure is not None:
            return None
        threads = torch.get_num_threads()
        if threads != self._threads:  # as many as torch, whatever a worker has set since
            self._sessions.clear()
            self._threads = threads
        if name not in self._sessions:
            try:
                self._sessions[name] = self._loaded(name, threads)
            except Exception as error:
                self._give_up(error)
                return None
        return self._sessions[name]

    def _loaded(self, name: str, threads: int) -> InferenceSession:
        onnxruntime = silent_library()
        graph = graph_of(self.config, name)
        held = graphs(self.config)[name].build(self.network).state_dict()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4  # what fails is raised, and said by whoever asked
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a thread that waits leaves its core to others
        values: list[Any] = [onnxruntime.OrtValue.ortvalue_from_numpy(held[each].contiguous().numpy()) for each in graph.weights]
        options.add_external_initializers(list(graph.weights), values)
        return onnxruntime.InferenceSession(graph.content, options, providers=["CPUExecutionProvider"])

    def _give_up(self, error: Exception) -> None:
        # The library's errors have no common base, and whatever it is that fails, torch computes the same.
        lines = str(error).splitlines()
        self.failure = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        self._sessions.clear()
        _log.warning("ONNX Runtime cannot be used, torch takes over: %s", self.failure)
