"""Reference sets in the layouts in which they are released, drawn for tests."""

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

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


def write_sunnybrook(root: Path, name: str = "SC-1", slices: int = 2, phases: int = 4) -> Path:
    """A patient with short-axis cine MR: the last phase (ED) is outlined as a square of 20 pixels, the second (ES) of 10."""
    for folder in ("dicom", "i-contours", "o-contours"):
        (root / name / folder).mkdir(parents=True)
    for index in range(slices):
        for phase in range(phases):
            number = 41 + index * phases + phase
            frame = np.full((64, 64), 50 + phase, np.uint16)
            _write_mr(root / name / "dicom" / f"{number}.dcm", frame, position=-8.0 * index, trigger=40.0 * phase, instance=number)
            if phase in (1, phases - 1):
                half = 5 if phase == 1 else 10
                left, right, top, bottom = 32 - half + 0.5, 32 + half + 0.5, 30 - half + 0.5, 30 + half + 0.5  # counted from 1
                text = "\n".join(f"{x:.2f} {y:.2f}" for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)))
                (root / name / "i-contours" / f"IM-0001-{number:04d}-icontour-manual.txt").write_text(text)
    return root


def write_folders(root: Path) -> Path:
    """A clip (a folder of PNG images) of 4 frames and a volume (NIfTI) with its masks; a picture without a mask."""
    for part, index in (("images", 0), ("masks", 1)):
        (root / part / "clip").mkdir(parents=True)
        for frame in range(4):
            cv2.imwrite(str(root / part / "clip" / f"{frame}.png"), heart(frame % 2)[index])
    volume = np.zeros((5, 40, 48), np.int16)
    volume[1:4, 10:20, 12:30] = 7
    for part, suffix, array in (("images", "_0000", 100 * volume + np.arange(48, dtype=np.int16)), ("masks", "", volume.astype(np.uint8))):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((0.7, 0.9, 4.0))
        sitk.WriteImage(image, str(root / part / f"liver{suffix}.nii.gz"))
    cv2.imwrite(str(root / "images" / "alone.png"), heart(0)[0])
    return root


def _write_mr(path: Path, frame: np.ndarray, position: float, trigger: float, instance: int) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, f"1.2.3.{instance}"
    dataset.SeriesInstanceUID, dataset.Modality, dataset.InstanceNumber = "1.2.3", "MR", instance
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0.0, 0.0, position], [1, 0, 0, 0, 1, 0]
    dataset.TriggerTime, dataset.PixelSpacing, dataset.SliceThickness = trigger, [1.25, 1.5], 8.0
    dataset.Rows, dataset.Columns = frame.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.WindowCenter, dataset.WindowWidth = 128, 256
    dataset.PixelData = frame.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
