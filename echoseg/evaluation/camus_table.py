"""Every row that is quoted of CAMUS patients: stills squeezed and native, clips of ED and ES, EF of one plane and of two, views.

``echoseg eval camus`` prints it; model cards and docs are made of what it prints. Intervals resample patients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac import Beat, analyse_lv, lv_ef
from echoseg.cardiac.interval import Signals, clip_signals, joint_signals
from echoseg.cardiac.thresholds import SURE_OF_VIEW
from echoseg.cardiac.volume import Views
from echoseg.datasets.camus import PHASES, SQUEEZED, find_views
from echoseg.datasets.case import Case
from echoseg.errors import MeasureError
from echoseg.evaluation.scores import Score, make_folder, measure_names, write_csv
from echoseg.io.thumbnail import thumbnails
from echoseg.metrics.bootstrap import statistic_interval
from echoseg.metrics.overlap import dice
from echoseg.model import Model
from echoseg.model.view_net import clip_view, shipped_view_net
from echoseg.pipeline import segment
from echoseg.types import BoolMask, Box

NAMED = ("LV", "LA", "MYO")
_ED, _ES = 0, 1
Statistic = Callable[[NDArray[np.float64]], float]


@dataclass(frozen=True)
class Line:
    """One row of the table.

    Attributes:
        what: in words.
        values: ``{statistic: (value, low, high)}``, the ends of the 95 % bootstrap interval over patients.
        cases: how many values it rests on. ``patients``: how many patients they come from.
    """

    what: str
    values: dict[str, tuple[float, float, float]]
    cases: int
    patients: int


def camus_scores(root: Path, model: Model, progress: Callable[[int, int], None] | None = None) -> Iterator[Score]:
    """Everything measured on the patients under ``root``, a patient after the other.

    Args:
        root: the folder as released, see :mod:`echoseg.datasets.camus`.
        progress: told the views done and all there are.

    Raises:
        SourceError: no view has both phases, or a file cannot be read. EchosegError: a frame cannot be segmented.
    """
    patient: dict[str, _View] = {}
    name = ""
    views = find_views(root)
    for done, case in enumerate((view.read() for view in views), start=1):
        if case.subject != name:
            yield from _biplane(name, patient)
            patient, name = {}, case.subject
        assert case.view is not None, "CAMUS says the view of every file"
        patient[case.view] = seen = _seen(case, case.view, model)
        yield from seen.scores
        if progress is not None:
            progress(done, len(views))
    yield from _biplane(name, patient)


def camus_lines(scores: Sequence[Score]) -> list[Line]:
    """The table of :func:`camus_scores`, in a fixed order; what was not measured has no line."""
    lines = []
    for what, settings, labels, measure, statistics in _ROWS:
        chosen = [s for s in scores if s.setting in settings and s.label in labels and np.isfinite(s.measures.get(measure, np.nan))]
        if chosen:
            values, subjects = np.array([s.measures[measure] for s in chosen]), [s.subject for s in chosen]
            found = {name: statistic_interval(values, subjects, of) for name, of in statistics.items()}
            lines.append(Line(what, found, len(chosen), len(set(subjects))))
    return lines


@dataclass(frozen=True)
class _View:
    """One view of a patient: scores, and the LV's masks on ED and ES as found by name on squeezed stills, as drawn there, and as found in
    the clip of both; of that clip, what it says of its own EF."""

    scores: list[Score]
    found: list[BoolMask]
    true: list[BoolMask]
    tracked: list[BoolMask]
    drawn: list[BoolMask]
    signals: Signals | None


def _seen(case: Case, view: str, model: Model) -> _View:
    scores, found, true = [], [], []
    for frame, phase in enumerate(PHASES):
        native = case.still(frame)
        for still, variant in ((native, "native"), (native.resized(SQUEEZED, SQUEEZED), "squeezed")):
            masks = _by_name(still, model)
            for prompt in ("box", "auto"):
                for label in NAMED:
                    truth = still.truth[label][0]
                    if truth.any():
                        mask = masks[label][0] if prompt == "auto" else _by_box(still, label, model)
                        measures = {"dice": dice(mask, truth), "area_ratio": mask.sum() / truth.sum()}
                        scores.append(Score(f"{case.name}_{phase}", case.subject, f"{variant}, {prompt}", f"{label} {phase}", measures))
            if variant == "squeezed":
                found.append(masks["LV"][0])
                true.append(still.truth["LV"][0])
    clips, tracked, signals = _clips(case, view, model)
    scores += [*clips, _classified(case, view, model)]
    return _View(scores, found, true, tracked, list(case.truth["LV"]), signals)


def _by_name(case: Case, model: Model) -> dict[str, BoolMask]:
    """The LV asked for alone, as most ask; LA and MYO beside it."""
    found: dict[str, BoolMask] = {}
    for prompt in (f"auto:{','.join(NAMED)}", "auto"):
        with case.source() as source:
            answer = segment(source, prompt, model)
        found |= {name: answer.masks == object_id for object_id, name in answer.names.items()}
    return found


def _by_box(still: Case, label: str, model: Model) -> BoolMask:
    with still.source() as source:
        return segment(source, Box.around(still.truth[label][0]), model).masks[0] == 1


def _clips(case: Case, view: str, model: Model) -> tuple[list[Score], list[BoolMask], Signals | None]:
    """ED and ES as a clip of two frames, in the pixels of the file: the LV by name, and by the exact box of ED, tracked.

    Returns:
        Scores; masks by name, and the signals of their EF.
    """
    truth = case.truth["LV"]
    drawn = _ef(*({view: (truth[frame], case.spacing)} for frame in (_ED, _ES)))
    scores, by_name, signals = [], list(truth), None
    for setting in ("auto", "box"):
        prompt, frame_index = ("auto", None) if setting == "auto" else (Box.around(truth[_ED]), _ED)
        with case.source() as source:
            found = segment(source, prompt, model, frame_index=frame_index)
        masks = found.masks == 1
        for frame, phase in enumerate(PHASES):
            measures = {"dice": dice(masks[frame], truth[frame]), "area_ratio": masks[frame].sum() / truth[frame].sum()}
            scores.append(Score(case.name, case.subject, f"clip, {setting}", f"{view} {phase}", measures))
        measures = _ef_errors(_ef(*({view: (masks[frame], case.spacing)} for frame in (_ED, _ES))), drawn)
        if setting == "auto":
            by_name, signals = list(masks), _signals(masks, found.scores[:, 0].astype(np.float64), case, view)
            measures |= {} if signals is None else asdict(signals)
        scores.append(Score(case.name, case.subject, f"clip, {setting}", view, measures))
    return scores, by_name, signals


def _signals(masks: BoolMask, ious: NDArray[np.float64], case: Case, view: str) -> Signals | None:
    """What a clip of ED and ES says of its own EF; None where it cannot be measured."""
    try:
        analysis = analyse_lv(masks, None, case.spacing, view, scores=ious, beats=(Beat(_ED, _ES, None, True, None),))
    except MeasureError:
        return None
    return clip_signals(analysis, ious, None)


def _biplane(subject: str, views: dict[str, _View]) -> Iterator[Score]:
    """Biplane EF of a patient's four squeezed stills, and of both clips; pixels are taken as square, in what was found and drawn alike."""
    if set(views) != set(_BOTH):
        return
    for setting, found, true in (("stills, auto", "found", "true"), ("clip, auto", "tracked", "drawn")):
        efs = (
            _ef(*({view: (getattr(seen, kind)[frame], None) for view, seen in views.items()} for frame in (_ED, _ES)))
            for kind in (found, true)
        )
        measures = _ef_errors(*efs)
        known = [seen.signals for seen in views.values() if seen.signals is not None]
        if setting == "clip, auto" and len(known) == len(views):
            measures |= asdict(joint_signals(known))
        yield Score(subject, subject, setting, "biplane", measures)


