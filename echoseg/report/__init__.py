"""What people open: overlay video, curves, stills, report.html, DICOM SR.

Turns finished results (:class:`echoseg.types.Segmentation`, :mod:`echoseg.cardiac`) into documents; measures nothing itself.
Import the module you need; importing this package imports none of them.
"""
