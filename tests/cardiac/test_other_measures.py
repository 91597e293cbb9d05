import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from synthetic_beats import SYSTOLE, regular
from ventricle_shapes import Ventricle

from echoseg.cardiac import (
    Beat,
    body_surface_area,
    contour_strain,
    find_beats,
    fractional_area_change,
    la_volume,
    length_to_width,
    measure_view,
    peak_rates,
    sphericity_index,
    stack_ef,
    stack_mass,
    stack_volume,
)
from echoseg.errors import MeasureError

HALF = (0.5, 0.5)


def disk(radius, size=80):
    y, x = np.mgrid[:size, :size] + 0.5
    return np.hypot(x - size / 2, y - size / 2) < radius


def test_a_stack_of_disks_is_a_cylinder_and_a_ring_has_the_mass_of_its_wall():
    cavity, outer = np.stack([disk(20)] * 8), np.stack([disk(28)] * 8)
    assert stack_volume(cavity, (1.0, 0.5), 10).ml == pytest.approx(np.pi * 20**2 * 0.5 * 80 / 1000, rel=0.01)
    assert stack_mass(outer & ~cavity, (1.0, 0.5), 10) == pytest.approx(1.05 * np.pi * (28**2 - 20**2) * 0.5 * 80 / 1000, rel=0.01)


def test_a_missing_slice_within_the_stack_is_bridged_and_told():
    cavity = np.stack([np.zeros_like(disk(20)), *[disk(20)] * 6])
    holed = cavity.copy()
    holed[3] = False
    assert stack_volume(holed, HALF, 8).ml == pytest.approx(stack_volume(cavity, HALF, 8).ml)
    assert stack_volume(holed, HALF, 8).gaps == (3,)
    assert stack_volume(cavity, HALF, 8).slices == (1, 2, 3, 4, 5, 6)


def test_stack_ejection_fraction_with_a_slice_that_leaves_the_cavity_at_end_systole():
    ed, es = np.stack([disk(20)] * 5), np.stack([np.zeros_like(disk(20)), *[disk(14)] * 4])
    expected = 100 * (1 - 4 * disk(14).sum() / (5 * disk(20).sum()))
    assert stack_ef(ed, es, HALF, 8).ef == pytest.approx(expected)


def test_a_notch_of_a_papillary_muscle_belongs_to_the_convex_cavity_and_a_whole_disk_is_its_own_hull():
    whole = np.stack([disk(20)] * 3)
    notched = whole.copy()
    notched[:, 30:36, 52:] = False
    assert stack_volume(notched, HALF, 8).ml < 0.97 * stack_volume(whole, HALF, 8).ml
    assert stack_volume(notched, HALF, 8, convex=True).ml == pytest.approx(stack_volume(whole, HALF, 8).ml, rel=0.005)
    assert stack_volume(whole, HALF, 8, convex=True).ml == stack_volume(whole, HALF, 8).ml
    assert stack_ef(whole, notched, HALF, 8, convex=True).ef == pytest.approx(0, abs=0.5)
    with pytest.raises(MeasureError, match="hollow"):
        stack_volume(whole, HALF, 8, hollow=True, convex=True)


def test_a_stack_without_spacing_or_structure_is_refused():
    for masks, spacing, distance in [(np.ones((2, 9, 9)), None, 8), (np.ones((2, 9, 9)), HALF, 0), (np.zeros((2, 9, 9)), HALF, 8)]:
        with pytest.raises(MeasureError):
            stack_volume(masks, spacing, distance)


