"""The heart: tracks objects through a sequence with a rolling memory."""

from echoseg.tracking.memory_bank import MemoryBank, ObjectMemory
from echoseg.tracking.session import Session, default_window, features_cache
from echoseg.tracking.tracker import Tracker
from echoseg.tracking.window import Window

__all__ = ["MemoryBank", "ObjectMemory", "Session", "Tracker", "Window", "default_window", "features_cache"]
