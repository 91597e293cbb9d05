"""Every layout is written by the test itself, by other libraries than the ones that read it where there are others."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import cv2
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as PillowImage

from echoseg.errors import ModelConfigError, SourceError
from echoseg.training.config import CamusData, EchoNetData, FolderData, MedSam2Data, load_config
from echoseg.training.dataset import UNNAMED, Dataset
from echoseg.training.sources import build_dataset

RNG = np.random.default_rng(3)
FRAMES = RNG.integers(0, 255, (5, 20, 30), dtype=np.uint8)
LABELS = np.zeros((5, 20, 30), np.uint8)
LABELS[1:4, 5:12, 8:20] = 1
LABELS[2:4, 13:17, 3:9] = 7


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def folder_pairs(images: Path, masks: Path, structures: dict[int, str], frames: int) -> Dataset:
    return build_dataset(FolderData(kind="folders", images=images, masks=masks, structures=structures, frames=frames), 0)


def medsam2(root: Path) -> Dataset:
    return build_dataset(MedSam2Data(kind="medsam2", root=root), 0)


def echonet_videos(root: Path, split: str) -> Dataset:
    return build_dataset(EchoNetData(kind="echonet", root=root, split=split), 0)


def camus(root: Path) -> Dataset:
    return build_dataset(CamusData(kind="camus", root=root), 0)


def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    return tmp_path / "images", tmp_path / "masks"


def write_nifti(path: Path, array: np.ndarray) -> None:
    """``(T, H, W)`` as (x, y, z)."""
    nibabel.save(nibabel.Nifti1Image(array.T, np.diag([-1.0, -1.0, 2.0, 1.0])), path)


def test_png_pair_with_a_name_for_one_label(tmp_path, rng):
    images, masks = folders(tmp_path)
    PillowImage.fromarray(FRAMES[2]).save(images / "patient 1.png")
    PillowImage.fromarray(LABELS[2]).save(masks / "patient 1.png")
    sample = folder_pairs(images, masks, {1: "LV"}, 8).sample(0, rng)
    assert np.array_equal(sample.frames, FRAMES[2:3])
    assert np.array_equal(sample.masks[0], [LABELS[2] == 1, LABELS[2] == 7])
    assert sample.structures.tolist() == [0, UNNAMED]
    assert sample.known.tolist() == [True]


def test_palette_png_gives_its_indices(tmp_path, rng):
    images, masks = folders(tmp_path)
    PillowImage.fromarray(FRAMES[2]).save(images / "a.png")
    palette = PillowImage.fromarray(LABELS[2]).convert("P")
    palette.putpalette([v for i in range(256) for v in (255 - i, i, 40)])
    palette.putdata(LABELS[2].ravel().tolist())
    palette.save(masks / "a.png")
    assert np.array_equal(folder_pairs(images, masks, {}, 8).sample(0, rng).masks[0], [LABELS[2] == 1, LABELS[2] == 7])


def test_folder_of_frames_in_natural_order(tmp_path, rng):
    images, masks = folders(tmp_path)
    for t in range(5):
        for folder, array in ((images, FRAMES), (masks, LABELS)):
            (folder / "clip").mkdir(exist_ok=True)
            PillowImage.fromarray(array[t]).save(folder / "clip" / f"{t + 8}.png")  # 8, 9, 10, ...
    sample = folder_pairs(images, masks, {}, 8).sample(0, rng)
    assert np.array_equal(sample.frames, FRAMES)
    assert np.array_equal(sample.masks[:, 1], LABELS == 7)


def test_nifti_volume_by_nnunet_names(tmp_path, rng):
    images, masks = folders(tmp_path)
    write_nifti(images / "case_0000.nii.gz", FRAMES)
    write_nifti(masks / "case.nii.gz", LABELS)
    sample = folder_pairs(images, masks, {}, 8).sample(0, rng)
    assert np.array_equal(sample.frames, FRAMES)
    assert np.array_equal(sample.masks[:, 0], LABELS == 1)


def test_sagittal_nifti_is_sliced_axially_together_with_its_mask(tmp_path, rng):
    images, masks = folders(tmp_path)
    sagittal = np.array([[0, 0, -2.0, 0], [-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])  # j runs along the body's axis
    for folder, array in ((images, FRAMES), (masks, LABELS)):
        nibabel.save(nibabel.Nifti1Image(array.T, sagittal), folder / "a.nii.gz")
    sample = folder_pairs(images, masks, {}, 99).sample(0, rng)
    assert sample.frames.shape == (20, 5, 30)
    assert np.array_equal(sample.masks[:, 0], np.moveaxis(LABELS == 1, 1, 0))


def test_sample_of_a_long_volume_is_a_window_that_shows_an_object(tmp_path):
    images, masks = folders(tmp_path)
    write_nifti(images / "a.nii.gz", np.repeat(np.arange(40, dtype=np.uint8), 600).reshape(40, 20, 30))
    labels = np.zeros((40, 20, 30), np.uint8)
    labels[17:19, 5:9, 5:9] = 1
    write_nifti(masks / "a.nii.gz", labels)
    pairs = folder_pairs(images, masks, {}, 6)
    starts = set()
    for seed in range(30):
        sample = pairs.sample(0, np.random.default_rng(seed))
        start = int(sample.frames[0, 0, 0])
        assert sample.frames[:, 0, 0].tolist() == list(range(start, start + 6))
        assert np.array_equal(sample.masks[:, 0], labels[start : start + 6] == 1) and sample.masks.any()
        starts.add(start)
    assert len(starts) > 3


def test_faulty_pairs_are_named(tmp_path, rng):
    images, masks = folders(tmp_path)
    with pytest.raises(SourceError, match="holds no masks"):
        folder_pairs(images, masks, {}, 8)
    PillowImage.fromarray(np.zeros((4, 4, 3), np.uint8)).save(masks / "a.png")
    with pytest.raises(SourceError, match=r"a\.png: no image of that name"):
        folder_pairs(images, masks, {}, 8)
    PillowImage.fromarray(FRAMES[0]).save(images / "a.png")
    with pytest.raises(SourceError, match="a colour image is no label map"):
        folder_pairs(images, masks, {}, 8).sample(0, rng)
    PillowImage.fromarray(LABELS[2, :10]).save(masks / "a.png")
    with pytest.raises(SourceError, match="do not fit frames"):
        folder_pairs(images, masks, {}, 8).sample(0, rng)
    PillowImage.fromarray(LABELS[0]).save(masks / "a.png")
    with pytest.raises(SourceError, match="show no object"):
        folder_pairs(images, masks, {}, 8).sample(0, rng)
    PillowImage.fromarray(FRAMES[0]).save(images / "a.bmp")
    with pytest.raises(SourceError, match=r"a\.bmp and a\.png have the same name"):
        folder_pairs(images, masks, {}, 8)


def test_the_last_eight_of_forty_neighbours_are_kept_for_choosing(tmp_path, rng):
    """And names that differ by what a safe name leaves out, as HC18's ``032_.png`` and ``032.png``, are two."""
    images, masks = folders(tmp_path)
    names = ["0", "0_", *(str(number) for number in range(1, 90))]
    for grey, name in enumerate(names):
        PillowImage.fromarray(np.full((4, 4), grey, np.uint8)).save(images / f"{name}.png")
        PillowImage.fromarray(np.ones((4, 4), np.uint8)).save(masks / f"{name}.png")

    def places(part: str) -> list[int]:
        dataset = build_dataset(FolderData(kind="folders", images=images, masks=masks, part=part), 0)
        return [int(dataset.sample(index, rng).frames[0, 0, 0]) for index in range(len(dataset))]

    val = [*range(32, 40), *range(72, 80)]
    assert places("val") == val
    assert places("train") == [place for place in range(91) if place not in val]
    assert places("all") == list(range(91))


