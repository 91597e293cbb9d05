import numpy as np
import pytest
from ventricle_shapes import Ventricle

from echoseg.cardiac import Beat, analyse_lv, apical_mass, chamber_measures
from echoseg.errors import MeasureError

SPACING = (0.5, 0.5)
FULL, EMPTY = Ventricle(60, 25, 0.3), Ventricle(50, 18, 0.3)
OUTER = Ventricle(68, 33, 0.3 * 60 / 68)  # eight millimetres of wall, cut at the same plane
BEATS = [Beat(0, 1, 2, partial=False, hr_bpm=60.0), Beat(2, 3, None, partial=True, hr_bpm=None)]


def clip(full, empty):
    return np.stack([full, empty, full, empty])


def analysed(view="A4C", spacing=SPACING):
    masks = clip(FULL.mask(SPACING), EMPTY.mask(SPACING))
    return masks, analyse_lv(masks, np.arange(4) / 2, spacing, view, beats=BEATS)


def test_mass_of_a_wall_between_two_ellipsoids():
    cavity, wall = FULL.mask(SPACING), OUTER.mask(SPACING) & ~FULL.mask(SPACING)
    assert apical_mass(cavity, wall, SPACING, "A4C") == pytest.approx(1.05 * (OUTER.ml - FULL.ml), rel=0.01)


def test_a_wall_beside_the_cavity_has_no_mass():
    cavity = FULL.mask(SPACING)
    speck = np.zeros_like(cavity)
    speck[:3, :3] = True
    with pytest.raises(MeasureError, match="does not surround"):
        apical_mass(cavity, speck, SPACING, "A4C")


def test_every_structure_gives_its_measures_at_the_phases_of_each_beat():
    lv, analysis = analysed()
    wall = clip(OUTER.mask(SPACING) & ~FULL.mask(SPACING), OUTER.mask(SPACING) & ~EMPTY.mask(SPACING))
    atrium = clip(np.flipud(FULL.mask(SPACING)), np.flipud(EMPTY.mask(SPACING)))
    right = np.zeros_like(lv)
    right[0, 10:50, 10:60] = right[1, 10:40, 10:60] = True
    found = chamber_measures({"LV": lv, "MYO": wall, "LA": atrium, "RV": right}, analysis, SPACING)
    sphere = np.pi / 6 * FULL.length**3 / 1000
    assert found["sphericity"] == pytest.approx([FULL.ml / sphere] * 2, rel=0.02)
    assert found["la_volume_disks"] == pytest.approx([EMPTY.ml] * 2, rel=0.02)
    assert found["wall_thickness"] == pytest.approx([8.0] * 2, abs=0.3)
    assert found["lv_mass"] == pytest.approx([1.05 * (OUTER.ml - FULL.ml)] * 2, rel=0.02)
    assert found["rv_fac"] == (pytest.approx(25.0), None)  # absent in the second beat


def test_without_spacing_only_ratios_of_areas_are_known():
    lv, analysis = analysed(spacing=None)
    found = chamber_measures({"LV": lv, "LA": lv[:, ::-1], "RV": lv, "MYO": ~lv}, analysis, None)
    assert all(value is not None for value in found.pop("rv_fac"))
    assert all(values == (None, None) for values in found.values())


def test_the_right_ventricle_is_measured_in_the_four_chamber_view_alone():
    lv, analysis = analysed("A2C")
    assert set(chamber_measures({"LV": lv, "RV": lv}, analysis, SPACING)) == {"sphericity"}


@pytest.mark.parametrize("masks", [{}, {"LA": np.zeros((4, 8, 8), bool)}, {"LV": np.zeros((4, 8, 8), bool), "aorta": np.zeros((4, 8, 8))}])
def test_an_unknown_structure_or_no_ventricle_is_refused(masks):
    with pytest.raises(MeasureError, match="masks of LV"):
        chamber_measures(masks, analysed()[1], SPACING)


@pytest.mark.parametrize("other", [(4, 9, 9), (3, 320, 320)])
def test_structures_of_another_size_are_refused(other):
    lv, analysis = analysed()
    with pytest.raises(MeasureError, match="masks of one size"):
        chamber_measures({"LV": lv, "LA": np.zeros(other, bool)}, analysis, SPACING)


def test_half_a_wall_is_not_measured():
    lv, analysis = analysed()
    wall = clip(OUTER.mask(SPACING) & ~FULL.mask(SPACING), OUTER.mask(SPACING) & ~EMPTY.mask(SPACING))
    wall[:, :, : wall.shape[2] // 2] = False  # the ventricle stands in the middle
    found = chamber_measures({"LV": lv, "MYO": wall}, analysis, SPACING)
    assert (found["wall_thickness"], found["lv_mass"]) == ((None, None), (None, None))
