"""What the machine has left for the session: memory and disk, read from the system, without any library for it."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_KIB: Final = 1024


def process_bytes() -> int:
    """Memory that this process holds now; where the system does not say, the most that it has held."""
    try:
        pages = int((_PROC / "self" / "statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * _KIB
    return pages * os.sysconf("SC_PAGE_SIZE")


def memory_used_pct() -> float | None:
    """Share of the machine's memory that is in use; None where the system does not say."""
    try:
        lines = (_PROC / "meminfo").read_text(encoding="ascii").splitlines()
        found = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if rest.split()}
        return round(100 * (1 - found["MemAvailable"] / found["MemTotal"]), 1)
    except (OSError, ValueError, KeyError, ZeroDivisionError):
        return None


def disk_used_pct(folder: Path) -> float | None:
    """Share of the disk of a folder that is in use; None where it cannot be asked."""
    try:
        found = shutil.disk_usage(folder)
    except OSError:
        return None
    return round(100 * (1 - found.free / found.total), 1) if found.total else None
