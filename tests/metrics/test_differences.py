"""Agreement of EF with a truth, against numbers worked out by hand."""

import numpy as np
import pytest

from echoseg.metrics.agreement import differences


def test_bias_limits_and_error_of_known_differences():
    found = differences([52, 48, 60, np.nan], [50, 50, 56, 40])
    assert (found.n, found.bias, found.mae) == (3, pytest.approx(4 / 3), pytest.approx(8 / 3))
    assert found.sd == pytest.approx(np.sqrt(28 / 3))  # of 2, -2, 4
    assert (found.low, found.high) == (pytest.approx(4 / 3 - 1.96 * found.sd), pytest.approx(4 / 3 + 1.96 * found.sd))


def test_one_pair_has_no_spread_and_none_has_no_agreement():
    assert differences([50], [48]).sd is None
    assert differences([np.nan], [48]) is None and differences([], []) is None
