"""How long a tracked frame takes, part by part, beside transformers where it has the same architecture.

Measured is the steady state: one object, a full memory bank, source frames in and logits at source size out.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, cast

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from echoseg.errors import MeasureError
from echoseg.evaluation.resident import peak_resident_mb
from echoseg.evaluation.transformers_model import (
    missing_counterpart,
    prompt_session,
    transformers_model,
    transformers_session,
    transformers_version,
)
from echoseg.model import Model, WeightsInfo, build_model, load_model, model_config, shipped_weights
from echoseg.model.device import choose_execution
from echoseg.model.preprocess import logits_to_source, normalize
from echoseg.model.prompt_encoder import BOX_FIRST, BOX_SECOND
from echoseg.model.runtime.verbs import Verbs
from echoseg.tracking import MemoryBank, Tracker
from echoseg.types import Box, Image

RANDOM_WEIGHTS = "random weights"
"""Label of a model that has no weights; its speed is the same."""

PARTS = ("encoder", "memory attention", "decoder", "memory encoder")
_REST, _TOTAL = "everything else", "total"
_PEAK_SIDE = 1024
_VERBS = {
    "encode_image": "encoder",
    "attend_memory": "memory attention",
    "condition": "memory attention",
    "decode": "decoder",
    "encode_memory": "memory encoder",
}


@dataclass(frozen=True)
class RuntimeSpeed:
    """What one runtime takes for a tracked frame.

    Attributes:
        parts: median milliseconds, by the names in ``PARTS``.
        rest_ms: of everything else: resizing, bookkeeping.
        total_ms: of the whole frame.
        ratio: median over the frames of torch's time by this one's, frame by frame in turn; above 1, it is faster than torch.
    """

    parts: Mapping[str, float]
    rest_ms: float
    total_ms: float
    ratio: float

    @property
    def fps(self) -> float:
        """Tracked frames a second."""
        return 1000 / self.total_ms


@dataclass(frozen=True)
class Comparison:
    """The same frames through transformers, measured in turn with ours.

    Attributes:
        version: of transformers.
        ms: its median milliseconds a frame.
        ratio: median over the frames of its time by that of our torch; above 1, we are faster.
    """

    version: str
    ms: float
    ratio: float


@dataclass(frozen=True)
class SpeedReport:
    """What :func:`bench_speed` measured.

    Attributes:
        model, weights, device, precision: what ran.
        threads: CPU threads of torch.
        frames: tracked frames measured.
        memories, pointers: what each frame attended to.
        gflop: floating-point operations of a part in 10**9, a multiply-add counted as two, by the names in ``PARTS``.
        peak_gflops: of a large matrix product on this machine and as many threads, in 10**9 operations a second.
        runtimes: what each takes, torch first.
        peak_resident_mb: highest resident memory of the process before transformers was loaded, or None when unknown.
        transformers: the comparison, or None.
        not_compared: why there is none.
        notes: runtimes that could not be measured, and why.
    """

    model: str
    weights: str
    device: str
    precision: str
    threads: int
    frames: int
    memories: int
    pointers: int
    gflop: Mapping[str, float]
    peak_gflops: float
    runtimes: Mapping[str, RuntimeSpeed]
    peak_resident_mb: float | None
    transformers: Comparison | None
    not_compared: str | None
    notes: tuple[str, ...] = ()

    def peak_share(self, runtime: str, part: str) -> float:
        """How much of the peak a part reaches, 0..1; nearer or above 1 where a runtime multiplies better than torch."""
        return self.gflop[part] / (self.runtimes[runtime].parts[part] / 1000) / self.peak_gflops


def model_to_time(name: str, weights: str | None = None, device: str = "auto") -> Model:
    """The model as :func:`load_model` gives it; with random weights where none ship and none are given.

    Raises:
        EchosegError: as :func:`load_model`.
    """
    config = model_config(name)
    if weights is not None or shipped_weights(config) is not None:
        return load_model(name, weights, device)
    execution = choose_execution(device)
    network = build_model(config).requires_grad_(False).to(execution.device)
    return Model(network, execution, WeightsInfo(RANDOM_WEIGHTS, ""))


def bench_speed(model: Model, frames: int = 10, *, compare: bool = True, threads: int | None = None) -> SpeedReport:
    """Times ``frames`` tracked frames of the size of the model's input, through torch and, in float32 on a CPU, ONNX Runtime.

    Args:
        model: from :func:`model_to_time` or :func:`echoseg.load_model`.
        frames: how many are measured, at least 1; two more come first, one to warm up and one to count operations.
        compare: run transformers too where it is installed and has the architecture.
        threads: of the CPU; None: as many as torch has.

    Raises:
        MeasureError: fewer than one frame.
    """
    if frames < 1:
        raise MeasureError(f"speed is measured over 1 frame or more; got {frames}")
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        return _bench(model, frames, compare)
    finally:
        torch.set_num_threads(before)


def _bench(model: Model, frames: int, compare: bool) -> SpeedReport:
    config, execution = model.config, model.execution
    images = _noise(frames + 2, config.image_size)
    synchronize = _synchronizer(execution.device)
    flops: dict[str, float] = defaultdict(float)
    spent: dict[str, float] = defaultdict(float)

    def timed(part: str, call: Callable[[], Any]) -> Any:
        start = _now(synchronize)
        result = call()
        spent[part] += _now(synchronize) - start
        return result

    def counted(part: str, call: Callable[[], Any]) -> Any:
        # Fused attention on CPU escapes the counter; spelled out, it counts.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            result = call()
        flops[part] += counter.get_total_flops()
        return result

    models, notes = by_runtime(model)
    ours = {name: _FullMemory(each, images[0]) for name, each in models.items()}
    ours["torch"].track(images[1], counted)
    for each in ours.values():
        each.track(images[0], timed)
    peak_resident = peak_resident_mb()
    not_compared = missing_counterpart(config) if compare else "not asked for"
    theirs = None if not_compared else _TransformersFullMemory(model, images[0])
    if theirs is not None:
        theirs.track(images[0])

    times: dict[str, list[dict[str, float]]] = {name: [] for name in ours}
    their_times: list[float] = []
    peak = 0.0
    for image in images[2:]:
        # In turn, frame by frame, so that whatever else the machine does slows all alike.
        for name, each in ours.items():
            spent.clear()
            start = _now(synchronize)
            each.track(image, timed)
            total = _now(synchronize) - start
            times[name].append({**spent, _REST: total - sum(spent.values()), _TOTAL: total})
        if theirs is not None:
            start = _now(synchronize)
            theirs.track(image)
            their_times.append(_now(synchronize) - start)
        peak = max(peak, _matmul_gflops(model, synchronize))
    torch_times = [frame[_TOTAL] for frame in times["torch"]]
    return SpeedReport(
        model=model.name,
        weights=model.weights.file,
        device=str(execution.device),
        precision="float32" if execution.autocast is None else str(execution.autocast).removeprefix("torch."),
        threads=torch.get_num_threads(),
        frames=frames,
        memories=config.num_maskmem,
        pointers=config.max_obj_ptrs,
        gflop={part: flops[part] / 1e9 for part in PARTS},
        peak_gflops=peak,
        runtimes={name: _speed(found, torch_times) for name, found in times.items()},
        peak_resident_mb=peak_resident,
        transformers=_comparison(torch_times, their_times) if theirs is not None else None,
        not_compared=not_compared,
        notes=notes,
    )


def by_runtime(model: Model) -> tuple[dict[str, Model], tuple[str, ...]]:
    """The model through every runtime that can run it here, torch first, and what is to be said of others."""
    models = {"torch": replace(model, runtime="torch")}
    if model.execution.device.type != "cpu" or model.execution.autocast is not None:
        return models, ()
    onnx = replace(model, runtime="onnx")
    onnx.prepare()
    if onnx.runtime_failure is not None:
        return models, (f"ONNX Runtime not measured: {onnx.runtime_failure}",)
    return models | {"onnx": onnx}, ()


def _speed(frames: Sequence[Mapping[str, float]], torch_times: Sequence[float]) -> RuntimeSpeed:
    ms = {part: 1000 * median(frame[part] for frame in frames) for part in (*PARTS, _REST, _TOTAL)}
    ratio = median(other / frame[_TOTAL] for other, frame in zip(torch_times, frames, strict=True))
    return RuntimeSpeed({part: ms[part] for part in PARTS}, ms[_REST], ms[_TOTAL], ratio)


def _matmul_gflops(model: Model, synchronize: Callable[[], None]) -> float:
    """Of one product of two square matrices, large enough to be limited by arithmetic, in the model's precision."""
    with model.execution():
        a = torch.ones(_PEAK_SIDE, _PEAK_SIDE, device=model.execution.device)
        start = _now(synchronize)
        a @ a
        return float(2 * _PEAK_SIDE**3 / max(_now(synchronize) - start, 1e-9) / 1e9)


