"""Biplane function from one clip of each view, against ellipsoids of three axes whose volumes are known."""

import numpy as np
import pytest

from echoseg.cardiac import analyse_lv
from echoseg.cardiac.biplane import biplane_function, view_beats
from echoseg.cardiac.cycle import Beat
from echoseg.errors import MeasureError
from tests.cardiac.ventricle_shapes import Ventricle

# One heart: half axes 60 (long), 25 (A4C) and 20 mm (A2C) at end-diastole, 50, 17 and 14 mm at end-systole.
SHORT = {"A4C": (25.0, 17.0), "A2C": (20.0, 14.0)}
LONG = (60.0, 50.0)


def volume_ml(long, first, second):
    return Ventricle(long=long, short=1.0).ml * first * second


EDV, ESV = (volume_ml(LONG[k], SHORT["A4C"][k], SHORT["A2C"][k]) for k in (0, 1))


def clip(view, *, beats=1, spacing=(0.5, 0.5), scale=(1.0, 1.0), heart_rate=60.0, atrium=False):
    """ED and ES by turns; ``scale`` of the long axis at both phases."""
    pair = [Ventricle(long=LONG[k] * scale[k], short=SHORT[view][k]).mask() for k in (0, 1)]
    masks = np.stack(pair * beats)
    given = [Beat(2 * i, 2 * i + 1, None, False, heart_rate) for i in range(beats)]
    analysis = analyse_lv(masks, None, spacing, view, beats=given)
    return view_beats(masks, spacing, analysis, masks[:, ::-1] if atrium else None)


def test_volumes_are_those_of_the_ellipsoid():
    found = biplane_function([clip("A4C"), clip("A2C")])
    assert found.edv_ml == pytest.approx(EDV, rel=0.01)
    assert found.esv_ml == pytest.approx(ESV, rel=0.015)
    assert found.ef == pytest.approx(100 * (1 - ESV / EDV), abs=0.5)
    assert found.sv_ml == pytest.approx(found.edv_ml - found.esv_ml)
    assert (found.hr_bpm, found.co_l_min) == (60, pytest.approx(found.sv_ml * 60 / 1000))
    assert found.lengths_mm == {"A4C": pytest.approx(84, rel=0.01), "A2C": pytest.approx(84, rel=0.01)}
    assert found.flags == ()


def test_order_of_the_views_does_not_matter():
    assert biplane_function([clip("A2C"), clip("A4C")]) == biplane_function([clip("A4C"), clip("A2C")])


def test_every_beat_of_one_view_meets_every_beat_of_the_other():
    found = biplane_function([clip("A4C", beats=3), clip("A2C", beats=2)])
    assert [(beat.a4c, beat.a2c) for beat in found.beats] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert found.ef == pytest.approx(biplane_function([clip("A4C"), clip("A2C")]).ef)


def test_unknown_spacing_gives_the_ratio_and_no_volume():
    found = biplane_function([clip("A4C", spacing=None), clip("A2C", spacing=None)])
    assert found.ef == pytest.approx(100 * (1 - ESV / EDV), abs=0.5)
    assert (found.edv_ml, found.sv_ml, found.co_l_min, found.lengths_mm) == (None, None, None, None)
    assert [flag.code for flag in found.flags] == ["spacing_missing"]


def test_views_of_unknown_pixels_that_can_hardly_be_of_one_size_are_flagged():
    small = [np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1) for mask in (Ventricle(60, 20).mask(), Ventricle(50, 14).mask())]
    masks = np.stack(small)
    analysis = analyse_lv(masks, None, None, "A2C", beats=[Beat(0, 1, None, False, None)])
    found = biplane_function([clip("A4C", spacing=None), view_beats(masks, None, analysis)])
    assert [flag.code for flag in found.flags] == ["spacing_missing", "magnification_differs"]
    assert "50 % apart" in found.flags[1].message


