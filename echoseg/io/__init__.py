"""Sources and plain sinks. Importing this package loads numpy only; decoders are loaded by the kind of input opened."""

from echoseg.io.open import open_parts, open_source
from echoseg.io.source import Source

__all__ = ["Source", "open_parts", "open_source"]
