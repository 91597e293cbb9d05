"""Volumes: NIfTI, NRRD, MetaImage and DICOM series as sequences of slices in a plane, seen through a window."""