def test_masks_of_another_clip_than_was_analysed_are_refused():
    masks = np.stack([Ventricle(60, 20).mask(), Ventricle(50, 14).mask()])
    analysis = analyse_lv(masks, None, (0.5, 0.5), "A2C", beats=[Beat(0, 1, None, False, None)])
    for given in ((masks[:1], None), (masks, masks[:1])):
        with pytest.raises(MeasureError, match="that were analysed"):
            view_beats(given[0], (0.5, 0.5), analysis, given[1])


def test_a_view_whose_long_axis_is_a_fifth_shorter_is_flagged_by_name():
    found = biplane_function([clip("A4C"), clip("A2C", scale=(0.8, 0.8))])
    (flag,) = found.flags
    assert flag.code == "foreshortening" and "A2C may be foreshortened" in flag.message and "20 %" in flag.message
    assert not biplane_function([clip("A4C"), clip("A2C", scale=(0.95, 0.95))]).flags


def test_heart_rates_that_differ_are_flagged():
    found = biplane_function([clip("A4C"), clip("A2C", heart_rate=80.0)])
    assert [flag.code for flag in found.flags] == ["heart_rates_differ"]
    assert found.hr_bpm == 70


def test_atrium_in_both_views_gives_its_volume_by_both_methods():
    found = biplane_function([clip("A4C", atrium=True), clip("A2C", atrium=True)])
    assert found.la_disks_ml == pytest.approx(ESV, rel=0.02)
    assert found.la_ml == pytest.approx(8 * np.prod([Ventricle(long=50, short=s).area_cm2 for s in (17, 14)]) / (3 * np.pi * 7), rel=0.02)
    assert biplane_function([clip("A4C", atrium=True), clip("A2C")]).la_ml is None


def test_methods_differ_where_the_views_disagree_on_the_length():
    views = [clip("A4C"), clip("A2C", scale=(1.0, 0.9))]
    assert biplane_function(views, "camus-2019").edv_ml == pytest.approx(biplane_function(views, "disks").edv_ml)
    assert biplane_function(views, "area-length").esv_ml != pytest.approx(biplane_function(views, "disks").esv_ml, rel=0.02)


@pytest.mark.parametrize("views", [[], ["A4C"], ["A4C", "A4C"], ["A4C", "A2C", "A2C"]])
def test_anything_but_one_of_each_view_is_refused(views):
    with pytest.raises(MeasureError, match="one A4C and one A2C"):
        biplane_function([clip(view) for view in views])


def test_given_phases_are_used_as_they_are():
    masks = np.stack([Ventricle(short=s).mask() for s in (20, 25, 17, 25)])
    analysis = analyse_lv(masks, None, (0.5, 0.5), beats=[Beat(0, 2, None, False, None)])
    assert [(beat.ed, beat.es) for beat in analysis.beats] == [(0, 2)]
    assert analysis.ef == pytest.approx(100 * (1 - (17 / 20) ** 2), abs=0.5)
    codes = {flag.code for flag in analysis.flags}
    assert "phases_given" in codes and not codes & {"no_beat", "timing_missing", "few_beats", "partial_beat"}
    with pytest.raises(MeasureError, match="frame 4"):
        analyse_lv(masks, None, (0.5, 0.5), beats=[Beat(0, 4, None, False, None)])


@pytest.mark.parametrize("unknown", ["A4C", "A2C"])
def test_one_unknown_spacing_leaves_the_ef_as_it_is(unknown):
    """The pixels of one view and the millimetres of the other are no lengths to compare: the longer view must be longer at each phase."""
    scales = {"A4C": (1.0, 1.0), "A2C": (1.0, 0.8)}
    known = biplane_function([clip(view, scale=scales[view]) for view in SHORT])
    mixed = biplane_function([clip(view, scale=scales[view], spacing=None if view == unknown else (0.5, 0.5)) for view in SHORT])
    assert mixed.ef == pytest.approx(known.ef, abs=0.2)
    assert mixed.edv_ml is None and "equal at end-diastole" in mixed.options["pixels"]
