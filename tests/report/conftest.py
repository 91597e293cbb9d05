"""A beating ellipse: a clip whose every number is known beforehand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from echoseg.io.source import Source
from echoseg.types import Flag, Geometry, Segmentation, Timing

FRAMES, HEIGHT, WIDTH, FPS = 24, 61, 83, 25.0
ED, ES, NEXT_ED = 0, 8, 16


class ArraySource(Source):
    def __init__(self, frames, *, name="beating ellipse", kind="clip", geometry=None, timing=None):
        self._frames = frames
        self.name, self.kind, self.size, self.length = name, kind, frames.shape[1:3], len(frames)
        self.geometry, self.timing = geometry or Geometry(), timing or Timing()

    def frames(self, start=0, stop=None):
        yield from self._frames[start:stop]


def ellipse_masks():
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    size = 1 - 0.15 * (1 - np.cos(2 * np.pi * np.arange(FRAMES) / NEXT_ED))[:, None, None]
    return ((((x - 40) / (13 * size)) ** 2 + ((y - 28) / (21 * size)) ** 2 <= 1) & (y < 44)).astype(np.uint8)


@pytest.fixture
def make_case():
    """``make_case(spacing=..., name=...) -> (source, segmentation, analysis)`` of the beating ellipse."""

    def make(*, spacing=(0.8, 0.8), name="beating ellipse", fps=FPS, flags=()):
        masks = ellipse_masks()
        frames = np.where(masks > 0, 30, 90).astype(np.uint8)
        geometry, timing = Geometry(spacing=spacing), Timing(fps=fps)
        segmentation = Segmentation(
            masks=masks,
            scores=np.full((FRAMES, 1), 0.9, np.float32),
            object_scores=np.full((FRAMES, 1), 5.0, np.float32),
            object_ids=(1,),
            names={1: "LV"},
            seeds={1: (3,)},
            geometry=geometry,
            timing=timing,
            flags=flags,
        )
        return ArraySource(frames, name=name, geometry=geometry, timing=timing), segmentation, analysis_of(masks, spacing)

    return make


def analysis_of(masks, spacing):
    area = masks.sum(axis=(1, 2)).astype(float)
    relative = area**1.5
    ml = relative * 0.01
    ef = 100 * (1 - relative[ES] / relative[ED])
    beat = {"ed": ED, "es": ES, "next_ed": NEXT_ED, "partial": False, "hr_bpm": 93.75, "ef": ef, "fac": 100 * (1 - area[ES] / area[ED])}
    # A careless analysis: it reports mL even where spacing is unknown. Nothing of that may reach a file.
    volumes = {"edv_ml": ml[ED], "esv_ml": ml[ES], "sv_ml": ml[ED] - ml[ES]}
    curve = SimpleNamespace(area_px=area, area_cm2=area * 0.0064, length_mm=np.full(len(area), 30.0), volume_ml=ml, relative=relative)
    return SimpleNamespace(
        curve=curve,
        beats=(SimpleNamespace(**beat, **volumes),),
        ef=ef,
        **volumes,
        hr_bpm=93.75,
        co_l_min=volumes["sv_ml"] * 93.75 / 1000,
        fac=beat["fac"],
        ef_spread=None,
        flags=(Flag("one_beat", "Only one complete beat was found.", "info"),),
        phase=["systole" if i < ES else "diastole" for i in range(len(area))],
        method="single-plane disks",
    )
