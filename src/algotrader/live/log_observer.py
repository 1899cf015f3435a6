"""A session in its log: every report and every happening as one structured line, executions with their numbers, times taken."""

from __future__ import annotations

import traceback
from typing import Any, Final

from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.events import TRIGGERS
from algotrader.core.executions import FillWords, TripWords
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import OrderRole, OrderType
from algotrader.core.reports import Report
from algotrader.live.control import ENGINE_STATE, STOPPED
from algotrader.live.observers import CANDLE_TO_ORDER, DATABASE_WRITE
from algotrader.monitoring.latency import Latencies
from algotrader.monitoring.logs import Log

TRADE_EXECUTED: Final = "trade_executed"
ENTRY_FILL: Final = "entry_fill"
ORDER_TO_FILL: Final = "order_to_fill"
LATENCY: Final = "latency"

SLOW_WRITE_NS: Final = 50_000_000
"""A commit that takes longer is a warning."""

_NS_PER_MS: Final = 1_000_000
_PHASES: Final = {"session_ending": "eod_closing", "session_close": "eod_closed"}


class LogObserver:
    """Writes to a log.

    Args:
        log: where to write.
        engine: whose reports come; only read, for the orders that reports name.
        latencies: counts what is measured.
    """

    def __init__(self, log: Log, engine: Engine, latencies: Latencies) -> None:
        self._log: Final = log
        self._engine: Final = engine
        self._latencies: Final = latencies

    def on_report(self, report: Report) -> None:
        """One line a report; an execution has one with its numbers, and an entry's one more."""
        if report.kind == reports.ORDER_FILLED:
            self._filled(report)
            return
        fields: dict[str, Any] = {}
        if isinstance(report.words, TripWords):
            fields = _trip(report.words)
        elif report.error is not None:
            fields["trace"] = "".join(traceback.format_exception(report.error))
        name, level = report.kind, report.level
        if name == reports.RECORD:
            level = "debug"
        elif name == reports.SESSION:
            phase = report.message.partition(" ")[0]
            name = _PHASES.get(phase, phase) if phase in TRIGGERS else name
        self._write(name, level, report, **fields)
        if name == "eod_closed":
            self.summary(report.time)

    def on_told(self, time: int, kind: str, level: str, subject: str, message: str) -> None:
        """One line; at the very end the times that things took."""
        self._log.event(kind, level, moment=time, subject=subject, message=message)
        if kind == ENGINE_STATE and message == STOPPED:
            self.summary(time)

    def on_measured(self, time: int, what: str, duration: int, order_id: str) -> None:
        """Count it; orders and slow commits get a line too."""
        self._latencies.record(what, duration)
        milliseconds = round(duration / _NS_PER_MS, 3)
        if what == CANDLE_TO_ORDER:
            self._log.event(what, moment=time, order_id=order_id, latency_ms=milliseconds)
        elif what == DATABASE_WRITE:
            slow = duration > SLOW_WRITE_NS
            self._log.event("slow_" + what if slow else what, "warning" if slow else "debug", moment=time, took_ms=milliseconds)

    def summary(self, time: int) -> None:
        """Write how long things took so far."""
        for found in self._latencies.summaries():
            self._log.event(
                LATENCY,
                moment=time,
                what=found.name,
                count=found.count,
                mean_ms=found.mean_ms,
                p50_ms=found.p50_ms,
                p99_ms=found.p99_ms,
                max_ms=found.max_ms,
            )

    def _filled(self, report: Report) -> None:
        order = self._engine.state.orders.get(report.order_id)
        fields: dict[str, Any] = {}
        if isinstance(report.words, FillWords):
            words = report.words
            fields["side"] = words.side.value
            fields["quantity"] = words.instrument.quantity(words.quantity_raw)
            fields["price"] = words.instrument.price(words.price_raw)
        if order is not None:
            took = max(report.time - order.created_time, 0)
            if order.order_type is OrderType.MARKET:
                # Others wait for their price, which is no latency.
                self._latencies.record(ORDER_TO_FILL, took)
            fields["latency_ms"] = round(took / _NS_PER_MS, 3)
            fields["role"] = order.role.value
            fields["order_state"] = order.state.value
        self._write(TRADE_EXECUTED, report.level, report, **fields)
        if order is not None and order.role is OrderRole.ENTRY:
            planned = order.instrument.price(order.planned_stop_raw) if order.planned_stop_raw else None
            self._write(ENTRY_FILL, report.level, report, planned_stop=planned, filled=order.filled, wanted=order.quantity)

    def _write(self, name: str, level: str, report: Report, **fields: object) -> None:
        self._log.event(
            name,
            level,
            moment=report.time,
            strategy=report.owner,
            symbol=report.symbol,
            order_id=report.order_id,
            correlation_id=report.correlation_id,
            message=report.message,
            **fields,
        )


def _trip(words: TripWords) -> dict[str, Any]:
    trip = words.trip
    return {
        "trade_id": trip.trip_id,
        "side": trip.side,
        "quantity": trip.quantity,
        "entry_price": trip.entry_price,
        "exit_price": trip.exit_price,
        "pnl": trip.pnl,
        "duration_seconds": trip.duration_ns // NS_PER_SECOND,
        "trade_correlation_id": trip.correlation_id,
    }