def test_a_path_may_begin_with_an_environment_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("ECHOSEG_TRAIN", str(tmp_path))
    assert MedSam2Data(kind="medsam2", root="$ECHOSEG_TRAIN/ct").root == tmp_path / "ct"
    pair = FolderData(kind="folders", images="${ECHOSEG_TRAIN}/images", masks="$ECHOSEG_TRAIN")
    assert (pair.images, pair.masks) == (tmp_path / "images", tmp_path)
    assert CamusData(kind="camus", root="data/$x").root == Path("data/$x")


def test_a_variable_that_is_not_set_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("ECHOSEG_TRAIN", raising=False)
    stage = "{name: stills, steps: 1, batch: 1}"
    (tmp_path / "run.yaml").write_text(f"name: a\ndata: [{{kind: camus, root: $ECHOSEG_TRAIN/camus/train}}]\nstages: [{stage}]\n")
    with pytest.raises(ModelConfigError, match=r"\$ECHOSEG_TRAIN/camus/train: the environment variable ECHOSEG_TRAIN is not set"):
        load_config(tmp_path / "run.yaml")


def test_medsam2_npz_with_optional_arrays(tmp_path, rng):
    (tmp_path / "CT").mkdir()
    np.savez_compressed(tmp_path / "CT" / "a.npz", imgs=FRAMES, gts=LABELS, recist=LABELS > 0, spacing=np.array([0.7, 0.7, 5.0]))
    dataset = build_dataset(MedSam2Data(kind="medsam2", root=tmp_path), seed=0)
    sample = dataset.sample(0, rng)
    assert np.array_equal(sample.frames, FRAMES)
    assert np.array_equal(sample.masks[:, 1], LABELS == 7)
    assert sample.structures.tolist() == [UNNAMED, UNNAMED]


