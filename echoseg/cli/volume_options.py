"""The options that choose within a volume or a DICOM series, worded once for every command that has them."""

from __future__ import annotations

from typing import Literal

Axis = Literal["axial", "coronal", "sagittal", "stored"]
Format = Literal["own", "nrrd", "mha", "npz"]

SERIES_HELP = "Which DICOM series of a folder; `echoseg info FOLDER` lists them."
PART_HELP = "Of slices at several phases (cine MR), from 0: slice:N, a clip of one slice; phase:N, the volume at one phase."
EACH_HELP = f"{PART_HELP} slice or phase alone: a result of each."
AXIS_HELP = "Plane of a volume's slices, whatever the order of the file (default: axial); stored: the order of the file."
WINDOW_HELP = "Grey values of a volume: soft-tissue, lung, bone, brain, liver, mediastinum, percentile. Default: soft tissue for CT."
RECIPE_HELP = "How an object is followed through a volume: by its mask on the prompted slice, or by the prompt, largest 3D part kept."
STOP_HELP = "End an object of a volume where it vanishes, collapses or leaks; --no-stop follows it to the ends of the volume."
ZOOM_HELP = "Show the network only a square around each object of a volume, or all of it. Default: as the model was trained."
FORMAT_HELP = "Write the masks also in this format; own: the one of the input (NRRD, MetaImage, npz)."
