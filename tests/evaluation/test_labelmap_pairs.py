"""Which prediction belongs to which reference, and how the two are compared."""

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from echoseg.errors import MeasureError, SourceError
from echoseg.evaluation.labelmaps import paired_files, score_files
from echoseg.io import open_source
from echoseg.io.dicom.header import dicom_origin
from echoseg.io.dicom.seg import build_segmentation
from echoseg.io.labels.nifti import write_label_map
from tests.dicom_objects import write_series
from tests.io.dicom.test_dicom_segmentation import ALGORITHM
from tests.io.labels.label_files import LABELS, write


def test_volumes_are_compared_in_three_dimensions(tmp_path):
    moved = write(tmp_path / "p.nii.gz", np.roll(LABELS, 1, axis=2))
    one, three = score_files("case", moved, write(tmp_path / "t.nrrd"))
    assert (one.case, one.label, three.label) == ("case", "1", "3")
    assert one.measures["dice"] == pytest.approx(0.9)
    assert one.measures["assd_mm"] < one.measures["hd95_mm"] == pytest.approx(0.25)


def test_clips_are_compared_frame_by_frame(tmp_path):
    with open_source(np.zeros(LABELS.shape, np.uint8), fps=25.0) as source:
        write_label_map(tmp_path / "p.nii.gz", np.roll(LABELS, 2, axis=1), source)
    one = score_files("case", tmp_path / "p.nii.gz", write(tmp_path / "t.npy"))[0]
    assert one.measures["hd95_px"] == 2
    assert one.measures["consistency"] == one.measures["consistency_truth"] == 1


def test_kind_can_be_said(tmp_path):
    volume = write(tmp_path / "t.nii.gz")
    assert "consistency" in score_files("case", volume, volume, kind="clip")[0].measures
    assert "consistency" not in score_files("case", volume, volume)[0].measures


def test_a_still_is_compared_in_its_plane(tmp_path):
    still = write(tmp_path / "t.mhd", LABELS[:1], (1.54, 0.154, 0.308))
    moved = write(tmp_path / "p.mhd", np.roll(LABELS[:1], 3, axis=1), (1.0, 0.154, 0.308))
    (one,) = score_files("case", moved, still, kind="clip")
    assert one.measures["hd95_mm"] == pytest.approx(3 * 0.154)


def test_a_label_that_was_made_up_scores_zero(tmp_path):
    (one, two) = score_files("case", write(tmp_path / "p.npy", LABELS[:1]), write(tmp_path / "t.npy", np.where(LABELS == 1, 2, 0)[:1]))
    assert (one.label, one.measures["dice"], two.label, two.measures["dice"]) == ("1", 0, "2", 0)


@pytest.mark.parametrize("name", ["p.nrrd", "p.nii.gz"])
def test_one_grid_in_two_orders_is_compared_voxel_by_voxel(tmp_path, name):
    truth = write(tmp_path / "t.nrrd")
    turned = sitk.PermuteAxes(sitk.Flip(sitk.ReadImage(str(truth)), (True, False, True)), (2, 0, 1))
    sitk.WriteImage(turned, str(tmp_path / name))
    scores = score_files("case", tmp_path / name, truth)
    assert [(score.label, score.measures["dice"]) for score in scores] == [("1", 1.0), ("3", 1.0)]


def test_a_grid_elsewhere_in_the_patient_is_refused(tmp_path):
    image = sitk.ReadImage(str(write(tmp_path / "t.nrrd")))
    image.SetOrigin((0.0, 0.5, 0.0))
    sitk.WriteImage(image, str(tmp_path / "p.nrrd"))
    with pytest.raises(MeasureError, match="place, direction or spacing"):
        score_files("case", tmp_path / "p.nrrd", tmp_path / "t.nrrd")


@pytest.mark.parametrize(("name", "labels", "spacing"), [("p.npy", LABELS[:2], None), ("p.nii.gz", LABELS, (2.0, 0.5, 0.5))])
def test_another_grid_is_refused(tmp_path, name, labels, spacing):
    given = () if spacing is None else (spacing,)
    with pytest.raises(MeasureError, match="shape|spacing"):
        score_files("case", write(tmp_path / name, labels, *given), write(tmp_path / "t.nii.gz"))


def cropped(path, whole, first, size):
    sitk.WriteImage(sitk.RegionOfInterest(sitk.ReadImage(str(whole)), size, first), str(path))
    return path


