"""What a run tells about itself: CSV always, TensorBoard where it is installed, sample pictures as PNG."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


class RunLog:
    """Rows of numbers by step, in ``<folder>/<table>.csv`` and TensorBoard. On resume rows at or after ``start`` are dropped."""

    def __init__(self, folder: Path, start: int = 0) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.csv"):
            _drop_from(path, start)
        self.board: Any = None
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=start)

    def row(self, table: str, step: int, values: Mapping[str, float | str]) -> None:
        """Append one row. The columns of a table are those of its first row."""
        path = self.folder / f"{table}.csv"
        fresh = not path.exists() or path.stat().st_size == 0
        columns = ["step", *values] if fresh else _columns(path)
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
            if fresh:
                writer.writeheader()
            writer.writerow({"step": step, **{k: f"{v:.6g}" if isinstance(v, float) else v for k, v in values.items()}})
        if self.board is not None:
            for name, value in values.items():
                if not isinstance(value, str):
                    self.board.add_scalar(f"{table}/{name}", value, step)

    def picture(self, step: int, image: NDArray[np.uint8]) -> Path:
        """Write an ``(H, W, 3)`` uint8 RGB picture as ``samples/<step>.png``."""
        path = self.folder / "samples" / f"{step:07d}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), image[..., ::-1])
        return path

    def close(self) -> None:
        if self.board is not None:
            self.board.close()


def contact_sheet(frames: NDArray[np.uint8], truth: NDArray[np.bool_], predicted: NDArray[np.bool_], columns: int = 8) -> NDArray[np.uint8]:
    """Frames side by side with the true outline in green and the predicted one in red.

    Args:
        frames: ``(N, S, S)`` or ``(N, S, S, 3)`` uint8; truth, predicted: ``(N, S, S)`` bool.
    """
    tiles = []
    for frame, t, p in zip(frames, truth, predicted, strict=True):
        tile = np.ascontiguousarray(np.repeat(frame[..., None], 3, axis=-1) if frame.ndim == 2 else frame)
        for mask, colour in ((t, (0, 255, 0)), (p, (255, 60, 60))):
            outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(tile, outlines, -1, colour, 1)
        tiles.append(tile)
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def _columns(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def _drop_from(path: Path, start: int) -> None:
    """Keep the header and the rows whose step is below ``start`` (all rows were written after that step's checkpoint was)."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = lines[:1] + [line for line in lines[1:] if line.partition(",")[0].isdigit() and int(line.partition(",")[0]) <= start]
    path.write_text("".join(kept) if start else "", encoding="utf-8")
