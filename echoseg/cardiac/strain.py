"""Contour strain: global longitudinal strain from the length of the endocardial contour.

Not speckle tracking: a border slides and is drawn anew in each frame, so these values must never be graded against speckle-tracking ranges.
"""

from __future__ import annotations

import numpy as np

from echoseg.cardiac.view import ApicalView
from echoseg.errors import MeasureError


def border_length(view: ApicalView) -> float:
    """Length of the endocardial border from hinge point over the apex to the other hinge point, in the contour's units."""
    points, (start, end) = view.contour.points, view.landmarks.basal
    count = len(points)
    border = points[(end + np.arange((start - end) % count + 1)) % count]
    return float(np.hypot(*np.diff(border, axis=0).T).sum())


def contour_strain(ed: ApicalView, es: ApicalView) -> float:
    """``100 * (L_ES - L_ED) / L_ED`` in percent, negative when the border shortens (definition of GLS in ASE/EACVI 2015).

    Raises:
        MeasureError: the spacing of the two phases differs.
    """
    if ed.contour.spacing != es.contour.spacing:
        raise MeasureError("both phases must have the same spacing")
    end_diastolic = border_length(ed)
    return 100.0 * (border_length(es) - end_diastolic) / end_diastolic
