"""Reference sets are read as they are released, with their truth in the right place."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from echoseg.datasets.camus import camus_stills, camus_views
from echoseg.datasets.echonet import echonet_clips
from echoseg.datasets.folders import folder_pairs
from echoseg.datasets.medsam2 import npz_volumes
from echoseg.datasets.simulated import simulated_clips, simulated_volumes
from echoseg.datasets.sunnybrook import short_axis_cines
from echoseg.errors import SourceError
from echoseg.evaluation.baselines import ellipse_in_every_box
from echoseg.metrics.overlap import dice
from tests.evaluation.reference_folders import (
    COLUMN_MM,
    PATIENT,
    ROW_MM,
    heart,
    write_camus,
    write_echonet,
    write_folders,
    write_lesion,
    write_sunnybrook,
)


@pytest.mark.parametrize("ending", [".mhd", ".nii.gz"])
def test_a_camus_view_is_ed_then_es_in_its_own_pixels(tmp_path, ending):
    (view,) = camus_views(write_camus(tmp_path, ending))
    assert (view.name, view.subject, view.fps) == (f"{PATIENT}_4CH", PATIENT, None)
    assert view.spacing == pytest.approx((ROW_MM, COLUMN_MM))
    assert (view.view, view.phases) == ("A4C", {"ED": 0, "ES": 1})
    for phase in range(2):
        frame, labels = heart(phase)
        assert np.array_equal(view.frames[phase], frame)
        assert {name: np.array_equal(view.truth[name][phase], labels == value) for value, name in ((1, "LV"), (2, "MYO"), (3, "LA"))} == {
            "LV": True,
            "MYO": True,
            "LA": True,
        }


def test_camus_stills_come_native_and_squeezed(tmp_path):
    stills = list(camus_stills(write_camus(tmp_path)))
    assert [(still.name, still.variant) for still in stills] == [
        (f"{PATIENT}_4CH_{phase}", variant) for phase in ("ED", "ES") for variant in ("native", "224x224")
    ]
    native, squeezed = stills[:2]
    assert squeezed.frames.shape == (1, 224, 224)
    assert squeezed.spacing == pytest.approx((ROW_MM * 120 / 224, COLUMN_MM * 90 / 224))
    area = {still.variant: still.truth["LV"].sum() * np.prod(still.spacing) for still in (native, squeezed)}
    assert area["224x224"] == pytest.approx(area["native"], rel=0.01)


def test_a_still_is_a_source_of_one_frame_with_its_spacing(tmp_path):
    with next(camus_stills(write_camus(tmp_path))).source() as source:
        assert (source.kind, source.length, source.size) == ("image", 1, (120, 90))
        assert source.geometry.spacing == pytest.approx((ROW_MM, COLUMN_MM))


def test_echonet_has_truth_on_the_traced_frames_alone(tmp_path):
    (clip,) = echonet_clips(write_echonet(tmp_path))
    assert (clip.name, clip.fps, len(clip.frames)) == ("0XA", 50, 20)
    assert np.flatnonzero(clip.known).tolist() == clip.shown("LV").tolist() == [3, 12]
    area = 20 * ((10 + 40) / 2 + 40 + (40 + 20) / 2)
    assert clip.truth["LV"][3].sum() == pytest.approx(area, rel=0.03)
    assert clip.truth["LV"][12].sum() == pytest.approx(area / 2, rel=0.03)
    assert clip.truth["LV"].sum(axis=(1, 2))[[0, 4, 19]].tolist() == [0, 0, 0]
    assert clip.times()[-1] == pytest.approx(19 / 50)
    ys, xs = np.nonzero(clip.truth["LV"][3])
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == pytest.approx((20, 80, 30, 70), abs=1)


def test_medsam2_volumes_keep_their_geometry(tmp_path):
    (volume,) = npz_volumes(write_lesion(tmp_path))
    assert (volume.kind, volume.spacing, volume.slice_mm, list(volume.truth)) == ("volume", (0.8, 0.8), 4.0, ["1"])
    assert volume.shown("1").tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(volume.frames == 160, volume.truth["1"])
    with volume.source() as source:
        assert (source.kind, source.length) == ("volume", 6)


def test_simulated_clips_are_the_same_every_time_and_differ_from_each_other():
    first, second = simulated_clips(2, frames=3, size=48)
    (again,) = simulated_clips(1, frames=3, size=48)
    assert np.array_equal(first.frames, again.frames)
    assert not np.array_equal(first.frames, second.frames)
    assert first.known.all()
    assert first.truth["LV"].any(axis=(1, 2)).all()
    assert first.fps > 1
    assert first.frames.shape[:3] == first.truth["LV"].shape == (3, 48, 48)


def test_simulated_volumes_come_in_turn_one_reference_an_object():
    references = list(simulated_volumes(3, slices=8, size=96))
    again = list(simulated_volumes(3, slices=8, size=96))
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(references, again, strict=True))
    assert {reference.variant: reference.kind for reference in references} == {"lesion": "volume", "organ": "volume", "cine": "cine"}
    assert set(references[-1].truth) == {"LV", "MYO", "RV"}
    for reference in references[:-1]:
        assert list(reference.truth) == ["object"]
        assert reference.truth["object"].sum(axis=(1, 2)).max() >= 20
        assert reference.slice_mm in (1.0, 2.0, 3.0, 5.0)
    assert len({reference.name for reference in references}) == len(references) > len({r.subject for r in references}) == 3


def test_a_cine_slice_has_its_phases_in_order_of_time_and_truth_on_the_outlined_ones(tmp_path):
    first, second = short_axis_cines(write_sunnybrook(tmp_path))
    assert (first.name, second.name, first.subject, first.kind) == ("SC-1_slice01", "SC-1_slice02", "SC-1", "cine")
    assert (first.spacing, first.fps) == ((1.25, 1.5), pytest.approx(25))
    assert first.frames.mean(axis=(1, 2)).tolist() == [50, 51, 52, 53]
    assert first.shown("LV").tolist() == np.flatnonzero(first.known).tolist() == [1, 3]
    assert first.truth["LV"].sum(axis=(1, 2)).tolist() == [0, 100, 0, 400]
    ys, xs = np.nonzero(first.truth["LV"][1])
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (25, 34, 27, 36)
    with first.source() as source:
        assert source.kind == "clip" and not source.ultrasound()


def test_a_single_patient_of_sunnybrook_is_a_set_too(tmp_path):
    assert len(list(short_axis_cines(write_sunnybrook(tmp_path) / "SC-1"))) == 2


def test_own_folders_hold_clips_and_volumes_each_with_its_kind_and_names(tmp_path):
    clip, volume = folder_pairs(write_folders(tmp_path))
    assert (clip.name, clip.kind, list(clip.truth), len(clip.frames)) == ("clip", "clip", ["LV", "MYO", "LA"], 4)
    assert np.array_equal(clip.truth["LV"][1], heart(1)[1] == 1)
    assert clip.known.all()
    assert (volume.name, volume.kind, list(volume.truth)) == ("liver", "volume", ["7"])
    assert (volume.spacing, volume.slice_mm) == (pytest.approx((0.9, 0.7)), pytest.approx(4))
    assert np.array_equal(volume.truth["7"], volume.frames > 200)
    assert volume.truth["7"].sum() == 3 * 10 * 18


def test_own_folders_that_do_not_fit_are_named(tmp_path):
    write_folders(tmp_path)
    cv2.imwrite(str(tmp_path / "masks" / "alone.png"), heart(0)[1][:50])
    with pytest.raises(SourceError, match=r"alone\.png: masks of shape \(1, 50, 90\) do not fit frames"):
        list(folder_pairs(tmp_path))


def test_sunnybrook_faults_are_named(tmp_path):
    contours = write_sunnybrook(tmp_path) / "SC-1" / "i-contours"
    (contours / "IM-0001-0042-icontour-manual.txt").write_text("1 2\n3 4")
    with pytest.raises(SourceError, match=r"IM-0001-0042-icontour-manual\.txt: not a contour"):
        list(short_axis_cines(tmp_path))
    (contours / "IM-0001-0099-icontour-manual.txt").write_text("1 2\n3 4\n5 6")
    with pytest.raises(SourceError, match=r"IM-0001-0099-icontour-manual\.txt: no image of that number"):
        list(short_axis_cines(tmp_path))


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (camus_views, "no CAMUS views"),
        (short_axis_cines, "no contoured cine MR"),
        (echonet_clips, r"FileList\.csv: cannot be read"),
        (npz_volumes, "no .npz files"),
    ],
)
def test_an_empty_folder_is_named(tmp_path, read, reason):
    with pytest.raises(SourceError, match=reason):
        list(read(tmp_path))


def test_echonet_faults_are_named(tmp_path):
    write_echonet(tmp_path)
    with pytest.raises(SourceError, match="no traced video of split VAL"):
        list(echonet_clips(tmp_path, "VAL"))
    with (tmp_path / "VolumeTracings.csv").open("a") as file:
        file.write("0XA.avi,1,1,2,2,25\n" * 3)
    with pytest.raises(SourceError, match="frame 25 is traced, but the video has only 20"):
        list(echonet_clips(tmp_path))
    (tmp_path / "FileList.csv").write_text("FileName,EF\n0XA,55\n")
    with pytest.raises(SourceError, match="lacks the column Split"):
        list(echonet_clips(tmp_path))


@pytest.mark.skipif("ECHOSEG_DATA" not in os.environ, reason="ECHOSEG_DATA is not set: no real data here")
def test_real_camus_views_are_read_whole_and_human_ventricles_are_nearly_ellipses():
    views = list(camus_views(Path(os.environ["ECHOSEG_DATA"]) / "echo" / "camus"))
    assert [view.name for view in views] == [f"patient000{i}_{name}" for i in (1, 2) for name in ("2CH", "4CH")]
    for view in views:
        assert view.spacing == pytest.approx((0.154, 0.308), abs=1e-3)
        areas = view.truth["LV"].sum(axis=(1, 2)) * np.prod(view.spacing) / 100
        assert 10 < areas[1] < areas[0] < 60  # cm2, ES before ED
        assert dice(ellipse_in_every_box(view.truth["LV"]), view.truth["LV"]) == pytest.approx(0.885, abs=0.05)


@pytest.mark.skipif("ECHOSEG_DATA" not in os.environ, reason="ECHOSEG_DATA is not set: no real data here")
def test_a_real_short_axis_cavity_is_brighter_than_the_wall_around_it():
    cines = list(short_axis_cines(Path(os.environ["ECHOSEG_DATA"]) / "mri" / "sunnybrook"))
    assert len(cines) == 9
    for cine in cines:
        es, ed = cine.shown("LV")
        assert cine.truth["LV"][es].sum() < cine.truth["LV"][ed].sum()
        cavity = cine.truth["LV"][ed]
        wall = cv2.dilate(cavity.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) & ~cavity
        assert cine.frames[ed][cavity].mean() > 1.2 * cine.frames[ed][wall].mean()


@pytest.mark.skipif("ECHOSEG_DATA" not in os.environ, reason="ECHOSEG_DATA is not set: no real data here")
def test_real_short_axis_contours_lie_on_the_edge_of_the_blood_and_not_a_pixel_beside_it():
    def contrast(frame, cavity):
        kernel = np.ones((3, 3), np.uint8)
        within = cavity & ~cv2.erode(cavity.astype(np.uint8), kernel, iterations=2).astype(bool)
        beyond = cv2.dilate(cavity.astype(np.uint8), kernel, iterations=2).astype(bool) & ~cavity
        return float(frame[within].mean()) - float(frame[beyond].mean())

    cines = list(short_axis_cines(Path(os.environ["ECHOSEG_DATA"]) / "mri" / "sunnybrook"))
    phases = [(cine.frames[at], cine.truth["LV"][at]) for cine in cines for at in cine.shown("LV")]
    here, beside = (np.mean([contrast(frame, np.roll(mask, by, (0, 1))) for frame, mask in phases]) for by in (0, 1))
    assert here > beside