def test_medsam2_npz_in_colour(tmp_path, rng):
    np.savez(tmp_path / "a.npz", imgs=np.stack([FRAMES, FRAMES, FRAMES], axis=-1), gts=LABELS)
    assert medsam2(tmp_path).sample(0, rng).frames.shape == (5, 20, 30, 3)


def test_faulty_npz_is_refused(tmp_path, rng):
    with pytest.raises(SourceError, match=r"no \.npz files"):
        medsam2(tmp_path)
    np.savez(tmp_path / "a.npz", imgs=FRAMES)
    with pytest.raises(SourceError, match="no 'gts'"):
        medsam2(tmp_path).sample(0, rng)
    np.savez(tmp_path / "a.npz", imgs=FRAMES, gts=LABELS[:3])
    with pytest.raises(SourceError, match="do not fit frames"):
        medsam2(tmp_path).sample(0, rng)
    np.savez(tmp_path / "a.npz", imgs=FRAMES, gts=np.array([{"code": "may run"}], dtype=object))
    with pytest.raises(SourceError, match="gts"):
        medsam2(tmp_path).sample(0, rng)


def write_video(path: Path, frames: np.ndarray) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=50, options={"q:v": "2"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:], "yuvj420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.stack([frame] * 3, axis=-1), "rgb24")))
        container.mux(stream.encode(None))


def write_table(path: Path, columns: str, rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns.split(","), *rows])


def echonet(root: Path) -> Path:
    """Two listed videos: 0XA (frame brightness tells its number; traced on 3 and 12) and 0XB, which is not there."""
    (root / "Videos").mkdir()
    write_video(root / "Videos" / "0XA.avi", np.full((20, 112, 112), np.arange(20)[:, None, None] * 10, np.uint8))
    write_table(root / "FileList.csv", "FileName,EF,Split", [["0XA", 55.0, "TRAIN"], ["0XB", 60.0, "TRAIN"], ["0XC", 60.0, "VAL"]])
    chords = [[50, 20, 50, 80]] + [[50 - w, y, 50 + w, y] for y, w in ((20, 5), (40, 20), (60, 20), (80, 10))]
    small = [[50 + (x1 - 50) / 2, y1, 50 + (x2 - 50) / 2, y2] for x1, y1, x2, y2 in chords]
    rows = [["0XA.avi", *line, frame] for frame, lines in ((12, small), (3, chords)) for line in lines]
    write_table(root / "VolumeTracings.csv", "FileName,X1,Y1,X2,Y2,Frame", [*rows, ["0XB.avi", 1, 1, 2, 2, 0]])
    return root


