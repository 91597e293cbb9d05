"""What a worker does with a clip: the pipeline's ``analyse``, and rows made of its result."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from echoseg import pipeline
from echoseg.archive.item import Item
from echoseg.archive.jobs import ClipResult
from echoseg.archive.settings import Keep, Settings, code_sha256
from echoseg.archive.shapes import shapes_of
from echoseg.datasets.echonet import traced_masks
from echoseg.errors import OutputError, SourceError
from echoseg.io import Source, open_source
from echoseg.io.atomic import atomic_path
from echoseg.io.dicom.web_address import is_dicomweb
from echoseg.io.names import output_name
from echoseg.io.sniff import sniff
from echoseg.io.tables import FrameMeasures, write_frames_csv
from echoseg.io.views import view_in_name
from echoseg.model import load_model
from echoseg.options import Subject
from echoseg.prompting.parse import bare_prompt, prompt_file
from echoseg.prompting.plan import Plan
from echoseg.prompting.tracings import tracing_choice, tracings_plan
from echoseg.record.measures import TABLED
from echoseg.record.provenance import versions
from echoseg.results import Measured, object_named

_CHUNK = 2**20


class ClipTask:
    """A loaded model and what to do with it. ``out``: the archive's folder, where ``keep`` asks for files."""

    def __init__(self, settings: Settings, out: str, keep: Keep) -> None:
        self.settings, self.out, self.keep = settings, Path(out), keep
        self.model = load_model(settings.model, settings.weights, settings.device, runtime=settings.runtime)

    def fingerprint(self) -> dict[str, Any]:
        """Code, weights, device, runtime and versions."""
        self.model.prepare()  # only then it is known which runtime it is
        execution = {"device": self.model.execution.device.type, "runtime": self.model.ran_by}
        return {"code_sha256": code_sha256(), "weights_sha256": self.model.weights.sha256, **execution, **versions()}

    def identify(self, item: Item, location: str) -> str:
        """A key that items share when their content, and what is known of them, must give the same result.

        Raises:
            SourceError: the content cannot be read, or what the source says of it.
        """
        if item.fault is not None:
            raise SourceError(item.fault)
        digest = hashlib.blake2b(digest_size=16)
        # Where nothing else tells the view the name may, and so is part of what a result depends on.
        named = None if item.view else view_in_name(output_name(item.path))
        choices = item.choices()
        if item.prompt is not None and (given := prompt_file(item.prompt)) is not None:
            choices["prompt"] = bare_prompt(item.prompt)
            for chunk in _content(given[1]):
                digest.update(chunk)
            if given[1].lower().endswith(".json"):  # it may name further files beside it: only the same item is the same
                digest.update(os.fsencode(item.path))
        digest.update(repr((sorted(choices.items()), named and named[0])).encode())
        for chunk in _content(location):
            digest.update(chunk)
        return digest.hexdigest()

    def process(self, item: Item, location: str, key: str) -> ClipResult:
        """The rows of a clip.

        Raises:
            EchosegError: see :func:`echoseg.run`.
        """
        if self.keep == "all":
            return self.draw(item, location, key, self.out / "clips")
        with self._opened(item, location) as source:
            measured = pipeline.analyse(source, **self._options(item, location, source))
            if self.keep == "frames":
                _write_frames(self.out / "frames" / key[:2] / f"{key}.csv", measured)
            return clip_result(source, measured)

    def draw(self, item: Item, location: str, key: str, folder: Path | None = None) -> ClipResult:
        """Writes all files of a clip to ``folder/<key>/<name>`` (default: among those to review) and gives its rows."""
        with self._opened(item, location) as source:
            options = self._options(item, location, source)
            return clip_result(source, pipeline.run(source, (folder or self.out / "review") / key, overwrite=True, **options))

    def _opened(self, item: Item, location: str) -> Source:
        row, column = item.row_mm or item.col_mm, item.col_mm or item.row_mm
        spacing = None if row is None or column is None else (row, column)
        reader = self.settings.reader if self.settings.reader is not None and _is_video(location) else None
        return open_source(location, kind=item.kind, fps=item.fps, spacing=spacing, reader=reader)

    def _options(self, item: Item, location: str, source: Source) -> dict[str, Any]:
        return {
            "prompt": self._prompt(item, location, source),
            "model": self.model,
            **{name: getattr(self.settings, name) for name in ("direction", "memory_selection", "method")},
            "view": item.view,
            "subject": Subject(item.sex, item.height_cm, item.weight_kg, item.age_years),
        }

    def _prompt(self, item: Item, location: str, source: Source) -> str | Plan:
        which = tracing_choice(self.settings.prompt) if item.prompt is None else None
        if which is None:
            return item.prompt or self.settings.prompt
        outlines = {int(frame): np.array(corners) for frame, corners in (item.outlines or {}).items()}
        return tracings_plan(traced_masks(outlines, source, location), which, location)


def clip_result(source: Source, measured: Measured) -> ClipResult:
    """The rows of a clip, from measurements.json; the same for the same result, whenever and wherever it was computed."""
    record = measured.measurements
    about, lv = record["source"], object_named(measured.segmentation, "LV")
    scores = {found["id"]: found["mean_iou_score"] for found in record["objects"]}
    spacing = about["spacing_mm"] or (None, None)
    uid = measured.stated.uid
    clip = {
        "stated_study": f"study-{hashlib.sha256(uid.encode()).hexdigest()[:12]}" if uid else None,
        **{name: about[name] for name in ("kind", "frames", "height", "width", "fps", "view", "view_from")},
        "row_mm": spacing[0],
        "col_mm": spacing[1],
        **{each.key: record["measures"].get(each.key, {}).get("value") for each in TABLED},
        "complete_beats": sum(not beat["partial"] for beat in record["beats"]),
        "mean_iou_score": scores.get(lv if lv is not None else min(scores, default=0)),
        "quality": record["quality"],
        "flags": [flag["code"] for flag in record["flags"]],
        "model": record["provenance"]["model"]["name"],
        "weights_sha256": record["provenance"]["model"]["weights_sha256"],
    }
    return ClipResult(clip, record["beats"], shapes_of(measured))


def _content(location: str) -> Iterator[bytes]:
    """The bytes of a file, or of the files right in a folder, with their names; of an address, the address."""
    if is_dicomweb(location):
        yield os.fsencode(location)
        return
    path = Path(location)
    try:
        files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
        for each in files:
            if path != each:
                yield os.fsencode(each.name) + b"\0"
            with each.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
    except OSError as error:
        raise SourceError(f"{location}: cannot be read ({error.strerror})") from error


def _is_video(location: str) -> bool:
    return not is_dicomweb(location) and Path(location).is_file() and sniff(Path(location)) == "video"


def _write_frames(path: Path, measured: Measured) -> None:
    lv, analysis = object_named(measured.segmentation, "LV"), measured.analysis
    measures = {}
    if analysis is not None and lv is not None:
        measures[lv] = FrameMeasures(analysis.curve.length_mm, analysis.curve.volume_ml, tuple(analysis.phase))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be made ({error.strerror}); check disk space and folder rights") from error
    with atomic_path(path) as temporary:
        write_frames_csv(temporary, measured.segmentation, measures)
