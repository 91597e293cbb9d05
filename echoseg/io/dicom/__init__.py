"""DICOM, read and written: cine, stacks of slices, segmentations, de-identification, DICOMweb."""
