"""The options of a run, each declared once: its name, type, default, limits and help.

The commands and their YAML files, the settings of an archive, the provenance of a result and :func:`echoseg.run` read them here. A field
made by ``option`` is an option of the command line too; a field that holds a value type stands for the options of that type.
"""

from echoseg.options.declare import Option, noted, taken
from echoseg.options.memory import MemorySelection, memory_selection
from echoseg.options.run import (
    AnalysisOptions,
    Asking,
    Direction,
    Finder,
    Following,
    FollowingOptions,
    Kind,
    LabelFormat,
    Measuring,
    Method,
    Opening,
    Plane,
    Reader,
    RunOptions,
    Runtime,
    View,
    Writing,
)
from echoseg.options.subject import Subject
from echoseg.options.volume import STOP_RULES, Recipe, StopRules, VolumeOptions

__all__ = [
    "STOP_RULES",
    "AnalysisOptions",
    "Asking",
    "Direction",
    "Finder",
    "Following",
    "FollowingOptions",
    "Kind",
    "LabelFormat",
    "Measuring",
    "MemorySelection",
    "Method",
    "Opening",
    "Option",
    "Plane",
    "Reader",
    "Recipe",
    "RunOptions",
    "Runtime",
    "StopRules",
    "Subject",
    "View",
    "VolumeOptions",
    "Writing",
    "memory_selection",
    "noted",
    "taken",
]