@pytest.mark.parametrize("as_prediction", [True, False])
def test_a_crop_is_compared_where_it_was_cut(tmp_path, as_prediction):
    labels = np.zeros((7, 20, 18), np.uint8)
    labels[2:5, 6:14, 5:13] = 1
    labels[3, 8:10, 6:9] = 3
    whole = write(tmp_path / "whole.nrrd", labels)
    part = cropped(tmp_path / "part.nrrd", whole, (4, 5, 1), (10, 11, 5))
    scores = score_files("case", *((part, whole) if as_prediction else (whole, part)))
    assert [(score.label, score.measures["dice"]) for score in scores] == [("1", 1.0), ("3", 1.0)]
    half = cropped(tmp_path / "half.nrrd", whole, (0, 0, 0), (9, 20, 7))
    other = cropped(tmp_path / "other.nrrd", whole, (7, 0, 0), (11, 20, 7))
    assert score_files("case", half, other)[0].measures["dice"] == pytest.approx(2 * 2 * 24 / (24 * 4 + 24 * 6), abs=0.05)
    image = sitk.ReadImage(str(part))
    image.SetOrigin((900.0, 0.0, 0.0))
    sitk.WriteImage(image, str(tmp_path / "far.nrrd"))
    with pytest.raises(SourceError, match="lie apart"):
        score_files("case", tmp_path / "far.nrrd", whole)


def test_labels_above_255_are_compared_by_their_numbers(tmp_path):
    for name, table in (("p", [0, 2035, 1035]), ("t", [0, 2035, 7])):
        values = np.array(table, np.int16)[np.minimum(LABELS, 2)]
        sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / f"{name}.nrrd"))
    scores = score_files("case", tmp_path / "p.nrrd", tmp_path / "t.nrrd")
    assert {score.label: score.measures["dice"] for score in scores} == {"7": 0.0, "1035": 0.0, "2035": 1.0}


def test_folders_are_matched_by_name(tmp_path):
    found, truth = tmp_path / "found", tmp_path / "truth"
    for folder in (found / "b", found / "c", truth):
        folder.mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Image(LABELS.T, np.eye(4)), found / "b" / "masks.nii.gz")
    write(found / "c" / "0.png")
    write(found / "a.nrrd")
    (found / "errors.csv").write_text("")
    for name in ("a.nii.gz", "b.npz", "c.png", "d.npy"):
        write(truth / name)
    assert paired_files(found, truth) == [
        ("a", found / "a.nrrd", truth / "a.nii.gz"),
        ("b", found / "b", truth / "b.npz"),
        ("c", found / "c", truth / "c.png"),
        ("d", None, truth / "d.npy"),
    ]


def test_one_run_is_one_case(tmp_path):
    (tmp_path / "run").mkdir()
    write(tmp_path / "run" / "masks.nii.gz")
    truth = write(tmp_path / "case7.npz")
    assert paired_files(tmp_path / "run", truth) == [("case7", tmp_path / "run", truth)]


def test_pairs_that_make_no_sense_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = write(tmp_path / "a" / "x.npy")
    with pytest.raises(SourceError, match="not one of each"):
        paired_files(one, tmp_path / "b")
    with pytest.raises(SourceError, match="holds no label maps"):
        paired_files(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "b" / "y.npy")
    with pytest.raises(SourceError, match="has the name of one in .*such as y"):
        paired_files(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "b" / "y.png")
    with pytest.raises(SourceError, match=r"y\.npy and y\.png"):
        paired_files(tmp_path / "a", tmp_path / "b")
    with pytest.raises(SourceError, match="no such file"):
        paired_files(tmp_path / "c", tmp_path / "b")


@pytest.mark.parametrize("as_prediction", [True, False])
def test_a_dicom_segmentation_is_compared_on_the_grid_of_the_other(tmp_path, as_prediction):
    folder = write_series(tmp_path / "ct", np.zeros((6, 12, 10), np.int16))
    labels = np.zeros((6, 12, 10), np.uint8)
    labels[2:4, 3:9, 2:7] = 1  # the outer slices are empty, and not in the segmentation
    with open_source(folder) as source:
        made = build_segmentation(dicom_origin(source.dicom_frames), labels, {1: "liver"}, ALGORITHM, {1: (255, 0, 0)})
        write_label_map(tmp_path / "masks.nii.gz", source.from_stored(labels), source)
    made.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    pair = [tmp_path / "seg.dcm", tmp_path / "masks.nii.gz"]
    (score,) = score_files("case", *(pair if as_prediction else pair[::-1]))
    assert score.measures["dice"] == 1.0