@pytest.mark.skipif(not os.environ.get("ECHOSEG_DATA"), reason="ECHOSEG_DATA is not set: no cine MR contours to measure")
def test_expert_contours_of_a_failing_heart_give_an_ef_near_26_percent():
    import pydicom

    folder = Path(os.environ["ECHOSEG_DATA"]) / "mri" / "sunnybrook" / "SC-HF-I-1"
    by_slice = {}
    for path in sorted((folder / "i-contours").glob("*.txt")):
        number = int(re.search(r"-(\d{4})-icontour", path.name)[1])
        outline = np.round(np.loadtxt(path) * 16).astype(np.int32)
        by_slice.setdefault((number - 1) // 20, []).append(cv2.fillPoly(np.zeros((256, 256), np.uint8), [outline], 1, shift=4))
    header = pydicom.dcmread(next((folder / "dicom").glob("*.dcm")), stop_before_pixels=True)
    distance = float(header.get("SpacingBetweenSlices", header.SliceThickness))
    phases = [[min(pair, key=np.sum), max(pair, key=np.sum)] for pair in by_slice.values()]
    es, ed = (np.stack(masks) for masks in zip(*phases, strict=True))
    assert stack_ef(ed, es, header.PixelSpacing, distance).ef == pytest.approx(26, abs=1.5)


def test_an_atrium_is_measured_like_an_upturned_ventricle():
    shape = Ventricle(25, 22, 0.6)
    views = {view: (shape.mask(HALF)[::-1], HALF) for view in ("A4C", "A2C")}
    assert la_volume(views, "disks").ml == pytest.approx(shape.ml, rel=0.03)
    volume = la_volume(views)
    assert volume.ml == pytest.approx(8 * volume.area_cm2**2 / (3 * np.pi * volume.length_mm / 10), rel=1e-6)
    with pytest.raises(MeasureError, match="LA"):
        la_volume(views, "camus-2019")
    with pytest.raises(MeasureError, match="A4C"):
        la_volume({"A4C": None})


@pytest.mark.parametrize("slant_mm", [0, 12, 24])
@pytest.mark.parametrize("mirrored", [False, True])
def test_an_atriums_length_runs_square_from_the_annulus_to_the_roof(slant_mm, mirrored):
    """A straight-sided atrium 40 mm wide, 50 mm from the annulus' middle to the roof, which rises from one side to the other."""
    y, x = (np.mgrid[:260, :240] + 0.5) * 0.5
    mask = (np.abs(x - 60) < 20) & (y > 30) & (y < 80 + slant_mm * (x - 60) / 40)
    volume = la_volume({"A4C": (mask[:, ::-1] if mirrored else mask, HALF)})
    assert volume.length_mm == pytest.approx(50, abs=1)
    assert volume.ml == pytest.approx(8 * 20**2 / (3 * np.pi * 5), rel=0.03)


def test_fractional_area_change_of_two_disks():
    assert fractional_area_change(disk(20), disk(16)) == pytest.approx(36, abs=1)
    for masks in [(disk(20), disk(0)), (disk(20), disk(20, 60))]:
        with pytest.raises(MeasureError):
            fractional_area_change(*masks)


def test_contour_strain_of_a_uniformly_shrinking_ventricle_is_its_shrinkage():
    ed, es = (measure_view(Ventricle(60 * scale, 25 * scale, tilt=15).mask(HALF), HALF) for scale in (1, 0.82))
    assert contour_strain(ed, es) == pytest.approx(-18, abs=0.7)


def test_sphericity_of_a_sphere_and_length_to_width_of_a_slender_ventricle():
    assert sphericity_index(4 / 3 * np.pi * 3**3, 60) == pytest.approx(1)
    view = measure_view(Ventricle(60, 20, 0.0).mask(HALF), HALF)
    assert length_to_width(view) == pytest.approx(60 / (40 * np.sqrt(0.75)), rel=0.02)


def test_body_surface_area_by_both_formulas():
    assert body_surface_area(180, 80) == pytest.approx(2.0)
    assert body_surface_area(180, 80, "dubois") == pytest.approx(1.996, abs=0.001)
    for height, weight, formula in [(1.8, 80, "mosteller"), (180, 0, "mosteller"), (180, 80, "haycock")]:
        with pytest.raises(MeasureError):
            body_surface_area(height, weight, formula)


def test_peak_rates_of_a_cosine_systole():
    times, curve, _ = regular(60, beats=2, fps=100, kick=0.2)
    rates = peak_rates(curve, times, find_beats(curve, times)[0])
    assert rates.ejection == pytest.approx(np.pi / 2 * 0.6 / SYSTOLE, rel=0.04)
    assert rates.filling == pytest.approx(np.pi / 2 * 0.8 * 0.6 / 0.25, rel=0.06)
    assert rates.ejection_ml_s == pytest.approx(120 * rates.ejection, rel=0.02)


@pytest.mark.parametrize("beat", [Beat(-4, 8, None, True, None), Beat(2, 90, None, True, None), Beat(2, 8, 90, False, None)])
def test_rates_of_a_beat_outside_the_curve_are_refused(beat):
    with pytest.raises(MeasureError, match="is not in a curve of 20 frames"):
        peak_rates(np.linspace(2, 1, 20), np.arange(20) / 20, beat)


def test_rates_of_an_unknown_curve_are_refused():
    with pytest.raises(MeasureError, match="nothing of it is known"):
        peak_rates(np.full(20, np.nan), np.arange(20) / 20, Beat(2, 8, None, True, None))


@pytest.mark.parametrize("slice_spacing", [None, "thick", np.nan, 0, -8])
def test_a_stack_needs_a_distance_between_slices(slice_spacing):
    with pytest.raises(MeasureError, match="positive distance between slices"):
        stack_volume(np.ones((2, 4, 4)), (1, 1), slice_spacing)
