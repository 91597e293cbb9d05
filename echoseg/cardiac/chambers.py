"""What a clip tells of the heart besides LV volumes: the ventricle's roundness, and atrium, right ventricle and wall where segmented.

Phases are those of the left ventricle's beats: the right ventricle's own end-systole may be a little later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from echoseg.cardiac.contour import checked_mask, checked_spacing
from echoseg.cardiac.function import LVAnalysis, LVBeat
from echoseg.cardiac.shape import fractional_area_change, sphericity_index
from echoseg.cardiac.volume import la_volume, lv_volume
from echoseg.cardiac.wall import apical_mass, wall_thickness
from echoseg.errors import MeasureError

Structure = Literal["LV", "LA", "RV", "MYO"]
ChamberMeasure = Literal["sphericity", "la_volume", "la_volume_disks", "rv_fac", "wall_thickness", "lv_mass"]


def chamber_measures(
    masks: Mapping[Structure, ArrayLike], analysis: LVAnalysis, spacing: ArrayLike | None
) -> dict[ChamberMeasure, tuple[float | None, ...]]:
    """One value for each beat of ``analysis``; None where the structure is not on the frame or the spacing is needed and unknown.

    - ``sphericity``: single-plane volume at end-diastole over that of a sphere as wide as the long axis
      (:func:`~echoseg.cardiac.sphericity_index`), unitless.
    - ``la_volume``, ``la_volume_disks``: single-plane, at end-systole, mL (:func:`~echoseg.cardiac.la_volume`).
    - ``rv_fac``: percent (:func:`~echoseg.cardiac.fractional_area_change`), in A4C alone.
    - ``wall_thickness``: mean along the wall at end-diastole, mm (:func:`~echoseg.cardiac.wall_thickness`).
    - ``lv_mass``: g, at end-diastole (:func:`~echoseg.cardiac.apical_mass`).

    Args:
        masks: ``{structure: (T, H, W)}``, bool or above zero inside; LV, which was analysed, and what else was segmented.
        analysis: from :func:`echoseg.cardiac.analyse_lv`.
        spacing: ``(row_mm, col_mm)``, or None when unknown.

    Returns:
        Only what the segmented structures and the view can give.

    Raises:
        MeasureError: an unknown structure, no LV, masks of another size or number of frames than the LV that was analysed, or malformed
            masks or spacing.
    """
    if "LV" not in masks or not set(masks) <= set(get_args(Structure)):
        raise MeasureError(f"give the masks of LV and of some of {', '.join(get_args(Structure)[1:])}; got {', '.join(masks) or 'none'}")
    clips = {name: checked_mask(clip, "(T, H, W)") for name, clip in masks.items()}
    shapes = {name: clip.shape for name, clip in clips.items()}
    if len({len(analysis.curve), *(shape[0] for shape in shapes.values())}) > 1 or len({shape[1:] for shape in shapes.values()}) > 1:
        given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise MeasureError(f"all structures need masks of one size, on the {len(analysis.curve)} frames that were analysed; got {given}")
    pixel = checked_spacing(spacing)
    lv, view = clips["LV"], analysis.view

    def sphericity(beat: LVBeat) -> float | None:
        volume = lv_volume({view: (lv[beat.ed], pixel)})
        return None if volume.ml is None or volume.length_mm is None else sphericity_index(volume.ml, volume.length_mm)

    ways: dict[ChamberMeasure, Callable[[LVBeat], float | None]] = {"sphericity": sphericity}
    if "LA" in clips:
        ways["la_volume"] = lambda beat: la_volume({view: (clips["LA"][beat.es], pixel)}).ml
        ways["la_volume_disks"] = lambda beat: la_volume({view: (clips["LA"][beat.es], pixel)}, "disks").ml
    if "RV" in clips and view == "A4C":
        ways["rv_fac"] = lambda beat: fractional_area_change(clips["RV"][beat.ed], clips["RV"][beat.es])
    if "MYO" in clips:
        ways["wall_thickness"] = lambda beat: float(np.mean(wall_thickness(lv[beat.ed], clips["MYO"][beat.ed], pixel, "apical")))
        ways["lv_mass"] = lambda beat: apical_mass(lv[beat.ed], clips["MYO"][beat.ed], pixel, view)
    return {name: tuple(_known(way, beat) for beat in analysis.beats) for name, way in ways.items()}


def _known(way: Callable[[LVBeat], float | None], beat: LVBeat) -> float | None:
    try:
        return way(beat)
    except MeasureError:  # not on that frame, cut off, or in need of a spacing: the other measures stand
        return None
