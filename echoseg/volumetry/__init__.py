"""Measures of objects in volumes: volume, longest diameters. Pure numpy; knows nothing of torch or files."""

from echoseg.volumetry.diameters import Axis, Diameters, longest_diameters
from echoseg.volumetry.volume import volume_ml, voxel_ml

__all__ = ["Axis", "Diameters", "longest_diameters", "volume_ml", "voxel_ml"]
