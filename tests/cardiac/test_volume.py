import numpy as np
import pytest
from ventricle_shapes import Ventricle, rough

from echoseg.cardiac import lv_ef, lv_volume
from echoseg.errors import MeasureError

HALF = (0.5, 0.5)


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("tilt", [-45, 0, 30])
def test_disks_give_the_volume_of_a_cut_ellipsoid(cut, tilt):
    shape = Ventricle(cut=cut, tilt=tilt)
    volume = lv_volume({"A4C": (shape.mask(HALF), HALF)})
    assert volume.ml == pytest.approx(shape.ml, rel=0.01)
    assert volume.length_mm == pytest.approx(shape.length, rel=0.01)
    assert volume.area_cm2 == pytest.approx(shape.area_cm2, rel=0.005)


@pytest.mark.parametrize("spacing", [(0.308, 0.154), (0.4, 0.8), (1.0, 0.6)])
def test_anisotropic_pixels_give_the_same_millilitres(spacing):
    shape = Ventricle(tilt=30)
    assert lv_volume({"A4C": (shape.mask(spacing), spacing)}).ml == pytest.approx(shape.ml, rel=0.015)


def test_one_pixel_noise_changes_the_volume_by_little():
    shape = Ventricle(tilt=10)
    volumes = [lv_volume({"A4C": (rough(shape.mask(HALF), seed), HALF)}).ml for seed in range(5)]
    assert np.abs(np.array(volumes) / shape.ml - 1).max() < 0.02


def test_biplane_disks_give_a_triaxial_ellipsoid():
    four, two = Ventricle(short=28, cut=0.3), Ventricle(short=22, cut=0.3)
    expected = np.sqrt(four.ml * two.ml)
    for method in ("disks", "camus-2019"):
        assert lv_volume({"A4C": (four.mask(HALF), HALF), "A2C": (two.mask(HALF), HALF)}, method).ml == pytest.approx(expected, rel=0.01)


def test_area_length_is_exact_for_half_an_ellipsoid():
    shape = Ventricle(cut=0.0)
    volume = lv_volume({"A2C": (shape.mask(HALF), HALF)}, "area-length")
    assert volume.ml == pytest.approx(shape.ml, rel=0.015)
    assert volume.ml == pytest.approx(8 * volume.area_cm2**2 / (3 * np.pi * volume.length_mm / 10), rel=1e-9)


def test_two_lengths_disks_take_the_longer_area_length_the_shorter():
    views = {"A4C": (Ventricle(long=60).mask(HALF), HALF), "A2C": (Ventricle(long=54).mask(HALF), HALF)}
    disks, area_length = lv_volume(views), lv_volume(views, "area-length")
    assert disks.length_mm == max(disks.lengths_mm.values()) == disks.lengths_mm["A4C"]
    assert area_length.length_mm == min(area_length.lengths_mm.values()) == area_length.lengths_mm["A2C"]
    product = area_length.areas_cm2["A4C"] * area_length.areas_cm2["A2C"]
    assert area_length.ml == pytest.approx(8 * product / (3 * np.pi * area_length.length_mm / 10), rel=1e-9)
    assert disks.options["length"].startswith("longer")
    assert area_length.options["length"].startswith("shorter")


def test_the_order_of_the_views_does_not_matter():
    four, two = (Ventricle(long=60).mask(HALF), HALF), (Ventricle(long=54).mask(HALF), HALF)
    assert lv_volume({"A4C": four, "A2C": two}) == lv_volume({"A2C": two, "A4C": four})


def test_without_spacing_there_are_no_millilitres_but_the_same_ratio():
    shape, small = Ventricle(), Ventricle(50, 20)
    unknown = lv_volume({"A4C": (shape.mask(HALF), None)})
    known = lv_volume({"A4C": (shape.mask(HALF), HALF)})
    assert unknown.ml is None and unknown.length_mm is None and unknown.area_cm2 is None
    assert unknown.relative == pytest.approx(known.relative, rel=1e-6)
    assert "square" in unknown.options["pixels"]
    ejection = lv_ef({"A4C": (shape.mask(HALF), None)}, {"A4C": (small.mask(HALF), None)})
    assert ejection.ef == pytest.approx(100 * (1 - small.ml / shape.ml), abs=1)
    assert ejection.edv_ml is None and ejection.esv_ml is None and ejection.sv_ml is None


def test_one_view_without_spacing_makes_a_biplane_volume_relative():
    mask = Ventricle().mask(HALF)
    assert lv_volume({"A4C": (mask, HALF), "A2C": (mask, None)}).ml is None


def test_ejection_fraction_uses_each_phases_own_length():
    # One disk height for both phases would give 52 % here, as a widely copied script does.
    ed = Ventricle(long=75, short=25, cut=0.0)
    es = Ventricle(long=62.5, short=25 * np.sqrt(0.4 * 75 / 62.5), cut=0.0)
    ejection = lv_ef({"A4C": (ed.mask(HALF), HALF)}, {"A4C": (es.mask(HALF), HALF)})
    assert ejection.ef == pytest.approx(60, abs=0.7)
    assert ejection.sv_ml == pytest.approx(ejection.edv_ml - ejection.esv_ml)


def test_bad_requests_are_refused_with_their_reason():
    mask = Ventricle().mask(HALF)
    good = {"A4C": (mask, HALF)}
    for call, says in [
        (lambda: lv_volume({}), "A4C"),
        (lambda: lv_volume({"PLAX": (mask, HALF)}), "PLAX"),
        (lambda: lv_volume({"A4C": mask}), "spacing"),
        (lambda: lv_volume(good, "teichholz"), "disks"),
        (lambda: lv_volume(good, "camus-2019"), "biplane"),
        (lambda: lv_volume({"A4C": (np.zeros((9, 9), bool), HALF)}), "A4C.*empty"),
        (lambda: lv_ef(good, {"A2C": (mask, HALF)}), "same"),
        (lambda: lv_ef(good, {"A4C": (mask, None)}), "both"),
    ]:
        with pytest.raises(MeasureError, match=says):
            call()


@pytest.mark.parametrize(("degrees", "lost"), [(0, 0.5), (15, 4.4)])
def test_a_slanted_annulus_loses_volume_and_hardly_any_ef(degrees, lost):
    """Half an ellipsoid of revolution keeps its volume whatever the slant of the plane that cuts it."""
    step = 0.25
    y, x = np.mgrid[: int(130 / step), : int(100 / step)] * step + step / 2

    def measured(long, wide):
        half = (((x - 50) / wide) ** 2 + ((y - 110) / long) ** 2 < 1) & (y - 110 < np.tan(np.radians(degrees)) * (x - 50))
        return lv_volume({"A4C": (half, (step, step))}).ml

    def true(long, wide):
        return 2 / 3 * np.pi * long * wide**2 / 1000

    edv, esv = measured(90, 25), measured(76, 16)
    assert 100 * (1 - edv / true(90, 25)) == pytest.approx(lost, abs=0.3)
    assert 100 * (1 - esv / edv) == pytest.approx(100 * (1 - true(76, 16) / true(90, 25)), abs=0.5)