Meter = Callable[[str, Callable[[], Any]], Any]
"""Runs a call and notes what it cost under the name of its part."""


class _Metered:
    """Stands in for a network: its verbs run under a meter, everything else is the network's own."""

    def __init__(self, network: Verbs) -> None:
        self.network = network
        self.meter: Meter = lambda part, call: call()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.network, name)
        part = _VERBS.get(name)
        return value if part is None else lambda *args, **options: self.meter(part, lambda: value(*args, **options))


class _FullMemory:
    """One object that has been tracked for so long that its memory bank is full: every recalled frame is a copy of the first."""

    def __init__(self, model: Model, first: Image) -> None:
        self._metered = _Metered(model.verbs)
        self._tracker = Tracker(model, first.shape[:2])
        self._tracker.network = cast(Verbs, self._metered)
        self._bank = MemoryBank(model.config)
        memory = self._tracker.answer(self._tracker.encode(first), [_middle(model)])
        self._bank.prompted[0] = memory
        self._next = max(model.config.max_obj_ptrs, model.config.num_maskmem)
        for index in range(1, self._next):
            self._bank.remember_tracked(index, memory, reverse=False)

    def track(self, image: Image, meter: Meter) -> None:
        """One more frame, as a session does it."""
        self._metered.meter = meter
        index, self._next = self._next, self._next + 1
        memories = self._tracker.track(self._tracker.encode(image), {1: self._bank}, index, False, {})
        self._bank.remember_tracked(index, memories[1], reverse=False)
        self._tracker.result(index, memories)


