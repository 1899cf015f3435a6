"""What one engine did during a day, as a comparison needs it: signals, orders with their fills, and what it knew at each bar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.market import Bar
from algotrader.core.orders import Fill, Order, OrderRole
from algotrader.core.reports import Report
from algotrader.core.risk import PPM
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import ACCOUNT_MAX_AGE_NS, Holding

Lane = tuple[str, str]
"""A strategy and an instrument."""

At = tuple[str, str, int]
"""A strategy, an instrument, and the close time of a bar of it (nanoseconds UTC)."""

Prices = tuple[int, int, int, int, int]
"""Open, high, low, close and volume of a bar, scaled."""

_ATTACHED: Final = ("-sl", "-tp")
_OUTPUTS: Final = ("value", "previous", "upper", "middle", "lower", "signal", "histogram")
_PLAIN: Final = (bool, int, float, str, Decimal, type(None))


@dataclass(slots=True, eq=False)
class OrderTrace:
    """One order.

    Attributes:
        order: as it stands now.
        bar: close time of the newest bar of its instrument when it was made.
        created: when it was made.
        reason: why its position was being closed then; empty for other orders.
        before: executions that the day began with.
        heard: when each execution became known; in a backtest the close of the bar on which it happened.
    """

    order: Order
    bar: int
    created: int
    reason: str = ""
    before: frozenset[str] = frozenset()
    heard: dict[str, int] = field(default_factory=dict)

    @property
    def lane(self) -> Lane:
        """Its strategy and instrument."""
        return self.order.owner, self.order.symbol

    @property
    def fills(self) -> list[Fill]:
        """The executions of the day, without those that were taken back."""
        return [fill for fill in self.order.fills.values() if fill.fill_id not in self.before]


@dataclass(slots=True)
class SignalTrace:
    """A wish to enter, and why it was denied where it was."""

    text: str = ""
    code: str = ""
    denied: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a strategy had to decide by at a bar: what it held, and figures and memory as text; None where nobody can tell."""

    held: int
    figures: str | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class BarSeen:
    """A bar as the engine got it. ``late``: its slice was closed already; ``past``: while it only caught up."""

    prices: Prices
    open_time: int
    time: int
    late: bool = False
    past: bool = False


class Watch:
    """Writes down what an engine does.

    Args:
        engine: at the beginning of the day.
        since: that moment, nanoseconds UTC.
    """

    def __init__(self, engine: Engine, since: int) -> None:
        self.engine = engine
        self.since: Final = since
        self.orders: Final[dict[str, OrderTrace]] = {}
        self.signals: Final[dict[At, SignalTrace]] = {}
        self.known: Final[dict[At, Known]] = {}
        self.bars: Final[dict[tuple[str, int], BarSeen]] = {}
        self.limited: Final[set[int]] = set()
        for order in engine.state.live_orders.values():
            self.orders[order.client_order_id] = OrderTrace(order, 0, order.created_time, before=frozenset(order.fills))

    def use(self, engine: Engine) -> None:
        """Go on with another engine that has taken over the books of the last one."""
        self.engine = engine
        for name, trace in self.orders.items():
            trace.order = engine.state.orders.get(name, trace.order)

    def bar_of(self, symbol: str, time: int) -> int:
        """Close time of the newest bar of an instrument when something of this time happened."""
        return self.engine.state.by_symbol[symbol].last_time

    def told(self, taken: Iterable[Report], heard: int) -> None:
        """Take what the engine has reported.

        Args:
            taken: reports in their order.
            heard: when executions among them became known.
        """
        for report in taken:
            kind = report.kind
            if kind == reports.ORDER_SUBMITTED:
                self._made(report)
            elif kind == reports.ORDER_FILLED:
                self._filled(report.order_id, heard)
            elif kind == reports.SIGNAL:
                self._signal(report).text = report.message
            elif kind in (reports.SIGNAL_DENIED, reports.ORDER_DENIED):
                self._denied(report)

    def _signal(self, report: Report) -> SignalTrace:
        at = (report.owner, report.symbol, self.bar_of(report.symbol, report.time))
        return self.signals.setdefault(at, SignalTrace())

    def _denied(self, report: Report) -> None:
        if report.symbol in self.engine.state.by_symbol:
            found = self._signal(report)
            code, colon, text = report.message.partition(": ")
            found.code, found.denied = (code, text) if colon else ("", report.message)

    def _made(self, report: Report) -> None:
        state = self.engine.state
        for name in (report.order_id, *[report.order_id + suffix for suffix in _ATTACHED]):
            order = state.orders.get(name)
            if order is not None and name not in self.orders:
                holding = state.order_holding.get(name)
                leaving = isinstance(holding, Holding) and order.role is OrderRole.EXIT
                reason = holding.exit_reason if leaving and holding is not None else ""
                self.orders[name] = OrderTrace(order, self.bar_of(order.symbol, report.time), report.time, reason)

    def _filled(self, name: str, heard: int) -> None:
        order = self.engine.state.orders.get(name)
        if order is None:
            return
        trace = self.orders.get(order.client_order_id)
        if trace is None:
            # Taken over from others, or made before anybody looked.
            trace = OrderTrace(order, self.bar_of(order.symbol, heard), order.created_time)
            trace.before = frozenset(known.fill_id for known in order.fills.values() if known.time < self.since)
            self.orders[order.client_order_id] = trace
        for fill_id in order.fills:
            if fill_id not in trace.before:
                trace.heard.setdefault(fill_id, heard)

    def knows(self, close_time: int, symbols: Iterable[str]) -> None:
        """Write down what every strategy knows once a bar of these instruments has been handled."""
        state = self.engine.state
        wanted = {state.by_symbol[symbol].index: symbol for symbol in symbols}
        for (owner, index), holding in state.holdings.items():
            if index in wanted and holding.slot is not None:
                slot = holding.slot
                figures = figures_of(slot) if isinstance(slot, SignalSlot) else None
                self.known[owner, wanted[index], close_time] = Known(holding.quantity_raw, figures, slot.enabled)

    def note_power(self, close_time: int) -> None:
        """Write down whether at a close of bars the venue's word on buying power counted, and was less than our own books say."""
        state = self.engine.state
        account = state.account
        if account is None or state.now - account.time > ACCOUNT_MAX_AGE_NS:
            return
        own = state.equity() * state.risk_ppm // PPM - state.gross_exposure() - state.reserved()
        if account.buying_power - state.account_spent < own:
            self.limited.add(close_time)

    def latest(self) -> list[tuple[str, int]]:
        """Every instrument with the close time of its newest bar."""
        return [(track.instrument.symbol, track.last_time) for track in self.engine.state.tracks]

    def saw(self, bar: Bar, time: int, *, late: bool = False, past: bool = False) -> None:
        """Write down a bar."""
        prices = (bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw, bar.volume_raw)
        key = (bar.instrument.symbol, bar.close_time)
        if key not in self.bars:
            self.bars[key] = BarSeen(prices, bar.open_time, time, late, past)


def figures_of(slot: SignalSlot) -> str:
    """The indicators of a strategy, and what it keeps in plain attributes of its own, as text."""
    values: list[Any] = [getattr(indicator, name, None) for indicator in slot.indicators for name in _OUTPUTS]
    values += [slot.warm, slot.closing, max(slot.cooldown_until - slot.bars, 0)]
    kept = getattr(slot.hooks, "__dict__", {})
    values += [(name, value) for name, value in sorted(kept.items()) if isinstance(value, _PLAIN)]
    return repr(values)
