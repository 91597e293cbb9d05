"""The public names, for editors and type checkers; ``__init__.py`` loads each when it is first asked for."""

from echoseg.errors import EchosegError as EchosegError
from echoseg.io import open_source as open_source
from echoseg.masks import measure as measure
from echoseg.model import load_model as load_model
from echoseg.options import MemorySelection as MemorySelection
from echoseg.pipeline import run as run
from echoseg.pipeline import segment as segment
from echoseg.pipeline import stream as stream
from echoseg.tracking import Session as Session
from echoseg.types import Box as Box
from echoseg.types import Box3D as Box3D
from echoseg.types import FrameResult as FrameResult
from echoseg.types import MaskPrompt as MaskPrompt
from echoseg.types import Point3D as Point3D
from echoseg.types import Points as Points
from echoseg.types import Segmentation as Segmentation

__version__: str
