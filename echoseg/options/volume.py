"""How objects are followed through a volume."""

# ruff: noqa: RUF009 - `option` makes a field as `dataclasses.field` does
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from echoseg.errors import PromptError
from echoseg.options.declare import option

Recipe = Literal["mask", "box"]


@dataclass(frozen=True)
class StopRules:
    """When an object of a volume has ended, see :mod:`echoseg.prompting.stop_rules`; their figures are in docs/evidence/volume-accuracy.md.

    Attributes:
        object_score: the object is absent below this logit.
        iou: a mask that the model itself expects to be worse than this is not the object.
        collapse: the object has ended where its area falls below this part of that on the slice before.
        explosion: the mask has leaked where its area exceeds that on the slice before so many times, or the largest prompted one,
        swelling: and where the radius of a disc of its area has grown by more than so many pixels: on a small object one more pixel
            all around looks like a leak.
    """

    object_score: float = 0.0
    iou: float = 0.5
    collapse: float = 0.2
    explosion: float = 1.5
    swelling: float = 3.0


STOP_RULES = StopRules()
"""The rules that are followed unless others are asked for."""


@dataclass(frozen=True)
class VolumeOptions:
    """How objects are followed through a volume.

    Attributes:
        recipe: ``mask`` or ``box``, see :mod:`echoseg.prompting.volume`.
        stop: rules that end an object, or None: it is followed to the ends of the volume, or of its 3D box.
        zoom: show the network a square around each object only; None: as the model was trained.

    Raises:
        PromptError: no such recipe.
    """

    recipe: Recipe = option(
        "mask", "How an object is followed through a volume: by its mask on the prompted slice, or by the prompt, largest 3D part kept."
    )
    stop: StopRules | None = option(
        STOP_RULES,
        "End an object of a volume where it vanishes, collapses or leaks; --no-stop follows it to the ends of the volume.",
        written=bool,
        unset=True,
        read=lambda wanted: STOP_RULES if wanted else None,
    )
    zoom: bool | None = option(
        None, "Show the network only a square around each object of a volume, or all of it. Default: as the model was trained."
    )

    def __post_init__(self) -> None:
        if self.recipe not in get_args(Recipe):
            raise PromptError(f"no recipe {self.recipe!r}: give 'mask' or 'box'")
