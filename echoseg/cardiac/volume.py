"""Volume of the left ventricle and atrium from one or two apical masks, by a named method.

Source: Lang RM et al., "Recommendations for Cardiac Chamber Quantification by Echocardiography in Adults: An Update from the ASE and
the EACVI", J Am Soc Echocardiogr 2015;28:1-39 (and Eur Heart J Cardiovasc Imaging 2015;16:233-70): LV volumes by the method of disks
(modified Simpson's rule); LA volume by biplane disks, or by biplane area-length with the shorter of the two lengths. Area-length is here
the formula of an ellipsoid, ``8 A1 A2 / (3 pi L)``, for both chambers; the "bullet", ``5/6 A L``, takes a short-axis area and is not
computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac.contour import Spacing, checked_mask, checked_spacing
from echoseg.cardiac.view import DISKS, ApicalView, ViewShape, measure_atrium, measure_view
from echoseg.errors import MeasureError
from echoseg.options import Method, View
from echoseg.types import BoolMask

Views = Mapping[str, tuple[ArrayLike, ArrayLike | None]]
"""``{"A4C": (mask (H, W), (row_mm, col_mm) or None), "A2C": ...}``: one or both."""

APICAL_VIEWS: tuple[str, ...] = get_args(View)


@dataclass(frozen=True)
class ChamberVolume:
    """A chamber's volume and how it came about.

    Attributes:
        ml: volume in mL, or None when a view's spacing is unknown.
        relative: the same volume in cubes of a pixel's height: for ratios (EF), never for size. With unknown spacing pixels
            are taken as square and equally large in all views.
        length_mm: long axis the volume was computed with, or None.
        lengths_mm: long axis of each view, or None.
        area_cm2: cavity area of A4C (of the only view when that is A2C), or None.
        areas_cm2: cavity area of each view, or None.
        method: as asked for.
        options: what the method was computed with; plain JSON values.
    """

    ml: float | None
    relative: float
    length_mm: float | None
    lengths_mm: Mapping[str, float] | None
    area_cm2: float | None
    areas_cm2: Mapping[str, float] | None
    method: Method
    options: Mapping[str, object]


def checked_method(method: str, biplane: bool) -> Method:
    """``method`` when it is known and defined for that number of views.

    Raises:
        MeasureError: unknown method, or ``camus-2019`` with a single view.
    """
    if method not in get_args(Method):
        raise MeasureError(f"no LV volume method {method!r}: choose from {', '.join(get_args(Method))}")
    if method == "camus-2019" and not biplane:
        raise MeasureError("camus-2019 is a biplane method: give A4C and A2C, or use method='disks' for a single plane")
    return method  # type: ignore[return-value]


def disk_volume(first: NDArray[np.float64], second: NDArray[np.float64], length: float) -> float:
    """Sum of elliptical disks, ``pi/4 * sum(a_i * b_i) * L / n``, in the cube of the lengths' unit.

    Args:
        first: ``(n,)`` diameters of one view.
        second: ``(n,)`` diameters of the other view, or ``first`` again for a single plane (circular disks).
        length: long axis ``L``.
    """
    return float(np.pi / 4 * np.dot(first, second) * length / len(first))


def area_length_volume(first: float, second: float, length: float) -> float:
    """``8 * A1 * A2 / (3 * pi * L)`` in the cube of the lengths' unit; exact for a half ellipsoid and for an ellipsoid cut along its axis.

    Args:
        first: area of one view.
        second: area of the other view, or ``first`` again for a single plane (``8 A² / 3 pi L``).
        length: long axis ``L``; biplane: the shorter of the two views' lengths.
    """
    return float(8 * first * second / (3 * np.pi * length))


def volume_of(shapes: Mapping[str, ViewShape], method: Method) -> tuple[float, float]:
    """Volume of measured views and the long axis it rests on, in the shapes' units.

    - ``disks``: ``pi/4 * sum(a_i * b_i) * L / 20``. Two views: ``L`` is the longer of the two, at this phase ("the use of the longer LV
      length between the apical two- and four-chamber views is recommended", ASE/EACVI 2015). One view: circular disks.
    - ``camus-2019``: biplane disks, fixed as above whatever the default of ``disks`` becomes: it reproduces the volumes published with the
      CAMUS data (Leclerc S et al., IEEE Trans Med Imaging 2019;38:2198-2210).
    - ``area-length``: ``8 A1 A2 / (3 pi L)`` with the shorter length, or ``8 A² / (3 pi L)``.
    """
    first, *rest = shapes.values()
    second = rest[0] if rest else first
    if method == "area-length":
        length = min(first.length, second.length)
        return area_length_volume(first.area, second.area, length), length
    length = max(first.length, second.length)
    return disk_volume(first.diameters, second.diameters, length), length


def method_options(method: Method, biplane: bool, spacing_known: bool) -> dict[str, object]:
    """What is recorded with a result: plain JSON values."""
    options: dict[str, object] = {"planes": 2 if biplane else 1}
    if method != "area-length":
        options |= {"disks": DISKS, "sampling": "middle of each disk"}
    if biplane:
        options["length"] = "shorter of the two views" if method == "area-length" else "longer of the two views, at each phase"
    if not spacing_known:
        options["pixels"] = "taken as square and equally large in all views"
    return options


def lv_volume(views: Views, method: Method = "disks") -> ChamberVolume:
    """LV volume from apical masks of one phase; formulas and sources: :func:`volume_of`.

    Args:
        views: ``{"A4C": (mask, spacing), "A2C": (mask, spacing)}``, one or both. A mask is ``(H, W)``, bool or above zero inside;
            spacing is ``(row_mm, col_mm)`` or None when unknown: no mL then, but ``relative``.
        method: ``"disks"``, ``"area-length"`` or ``"camus-2019"`` (biplane only).

    Raises:
        MeasureError: no view, an unknown view or method, an empty or malformed mask, malformed spacing.

    Example:
        >>> import numpy as np
        >>> y, x = np.mgrid[:120, :100] + 0.5
        >>> half_ellipse = ((x - 50) / 30) ** 2 + ((y - 100) / 90) ** 2 < 1
        >>> volume = lv_volume({"A4C": (half_ellipse & (y < 100), (1.0, 1.0))})
        >>> round(volume.ml / (2 / 3 * np.pi * 30**2 * 90 / 1000), 1)
        1.0
    """
    return chamber_volume(views, method, measure_view)


def la_volume(views: Views, method: Literal["area-length", "disks"] = "area-length") -> ChamberVolume:
    """LA volume; length: :func:`echoseg.cardiac.view.measure_atrium`, formulas: :func:`volume_of`.

    Args:
        views: ``{"A4C": (mask, spacing), "A2C": (mask, spacing)}``, one or both; appendage and pulmonary veins left out of the masks.
        method: ``"area-length"`` (``8 A1 A2 / 3 pi L``, the shorter ``L``) or ``"disks"``.

    Raises:
        MeasureError: as :func:`lv_volume`; ``camus-2019`` is for the ventricle.
    """
    if method not in ("area-length", "disks"):
        raise MeasureError(f"no LA volume method {method!r}: choose from area-length, disks")
    return chamber_volume(views, method, measure_atrium)


def chamber_volume(views: Views, method: Method, measure: Callable[[BoolMask, Spacing | None], ApicalView]) -> ChamberVolume:
    """As :func:`lv_volume` for a chamber of which ``measure`` finds the contour and long axis."""
    named = checked_views(views)
    biplane = len(named) == 2
    method = checked_method(method, biplane)
    spacings = [spacing for _, spacing in named.values() if spacing is not None]
    known = len(spacings) == len(named)
    shapes: dict[str, ApicalView] = {}
    for name, (mask, spacing) in named.items():
        try:
            shapes[name] = measure(mask, spacing if known else None)
        except MeasureError as error:
            raise MeasureError(f"view {name}: {error}") from error
    volume, length = volume_of(shapes, method)
    options = method_options(method, biplane, known)
    if not known:
        return ChamberVolume(None, volume, None, None, None, None, method, options)
    lengths = {name: shape.length for name, shape in shapes.items()}
    areas = {name: shape.area / 100 for name, shape in shapes.items()}
    first = next(iter(shapes))
    return ChamberVolume(volume / 1000, volume / spacings[0][0] ** 3, length, lengths, areas[first], areas, method, options)


def checked_views(views: Views) -> dict[str, tuple[BoolMask, Spacing | None]]:
    """``views`` with A4C first, masks ``(H, W)`` bool and spacing as two floats or None.

    Raises:
        MeasureError: not a mapping, no view, an unknown view, a malformed pair, mask or spacing.
    """
    if not isinstance(views, Mapping) or not views or not set(views) <= set(APICAL_VIEWS):
        given = sorted(map(str, views)) if isinstance(views, Mapping) else type(views).__name__
        raise MeasureError(f"give views as {{'A4C': (mask, spacing), 'A2C': (mask, spacing)}}, one or both; got {given}")
    checked = {}
    for name in (view for view in APICAL_VIEWS if view in views):
        pair = views[name]
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise MeasureError(f"view {name}: give (mask, (row_mm, col_mm)), or (mask, None) when the spacing is unknown")
        try:
            checked[name] = checked_mask(pair[0]), checked_spacing(pair[1])
        except MeasureError as error:
            raise MeasureError(f"view {name}: {error}") from error
    return checked
