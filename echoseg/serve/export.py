"""Accepted labels as an archive of one of the known layouts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from echoseg.annotate.export import zipped
from echoseg.serve.studio import Studio

router = APIRouter()
Format = Literal["echonet", "medsam2", "nifti", "dicom-seg", "dicom-sr", "training"]


@router.get("/export")
def export(request: Request, format: Format = "nifti") -> FileResponse:
    """The accepted items."""
    folder = tempfile.TemporaryDirectory(prefix="echoseg-export-")
    try:
        path = zipped(Studio.of(request).project, format, Path(folder.name))
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(path, media_type="application/zip", filename=path.name, background=BackgroundTask(folder.cleanup))
