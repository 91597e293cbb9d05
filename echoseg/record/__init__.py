"""What a result says: the measures, measurements.json and study.json, and where a result comes from.

:mod:`~echoseg.record.measures` declares every measure once, :mod:`~echoseg.record.documents` the shape of both files.
"""
