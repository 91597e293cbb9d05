"""What the view classifier says is used where nothing else tells, and told where it contradicts."""

import numpy as np
import pytest

from echoseg import pipeline
from echoseg.io import open_source
from echoseg.io.views import ViewAnswer
from echoseg.model import view_net
from echoseg.record.provenance import provenance
from echoseg.results import MeasureOptions, measure_result
from echoseg.types import Segmentation

VIEWS = ("A4C", "A2C", "A3C", "PSAX")


def seen(view, share):
    return ViewAnswer({name: share if name == view else (1 - share) / 3 for name in VIEWS})


TORN = ViewAnswer({"A4C": 0.03, "A2C": 0.02, "A3C": 0.5, "PSAX": 0.45})


def measured(answer, name="clip", given=None):
    y, x = np.mgrid[:64, :64] + 0.5
    wide = 14 - 4 * np.sin(np.arange(30) / 30 * 2 * np.pi)[:, None, None]
    masks = ((((x - 32) / wide) ** 2 + ((y - 46) / 38) ** 2 <= 1) & (y < 46)).astype(np.uint8)
    source = open_source(np.where(masks, 30, 90).astype(np.uint8), name=name, fps=30.0)
    scores = np.full((30, 1), 0.9, np.float32)
    found = Segmentation(masks, scores, 5 * scores, (1,), {1: "LV"}, {1: (0,)}, source.geometry, source.timing)
    made_by = provenance(model="none", weights_sha256=None, prompt="auto")
    result = measure_result(source, found, made_by, MeasureOptions(given, seen=answer))
    severities = {flag.code: flag.severity for flag in result.flags if flag.code.startswith("view")}
    about = result.measurements["source"]
    return about["view"], about["view_from"], severities, result.analysis is not None


@pytest.mark.parametrize(
    ("answer", "name", "given", "expected"),
    [
        (seen("A2C", 0.95), "clip", None, ("A2C", "classifier", {"view_guessed": "info"}, True)),
        (seen("A2C", 0.6), "clip", None, ("A4C", "assumed", {"view_assumed": "info"}, True)),
        (None, "clip", None, ("A4C", "assumed", {"view_assumed": "info"}, True)),
        (seen("PSAX", 0.95), "clip", None, ("A4C", "assumed", {"view_assumed": "info", "view_not_apical": "review"}, True)),
        (TORN, "clip", "A4C", ("A4C", "given", {"view_not_apical": "review"}, True)),
        (seen("A3C", 0.95), "clip", "A2C", ("A2C", "given", {"view_not_apical": "review"}, True)),
        (seen("A2C", 0.95), "clip", "A4C", ("A4C", "given", {"view_disagrees": "review"}, True)),
        (seen("A2C", 0.6), "clip", "A4C", ("A4C", "given", {}, True)),
        (
            seen("A4C", 0.95),
            "p1_a2c",
            None,
            ("A2C", "guessed from the file name", {"view_guessed": "info", "view_disagrees": "review"}, True),
        ),
        (seen("A2C", 0.95), "p1_a2c", None, ("A2C", "guessed from the file name", {"view_guessed": "info"}, True)),
        (seen("A4C", 0.95), "p1_psax", None, ("PSAX", "guessed from the file name", {"view_not_apical": "review"}, False)),
    ],
)
def test_the_classifier_comes_last_and_contradicts_only_when_it_is_sure(answer, name, given, expected):
    assert measured(answer, name, given) == expected


def test_a_run_asks_the_classifier_about_ultrasound_clips_alone(frames, micro_model, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(view_net, "clip_view", lambda pictures, network: asked.append(len(pictures)) or seen("A2C", 0.95))
    result = pipeline.run(frames, tmp_path, "box:100,30,160,110@0", micro_model, fps=30.0)
    assert asked == [8]
    assert result.measurements["source"]["view_from"] == "classifier"
    grey = np.random.default_rng(0).integers(0, 255, (6, 64, 64)).astype(np.uint8)
    pipeline.run(grey, tmp_path, "box:10,10,50,50@0", micro_model, fps=30.0)
    assert asked == [8]
