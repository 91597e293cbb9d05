"""Small real files, made by libraries other than the code under test."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

from echoseg.datasets.demo import demo_clip


@pytest.fixture(scope="session")
def demo_path() -> Path:
    return demo_clip()


@pytest.fixture(scope="session")
def stale_path() -> Path:
    """A real clip that was resized after its spacing was written."""
    return Path(pydicom.examples.get_path("ybr_color"))


@pytest.fixture(scope="session")
def numbered_frames() -> np.ndarray:
    """``(40, 48, 64, 3)``: frame ``i`` shows a white bar ``i + 1`` pixels wide, so that decoded frames can be told apart."""
    frames = np.zeros((40, 48, 64, 3), dtype=np.uint8)
    for index in range(40):
        frames[index, :, : index + 1] = 255
    return frames


@pytest.fixture
def write_video(tmp_path: Path) -> Callable[..., Path]:
    def write(
        name: str, frames: np.ndarray, codec: str = "libx264", pix_fmt: str = "yuv420p", pts: list[int] | None = None, **options: str
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25, options=options)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = pix_fmt
            if pts is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for index, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24" if image.ndim == 3 else "gray")
                if pts is not None:
                    frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def write_dicom(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, frames: np.ndarray, **attributes: object) -> Path:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        dataset.PatientName, dataset.PatientID, dataset.StudyDate = "Secret^Name", "SECRET-ID", "20200102"
        dataset.Modality = "US"
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames.shape[:3]
        dataset.SamplesPerPixel = 3 if frames.ndim == 4 else 1
        dataset.PhotometricInterpretation = "RGB" if frames.ndim == 4 else "MONOCHROME2"
        if frames.ndim == 4:
            dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = dataset.BitsStored = frames.dtype.itemsize * 8
        dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(frames.dtype.kind == "i")
        dataset.PixelData = frames.tobytes()
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        path = tmp_path / name
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write
