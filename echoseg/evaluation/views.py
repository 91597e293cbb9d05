"""How well the view classifier tells views: counts of answers by true view, and how often a sure answer is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.thresholds import SURE_OF_VIEW
from echoseg.datasets.camus import camus_views
from echoseg.errors import SourceError
from echoseg.evaluation.scores import write_csv
from echoseg.io.open import open_source
from echoseg.io.source import Source
from echoseg.io.thumbnail import FRAMES, thumbnails
from echoseg.io.views import ViewAnswer
from echoseg.metrics.agreement import confusion
from echoseg.model.view_net import VIEWS, ViewNet, clip_view
from echoseg.simulate import EchoOptions, own_seed, random_clip

SEED = 2**31 + 2
"""Apart from the seeds of training and of the other hold-outs."""


@dataclass(frozen=True)
class SeenView:
    """One clip: its true view and the classifier's answer."""

    case: str
    view: str
    answer: ViewAnswer


@dataclass(frozen=True)
class ViewAccuracy:
    """The answers of several clips.

    Attributes:
        confusion: ``(4, 4)`` clips by true view (rows) and likeliest view, both in the order of VIEWS; ``sure``: of sure answers alone.
    """

    confusion: NDArray[np.int64]
    sure: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of the clips whose likeliest view is theirs, 0..1."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def sure_and_wrong(self) -> int:
        """Clips with a sure answer that is another view."""
        return int(self.sure.sum() - np.trace(self.sure))


def view_accuracy(seen: Sequence[SeenView]) -> ViewAccuracy:
    """Counts of ``seen``."""
    true, answered = np.array([(VIEWS.index(one.view), VIEWS.index(one.answer.name)) for one in seen], np.int64).reshape(-1, 2).T
    sure = np.array([one.answer.confidence >= SURE_OF_VIEW for one in seen], bool)
    return ViewAccuracy(confusion(true, answered, len(VIEWS)), confusion(true[sure], answered[sure], len(VIEWS)))


def seen_views(clips: Iterable[tuple[str, str, Source]], network: ViewNet | None = None) -> Iterator[SeenView]:
    """The classifier's answers to ``(case, true view, source)``, each looked at as a run does; ``network`` None: the one that ships.

    Raises:
        SourceError: a source that can be read only once.
    """
    for case, view, source in clips:
        pictures = thumbnails(source)
        if pictures is None:
            raise SourceError(f"{case}: can be read only once, so that there is nothing left to look at")
        yield SeenView(case, view, clip_view(pictures, network))


def simulated_view_clips(count: int, start: int = 0) -> Iterator[tuple[str, str, Source]]:
    """``count`` simulated clips from index ``start`` on, the four views in turn: eight frames spread over a second or so, which is what the
    classifier would see of a longer clip."""
    options = EchoOptions(fps=(4.0, 12.0))
    for index in range(start, start + count):
        view = VIEWS[index % len(VIEWS)]
        seed = own_seed(SEED, index)
        clip = random_clip(seed, 128, FRAMES, (view,), options)
        name = f"simulated_{index:04d}"
        with open_source(clip.frames, name=name, fps=clip.fps) as source:
            yield name, view, source


def camus_view_clips(root: Path) -> Iterator[tuple[str, str, Source]]:
    """The views of CAMUS, each a clip of its ED and ES frame. Errors as :func:`echoseg.datasets.camus.camus_views`."""
    for case in camus_views(root):
        assert case.view is not None  # the name of a file says it
        with case.source() as source:
            yield case.name, case.view, source


def write_seen(path: Path, seen: Sequence[SeenView]) -> Path:
    """A row a clip: its true view, the likeliest one, and the probabilities of all.

    Raises:
        OutputError: it cannot be written.
    """
    rows = [[one.case, one.view, one.answer.name, *(f"{one.answer.shares[view]:.4f}" for view in VIEWS)] for one in seen]
    write_csv(path, ["case", "view", "answer", *VIEWS], rows)
    return path
