"""From LV masks to the numbers of an echo report, by named guideline methods. Pure numpy, scipy and OpenCV."""

from echoseg.cardiac.contour import Contour, endocardial_contour
from echoseg.cardiac.curve import LVCurve, measure_frames
from echoseg.cardiac.cycle import Beat, find_beats
from echoseg.cardiac.ef import LVEjection, ejection_fraction, lv_ef
from echoseg.cardiac.function import LVAnalysis, LVBeat, analyse_lv
from echoseg.cardiac.landmarks import Landmarks, find_landmarks
from echoseg.cardiac.references import Grade, grade_ef, guideline
from echoseg.cardiac.view import ApicalView, measure_view
from echoseg.cardiac.volume import LVVolume, lv_volume

__all__ = [
    "ApicalView",
    "Beat",
    "Contour",
    "Grade",
    "LVAnalysis",
    "LVBeat",
    "LVCurve",
    "LVEjection",
    "LVVolume",
    "Landmarks",
    "analyse_lv",
    "ejection_fraction",
    "endocardial_contour",
    "find_beats",
    "find_landmarks",
    "grade_ef",
    "guideline",
    "lv_ef",
    "lv_volume",
    "measure_frames",
    "measure_view",
]
