"""Reference sets in the layouts in which they are released, drawn for tests."""

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import SimpleITK as sitk

PATIENT = "patient0007"
ROW_MM, COLUMN_MM = 0.15, 0.3


def heart(phase: int, size: tuple[int, int] = (120, 90)) -> tuple[np.ndarray, np.ndarray]:
    """Frame and label map (1 LV, 2 myocardium, 3 LA) of an ellipse of a ventricle, smaller in systole (``phase`` 1)."""
    labels = np.zeros(size, np.uint8)
    centre = (size[1] // 2, size[0] // 2)
    cv2.ellipse(labels, centre, (24 - 3 * phase, 40 - 3 * phase), 0, 0, 360, 2, -1)
    cv2.ellipse(labels, centre, (14 - 4 * phase, 30 - 6 * phase), 0, 0, 360, 1, -1)
    cv2.circle(labels, (centre[0], size[0] - 14), 9, 3, -1)
    return np.choose(labels, np.array([90, 20, 200, 40], np.uint8)), labels


def write_camus(root: Path, ending: str = ".mhd") -> Path:
    """One patient with a 4-chamber view."""
    folder = root / PATIENT
    folder.mkdir(parents=True)
    for phase, name in enumerate(("ED", "ES")):
        for suffix, array in zip(("", "_gt"), heart(phase), strict=True):
            image = sitk.GetImageFromArray(array[None])
            image.SetSpacing((COLUMN_MM, ROW_MM, 1.54))
            sitk.WriteImage(image, str(folder / f"{PATIENT}_4CH_{name}{suffix}{ending}"))
    return root


def write_echonet(root: Path) -> Path:
    """One traced video of 20 frames (traced on 3, and smaller on 12), and one that is listed but not there."""
    (root / "Videos").mkdir(parents=True)
    with av.open(str(root / "Videos" / "0XA.avi"), "w") as file:
        stream = file.add_stream("mjpeg", rate=50, width=112, height=112, pix_fmt="yuvj420p")
        for index in range(20):
            frame = np.full((112, 112), 10 * index, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray").reformat(format="yuvj420p")))
        file.mux(stream.encode())
    chords = np.array([[50, 20, 50, 80], *([50 - w, y, 50 + w, y] for y, w in ((20, 5), (40, 20), (60, 20), (80, 10)))], float)
    small = np.where([True, False, True, False], 50 + (chords - 50) / 2, chords)
    rows = [["0XA.avi", *line, frame] for frame, lines in ((12, small), (3, chords)) for line in lines]
    _write(root / "FileList.csv", ["FileName", "EF", "Split"], [["0XA", 55.0, "TEST"], ["0XB", 60.0, "TEST"], ["0XC", 60.0, "VAL"]])
    _write(root / "VolumeTracings.csv", ["FileName", "X1", "Y1", "X2", "Y2", "Frame"], [*rows, ["0XB.avi", 1, 1, 2, 2, 0]])
    return root


def write_lesion(root: Path) -> Path:
    """A CT-like volume of 6 slices with a ball of a lesion on four of them, in MedSAM2's format."""
    root.mkdir(parents=True, exist_ok=True)
    z, y, x = np.indices((6, 48, 48))
    lesion = ((z - 2) * 4.0) ** 2 + ((y - 20) * 0.8) ** 2 + ((x - 25) * 0.8) ** 2 <= 9.0**2
    frames = np.where(lesion, 160, 90).astype(np.uint8)
    np.savez(root / "CT_Lesion_1.npz", imgs=frames, gts=lesion.astype(np.uint8), spacing=[0.8, 0.8, 4.0])
    return root


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
