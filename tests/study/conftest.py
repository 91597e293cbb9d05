"""Clips of beating ellipses as `echoseg run` leaves them, without a network."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from echoseg.datasets.demo import demo_clip
from echoseg.io import open_source
from echoseg.io.result_folder import result_folder
from echoseg.options import Subject
from echoseg.record.provenance import provenance
from echoseg.results import MeasureOptions, RunResult, measure_result, write_result
from echoseg.study import study_clip
from echoseg.types import Segmentation

FRAMES, PERIOD, HEIGHT, WIDTH = 33, 16, 64, 64
NARROW, SHORT = 0.64, 0.85


def beating(width, length=40.0, beats=True, atrium=False):
    """``(T, H, W)`` label maps of a half ellipse of half axes ``width`` and ``length``: two beats, or none.

    At end-systole the width is :data:`NARROW`, the length :data:`SHORT` of that at end-diastole.
    """
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    ejected = (1 - np.cos(2 * np.pi * np.arange(FRAMES) / PERIOD))[:, None, None] / 2 * beats
    wide, long = width * (1 - (1 - NARROW) * ejected), length * (1 - (1 - SHORT) * ejected)
    labels = ((((x - 32) / wide) ** 2 + ((y - 46) / long) ** 2 <= 1) & (y < 46)).astype(np.uint8)
    if atrium:
        labels[:, (((x - 32) / 8) ** 2 + ((y - 46) / 14) ** 2 <= 1) & (y >= 46)] = 2
    return labels


def segmentation_of(source, labels, score=0.9):
    ids = tuple(int(i) for i in np.unique(labels) if i)
    return Segmentation(
        masks=labels,
        scores=np.full((len(labels), len(ids)), score, np.float32),
        object_scores=np.full((len(labels), len(ids)), 5.0, np.float32),
        object_ids=ids,
        names={1: "LV", 2: "LA"},
        seeds={i: (0,) for i in ids},
        geometry=source.geometry,
        timing=source.timing,
        flags=source.flags,
        automatic=True,
    )


@pytest.fixture
def make_clip(tmp_path):
    """``make_clip("p1_a4c", width=13, view=None, uid=None) -> StudyClip``; with ``files`` they lie in ``tmp_path/out/<name>``."""

    def make(name, width=13.0, *, view=None, uid=None, subject=None, folder="", score=0.9, spacing=1.0, files=False, **shape):
        labels = beating(width, **shape)
        frames = np.where(labels > 0, 30, 90).astype(np.uint8)
        source = open_source(frames, name=name, fps=25.0, spacing=spacing)
        if uid is not None:
            header = pydicom.dcmread(demo_clip(), stop_before_pixels=True)
            header.StudyInstanceUID = uid
            subject = subject or Subject()
            header.PatientSex = subject.sex or ""
            header.PatientSize = None if subject.height_cm is None else str(subject.height_cm / 100)
            header.PatientWeight = None if subject.weight_kg is None else str(subject.weight_kg)
            header.save_as(tmp_path / f"{name}.dcm")
            source.dicom_frames = tuple((tmp_path / f"{name}.dcm", i) for i in range(FRAMES))
        made_by = provenance(model="none", weights_sha256=None, prompt="auto")
        segmentation, options = segmentation_of(source, labels, score), MeasureOptions(view)
        if files:
            with result_folder(tmp_path / "out", name, False) as draft:
                result = write_result(draft, source, segmentation, made_by, options)
        else:
            measured = measure_result(source, segmentation, made_by, options)
            (tmp_path / "out" / name).mkdir(parents=True)
            result = RunResult(directory=tmp_path / "out" / name, files={}, **vars(measured))
        return study_clip(tmp_path / folder / f"{name}.npy", result)

    return make
