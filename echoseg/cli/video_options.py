"""The option that chooses what decodes video files, worded once for every command that has it."""

from __future__ import annotations

from typing import Literal

Reader = Literal["pyav", "decord", "opencv"]

READER_HELP = "What decodes a video file (default: pyav); the frames are the same. Speeds: `echoseg bench readers`."
