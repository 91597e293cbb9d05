"""An archive of simulated clips in mixed formats, some of them broken in every way, with a manifest that knows their true EF."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

from echoseg.datasets.demo import demo_clip
from echoseg.simulate.clip import simulate_study
from echoseg.simulate.options import EchoOptions

FPS = 12.0  # twelve frames hold a beat, so that there is an EF for little work
FORMATS = ("npy", "npz", "avi", "mp4", "mkv", "dcm", "png")
BROKEN = ("empty.dcm", "noise.dcm", "text.avi", "half.mp4", "half.dcm", "half.npz", "torn.png", "objects.npy", "shape.npy", "missing.dcm")


def make_archive(root: Path, clips: int, frames: int = 12, size: int = 112) -> Path:
    """Writes ``clips`` items, 5 % of them broken and one of them the first frames of the demo clip; gives the manifest's path.

    Two views of a heart make a study; one item in fifty is a copy of another.
    """
    broken = max(round(0.05 * clips), len(BROKEN))
    rows: list[dict[str, object]] = []
    options = EchoOptions(fps=(FPS, FPS))
    for study in range((clips - broken) // 2 + 1):
        for view, clip in simulate_study(study, size, frames, options=options).items():
            number = len(rows)
            if number >= clips - broken - 1:
                break
            path = Path(f"s{study:03}") / f"{view.lower()}.{FORMATS[number % len(FORMATS)]}"
            if number % 50 == 49:  # a copy of the clip before, of which the manifest says the same
                path = Path("copies") / f"{number}{Path(str(rows[-1]['path'])).suffix}"
                (root / path.parent).mkdir(exist_ok=True)
                _copy(root / str(rows[-1]["path"]), root / path)
                rows.append({**rows[-1], "path": path})
                continue
            (root / path.parent).mkdir(parents=True, exist_ok=True)
            grey = clip.frames if clip.frames.ndim == 3 else clip.frames[..., 0]
            _write(root / path, grey, clip.spacing)
            rows.append(
                {"path": path, "study": f"s{study:03}", "view": view, "row_mm": clip.spacing[0], "col_mm": clip.spacing[1], "fps": FPS}
                | {"ef_truth": round(clip.truth.ef, 2)}
            )
    _write_demo(root / "demo.dcm", frames)
    rows.append({"path": "demo.dcm", "study": "demo", "view": "A4C"})
    whole = {suffix: next(root / str(row["path"]) for row in rows if str(row["path"]).endswith(suffix)) for suffix in FORMATS}
    (root / "broken").mkdir()
    for number in range(broken):
        name = BROKEN[number % len(BROKEN)]
        path = Path("broken") / f"{number}_{name}"
        _break(root / path, name, number, whole)
        rows.append({"path": path, "study": f"broken{number}", "view": "A4C"})
    manifest = root / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "study", "view", "row_mm", "col_mm", "fps", "ef_truth"])
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def _write(path: Path, frames: np.ndarray, spacing: tuple[float, float]) -> None:
    if path.suffix == ".npy":
        np.save(path, frames)
    elif path.suffix == ".npz":
        np.savez_compressed(path, frames=frames)
    elif path.suffix == ".png":
        path.mkdir()
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(path / f"{number:03}.png")
    elif path.suffix == ".dcm":
        _write_dicom(path, frames, spacing)
    else:
        _write_video(path, frames)


def _write_video(path: Path, frames: np.ndarray) -> None:
    codec = {".avi": "mjpeg", ".mp4": "libx264", ".mkv": "mpeg4"}[path.suffix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(FPS).limit_denominator(1000))
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))
        container.mux(stream.encode(None))


def _write_dicom(path: Path, frames: np.ndarray, spacing: tuple[float, float]) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UltrasoundMultiFrameImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = generate_uid(), generate_uid(), "US"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.FrameTime, dataset.FrameIncrementPointer = str(round(1000 / FPS, 4)), 0x00181063
    region = pydicom.Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = frames.shape[2] - 1, frames.shape[1] - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = spacing[1] / 10, spacing[0] / 10
    dataset.SequenceOfUltrasoundRegions = Sequence([region])
    dataset.PixelData = np.ascontiguousarray(frames).tobytes()
    dataset.save_as(path, enforce_file_format=True)


def _write_demo(path: Path, frames: int) -> None:
    dataset = pydicom.dcmread(demo_clip())
    kept = [frame for frame, _ in zip(generate_frames(dataset.PixelData, number_of_frames=120), range(frames), strict=False)]
    dataset.PixelData, dataset.NumberOfFrames = encapsulate(kept), frames
    dataset.save_as(path)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir()
        for file in source.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
    else:
        target.write_bytes(source.read_bytes())


def _break(path: Path, name: str, seed: int, whole: dict[str, Path]) -> None:
    """A file that is broken as its name says; ``missing`` is not written at all."""
    if name == "objects.npy":
        np.save(path, np.array([{"seed": seed}], object), allow_pickle=True)
    elif name == "shape.npy":
        np.save(path, np.full((2, 3, 4, 5, 6), seed % 256, np.uint8))
    elif name == "torn.png":
        _copy(whole["png"], path)
        last = sorted(path.iterdir())[-1]
        last.write_bytes(last.read_bytes()[: 200 + seed])
    elif name != "missing.dcm":
        contents = {
            "empty.dcm": b"",
            "noise.dcm": np.random.default_rng(seed).bytes(5000),
            "text.avi": f"<html>404 not found ({seed})</html>".encode(),
            "half.mp4": whole["mp4"].read_bytes()[: 500 + seed],
            "half.dcm": whole["dcm"].read_bytes()[: 300 + seed],
            "half.npz": whole["npz"].read_bytes()[: 2000 + seed],
        }
        path.write_bytes(contents[name])
