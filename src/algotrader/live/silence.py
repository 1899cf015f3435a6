"""How long nothing has come although a market trades: when to open the stream again, and when to raise an alert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from algotrader.core import reports
from algotrader.history.hours import Hours
from algotrader.live import telling
from algotrader.live.clock import NS_PER_SECOND
from algotrader.live.telling import Tell


class Silence:
    """Counts trading time without data.

    Args:
        hours: the calendars that count, by name; more may come.
        patience: seconds without anything after which the stream is taken for dead.
        alert_after: seconds without a bar after which an alert is raised.
        now: when counting begins, nanoseconds UTC.
        tell: hears of it.
    """

    def __init__(self, hours: Mapping[str, Hours], patience: float, alert_after: float, now: int, tell: Tell) -> None:
        self._hours: Final = hours
        self._patience: Final = round(patience * NS_PER_SECOND)
        self._alert_after: Final = round(alert_after * NS_PER_SECOND)
        self._tell: Final = tell
        self._message = now
        self._bar = now
        self._alerted = False

    def heard(self, now: int) -> None:
        """Something came, or the stream was opened."""
        self._message = now

    def heard_bar(self, now: int) -> None:
        """A bar was handed to the engine."""
        self._bar = now
        if self._alerted:
            self._alerted = False
            self._tell(telling.DATA_STALE, reports.INFO, "", "market data is back")

    def next_look(self, now: int) -> int | None:
        """When to look next; None while nothing trades."""
        start = self._trading_since(now)
        if start is None:
            return None
        silent = max(start, self._message) + self._patience
        return silent if self._alerted else min(silent, max(start, self._bar) + self._alert_after)

    def is_dead(self, now: int) -> bool:
        """Raise the alert when it is time; tells whether the stream has been silent for too long."""
        start = self._trading_since(now)
        if start is None:
            return False
        waited = now - max(start, self._bar)
        if not self._alerted and waited >= self._alert_after:
            self._alerted = True
            self._tell(telling.DATA_STALE, reports.CRITICAL, "", f"no market data for {waited // NS_PER_SECOND} s")
        return now - max(start, self._message) >= self._patience

    def _trading_since(self, now: int) -> int | None:
        """Since when some market has been trading without a break."""
        starts = [start for hours in self._hours.values() if (start := hours.stretch_start(now)) is not None]
        return min(starts, default=None)
