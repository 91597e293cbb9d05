"""A beating ellipse: a clip whose every number is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from echoseg.cardiac import analyse_lv
from echoseg.io.source import Source
from echoseg.types import Geometry, Segmentation, Timing

FRAMES, HEIGHT, WIDTH, FPS = 33, 61, 83, 25.0
PERIOD = 16  # frames a beat: end-diastole at 0, 16, 32, end-systole at 8, 24


class ArraySource(Source):
    def __init__(self, frames, *, name, kind, geometry, timing):
        self._frames = frames
        self.name, self.kind, self.size, self.length = name, kind, frames.shape[1:3], len(frames)
        self.geometry, self.timing = geometry, timing

    def frames(self, start=0, stop=None):
        yield from self._frames[start:stop]


NARROW, SHORT = 0.64, 0.85  # width and length at end-systole, relative to end-diastole
EF = 100 * (1 - NARROW**2 * SHORT)


def ellipse_masks():
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    ejected = (1 - np.cos(2 * np.pi * np.arange(FRAMES) / PERIOD))[:, None, None] / 2
    width, length = (1 - (1 - least) * ejected for least in (NARROW, SHORT))
    return ((((x - 40) / (13 * width)) ** 2 + ((y - 44) / (36 * length)) ** 2 <= 1) & (y < 44)).astype(np.uint8)


@pytest.fixture
def make_case():
    """``make_case(spacing=..., name=...) -> (source, segmentation, analysis)`` of the beating ellipse."""

    def make(*, spacing=(0.8, 0.8), name="beating ellipse", object_name="LV", kind="clip", fps=FPS, flags=(), absent=(), frames=FRAMES):
        masks = ellipse_masks()[:frames]
        masks[list(absent)] = 0
        images = np.where(masks > 0, 30, 90).astype(np.uint8)
        geometry, timing = Geometry(spacing=spacing), Timing(fps=fps)
        source = ArraySource(images, name=name, kind=kind, geometry=geometry, timing=timing)
        segmentation = Segmentation(
            masks=masks,
            scores=np.full((frames, 1), 0.9, np.float32),
            object_scores=np.full((frames, 1), 5.0, np.float32),
            object_ids=(1,),
            names={1: object_name},
            seeds={1: (min(3, frames - 1),)},
            geometry=geometry,
            timing=timing,
            flags=flags,
        )
        return source, segmentation, analyse_lv(masks, source.times(frames), spacing)

    return make
