"""How much memory this process holds, without further packages."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_mb() -> float | None:
    """Resident memory now, in MB (2**20 bytes). Off Linux: the highest so far, see :func:`peak_resident_mb`."""
    return _kilobytes("VmRSS:") or peak_resident_mb()


def peak_resident_mb() -> float | None:
    """Highest resident memory of this process so far, in MB (2**20 bytes); None where the system does not tell (Windows)."""
    peak = _kilobytes("VmHWM:")
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10  # macOS counts bytes, others kilobytes


def _kilobytes(field: str) -> float | None:
    if not _STATUS.exists():
        return None
    value = next((line.split()[1] for line in _STATUS.read_text().splitlines() if line.startswith(field)), None)
    return None if value is None else int(value) / 2**10
