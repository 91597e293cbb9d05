"""Turns a frame and what is remembered into masks. Knows tensors and frames, not files; holds no state of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from echoseg.errors import PromptError
from echoseg.model.load import Model
from echoseg.model.preprocess import logits_to_source, mask_to_input, normalize
from echoseg.model.prompt_encoder import BOX_FIRST, BOX_SECOND, PromptTensors
from echoseg.model.sam2 import FrameFeatures, MaskPrediction
from echoseg.tracking.memory_bank import MemoryBank, ObjectMemory, Recall, pointer_span, store
from echoseg.tracking.mirror import averaged, mirrored_prompt
from echoseg.tracking.window import Window
from echoseg.types import ABSENT_LOGIT, Box, FrameResult, Image, MaskPrompt, Points, Prompt, Structure

_PREVIOUS_MASK_LIMIT = 32.0  # an earlier answer enters as a mask prompt within +-32, as officially
_OBJECTS_AT_ONCE = 16  # memory attention is wide: more objects go in several batches


class Tracker:
    """Frame by frame segmentation with one model: encode, prompt, track.

    Args:
        model: a loaded model.
        size: ``(H, W)`` of the frames; prompts and results are in their pixels.
        length: frames of the sequence, which scales the temporal encoding of pointers; None when unknown.
        window: the part of the frame that the network sees; None for all of it. Outside it no object is found.
    """

    def __init__(self, model: Model, size: tuple[int, int], length: int | None = None, window: Window | None = None) -> None:
        self.model = model
        self.network = model.verbs
        self.size = size
        self.length = length
        self.window = window or Window.whole(size)

    def encode(self, frame: Image, mirror: bool = False) -> FrameFeatures:
        """Features of one ``(H, W)`` or ``(H, W, 3)`` uint8 frame, or of its mirror image, shared by all objects."""
        with self.model.execution():
            seen = frame[self.window.slices]
            images = normalize((seen[:, ::-1] if mirror else seen)[None], self.model.config.image_size)
            return self.network.encode_image(images.to(self.model.execution.device))

    def answer(
        self,
        features: FrameFeatures,
        prompts: Sequence[Prompt],
        previous: ObjectMemory | None = None,
        recall: Recall | None = None,
        mirror: FrameFeatures | None = None,
    ) -> ObjectMemory:
        """Segments one object on one frame from prompts.

        Args:
            features: of that frame.
            prompts: a box and/or points, or a structure; or one mask, optionally with points that correct it.
            previous: an earlier answer on this frame that the prompts correct.
            recall: what the frame attends to when it was reached by tracking; None on a frame seeded afresh.
            mirror: features of the frame's mirror image, to ask there, too (:mod:`echoseg.tracking.mirror`); only without ``recall``.

        Raises:
            PromptError: prompts that cannot stand together or that this model does not know.
        """
        masks = [prompt for prompt in prompts if isinstance(prompt, MaskPrompt)]
        rest = [prompt for prompt in prompts if not isinstance(prompt, MaskPrompt)]
        if len(masks) > 1:
            raise PromptError("give one mask for an object and frame, not several")
        with self.model.execution():
            if masks:
                if masks[0].mask.shape != self.size:
                    raise PromptError(f"the mask prompt has shape {masks[0].mask.shape} but frames are {self.size}")
                seen = masks[0].mask[self.window.slices]
                mask = mask_to_input(seen, self.model.config.image_size).to(self.model.execution.device)
                previous = self._remember(features, self.network.adopt_mask(features, mask), from_prompt=True)[0]
            if not rest:
                if previous is None:
                    raise PromptError("no prompt was given")
                return previous
            prompt = prompt_tensors(rest, self.size, self.window, self.model)
            if previous is not None:
                limited = previous.mask.clamp(-_PREVIOUS_MASK_LIMIT, _PREVIOUS_MASK_LIMIT)
                prompt = PromptTensors(prompt.points, prompt.labels, limited, prompt.structure)
            embedding = self._attend(features, [recall]) if recall else self.network.attend_memory(features.embedding, None)
            prediction = self.network.decode(embedding, features.high_res, prompt, prompt.ambiguous)
            if mirror is not None and recall is None:
                flipped = mirrored_prompt(prompt, self.model.config.image_size)
                unseen = self.network.attend_memory(mirror.embedding, None)
                prediction = averaged(prediction, self.network.decode(unseen, mirror.high_res, flipped, flipped.ambiguous))
            return self._remember(features, prediction, from_prompt=True)[0]

    def confirm(self, features: FrameFeatures, memory: ObjectMemory) -> ObjectMemory:
        """A tracked answer that a person let stand: remembered as a given mask is, binarised."""
        with self.model.execution():
            score = torch.full((1, 1), memory.object_score, device=memory.mask.device)
            return replace(memory, features=store(self.network.encode_memory(features.embedding, memory.mask, score, from_prompt=True)))

    def track(
        self, features: FrameFeatures, banks: Mapping[int, MemoryBank], index: int, reverse: bool, structures: Mapping[int, str]
    ) -> dict[int, ObjectMemory]:
        """Carries objects to frame ``index`` by their memory alone, objects of equal memory layout in one batch.

        ``structures`` names the objects that were seeded by a structure prompt: they keep their name while tracked.
        """
        recalls = {object_id: bank.recall(index, reverse, self.length) for object_id, bank in banks.items()}
        groups: dict[object, list[int]] = defaultdict(list)
        for object_id, recall in recalls.items():
            groups[recall.signature, object_id in structures].append(object_id)
        memories: dict[int, ObjectMemory] = {}
        with self.model.execution():
            for members in groups.values():
                for first in range(0, len(members), _OBJECTS_AT_ONCE):
                    batch = members[first : first + _OBJECTS_AT_ONCE]
                    embedding = self._attend(features, [recalls[i] for i in batch])
                    named = [structures[i] for i in batch if i in structures]
                    prompt = PromptTensors(structure=_structure_index(named, self.model) if named else None)
                    prediction = self._held_back(self.network.decode(embedding, features.high_res, prompt, prompt.ambiguous))
                    memories |= dict(zip(batch, self._remember(features, prediction, from_prompt=False), strict=True))
        return memories

    def result(self, index: int, memories: Mapping[int, ObjectMemory]) -> FrameResult:
        """The answers of one frame at source size."""
        ids = sorted(memories)
        with torch.inference_mode():
            seen = logits_to_source(torch.cat([memories[i].mask for i in ids]), self.window.size).float().cpu().numpy()
        for answer, object_id in zip(seen, ids, strict=True):
            if memories[object_id].object_score <= 0:
                answer[...] = ABSENT_LOGIT  # resizing rounds
        logits = seen
        if self.window.size != self.size:
            rows, columns = self.window.slices
            logits = np.full((len(ids), *self.size), ABSENT_LOGIT, dtype=np.float32)
            logits[:, rows, columns] = seen
        return FrameResult(
            index=index,
            logits=dict(zip(ids, logits, strict=True)),
            scores={i: memories[i].iou for i in ids},
            object_scores={i: memories[i].object_score for i in ids},
        )

    def _attend(self, features: FrameFeatures, recalls: Sequence[Recall]) -> Tensor:
        dtype = features.embedding.dtype
        spatial = [
            (column[0][0], torch.cat([features for _, features in column]).to(dtype))
            for column in zip(*(recall.spatial for recall in recalls), strict=True)
        ]
        pointers = [
            (column[0][0], torch.cat([pointer for _, pointer in column]))
            for column in zip(*(recall.pointers for recall in recalls), strict=True)
        ]
        return self.network.condition(features.embedding, spatial, pointers, pointer_span(self.model.config, self.length))

    def _held_back(self, prediction: MaskPrediction) -> MaskPrediction:
        """A tracked answer with its mask as much smaller as the model's configuration says; an absent one stays as it is."""
        bias = self.model.config.tracked_bias
        if not bias:
            return prediction
        present = prediction.object_score[..., None, None] > 0
        return replace(prediction, mask=torch.where(present, prediction.mask - bias, prediction.mask))

    def _remember(self, features: FrameFeatures, prediction: MaskPrediction, from_prompt: bool) -> list[ObjectMemory]:
        encoded = store(self.network.encode_memory(features.embedding, prediction.mask, prediction.object_score, from_prompt))
        ious, scores = prediction.iou.tolist(), prediction.object_score[:, 0].tolist()
        return [
            ObjectMemory(encoded[i : i + 1], prediction.object_pointer[i : i + 1], prediction.mask[i : i + 1].float(), iou, score)
            for i, (iou, score) in enumerate(zip(ious, scores, strict=True))
        ]


