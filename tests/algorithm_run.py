"""Drives one algorithm through a real engine: sessions, bars and the venue's answers, made by hand.

All bars are of one minute unless said otherwise; the first session is Tuesday, 2024-01-02, 14:30 to 21:00 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from algotrader.core.commands import CancelOrder, Command, SubmitOrder
from algotrader.core.engine import BASE_SESSION, Engine
from algotrader.core.events import (
    CashMovement,
    MarketData,
    OrderAccepted,
    OrderCancel,
    OrderEvent,
    OrderFill,
    ScheduledTrigger,
    SliceClosed,
)
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities, crypto, equity
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, Bar, Session, nanoseconds
from algotrader.core.orders import OrderRequest
from algotrader.core.reports import Report
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.strategies.algorithm import TradingAlgorithm

OPEN = nanoseconds(datetime(2024, 1, 2, 14, 30, tzinfo=UTC))
SESSION_NS = 390 * NS_PER_MINUTE
MIDNIGHT = nanoseconds(datetime(2024, 1, 2, tzinfo=UTC))

Price = float | int | str | tuple[float, float, float, float, int]
"""A close, or open, high, low, close and volume."""


def session_of(day: int, minutes: int = 390) -> Session:
    """A session of New York, ``day`` days after the first."""
    start = OPEN + day * NS_PER_DAY
    return Session("XNYS", f"day {day}", start, start + minutes * NS_PER_MINUTE)


def utc_day(day: int) -> Session:
    """A day of a market that never closes."""
    start = MIDNIGHT + day * NS_PER_DAY
    return Session("24/7", f"day {day}", start, start + NS_PER_DAY, continuous=True)


class AlgorithmRun:
    """An engine with one algorithm on it."""

    def __init__(
        self,
        algorithm: TradingAlgorithm,
        symbols: tuple[str, ...] = ("AAPL",),
        *,
        capital: str = "25000",
        minutes: int = 1,
        daily: bool = False,
        capabilities: VenueCapabilities = GENERIC,
        policy: RiskPolicy | None = None,
        instruments: list[Instrument] | None = None,
    ) -> None:
        made = instruments or [crypto(s) if "/" in s else equity(s) for s in symbols]
        self.engine = Engine(made, BASE_SESSION if daily else 60, policy, capabilities, strict=True)
        self.daily = daily
        self.reports: list[Report] = []
        self.commands: list[Command] = []
        self.fills = 0
        self.now = OPEN
        self.session = session_of(0)
        self.algorithm: Any = algorithm
        names = [instrument.symbol for instrument in made]
        self.slot = self.engine.add_algorithm("algo", algorithm, names, 0 if daily else minutes, algorithm.protection)
        self.engine.handle(CashMovement(OPEN - NS_PER_DAY, "deposit", "USD", money(Decimal(capital))))
        self._take()

    def _take(self) -> None:
        self.commands.extend(self.engine.take_commands())
        self.reports.extend(self.engine.take_reports())

    # ------------------------------------------------------------------ time

    def phase(self, kind: str, session: Session | None = None, **places: Any) -> None:
        """One phase of a session."""
        chosen = session or self.session
        times = {"pre_open": chosen.open_time - 30 * NS_PER_MINUTE, "session_open": chosen.open_time}
        self.engine.handle(ScheduledTrigger(times.get(kind, chosen.close_time), kind, 0, chosen, **places))
        self._take()

    def open(self, day: int = 0, minutes: int = 390, **places: Any) -> None:
        """Open a session; the next bar is its first."""
        self.session = session_of(day, minutes)
        self.now = self.session.open_time
        self.phase("session_open", **places)

    def close(self) -> None:
        """Close the session."""
        self.phase("session_close")

    # ------------------------------------------------------------------ bars

    def bars(self, prices: Mapping[str, Price] | Price, count: int = 1) -> None:
        """So many slices of bars; a single price is that of the first instrument."""
        for _ in range(count):
            self._slice(prices if isinstance(prices, Mapping) else {self.engine.state.tracks[0].instrument.symbol: prices})

    def _slice(self, prices: Mapping[str, Price]) -> None:
        start = self.session.open_time if self.daily else self.now
        self.now = self.session.close_time if self.daily else self.now + NS_PER_MINUTE
        for symbol, price in prices.items():
            instrument = self.engine.state.by_symbol[symbol].instrument
            numbers = price if isinstance(price, tuple) else (price, price, price, price, 1000)
            o, h, low, c = [instrument.price_raw(Decimal(str(number))) for number in numbers[:4]]
            volume = instrument.quantity_raw(Decimal(str(numbers[4])))
            self.engine.handle(MarketData(self.now, Bar(instrument, start, self.now, o, h, low, c, volume)))
        self.engine.handle(SliceClosed(self.now))
        self._take()

    # ------------------------------------------------------------------ the venue's side

    def handle(self, event: OrderEvent) -> None:
        """What the venue says."""
        self.engine.handle(event)
        self._take()

    def accept(self, order_id: str) -> None:
        """The venue works an order."""
        self.handle(OrderAccepted(self.now, order_id, "v" + order_id))

    def fill(self, order_id: str, price: float | str, quantity: float | str | None = None, commission: str = "0") -> None:
        """The venue accepts an order and executes it, wholly or in part."""
        order = self.engine.state.orders[order_id]
        instrument = order.instrument
        self.accept(order_id)
        raw = order.remaining_raw if quantity is None else instrument.quantity_raw(Decimal(str(quantity)))
        self.fills += 1
        price_raw = instrument.price_raw(Decimal(str(price)))
        cost = money(Decimal(commission))
        self.handle(OrderFill(self.now, order_id, f"f{self.fills}", instrument.symbol, order.side, price_raw, raw, cost))

    def cancel(self, order_id: str, reason: str = "") -> None:
        """The venue says that an order is gone."""
        self.handle(OrderCancel(self.now, order_id, reason))

    # ------------------------------------------------------------------ what came out

    @property
    def orders(self) -> list[OrderRequest]:
        """Everything submitted so far."""
        return [command.request for command in self.commands if isinstance(command, SubmitOrder)]

    @property
    def cancels(self) -> list[str]:
        """Ids of all cancel requests so far."""
        return [command.client_order_id for command in self.commands if isinstance(command, CancelOrder)]

    @property
    def signed(self) -> list[tuple[str, Decimal]]:
        """Symbol and signed quantity of everything submitted."""
        return [(r.symbol, r.quantity if r.side.value == "buy" else -r.quantity) for r in self.orders]

    def told(self, kind: str) -> list[str]:
        """Messages of one kind of report."""
        return [report.message for report in self.reports if report.kind == kind]


class Script(TradingAlgorithm):
    """An algorithm whose hooks are given as functions of (self, context, data), for tests."""

    def __init__(self, setup: object = None, step: object = None) -> None:
        self.setup = setup
        self.step = step
        self.calls: list[str] = []
        self.told: list[tuple[object, ...]] = []
        super().__init__()

    def initialize(self, context: object) -> None:
        self.calls.append("initialize")
        if callable(self.setup):
            self.setup(self, context)

    def handle_data(self, context: object, data: object) -> None:
        self.calls.append("handle_data")
        if callable(self.step):
            self.step(self, context, data)

    def before_trading_start(self, context: object, data: object) -> None:
        self.calls.append("before_trading_start")

    def on_order_fill(self, context: object, order: object, transaction: object) -> None:
        self.told.append(("fill", order, transaction))

    def on_order_cancel(self, context: object, order: object, reason: str) -> None:
        self.told.append(("cancel", order, reason))

    def on_order_reject(self, context: object, order: object, reason: str) -> None:
        self.told.append(("reject", order, reason))

    def on_broker_message(self, context: object, message: str) -> None:
        self.told.append(("message", message))
