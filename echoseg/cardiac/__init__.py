"""From LV masks to the numbers of an echo report, by named guideline methods. Pure numpy, scipy and OpenCV."""

from echoseg.cardiac.chambers import chamber_measures
from echoseg.cardiac.cine import CineFunction, Ventricle, cine_function
from echoseg.cardiac.contour import Contour, endocardial_contour
from echoseg.cardiac.curve import LVCurve, measure_frames
from echoseg.cardiac.cycle import Beat, find_beats
from echoseg.cardiac.ef import LVEjection, ejection_fraction, lv_ef
from echoseg.cardiac.function import LVAnalysis, LVBeat, analyse_lv, without_size
from echoseg.cardiac.landmarks import Landmarks, find_landmarks
from echoseg.cardiac.rates import PeakRates, peak_rates
from echoseg.cardiac.references import Grade, body_surface_area, grade, grade_ef, guideline
from echoseg.cardiac.shape import contour_strain, fractional_area_change, length_to_width, sphericity_index
from echoseg.cardiac.short_axis import StackEjection, StackVolume, stack_ef, stack_mass, stack_volume
from echoseg.cardiac.view import ApicalView, measure_view
from echoseg.cardiac.volume import APICAL_VIEWS, ChamberVolume, la_volume, lv_volume
from echoseg.cardiac.wall import apical_mass, lv_mass, wall_thickness

__all__ = [
    "APICAL_VIEWS",
    "ApicalView",
    "Beat",
    "ChamberVolume",
    "CineFunction",
    "Contour",
    "Grade",
    "LVAnalysis",
    "LVBeat",
    "LVCurve",
    "LVEjection",
    "Landmarks",
    "PeakRates",
    "StackEjection",
    "StackVolume",
    "Ventricle",
    "analyse_lv",
    "apical_mass",
    "body_surface_area",
    "chamber_measures",
    "cine_function",
    "contour_strain",
    "ejection_fraction",
    "endocardial_contour",
    "find_beats",
    "find_landmarks",
    "fractional_area_change",
    "grade",
    "grade_ef",
    "guideline",
    "la_volume",
    "length_to_width",
    "lv_ef",
    "lv_mass",
    "lv_volume",
    "measure_frames",
    "measure_view",
    "peak_rates",
    "sphericity_index",
    "stack_ef",
    "stack_mass",
    "stack_volume",
    "wall_thickness",
    "without_size",
]
