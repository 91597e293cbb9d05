"""Folders in EchoNet's layout, made by the simulator: traced videos with a known EF."""

import csv
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np

from echoseg.simulate import EchoClip, random_clip

Form = Literal["chords", "corners"]


def write_traced(root: Path, count: int = 3, frames: int = 24, size: int = 112, form: Form = "chords") -> list[EchoClip]:
    """``count`` apical 4-chamber clips ``SIM0`` ..., traced on the frames with the largest and the smallest cavity; names without ``.avi``
    in the list of files, with it in the tracings."""
    clips = [random_clip(seed, size, frames, views=("A4C",)) for seed in range(count)]
    (root / "Videos").mkdir(parents=True)
    listed, traced = [], []
    for number, clip in enumerate(clips):
        write_avi(root / "Videos" / f"SIM{number}.avi", clip.frames, rate=(len(clip.times) - 1) / clip.times[-1])
        listed.append([f"SIM{number}", round(clip.truth.ef, 3), "TEST" if number else "VAL"])
        for frame in traced_frames(clip):
            mask = clip.masks[frame] == 1
            rows = chords(mask) if form == "chords" else corners(mask)
            traced += [[f"SIM{number}.avi", *row, frame] for row in rows]
    write_table(root / "FileList.csv", ["FileName", "EF", "Split"], listed)
    write_table(root / "VolumeTracings.csv", ["FileName", *(("X1", "Y1", "X2", "Y2") if form == "chords" else "XY"), "Frame"], traced)
    return clips


def traced_frames(clip: EchoClip) -> tuple[int, int]:
    """The frames with the largest and the smallest cavity, in this order."""
    areas = (clip.masks == 1).sum(axis=(1, 2))
    return int(areas.argmax()), int(areas.argmin())


def chords(mask: np.ndarray) -> np.ndarray:
    """``(n, 4)``: the long axis, then a chord for each row of pixels."""
    ys = np.flatnonzero(mask.any(axis=1))
    lines = np.array([[np.flatnonzero(mask[y])[0] - 0.4, y, np.flatnonzero(mask[y])[-1] + 0.4, y] for y in ys])
    lines[0, 1::2] -= 0.4
    lines[-1, 1::2] += 0.4
    ends = [(lines[i, 0] + lines[i, 2]) / 2 for i in (0, -1)]
    return np.concatenate([[[ends[0], ys[0], ends[1], ys[-1]]], lines])


def corners(mask: np.ndarray) -> np.ndarray:
    """``(n, 2)``: the border of the largest part."""
    borders, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(borders, key=cv2.contourArea)[:, 0].astype(float)


def write_avi(path: Path, frames: np.ndarray, rate: float) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mjpeg", rate=Fraction(round(rate)), width=frames.shape[2], height=frames.shape[1], pix_fmt="yuvj420p")
        stream.options = {"qmin": "1", "qmax": "2"}
        layout = "gray" if frames.ndim == 3 else "rgb24"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, layout).reformat(format="yuvj420p")))
        file.mux(stream.encode())


def write_table(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
