"""How equity went over the trading day: an observer of the session that looks at it once a minute.

What was before this run is told by its round trips, so a restart leaves no gap, only longer straight lines.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.reports import Report
from algotrader.core.state import EngineState
from algotrader.server.documents import Document, iso, money
from algotrader.server.picture import day_start, trips_since

NAME: Final = "day curve"

MOST: Final = 800
"""Points that are kept; of more every second one goes, and one is added half as often from then on."""


class DayCurve:
    """Equity since the trading day began.

    Args:
        state: of the engine.
    """

    def __init__(self, state: EngineState) -> None:
        self._state: Final = state
        self._day = 0
        self._points: list[tuple[int, int]] = []
        self._apart = NS_PER_MINUTE

    def on_report(self, report: Report) -> None:
        """Nothing: equity is looked at, not told."""

    def on_told(self, time: int, kind: str, level: str, subject: str, message: str) -> None:
        """Nothing either."""

    def on_measured(self, time: int, what: str, duration: int, order_id: str) -> None:
        """Something was handled: a chance to look, once a minute."""
        if not self._points or self._state.now - self._points[-1][0] >= self._apart:
            self.look()

    def look(self) -> None:
        """Add equity as it is."""
        began = day_start(self._state)
        if began != self._day:
            self._day, self._points, self._apart = began, self._before(began), NS_PER_MINUTE
        self._add(self._points)
        if len(self._points) > MOST:
            # The first and the last always stay.
            self._points = [*self._points[:-1:2], self._points[-1]]
            self._apart *= 2

    def _add(self, points: list[tuple[int, int]]) -> None:
        """Add equity as it is to some points. A curve does not begin before the venue has said what the account holds."""
        equity = self._state.equity()
        if equity or points:
            points.append((self._state.now, equity))

    def _before(self, began: int) -> list[tuple[int, int]]:
        """The day so far: where it began, and where each round trip of it led."""
        start = self._state.breaker.start_equity
        if not start:
            return []
        trips = trips_since(self._state, began)[::-1]
        money_after = accumulate((trip.profit for trip in trips), initial=start)
        return list(zip([began, *(trip.exit_time for trip in trips)], money_after, strict=True))

    def document(self) -> Document:
        """The day's points, oldest first, and equity now as the last one."""
        state = self._state
        if day_start(state) != self._day:
            self.look()
        points = [point for point in self._points if point[0] < state.now]
        self._add(points)
        start = state.breaker.start_equity
        return {
            "start_equity": money(start) if start else None,
            "points": [{"time": iso(time), "equity": money(equity)} for time, equity in points if time],
        }
