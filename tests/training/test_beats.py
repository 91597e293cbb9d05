"""Slices of two stacks, ED and ES, as clips."""

import numpy as np
import pytest
import SimpleITK as sitk

from echoseg.datasets.folders import paired_by_name
from echoseg.errors import SourceError
from echoseg.training.beats import Beats, two_phases


def write(root, name, radius, shown=(1, 2)):
    labels = np.zeros((4, 120, 120), np.uint8)
    disc = np.hypot(*np.mgrid[-60:60, -60:60]) < radius
    for index in shown:
        labels[index][disc] = 3
    for folder, values in (("images", labels * 60 + 20), ("masks", labels)):
        (root / folder).mkdir(exist_ok=True)
        sitk.WriteImage(sitk.GetImageFromArray(values), str(root / folder / f"{name}.nii.gz"))


def test_a_case_goes_from_the_first_stack_to_the_second_on_one_slice(tmp_path):
    write(tmp_path, "patient001_frame01", 30)
    write(tmp_path, "patient001_frame12", 18, shown=(2,))
    write(tmp_path, "patient002_frame01", 8)  # without a second phase
    phases = two_phases(paired_by_name(tmp_path / "images", tmp_path / "masks"), tmp_path)
    assert len(phases) == 1
    case = Beats({3: "LV"}, between=2)(phases[0], np.random.default_rng(0))
    areas = case.truth["LV"].sum(axis=(1, 2))
    assert case.name == "patient001_frame01_slice2" and len(case.frames) == 4
    assert (np.diff(areas) < 0).all() and areas[0] == pytest.approx(np.pi * 30**2, rel=0.03)


def test_no_patient_with_two_phases_is_said(tmp_path):
    write(tmp_path, "patient001_frame01", 30)
    with pytest.raises(SourceError, match="no patient has two phases"):
        two_phases(paired_by_name(tmp_path / "images", tmp_path / "masks"), tmp_path)
