"""Strategies under a simple venue, so that two engines can be led through the same events, one of them reborn on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from snapshot_kit import differences

from algotrader.assembly import Assembly, plan_routes
from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.engine import Engine
from algotrader.core.events import (
    CashMovement,
    Event,
    MarketData,
    OrderAccepted,
    OrderCancel,
    OrderFill,
    OrderReplaced,
    ScheduledTrigger,
    SliceClosed,
)
from algotrader.core.instruments import Instrument, equity
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, Bar, Session, nanoseconds
from algotrader.core.orders import OrderRequest, OrderType, Side
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.storage.codec import encode_command
from algotrader.storage.snapshots import freeze, restore
from algotrader.strategies.scanners import Route, StaticScanner

OPEN = nanoseconds(datetime(2025, 11, 24, 14, 30, tzinfo=UTC))
SYMBOLS = ("AAPL", "MSFT", "NVDA")
POLICY = RiskPolicy(
    max_position=Decimal(1),
    max_risk_per_trade_abs=Decimal(1_000_000),
    max_open_positions=500,
    consecutive_loss_pause=1000,
    max_daily_loss=Decimal(1),
)


def assembled(
    strategy: object, given: Mapping[str, object], symbols: tuple[str, ...] = SYMBOLS, routes: int = 1, interval: str | None = None
) -> Engine:
    """A fresh engine with a strategy on every symbol, so many times over."""
    plans = plan_routes([Route(StaticScanner(), strategy, given)] * routes, symbols, interval)
    return Assembly([equity(symbol) for symbol in symbols], plans, "1m", POLICY).engine


class Market:
    """Sessions and bars drawn from a seed, and a venue that takes everything and fills at once or when the price is there."""

    def __init__(self, seed: int, minutes: int, symbols: tuple[str, ...] = SYMBOLS) -> None:
        self.random = Random(seed)
        self.minutes = minutes
        self.prices = {symbol: 1_000_000 + 100_000 * place for place, symbol in enumerate(symbols)}
        self.instruments: dict[str, Instrument] = {symbol: equity(symbol) for symbol in symbols}
        self.working: dict[str, OrderRequest] = {}
        self.stops: dict[str, int] = {}
        self.waiting: list[Event] = []
        self.fills = 0
        self.now = 0

    def events(self, days: int) -> Iterator[Event]:
        """All that happens."""
        yield CashMovement(OPEN - NS_PER_DAY, "deposit", "USD", money(Decimal(1_000_000)))
        for day in range(days):
            start = OPEN + day * NS_PER_DAY
            session = Session("XNYS", f"day {day}", start, start + self.minutes * NS_PER_MINUTE)
            yield ScheduledTrigger(start - 30 * NS_PER_MINUTE, "pre_open", 0, session)
            yield ScheduledTrigger(start, "session_open", start, session, day, 4 - day, day, 4 - day)
            for minute in range(self.minutes):
                if minute == self.minutes - 1:
                    yield ScheduledTrigger(self.now, "session_ending", 0, session)
                yield from self._minute(start + minute * NS_PER_MINUTE)
            yield from self._answers()
            yield ScheduledTrigger(session.close_time, "session_close", 0, session)
            yield from self._answers()

    def _minute(self, start: int) -> Iterator[Event]:
        self.now = start + NS_PER_MINUTE
        for symbol, before in self.prices.items():
            if self.random.random() < 0.03:
                continue
            drift = self.random.choice((-800, -300, 300, 900))
            after = max(before + drift + self.random.randrange(-300, 301), 100_000) // 100 * 100
            self.prices[symbol] = after
            high, low = max(before, after) + 100 * self.random.randrange(3), min(before, after) - 100 * self.random.randrange(3)
            yield from self._matched(symbol, high, low)
            yield from self._answers()
            yield MarketData(self.now, Bar(self.instruments[symbol], start, self.now, before, high, low, after, 500))
            yield from self._answers()
        yield SliceClosed(self.now)
        yield from self._answers()

    def _matched(self, symbol: str, high: int, low: int) -> Iterator[Event]:
        for name, request in list(self.working.items()):
            if request.instrument.symbol != symbol or name not in self.working:
                continue
            price = self.prices[symbol]
            stop = self.stops[name]
            buys = request.side is Side.BUY
            if request.order_type is OrderType.STOP:
                reached = high >= stop if buys else low <= stop
                price = stop
            elif request.order_type is OrderType.LIMIT:
                reached = low <= request.limit_raw if buys else high >= request.limit_raw
                price = request.limit_raw
            else:
                reached = True
            if reached:
                del self.working[name]
                self.fills += 1
                yield OrderFill(self.now, name, f"f{self.fills}", symbol, request.side, price, request.quantity_raw, 10**15)

    def _answers(self) -> Iterator[Event]:
        while self.waiting:
            yield self.waiting.pop(0)

    def take(self, command: Command) -> None:
        """Take an order, or what is to become of one."""
        if isinstance(command, SubmitOrder):
            self.working[command.client_order_id] = command.request
            self.stops[command.client_order_id] = command.request.stop_raw
            self.waiting.append(OrderAccepted(self.now, command.client_order_id, "v" + command.client_order_id))
        elif isinstance(command, CancelOrder):
            if self.working.pop(command.client_order_id, None) is not None:
                self.waiting.append(OrderCancel(self.now, command.client_order_id))
        elif isinstance(command, ReplaceOrder):
            request = self.working.pop(command.client_order_id, None)
            if request is not None:
                self.working[command.new_client_order_id] = request
                self.stops[command.new_client_order_id] = command.stop_raw
                self.waiting.append(OrderReplaced(self.now, command.client_order_id, command.new_client_order_id, "v"))


class Pair:
    """Two engines that hear the same; ``reborn`` is replaced now and then by another one with its state."""

    def __init__(self, strategy: object, given: Mapping[str, object], seed: int, minutes: int, interval: str | None = None) -> None:
        self._setup = (strategy, given, SYMBOLS, 1, interval)
        self.straight = assembled(*self._setup)
        self.reborn = assembled(*self._setup)
        self.market = Market(seed, minutes)
        self.commands = 0
        self.lives = 0

    def run(self, days: int, every: int) -> None:
        """Let it all happen, with a new life after so many events."""
        for number, event in enumerate(self.market.events(days)):
            if number % every == every - 1:
                self.replace()
            self.tell(event)
        self.replace()
        assert freeze(self.reborn) == freeze(self.straight)

    def replace(self) -> None:
        """Give the state of the one engine to a new one."""
        fresh = assembled(*self._setup)
        payload = freeze(self.reborn)
        restore(fresh, payload)
        # Until it is asked, the next deadline is only "not before"; a snapshot has it exactly.
        self.straight.streams.next_deadline()
        assert differences(self.straight, fresh) == []
        assert freeze(fresh) == payload
        self.reborn = fresh
        self.lives += 1

    def tell(self, event: Event) -> None:
        """Let both hear an event; they answer alike."""
        for engine in (self.straight, self.reborn):
            engine.handle(event)
        commands = self.straight.take_commands()
        assert [encode_command(c) for c in self.reborn.take_commands()] == [encode_command(c) for c in commands]
        reports = [repr(report) for report in self.straight.take_reports()]
        assert [repr(report) for report in self.reborn.take_reports()] == reports
        self.commands += len(commands)
        for command in commands:
            self.market.take(command)
