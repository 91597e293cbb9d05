import numpy as np
import pytest

from echoseg.cardiac.interval import FEWEST, Signals, calibrate, joint_signals, models_text, read_models
from echoseg.errors import MeasureError


def clips(count, seed):
    """EF, truth and signals of clips whose error grows with their doubt and leans to too high an EF."""
    rng = np.random.default_rng(seed)
    doubt = rng.uniform(0, 0.3, count)
    truth = rng.uniform(25, 70, count)
    error = (1 + 20 * doubt) * rng.standard_normal(count) + 2
    signals = [Signals(float(d), float(rng.uniform(0, 0.02)), float(rng.uniform(0, 3)), 0.03) for d in doubt]
    return truth + error, truth, signals


def model_of(count=400, seed=0, **options):
    return calibrate(*clips(count, seed), studies=count, weights_sha256="ab", command="here", **options)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_interval_holds_the_truth_of_other_clips_as_often_as_promised(level):
    model = model_of(level=level)
    bounds = [model.interval(ef, signals) for ef, signals in zip(*clips(4000, 1)[::2], strict=True)]
    truth = clips(4000, 1)[1]
    inside = np.mean([low <= true <= high for (low, high), true in zip(bounds, truth, strict=True)])
    assert inside == pytest.approx(level, abs=0.04)


def test_doubt_widens_the_interval_and_it_leans_against_the_bias():
    model = model_of()
    sure, unsure = (model.interval(50, Signals(doubt, 0.01, 1.0, 0.03)) for doubt in (0.02, 0.28))
    assert np.ptp(unsure) > 2 * np.ptp(sure)
    assert 50 - sure[0] > sure[1] - 50


def test_the_interval_stays_within_what_an_ef_can_be():
    low, high = model_of().interval(2.0, Signals(0.3, 0.02, 3.0, 0.1))
    assert low == 0.0 and high < 30


@pytest.mark.parametrize(("count", "outside"), [(20, 1), (38, 1), (39, 2), (199, 10)])
def test_of_the_clips_and_one_more_as_many_lie_outside_as_the_level_allows(count, outside):
    """Signals that say nothing: the quantiles are those of the errors, whose ranks are known."""
    error = np.linspace(-10, 10, count)
    model = calibrate(50 - error, np.full(count, 50.0), [Signals(0, 0, 0, 0)] * count, studies=count, weights_sha256=None, command="")
    low, high = (bound * model.weights[0] for bound in (model.low, model.high))
    assert (error < low - 1e-9).sum() == (error > high + 1e-9).sum() == outside - 1


def test_an_ef_below_zero_lies_within_its_interval():
    low, high = model_of().interval(-12.0, Signals(0.01, 0.0, 0.0, 0.03))
    assert low == -12.0 <= high


def test_calibrations_are_written_and_read_back():
    models = {"single-plane": model_of(60), "biplane": model_of(40, seed=3)}
    assert read_models(models_text(models)) == models


SOUND = models_text({"biplane": model_of(60)})


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"biplane": {"weights": [1, 2]}}', SOUND.replace('"clips"', '"clip"'), SOUND.replace("biplane", "triplane")]
)
def test_something_else_is_refused(text):
    with pytest.raises(MeasureError, match="calibration"):
        read_models(text)


def test_signals_of_two_views_are_their_mean():
    assert joint_signals([Signals(0.1, 0.02, 1.0, 0.04), Signals(0.3, 0.0, 3.0, 0.04)]) == Signals(0.2, 0.01, 2.0, 0.04)
    with pytest.raises(MeasureError):
        joint_signals([])


def test_too_few_clips_are_not_calibrated_on():
    with pytest.raises(MeasureError, match="too few"):
        model_of(FEWEST - 1)
