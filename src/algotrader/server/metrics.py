"""The session's figures for Prometheus. Read when they are asked for; nothing is kept here but what rates are made of.

Rates over other times are made in Prometheus: rejections an hour are ``increase(algotrader_rejections_total[1h])``, connection
failures a day ``increase(algotrader_connection_failures_total[1d])`` and differences from the venue a day
``increase(algotrader_reconciliation_mismatches_total[1d])``.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from algotrader import __version__
from algotrader.core import reports
from algotrader.core.scaled import from_money
from algotrader.live.clock import NS_PER_SECOND
from algotrader.live.control import CONNECTED, RUNNING, Control
from algotrader.server import machine, status
from algotrader.server.checks import LEVELS
from algotrader.server.meter import BOUNDS_MS, Meter
from algotrader.server.monitor import Monitor

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

REFUSED: Final = (reports.ORDER_REJECTED, reports.ORDER_DENIED, reports.SIGNAL_DENIED)
_MINUTE: Final = 60.0
_PREFIX: Final = "algotrader_"


class Rates:
    """Rates over about the last minute, from totals that are looked at now and then.

    Args:
        control: whose totals.
        meter: knows the orders.
        clock: monotonic seconds.
    """

    def __init__(self, control: Control, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        self._control: Final = control
        self._meter: Final = meter
        self._clock: Final = clock
        self._seen: Final[deque[tuple[float, int, int, int]]] = deque()
        self.note()

    def note(self) -> None:
        """Look at the totals."""
        now, vitals = self._clock(), self._control.vitals
        self._seen.append((now, vitals.events, vitals.bars, self._meter.reports[reports.ORDER_SUBMITTED]))
        # One that is older than a minute stays, for the minute to be whole.
        while len(self._seen) > 2 and self._seen[1][0] <= now - _MINUTE:
            self._seen.popleft()

    def per_second(self) -> tuple[float, float, float]:
        """Events, bars and orders a second."""
        self.note()
        first, last = self._seen[0], self._seen[-1]
        seconds = last[0] - first[0]
        if seconds <= 0:
            return 0.0, 0.0, 0.0
        return (last[1] - first[1]) / seconds, (last[2] - first[2]) / seconds, (last[3] - first[3]) / seconds


class SessionCollector(Collector):
    """Reads a session.

    Args:
        control: the session.
        meter: what was counted.
        rates: over the last minute.
        monitor: how its parts are.
        clients: how many pages look on.
    """

    def __init__(self, control: Control, meter: Meter, rates: Rates, monitor: Monitor, clients: Callable[[], int]) -> None:
        self._control: Final = control
        self._meter: Final = meter
        self._rates: Final = rates
        self._monitor: Final = monitor
        self._clients: Final = clients

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: a registry would otherwise ask for all of it."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Every figure."""
        yield from self._money()
        yield from self._work()
        yield from self._orders()
        yield from self._faults()
        yield from self._connections()
        yield from self._parts()
        for what, found in sorted(self._meter.durations.items()):
            yield _histogram(what, found.counts, found.total)

    def _money(self) -> Iterator[Metric]:
        state = self._control.engine.state
        profit = status.pnl(state)
        yield _gauge("portfolio_value_usd", "Cash and positions at their last prices.", from_money(state.equity()))
        yield _gauge("cash", "All cash.", from_money(state.total_cash()))
        yield _gauge("buying_power", "What may still be spent.", from_money(status.buying_power(state)))
        yield _gauge("exposure", "Positions at their last prices, longs and shorts counted up.", from_money(state.gross_exposure()))
        yield _gauge("pnl_today", "Equity less equity when the trading day began.", Decimal(profit["today_pnl"]))
        yield _gauge("pnl_realized_today", "Profit of the round trips that ended today.", Decimal(profit["realized_pnl"]))
        yield _gauge("pnl_unrealized", "Profit of what is open.", Decimal(profit["unrealized_pnl"]))
        held = sum(1 for holding in state.holdings.values() if holding.quantity_raw)
        yield _gauge("positions", "Positions that are not flat.", held)
        trips = CounterMetricFamily(_PREFIX + "round_trips", "Round trips that ended since the start.", labels=["result"])
        for result in ("win", "loss"):
            trips.add_metric([result], self._meter.trips[result])
        yield trips

    def _work(self) -> Iterator[Metric]:
        vitals = self._control.vitals
        yield _counter("events", "Events that the engine has handled.", vitals.events)
        yield _counter("commands", "Commands that were handed over.", vitals.commands)
        yield _counter("bars", "Bars that the engine has handled.", vitals.bars)
        events, bars, orders = self._rates.per_second()
        yield _gauge("events_per_second", "Events a second, over about the last minute.", events)
        yield _gauge("bars_per_second", "Bars a second, over about the last minute.", bars)
        yield _gauge("orders_per_minute", "Orders a minute, over about the last minute.", orders * 60)

    def _orders(self) -> Iterator[Metric]:
        live = GaugeMetricFamily(_PREFIX + "orders", "Orders that live, by state.", labels=["state"])
        for state, count in sorted(Counter(o.state.value for o in self._control.engine.state.live_orders.values()).items()):
            live.add_metric([state], count)
        yield live
        told = CounterMetricFamily(_PREFIX + "order_events", "What happened to orders since the start.", labels=["event"])
        for kind in (
            reports.ORDER_SUBMITTED,
            reports.ORDER_ACCEPTED,
            reports.ORDER_FILLED,
            reports.ORDER_CANCELED,
            reports.ORDER_REJECTED,
            reports.ORDER_EXPIRED,
            reports.ORDER_DENIED,
            reports.ORDER_UNKNOWN,
        ):
            told.add_metric([kind.removeprefix("order_")], self._meter.reports[kind])
        yield told
        submitted = CounterMetricFamily(_PREFIX + "orders_submitted", "Orders that were sent since the start.", labels=["asset"])
        for symbol, count in sorted(self._meter.submitted.items()):
            submitted.add_metric([symbol], count)
        yield submitted
        yield _counter("signals", "Signals of strategies since the start.", self._meter.reports[reports.SIGNAL])

    def _faults(self) -> Iterator[Metric]:
        errors = CounterMetricFamily(_PREFIX + "errors", "Warnings and worse since the start.", labels=["level", "kind"])
        for (level, kind), count in sorted(self._meter.errors.items()):
            errors.add_metric([level, kind], count)
        yield errors
        refused = CounterMetricFamily(_PREFIX + "rejections", "Orders and signals refused, by us or the venue.", labels=["kind"])
        for kind in REFUSED:
            refused.add_metric([kind], self._meter.reports[kind])
        yield refused
        vitals = self._control.vitals
        yield _counter("reconciliations", "Comparisons with the venue since the start.", vitals.comparisons)
        yield _counter("reconciliation_mismatches", "Differences that comparisons have found since the start.", vitals.differences)
        drift = "Largest difference of a position at the last comparison, in percent of equity."
        yield _gauge("reconciliation_mismatch_pct", drift, vitals.drift * 100)
        last = vitals.last_reconciliation / NS_PER_SECOND
        yield _gauge("reconciliation_last_success_timestamp_seconds", "Time of the last comparison; 0 for never.", last)

    def _connections(self) -> Iterator[Metric]:
        vitals, now = self._control.vitals, self._control.clock.now()
        stands = GaugeMetricFamily(_PREFIX + "connected", "Whether a stream stands.", labels=["stream"])
        stands.add_metric(["bars"], vitals.bar_stream == CONNECTED)
        stands.add_metric(["orders"], vitals.order_stream == CONNECTED)
        yield stands
        broke = CounterMetricFamily(_PREFIX + "connection_failures", "How often a stream broke since the start.", labels=["stream"])
        for stream, count in sorted(self._meter.breaks.items()):
            broke.add_metric([stream], count)
        yield broke
        age = (now - vitals.last_bar) / NS_PER_SECOND if vitals.last_bar else float("nan")
        yield _gauge("last_bar_age_seconds", "Since the last bar came; NaN before the first.", age)
        commit = (now - vitals.last_commit) / NS_PER_SECOND if vitals.last_commit else float("nan")
        yield _gauge("last_commit_age_seconds", "Since something was made durable; NaN before that.", commit)
        yield _gauge("websocket_clients", "Pages that look on.", self._clients())

    def _parts(self) -> Iterator[Metric]:
        yield _gauge("running", "Whether the session trades.", self._control.state == RUNNING)
        yield _gauge("healthy", "Whether the session works, as /health has it.", not status.problems(self._control))
        levels = "Health of a part of the session: 0 healthy, 1 degraded, 2 critical, 3 failed."
        health = GaugeMetricFamily(_PREFIX + "component_health", levels, labels=["component"])
        for name, component in self._monitor.components.items():
            health.add_metric([name], LEVELS.index(component.status))
        yield health
        state = self._control.engine.state
        yield _gauge("trading_halted", "Whether new entries are not allowed.", state.trading_state != "active")
        yield _gauge("breaker_tripped", "Whether the daily breaker halts new entries.", state.breaker.tripped)
        yield _gauge("process_memory_bytes", "Memory that the process holds.", machine.process_bytes())
        about = GaugeMetricFamily(_PREFIX + "session_info", "What runs.", labels=["version", "mode", "venue"])
        about.add_metric([__version__, self._control.mode, self._control.venue], 1)
        yield about


class Metrics:
    """A session's figures as text, from a registry of its own."""

    def __init__(self, collector: SessionCollector) -> None:
        self._registry: Final = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)

    def text(self) -> bytes:
        """All of them, in Prometheus's format."""
        return generate_latest(self._registry)


def _gauge(name: str, text: str, value: float | Decimal) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, value=float(value))


def _counter(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, text, value=value)


def _histogram(what: str, counts: list[int], total: int) -> HistogramMetricFamily:
    found = HistogramMetricFamily(_PREFIX + what + "_seconds", f"How long it took: {what.replace('_', ' ')}.")
    buckets, seen = [], 0
    for bound, count in zip([*(f"{bound / 1_000:g}" for bound in BOUNDS_MS), "+Inf"], counts, strict=True):
        seen += count
        buckets.append((bound, float(seen)))
    found.add_metric([], buckets, sum_value=total / NS_PER_SECOND)
    return found