def test_echonet_sample_runs_from_one_traced_frame_to_the_other(tmp_path, rng):
    dataset = echonet_videos(echonet(tmp_path), "TRAIN")
    sample = dataset.sample(0, rng)
    assert len(dataset) == 1
    assert np.rint(sample.frames.reshape(4, -1).mean(axis=1) / 10).tolist() == [3, 6, 9, 12]
    assert sample.known.tolist() == [True, False, False, True]
    assert sample.structures.tolist() == [0]
    area = 20 * ((10 + 40) / 2 + 40 + (40 + 20) / 2)
    assert sample.masks[0].sum() == pytest.approx(area, rel=0.03)
    assert sample.masks[3].sum() == pytest.approx(area / 2, rel=0.03)
    assert not sample.masks[1:3].any()


def test_echonet_cavity_lies_where_it_was_traced(tmp_path, rng):
    mask = echonet_videos(echonet(tmp_path), "TRAIN").sample(0, rng).masks[0, 0]
    ys, xs = np.nonzero(mask)
    assert (ys.min(), ys.max()) == pytest.approx((20, 80), abs=1)
    assert (xs.min(), xs.max()) == pytest.approx((30, 70), abs=1)


def test_echonet_faults_are_named(tmp_path, rng):
    with pytest.raises(SourceError, match=r"FileList\.csv: cannot be read"):
        echonet_videos(tmp_path, "TRAIN")
    echonet(tmp_path)
    with pytest.raises(SourceError, match="no traced video of split VAL"):
        echonet_videos(tmp_path, "VAL")
    with (tmp_path / "VolumeTracings.csv").open("a") as file:
        file.write("0XA.avi,1,1,2,2,25\n" * 3)
    with pytest.raises(SourceError, match="frame 25 is traced, but the video has only 20"):
        echonet_videos(tmp_path, "TRAIN").sample(0, rng)
    write_table(tmp_path / "FileList.csv", "FileName,EF", [["0XA", 55.0]])
    with pytest.raises(SourceError, match="lacks the column Split"):
        echonet_videos(tmp_path, "TRAIN")


@pytest.mark.parametrize("ending", [".mhd", ".nii.gz"])
def test_camus_view_is_ed_then_es(tmp_path, rng, ending):
    folder = tmp_path / "patient0007"
    folder.mkdir()
    labels = np.zeros((2, 40, 30), np.uint8)
    for t in range(2):
        for value, radius in ((2, 14 - t), (1, 9 - 2 * t)):
            cv2.circle(labels[t], (15, 20), radius, value, -1)
        for name, array in ((f"4CH_{('ED', 'ES')[t]}", FRAMES[t].repeat(2, 0)), (f"4CH_{('ED', 'ES')[t]}_gt", labels[t])):
            sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"patient0007_{name}{ending}"))
    dataset = camus(tmp_path)
    sample = dataset.sample(0, rng)
    assert len(dataset) == 1
    assert np.array_equal(sample.frames, FRAMES[:2].repeat(2, 1))
    assert np.array_equal(sample.masks[:, 0], labels == 1)
    assert sample.structures.tolist() == [0, 2]  # LV, MYO


def test_camus_faults_are_named(tmp_path, rng):
    with pytest.raises(SourceError, match="no CAMUS views"):
        camus(tmp_path)
    (tmp_path / "patient0001").mkdir()
    for name in ("2CH_ED", "2CH_ED_gt", "2CH_ES", "2CH_ES_gt"):
        (tmp_path / "patient0001" / f"patient0001_{name}.mhd").write_text("not a header")
    with pytest.raises(SourceError, match=r"patient0001_2CH_ED\.mhd: not a readable volume"):
        camus(tmp_path).sample(0, rng)
