"""`echoseg measure`: one geometry and one timing for each result, from the masks, the clip they were drawn on, or the caller."""

import csv

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from echoseg.errors import MeasureError, SourceError
from echoseg.masks import MaskInput, measure
from tests.dicom_objects import write_clip
from tests.masks.mask_files import foreign_nifti
from tests.study.conftest import beating

PERIOD_S = 16 * 0.04
LABELS = beating(13.0)


def codes(result):
    return {flag.code for flag in result.flags}


def pictures(path, **arrays):
    np.save(path, np.where(LABELS > 0, 30, 90).astype(np.uint8))
    return path


@pytest.mark.parametrize("given", [{"spacing": (0.5, 0.5)}, {"fps": 25.0}])
def test_a_volume_has_one_geometry_and_no_frame_rate(tmp_path, given):
    path = foreign_nifti(tmp_path / "organ.nii.gz", LABELS, steps=(1, 1, 2), units=("mm", None))
    with pytest.raises(SourceError, match="spacing cannot be given beside it|not for volumes"):
        measure(path, tmp_path / "out", **given)
    assert measure(path, tmp_path / "out").measurements["objects"][0]["volume_ml"] == pytest.approx((LABELS == 1).sum() * 0.002)


def test_a_matrix_without_a_size_gives_no_volume_and_stands_in_no_way(tmp_path):
    path = foreign_nifti(tmp_path / "organ.nii.gz", LABELS, steps=(1, 1, 1), units=(None, None))
    unknown = measure(path, tmp_path / "out")
    assert unknown.measurements["objects"][0]["volume_ml"] is None and "spacing_missing" in codes(unknown)
    assert measure(path, tmp_path / "out", spacing=(0.5, 0.5)).measurements["source"]["spacing_mm"] == [0.5, 0.5]


def test_what_the_caller_gives_is_flagged_as_in_a_run(tmp_path):
    np.save(tmp_path / "masks.npy", LABELS)
    assert {"spacing_missing", "timing_missing"} <= codes(measure(tmp_path / "masks.npy", tmp_path / "out"))
    given = measure(tmp_path / "masks.npy", tmp_path / "out", spacing=(1.0, 1.0), fps=25.0)
    assert {"spacing_given", "fps_given"} <= codes(given) and not {"spacing_missing", "timing_missing"} & codes(given)


def test_masks_keep_their_spacing_and_rate_where_the_clip_has_none(tmp_path):
    path = foreign_nifti(tmp_path / "masks.nii.gz", LABELS)
    result = measure(path, tmp_path / "out", on=pictures(tmp_path / "clip.npy"), kind="clip")
    assert result.measurements["source"]["spacing_mm"] == [1.0, 1.0]
    assert result.measurements["measures"]["edv"]["value"] > 10
    assert result.analysis.hr_bpm == pytest.approx(60 / PERIOD_S)
    assert not {"spacing_missing", "timing_missing"} & codes(result)


def test_what_the_clip_states_wins_over_the_masks(tmp_path):
    path = foreign_nifti(tmp_path / "masks.nii.gz", LABELS)
    clip = foreign_nifti(tmp_path / "clip.nii.gz", np.where(LABELS > 0, 30, 90).astype(np.uint8), steps=(0.5, 0.5, 0.05))
    record = measure(path, tmp_path / "out", on=clip, view="A4C").measurements
    assert (record["source"]["spacing_mm"], record["source"]["fps"]) == ([0.5, 0.5], 20.0)


def test_an_assumed_unit_is_told_while_it_counts(tmp_path):
    path = foreign_nifti(tmp_path / "a4c.nii.gz", LABELS, steps=(0.5, 0.5, 0.04), units=(None, "sec"))
    assert "spacing_unit_assumed" in codes(measure(path, tmp_path / "out", kind="clip"))
    assert "spacing_unit_assumed" in codes(measure(path, tmp_path / "out", kind="clip", on=pictures(tmp_path / "clip.npy")))
    assert "spacing_unit_assumed" not in codes(measure(path, tmp_path / "out", kind="clip", spacing=(1.0, 1.0)))


@pytest.mark.parametrize("unit", ["sec", "msec"])
def test_a_named_view_makes_a_clip_of_a_file_that_says_volume(tmp_path, unit):
    path = foreign_nifti(tmp_path / "slicer.nii.gz", LABELS, steps=(1, 1, 0.04 if unit == "sec" else 40), units=("mm", unit))
    result = measure(path, tmp_path / "out", view="A4C")
    assert (result.measurements["source"]["kind"], result.view) == ("clip", ("A4C", "given"))
    assert (result.measurements["source"]["fps"], result.analysis.hr_bpm) == (25.0, pytest.approx(60 / PERIOD_S))
    with pytest.raises(MeasureError, match="--kind clip"):
        measure(path, tmp_path / "out", view="A4C", kind="volume")


def test_a_named_view_makes_a_clip_of_metaimage_and_nrrd(tmp_path):
    image = sitk.GetImageFromArray(LABELS)
    image.SetSpacing((1.0, 1.0, 1.0))
    sitk.WriteImage(image, str(tmp_path / "masks.mha"))
    assert measure(tmp_path / "masks.mha", tmp_path / "out", view="A2C").analysis.view == "A2C"


def test_masks_drawn_on_a_clip_are_a_clip(tmp_path):
    path = foreign_nifti(tmp_path / "slicer.nii.gz", LABELS)
    assert measure(path, tmp_path / "out", on=pictures(tmp_path / "clip.npy")).analysis is not None


def test_one_slice_at_several_moments_is_a_clip(tmp_path):
    image = nibabel.Nifti1Image(LABELS[:, None].T, np.eye(4))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((1, 1, 8, 0.04))
    nibabel.save(image, tmp_path / "a4c.nii.gz")
    result = measure(tmp_path / "a4c.nii.gz", tmp_path / "out")
    assert (result.measurements["source"]["kind"], result.measurements["source"]["fps"]) == ("clip", 25.0)


def test_phases_of_nifti_files_are_read_with_a_view(tmp_path):
    files = tuple(foreign_nifti(tmp_path / f"p_{phase}.nii.gz", LABELS[[frame]]) for phase, frame in (("ED", 0), ("ES", 8)))
    assert measure(MaskInput("p", files), tmp_path / "out", view="A4C").analysis.ef is not None


def test_no_area_in_cm2_is_written_of_a_rejected_picture(tmp_path):
    moving = np.random.default_rng(0).integers(20, 200, LABELS.shape).astype(np.uint8)
    rows = {}
    for name, frames in (("frozen", np.repeat(moving[:1], len(LABELS), 0)), ("moving", moving)):
        clip = write_clip(tmp_path / f"{name}.dcm", frames)
        np.save(tmp_path / "masks.npy", LABELS)
        result = measure(tmp_path / "masks.npy", tmp_path / name, on=clip, view="A4C")
        assert ("frozen_picture" in codes(result)) == (name == "frozen")
        rows[name] = {row["area_cm2"] != "" for row in csv.DictReader(result.files["frames.csv"].open())}
        assert nibabel.load(result.files["masks.nii.gz"]).header.get_zooms()[:2] == (0.5, 0.5)
    assert rows == {"frozen": {False}, "moving": {True}}
