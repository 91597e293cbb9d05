"""Simulated biplane studies, truth known in three dimensions: what becomes of EF, volumes and phases on the way from clip to number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac import LVAnalysis, analyse_lv, measure_view
from echoseg.cardiac.biplane import biplane_function, view_beats
from echoseg.cardiac.interval import Signals, clip_signals, joint_signals
from echoseg.cardiac.thresholds import MAX_LENGTH_DIFFERENCE
from echoseg.errors import MeasureError
from echoseg.evaluation.scores import Score
from echoseg.io.open import open_source
from echoseg.metrics.motion import matched, phase_error_ms
from echoseg.model import Model
from echoseg.pipeline import segment
from echoseg.simulate import EchoClip, EchoOptions, own_seed, simulate_study
from echoseg.simulate.heart import Heart, random_heart
from echoseg.types import BoolMask

SEED = 2**31 + 1
"""Apart from the seeds of training and of the hold-out of clips."""
COUNT, FRAMES, SIZE = 200, 48, 160
RATES = {"fps": (25.0, 40.0), "heart_rate": (50.0, 110.0)}
"""48 frames of these rates last 1.2 to 1.9 s: one beat or two in most clips, none that is complete in some, as in archives."""
ANEURYSM = 0.65
"""A region that moves this much less than its neighbours bulges: the simulator's aneurysms begin at 0.7, its other hearts end at 0.6."""

MaskSource = Literal["truth", "auto"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedStudy:
    """One heart in two views.

    Attributes:
        name: of the study.
        clips: ``{"A4C": clip, "A2C": clip}``.
        aneurysm: whether a region of the wall bulges in systole: two planes cannot tell such a volume.
        foreshortened: whether a view, at end-diastole or at end-systole, shows a long axis more than 10 % shorter than the heart's own,
            annulus middle to apex in 3D. A heart that slides through the plane may be cut well at one of them alone.
    """

    name: str
    clips: Mapping[str, EchoClip]
    aneurysm: bool
    foreshortened: bool

    @property
    def kind(self) -> str:
        return "aneurysmal" if self.aneurysm else "foreshortened" if self.foreshortened else "plain"


def simulated_studies(count: int = COUNT, start: int = 0, foreshortening: float = 18.0) -> Iterator[SimulatedStudy]:
    """Studies of different hearts, the same ones every time.

    Args:
        count: how many.
        start: index of the first.
        foreshortening: largest angle between the axis and an image plane, degrees. At 0 a plane may still miss the apex: hearts bend.

    Raises:
        SimulationError: a negative angle.
    """
    options = EchoOptions(foreshortening_deg=(0.0, foreshortening), **RATES)  # type: ignore[arg-type]
    for index in range(start, start + count):
        seed = own_seed(SEED, index)
        heart = random_heart(np.random.default_rng(seed), options)  # what the study begins with
        clips = simulate_study(seed, SIZE, FRAMES, options=options)
        yield SimulatedStudy(
            f"study_{index:05d}",
            clips,
            aneurysm=bool((heart.motion[:, 0] < -ANEURYSM).any()),
            foreshortened=any(_foreshortened(clip, heart) for clip in clips.values()),
        )


def _foreshortened(clip: EchoClip, heart: Heart) -> bool:
    for frame in (clip.phase.argmin(), clip.phase.argmax()):
        own = np.hypot(heart.length * (1 - heart.shortening * clip.phase[frame]), np.hypot(*heart.bend))
        if measure_view(clip.masks[frame] == 1, clip.spacing).length < (1 - MAX_LENGTH_DIFFERENCE) * own:
            return True
    return False


def score_study(study: SimulatedStudy, model: Model | None = None) -> list[Score]:
    """Errors against the truth in 3D: one score for each view's single-plane values and one for the biplane values.

    Measures: ``ef``, ``ef_true`` (percent), ``ef_error`` (points; its mean is the bias) and ``ef_abs_error`` (its mean is the MAE),
    ``edv_error_pct`` and ``esv_error_pct``; the signals that the EF interval is made of
    (:mod:`echoseg.cardiac.interval`); of a view also ``ed_error_ms`` and ``es_error_ms`` over the phases that pair up.

    Args:
        study: of :func:`simulated_studies`.
        model: segments the clips by ``auto``; None: the true masks are measured.

    Raises:
        EchosegError: a clip cannot be segmented. A study in which no beat is found has no biplane score, and says so there:
            ``measured`` is 0.
    """
    source: MaskSource = "truth" if model is None else "auto"
    setting = f"{source}, {study.kind}"
    scores, parts = [], []
    seen: list[Signals] = []
    for view, clip in study.clips.items():
        masks, ious = (clip.masks == 1, None) if model is None else _segmented(study.name, clip, model)
        analysis = analyse_lv(masks, clip.times, clip.spacing, view, scores=ious)
        signals = clip_signals(analysis, ious, clip.fps)
        measures = _single_plane(clip, analysis) | ({} if signals is None else asdict(signals))
        scores.append(Score(f"{study.name}_{view}", study.name, setting, view, measures))
        try:
            parts.append(view_beats(masks, clip.spacing, analysis))
        except MeasureError:  # no beat in this view, or no base on the contour at one of its phases
            continue
        if signals is not None:
            seen.append(signals)
    biplane: dict[str, float] = {"measured": float(len(parts) == 2)}
    if len(parts) == 2:
        function = biplane_function(parts)
        biplane |= errors(function.ef, function.edv_ml, function.esv_ml, study.clips["A4C"])
        if len(seen) == 2:
            biplane |= asdict(joint_signals(seen))
    scores.append(Score(study.name, study.name, setting, "biplane", biplane))
    return scores


def errors(ef: float, edv_ml: float | None, esv_ml: float | None, clip: EchoClip) -> dict[str, float]:
    """EF and its errors in points, and those of the volumes in percent of the truth."""
    truth = clip.truth
    measures = {"ef": ef, "ef_true": truth.ef, "ef_error": ef - truth.ef, "ef_abs_error": abs(ef - truth.ef)}
    if edv_ml is not None and esv_ml is not None:
        measures |= {"edv_error_pct": 100 * (edv_ml / truth.edv_ml - 1), "esv_error_pct": 100 * (esv_ml / truth.esv_ml - 1)}
    return measures


def _segmented(name: str, clip: EchoClip, model: Model) -> tuple[BoolMask, Floats]:
    """LV masks ``(T, H, W)`` and predicted IoU ``(T,)``."""
    with open_source(clip.frames, name=f"{name}_{clip.view}", spacing=clip.spacing, fps=clip.fps) as source:
        found = segment(source, "auto", model)
    return found.masks == 1, found.scores[:, 0].astype(np.float64)


def _single_plane(clip: EchoClip, analysis: LVAnalysis) -> dict[str, float]:
    if analysis.ef is None:
        return {"measured": 0.0}
    measures = {"measured": 1.0, **errors(analysis.ef, analysis.edv_ml, analysis.esv_ml, clip)}
    for phase, true in (("ed", clip.truth.ed_frames), ("es", clip.truth.es_frames)):
        found = tuple(int(frame) for frame in np.flatnonzero(analysis.phase == phase.upper()))
        measures[f"{phase}_error_ms"] = phase_error_ms(matched(found, true), clip.times)
    return measures