def prompt_tensors(prompts: Sequence[Prompt], size: tuple[int, int], window: Window, model: Model) -> PromptTensors:
    """One object's box, points or structure on a source of ``size`` ``(H, W)``, seen through ``window``, as network input of batch 1.

    Raises:
        PromptError: two boxes, a structure beside other prompts or unknown to the model, or a prompt outside the frame.
    """
    height, width = size
    boxes = [prompt for prompt in prompts if isinstance(prompt, Box)]
    named = [prompt.name for prompt in prompts if isinstance(prompt, Structure)]
    if len(boxes) > 1:
        raise PromptError("give one box for an object and frame, not several; other objects take other ids")
    if named:
        if len(prompts) > 1:
            raise PromptError("a structure prompt stands alone; correct its answer with points afterwards")
        return PromptTensors(structure=_structure_index(named, model))
    xy: list[tuple[float, float]] = []
    labels: list[int] = []
    for box in boxes:
        if box.x1 <= 0 or box.y1 <= 0 or box.x0 >= width or box.y0 >= height:
            raise PromptError(f"box ({box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g}) lies outside the {width} x {height} frame")
        xy += [(box.x0, box.y0), (box.x1, box.y1)]
        labels += [BOX_FIRST, BOX_SECOND]
    for points in prompts:
        if isinstance(points, Points):
            outside = (points.xy < 0).any(axis=1) | (points.xy[:, 0] > width) | (points.xy[:, 1] > height)
            if outside.any():
                x, y = points.xy[outside][0]
                raise PromptError(f"point ({x:g}, {y:g}) lies outside the {width} x {height} frame")
            xy += [(float(x), float(y)) for x, y in points.xy]
            labels += points.labels.tolist()
    scale = model.config.image_size / np.array([window.size[1], window.size[0]], dtype=np.float64)
    device = model.execution.device
    seen = (np.array(xy) - (window.x0, window.y0)) * scale
    coordinates = torch.tensor(seen, dtype=torch.float32, device=device)
    return PromptTensors(coordinates[None], torch.tensor([labels], device=device))


def _structure_index(names: Sequence[str], model: Model) -> Tensor:
    known = model.config.structures
    for name in names:
        if name not in known:
            there = ", ".join(known) if known else "none"
            raise PromptError(f"model {model.name} has no structure {name!r} (it knows: {there}): prompt with a box, points or a mask")
    return torch.tensor([known.index(name) for name in names], device=model.execution.device)
