"""What the server asks of the past. The database answers it; while there is none, the engine's own memory does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from algotrader.storage.records import OrderRow, ReportRow, TradeRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are wanted, newest first. Empty texts and 0 stand for all; times are nanoseconds UTC, ``until`` is left out."""

    symbol: str = ""
    strategy: str = ""
    state: str = ""
    kind: str = ""
    level: str = ""
    since: int = 0
    until: int = 0
    limit: int = 100
    offset: int = 0


class History(Protocol):
    """Rows of the past. Called from a thread of its own, never from the session's."""

    def orders(self, wanted: Wanted) -> tuple[Sequence[OrderRow], int]:
        """Orders by the time they were made, and how many fit in all."""
        ...

    def round_trips(self, wanted: Wanted) -> tuple[Sequence[TradeRow], int]:
        """Round trips by the time of their exit, and how many fit in all."""
        ...

    def activity(self, wanted: Wanted) -> tuple[Sequence[ReportRow], int]:
        """What the engine told, and how many fit in all."""
        ...