def _ef(ed: Views, es: Views) -> float:
    """EF in percent; NaN where a mask cannot be measured."""
    try:
        return lv_ef(ed, es).ef
    except MeasureError:
        return float("nan")


def _ef_errors(found: float, true: float) -> dict[str, float]:
    return {"ef": found, "ef_true": true, "ef_error": found - true, "ef_abs_error": abs(found - true)}


def _classified(case: Case, view: str, model: Model) -> Score:
    with case.source() as source:
        pictures = thumbnails(source)
    assert pictures is not None, "an array can be read again"
    answer = clip_view(pictures, shipped_view_net(model.config.view_net))
    sure, right = answer.confidence >= SURE_OF_VIEW, answer.name == view
    measures = {"right": float(right), "sure": float(sure), "sure_and_wrong": float(not right) if sure else float("nan")}
    return Score(case.name, case.subject, "view", view, measures)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def _fifth(values: NDArray[np.float64]) -> float:
    return float(np.percentile(values, 5))


_DICE: dict[str, Statistic] = {"mean": _mean, "5th percentile": _fifth}
_MEAN: dict[str, Statistic] = {"mean": _mean}
_BOTH = ("A4C", "A2C")


def _rows() -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...], str, dict[str, Statistic]]]:
    """``(words, settings, labels, measure, statistics)`` of every line."""
    for variant in ("squeezed", "native"):
        for prompt in ("box", "auto"):
            for label in NAMED:
                labels = (f"{label} ED", f"{label} ES")
                yield f"stills {variant}, {prompt}: {label} Dice", (f"{variant}, {prompt}",), labels, "dice", _DICE
    for phase in ("ED", "ES"):
        yield f"stills squeezed, auto: LV area over the true one, {phase}", ("squeezed, auto",), (f"LV {phase}",), "area_ratio", _MEAN
    for prompt in ("auto", "box"):
        setting = (f"clip, {prompt}",)
        for view in _BOTH:
            yield f"{view} ED and ES as a clip, {prompt}: LV Dice", setting, (f"{view} ED", f"{view} ES"), "dice", _DICE
            yield f"{view} ED and ES as a clip, {prompt}: EF MAE", setting, (view,), "ef_abs_error", _MEAN
            yield f"{view} ED and ES as a clip, {prompt}: EF bias", setting, (view,), "ef_error", _MEAN
    for what, setting in (("squeezed stills", ("stills, auto",)), ("clips of ED and ES", ("clip, auto",))):
        yield f"biplane EF of {what}, auto: MAE", setting, ("biplane",), "ef_abs_error", _MEAN
        yield f"biplane EF of {what}, auto: bias", setting, ("biplane",), "ef_error", _MEAN
    for what, measure in (("right", "right"), ("sure", "sure"), ("wrong where sure", "sure_and_wrong")):
        yield f"view {what}", ("view",), _BOTH, measure, _MEAN


_ROWS = tuple(_rows())


def write_camus(folder: Path, scores: Sequence[Score], lines: Sequence[Line]) -> list[Path]:
    """``cases.csv`` with every score, and ``table.csv`` with the lines; returns their paths.

    Raises:
        OutputError: they cannot be written.
    """
    make_folder(folder)
    names = measure_names(scores)
    write_csv(
        folder / "cases.csv",
        ["case", "patient", "setting", "label", *names],
        [[s.case, s.subject, s.setting, s.label, *(f"{s.measures[n]:.6g}" if n in s.measures else "" for n in names)] for s in scores],
    )
    rows = [
        [line.what, name, *(f"{number:.6g}" for number in values), str(line.cases), str(line.patients)]
        for line in lines
        for name, values in line.values.items()
    ]
    write_csv(folder / "table.csv", ["what", "statistic", "value", "low", "high", "cases", "patients"], rows)
    return [folder / "cases.csv", folder / "table.csv"]
