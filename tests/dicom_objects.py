"""Small DICOM images made with pydicom alone, and the tools that judge what is made of them. Imported by tests of several rooms."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr._concepts_dict import concepts
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

from echoseg.record.measures import MEASURES, PRIVATE

PATIENT = {
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": "Müller^Jörg",
    "PatientID": "SECRET-7",
    "PatientBirthDate": "19610203",
    "PatientSex": "M",
    "StudyDate": "20200102",
    "StudyTime": "101112",
    "AccessionNumber": "ACC-9",
    "StudyID": "ST-1",
    "ReferringPhysicianName": "Haus^Greta",
    "InstitutionName": "Charité",
    "StudyInstanceUID": "1.2.276.0.7230010.3.777.1",
    "SeriesInstanceUID": "1.2.276.0.7230010.3.777.2",
    "SeriesNumber": 4,
}


def write_image(path: Path, pixels: np.ndarray, sop_class: str, uid: str, **attributes: object) -> Path:
    """One image object of the patient above; ``pixels`` ``(H, W)``, ``(T, H, W)`` or ``(T, H, W, 3)``."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    colour = pixels.ndim == 4
    if pixels.ndim > 2:
        dataset.NumberOfFrames = len(pixels)
    dataset.Rows, dataset.Columns = pixels.shape[1:3] if pixels.ndim > 2 else pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(pixels.dtype.kind == "i")
    for keyword, value in {**PATIENT, **attributes}.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_clip(path: Path, frames: np.ndarray, **attributes: object) -> Path:
    """An ultrasound clip, 0.5 mm a pixel, 25 frames a second."""
    region = Dataset()
    region.RegionSpatialFormat = region.RegionDataType = 1
    region.RegionFlags = 0
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = frames.shape[2] - 1, frames.shape[1] - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.05
    own = {"Modality": "US", "FrameTime": 40, "SequenceOfUltrasoundRegions": [region], "FrameIncrementPointer": 0x00181063}
    return write_image(path, frames, UltrasoundMultiFrameImageStorage, f"{PATIENT['SeriesInstanceUID']}.1", **(own | attributes))


def write_series(folder: Path, slices: np.ndarray, first: tuple[float, float, float] = (-20.0, 5.0, 7.5), **attributes: object) -> Path:
    """A CT series, ``(K, H, W)`` int16, turned about the patient's axis, from ``first``; file names run against the positions."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, columns = np.array([0.0, 0.6, -0.8]), np.array([1.0, 0.0, 0.0])
    normal = np.cross(columns, rows)
    for k, values in enumerate(slices):
        own = {
            "Modality": "CT",
            "FrameOfReferenceUID": f"{PATIENT['StudyInstanceUID']}.9",
            "PositionReferenceIndicator": "",
            "ImageOrientationPatient": [*columns, *rows],
            "ImagePositionPatient": [f"{value:.10g}" for value in np.array(first) + 2.5 * k * normal],
            "PixelSpacing": [0.7, 0.9],
            "SliceThickness": 2.5,
            "RescaleSlope": 1,
            "RescaleIntercept": 0,
            "InstanceNumber": k + 1,
        }
        name = folder / f"{len(slices) - k:03d}.dcm"
        write_image(name, values, CTImageStorage, f"{PATIENT['SeriesInstanceUID']}.{k + 1}", **(own | attributes))
    return folder


def unknown_codes(dataset: Dataset) -> set[tuple[str, str]]:
    """``{(scheme, value)}`` of codes anywhere in an object that pydicom's dictionaries, made from the standard, do not hold.

    Units (UCUM builds any number) and languages are left out; names of echoseg's own scheme must be those of its measures.
    """
    known = {(scheme, value) for scheme, names in concepts.items() for values in names.values() for value in values}
    known |= {(PRIVATE, key[:16]) for key in MEASURES}
    found = set()
    for element in dataset.iterall():
        if element.VR != "SQ":
            continue
        for item in element.value:
            scheme = item.get("CodingSchemeDesignator")
            if scheme not in (None, "UCUM", "RFC5646") and "CodeValue" in item:
                found.add((str(scheme), str(item.CodeValue)))
    return found - known


def standard_errors(path: Path) -> list[str]:
    """What dciodvfy finds wrong with a file; skips the test where it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace")
    return [line for line in (told.stderr + told.stdout).splitlines() if line.startswith("Error")]
