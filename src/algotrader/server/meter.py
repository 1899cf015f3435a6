"""Counts what happens in a session: reports by kind, errors, round trips, broken connections, and how long things take."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Final

from algotrader.core import reports
from algotrader.core.executions import TripWords
from algotrader.core.orders import OrderType
from algotrader.core.reports import Report
from algotrader.live import telling
from algotrader.live.clock import NS_PER_SECOND
from algotrader.live.control import Control

NAME: Final = "metrics"

FILL_TO_POSITION: Final = "fill_to_position"
"""From the time of an execution until it is booked, durable and told."""

ORDER_TO_ACCEPTED: Final = "order_submission_latency"
"""From the making of an order until the venue has taken it."""

ORDER_TO_FILL: Final = "order_to_fill"
"""From the making of a market order until it is executed; others wait for their price, which is no latency."""

BOUNDS_MS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
"""Upper ends of the buckets of a histogram."""

_BOUNDS: Final = [round(bound * 1_000_000) for bound in BOUNDS_MS]

CONNECTIONS: Final = {telling.STREAM_DOWN: "bars", "order_stream_lost": "orders"}
"""What tells that a stream broke, and which."""


class Durations:
    """A histogram of durations in nanoseconds."""

    def __init__(self) -> None:
        self.counts: Final = [0] * (len(_BOUNDS) + 1)
        self.total = 0

    def add(self, duration: int) -> None:
        """Count one."""
        self.counts[bisect_left(_BOUNDS, duration)] += 1
        self.total += duration

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)


class Meter:
    """Observes a session.

    Args:
        control: the session; read only, for the orders that reports name.
    """

    def __init__(self, control: Control) -> None:
        self._control: Final = control
        self.reports: Final[Counter[str]] = Counter()
        self.errors: Final[Counter[tuple[str, str]]] = Counter()
        self.submitted: Final[Counter[str]] = Counter()
        self.trips: Final[Counter[str]] = Counter()
        self.breaks: Final[Counter[str]] = Counter(dict.fromkeys(CONNECTIONS.values(), 0))
        self.durations: Final[dict[str, Durations]] = {}

    def on_report(self, report: Report) -> None:
        """Count it."""
        kind = report.kind
        self.reports[kind] += 1
        if kind == reports.ORDER_SUBMITTED:
            self.submitted[report.symbol] += 1
        if report.level != reports.INFO:
            self.errors[report.level, kind] += 1
        if kind == reports.ORDER_FILLED:
            self._since(FILL_TO_POSITION, report.time)
            self._since_order(ORDER_TO_FILL, report, OrderType.MARKET)
        elif kind == reports.ORDER_ACCEPTED:
            self._since_order(ORDER_TO_ACCEPTED, report, None)
        elif kind == reports.TRADE_CLOSED and isinstance(report.words, TripWords):
            self.trips["win" if report.words.trip.profit > 0 else "loss"] += 1

    def on_told(self, time: int, kind: str, level: str, subject: str, message: str) -> None:
        """Count what is no mere information, and streams that broke."""
        if level != reports.INFO:
            self.errors[level, kind] += 1
            if kind in CONNECTIONS:
                self.breaks[CONNECTIONS[kind]] += 1

    def on_measured(self, time: int, what: str, duration: int, order_id: str) -> None:
        """Count how long something took."""
        found = self.durations.get(what)
        if found is None:
            found = self.durations[what] = Durations()
        found.add(duration)

    def _since(self, what: str, began: int) -> None:
        clock = self._control.clock
        took = clock.seconds(max(clock.now() - began, 0) / NS_PER_SECOND)
        self.on_measured(0, what, round(took * NS_PER_SECOND), "")

    def _since_order(self, what: str, report: Report, only: OrderType | None) -> None:
        order = self._control.engine.state.orders.get(report.order_id)
        if order is not None and only in (None, order.order_type):
            took = self._control.clock.seconds(max(report.time - order.created_time, 0) / NS_PER_SECOND)
            self.on_measured(0, what, round(took * NS_PER_SECOND), "")
