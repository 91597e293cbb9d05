"""The EF interval is calibrated for single-plane and for biplane EF apart, each on its own scores."""

import numpy as np
import pytest
from typer.testing import CliRunner

from echoseg.cardiac.interval import SIGNALS
from echoseg.cli.main import app
from echoseg.errors import MeasureError
from echoseg.evaluation.intervals import fitted, held, plot_calibration
from echoseg.evaluation.scores import Score

SPREAD = {"A4C": 6.0, "A2C": 6.0, "biplane": 2.0}


def scores(studies, seed):
    """Studies whose single-plane EF errs three times as much as their biplane EF."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(studies):
        truth = rng.uniform(25, 70)
        for label, spread in SPREAD.items():
            signals = {name: rng.uniform(0, 0.1) for name in SIGNALS}
            measures = {"measured": 1.0, "ef": truth + spread * rng.standard_normal(), "ef_true": truth, **signals}
            found.append(Score(f"{index}_{label}", str(index), "auto", label, measures))
    return found


def test_biplane_ef_has_an_interval_of_its_own_that_holds_as_often():
    calibration, others = scores(200, 0), scores(400, 1)
    widths = {}
    for planes, count in (("single-plane", 800), ("biplane", 400)):
        bounds, inside = held(fitted(calibration, "ab", "here", planes=planes), others, planes)
        assert len(inside) == count and inside.mean() == pytest.approx(0.9, abs=0.04)
        widths[planes] = np.ptp(bounds, axis=1).mean()
    assert widths["biplane"] < widths["single-plane"] / 2


def test_a_study_without_signals_is_left_out_and_too_few_are_refused():
    calibration = [score for score in scores(30, 0) if score.label != "biplane"]
    fitted(calibration, None, "")
    with pytest.raises(MeasureError, match="too few"):
        fitted(calibration, None, "", planes="biplane")


def test_the_picture_shows_both(tmp_path):
    plot_calibration(tmp_path / "calibration.png", scores(30, 0), scores(20, 1))
    assert (tmp_path / "calibration.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_refuses_to_test_on_the_studies_it_calibrates_on():
    chosen = ["eval", "interval", "--out", "x", "--count", "20", "--start", "100", "--validate", "10", "--validate-start", "95"]
    result = CliRunner().invoke(app, chosen)
    assert result.exit_code == 2 and "--validate-start" in result.output