class _TransformersFullMemory:
    """The same in transformers, with our resizing before and after, which it leaves to a processor."""

    def __init__(self, model: Model, first: Image) -> None:
        self._model, self._execution = transformers_model(model.network), model.execution
        self._side = model.config.image_size
        self._session = transformers_session(first.shape[:2], self._execution.device)
        box = _middle(model)
        corners = torch.tensor([[box.x0, box.y0], [box.x1, box.y1]])
        prompt_session(self._session, 0, corners, torch.tensor([BOX_FIRST, BOX_SECOND]))
        self._run(first, 0)
        known = self._session.output_dict_per_obj[0]
        self._next = max(model.config.max_obj_ptrs, model.config.num_maskmem)
        for index in range(1, self._next):
            known["non_cond_frame_outputs"][index] = known["cond_frame_outputs"][0]

    def track(self, image: Image) -> None:
        index, self._next = self._next, self._next + 1
        self._run(image, index)

    def _run(self, image: Image, index: int) -> None:
        with self._execution():
            pixels = normalize(image[None], self._side).to(self._execution.device)
            output = self._model(self._session, frame=pixels, frame_idx=index)
            logits_to_source(output.pred_masks, image.shape[:2]).float().cpu().numpy()


def _comparison(ours: list[float], theirs: list[float]) -> Comparison:
    ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
    return Comparison(transformers_version(), 1000 * median(theirs), ratio)


def _middle(model: Model) -> Box:
    side = model.config.image_size
    return Box(side / 4, side / 4, 3 * side / 4, 3 * side / 4)


def _noise(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)


def _now(synchronize: Callable[[], None]) -> float:
    synchronize()
    return time.perf_counter()


def _synchronizer(device: torch.device) -> Callable[[], None]:
    """Waits for queued work: accelerators return before they are done."""
    waits = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}
    return waits.get(device.type, lambda: None)
