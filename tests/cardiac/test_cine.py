import numpy as np
import pytest

from echoseg.cardiac import cine_function
from echoseg.errors import MeasureError


def beat():
    """Four phases of three slices: the LV 100, 60, 20 and 80 pixels a slice, the RV half of that, 30 of myocardium."""
    labels = np.zeros((4, 3, 20, 20), np.uint8)
    flat = labels.reshape(4, 3, 400)
    for phase, area in enumerate((100, 60, 20, 80)):
        flat[phase, :, :area], flat[phase, :, 200 : 200 + area // 2], flat[phase, :, 350:380] = 1, 3, 2
    return labels


def test_ed_and_es_are_the_phases_of_the_largest_and_smallest_lv():
    found = cine_function(beat()[[2, 0, 1, 3]])
    assert (found.ed, found.es) == (1, 0)
    np.testing.assert_allclose(found.lv.relative, [0.2, 1.0, 0.6, 0.8])


def test_distances_make_millilitres_and_grams():
    found = cine_function(beat(), (2.0, 1.0), 10.0)  # 0.02 mL a voxel
    assert (found.lv.edv_ml, found.lv.esv_ml, found.lv.ef) == pytest.approx((6.0, 1.2, 80.0))
    assert (found.rv.edv_ml, found.rv.ef) == pytest.approx((3.0, 80.0))
    assert found.mass_g == pytest.approx(1.05 * 90 * 0.02)


@pytest.mark.parametrize("distances", [(None, 10.0), ((1.0, 1.0), None)])
def test_an_unknown_distance_means_no_millilitre_but_ef(distances):
    found = cine_function(beat(), *distances)
    assert (found.lv.edv_ml, found.rv.esv_ml, found.mass_g) == (None, None, None)
    assert found.lv.ef == pytest.approx(80.0)


def test_no_right_ventricle_is_none_and_no_left_one_is_an_error():
    labels = beat()
    labels[labels == 3] = 0
    assert cine_function(labels).rv is None
    with pytest.raises(MeasureError, match="no LV"):
        cine_function(np.zeros_like(labels))


@pytest.mark.parametrize(("labels", "slice_mm"), [(np.zeros((3, 8, 8), np.uint8), 1.0), (np.zeros((1, 1, 8, 8)), 1.0), (beat(), 0.0)])
def test_malformed_labels_and_distances_are_refused(labels, slice_mm):
    with pytest.raises(MeasureError):
        cine_function(labels, (1.0, 1.0), slice_mm)
