"""Exceptions. Every error a caller can act on is an :class:`EchosegError` whose message says what, where and what to do."""

from __future__ import annotations


class EchosegError(Exception):
    """Base of all errors raised on purpose by echoseg.

    >>> try:
    ...     echoseg.Box(9, 5, 3, 7)
    ... except echoseg.EchosegError as error:
    ...     print(error)
    box (9, 5, 3, 7) is empty: give x0 < x1 and y0 < y1 (x1, y1 are edges: last pixel + 1)
    """


class SourceError(EchosegError):
    """An input cannot be read: missing, empty, truncated, not what its name says, or of an unusable shape."""


class UnsupportedSourceError(SourceError):
    """The input is readable but of a kind echoseg does not handle (e.g. a DICOM structured report as a clip)."""


class SeveralPhasesError(UnsupportedSourceError):
    """Several slices at several moments or otherwise repeated, of which one slice or one phase is a source.

    Attributes:
        in_time: whether the phases are moments.
    """

    def __init__(self, message: str, in_time: bool) -> None:
        super().__init__(message)
        self.in_time = in_time


class NoImageError(UnsupportedSourceError):
    """A DICOM object that is no image and is not meant to be one: beside images it is passed over."""


class NotRereadableError(SourceError):
    """The source can be read only once (an iterable), and the request needs a second pass."""


class PromptError(EchosegError):
    """A prompt is malformed, lies outside the frame, or does not fit the source or the model."""


class WeightsError(EchosegError):
    """A checkpoint is missing, unsafe, partial, or does not fit the architecture."""


class ModelConfigError(EchosegError):
    """An unknown model name or an inconsistent model configuration."""


class DeviceError(EchosegError):
    """The requested device or precision is not available on this machine."""


class MeasureError(EchosegError):
    """A measure cannot be computed from what was given (empty mask, wrong shape, unknown method)."""


class OutputError(EchosegError):
    """A result cannot be written: folder not writable, disk full, or the name is taken."""


class StudyError(EchosegError):
    """Clips do not make one study: they belong to several, or the views of a biplane measurement are not there."""


class ArchiveError(EchosegError):
    """An archive run cannot start or go on: results of another configuration, another run in the folder, a folder that holds none."""
