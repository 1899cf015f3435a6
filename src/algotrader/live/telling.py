"""How the parts around the engine tell what is worth knowing; whoever starts them writes it to the log and counts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Tell = Callable[[str, str, str, str], None]
"""Takes a kind (below), a level (``reports.INFO`` and so on), a symbol, calendar or name (may be empty), and a sentence."""

BAR_DROPPED: Final = "bar_dropped"
BAR_LATE: Final = "bar_late"
BARS_MISSING: Final = "bars_missing"
GAP_FILLED: Final = "gap_filled"
DATA_STALE: Final = "market_data_stale"
STREAM_UP: Final = "bar_stream_up"
STREAM_DOWN: Final = "bar_stream_down"
DATA_ERROR: Final = "market_data_error"
WARM_UP: Final = "warm_up"
PHASE: Final = "session_phase"
SCHEDULE: Final = "schedule"


def nobody(kind: str, level: str, subject: str, message: str) -> None:
    """Tell nobody."""
