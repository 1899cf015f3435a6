"""``on_bars`` is ``handle`` in bulk: the same bars give the same commands, bit for bit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from engine_rig import DAY, START, WIDE, settings, words
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from algotrader.core.columns import int_column
from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.engine import Engine
from algotrader.core.events import (
    CashMovement,
    MarketData,
    OrderAccepted,
    OrderCancel,
    OrderFill,
    OrderReplaced,
    ScheduledTrigger,
    SliceClosed,
)
from algotrader.core.indicators import SMA
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities, equity
from algotrader.core.market import NS_PER_MINUTE, Bar, BarColumns
from algotrader.core.orders import OrderType
from algotrader.core.scaled import money
from algotrader.core.signal_hooks import SignalHooks

INSTRUMENTS = [equity(symbol) for symbol in ("AAPL", "MSFT", "IBM")]

Row = tuple[int, int, int]  # minute, instrument, close price


class Fickle(SignalHooks):
    """Makes up its mind from the last digits of the close."""

    def should_long(self, bar: Bar, indicators: Any) -> object:
        return bar.close_raw // 100 % 3 == 0

    def should_short(self, bar: Bar, indicators: Any) -> object:
        return bar.close_raw // 100 % 5 == 0

    def stop_loss_price(self, bar: Bar, indicators: Any) -> object:
        return bar.close * (Decimal("0.98") if self.direction == "long" else Decimal("1.02"))

    def confidence(self, bar: Bar, indicators: Any) -> object:
        return bar.close_raw // 100 % 11 / 11

    def quantity(self, bar: Bar, indicators: Any) -> object:
        return 10 + bar.close_raw // 100 % 4

    def should_update_stop(self, bar: Bar, indicators: Any) -> object:
        return bar.close * Decimal("0.99") if bar.close_raw // 100 % 2 else None

    def should_exit(self, bar: Bar, indicators: Any) -> object:
        return bar.close_raw // 100 % 7 == 0 or indicators.sma.value > bar.close_raw / 9_000


class Side:
    """One of the two engines, with a venue that says yes to everything and fills market orders at the last price."""

    def __init__(self, capabilities: VenueCapabilities, minutes: list[int]) -> None:
        self.engine = Engine(INSTRUMENTS, 60, WIDE, capabilities, strict=True)
        for number, interval in enumerate(minutes):
            symbol = INSTRUMENTS[number % len(INSTRUMENTS)].symbol
            made = settings(interval_minutes=interval, closes_at_end=number == 1)
            self.engine.add_signal_strategy(f"s{number}", Fickle(), made, {"sma": SMA(2)}, symbol)
        self.engine.handle(CashMovement(START, "deposit", "USD", money(Decimal(1_000_000))))
        self.engine.handle(ScheduledTrigger(START, "session_open", START, DAY))
        self.log: list[str] = []
        self.fills = 0

    def carry(self) -> None:
        """Let the venue answer until it is quiet."""
        while self.engine.state.commands:
            for command in self.engine.take_commands():
                self.log.append(f"{self.engine.state.now} {words(command, self.engine)}")
                self._answer(command)

    def _answer(self, command: Command) -> None:
        engine, now = self.engine, self.engine.state.now
        name = command.client_order_id
        if isinstance(command, CancelOrder):
            engine.handle(OrderCancel(now, name))
        elif isinstance(command, ReplaceOrder):
            engine.handle(OrderReplaced(now, name, command.new_client_order_id, "v"))
        elif isinstance(command, SubmitOrder):
            engine.handle(OrderAccepted(now, name, "v"))
            request = command.request
            if request.order_type is OrderType.MARKET:
                self.fills += 1
                last = engine.state.by_symbol[request.symbol].last_raw
                engine.handle(OrderFill(now, name, f"x{self.fills}", request.symbol, request.side, last, request.quantity_raw))
                if request.stop_loss_raw:
                    engine.handle(OrderAccepted(now, name + "-sl", "v"))

    def timers(self, until: int) -> None:
        """Let the timers come that are due before the bars closing at ``until``."""
        while 0 < self.engine.next_deadline() <= until:
            due = self.engine.next_deadline()
            self.engine.handle(ScheduledTrigger(due, "timer", due))
            self.carry()

    def one_by_one(self, rows: list[Row]) -> None:
        """The meaning: every bar an event."""
        for minute in sorted({row[0] for row in rows}):
            close = START + (minute + 1) * NS_PER_MINUTE
            self.timers(close)
            for _, index, price in [row for row in rows if row[0] == minute]:
                bar = Bar(INSTRUMENTS[index], close - NS_PER_MINUTE, close, price, price + 900, price - 900, price, 1000)
                self.engine.handle(MarketData(close, bar))
            self.engine.handle(SliceClosed(close))
            self.carry()

    def in_bulk(self, rows: list[Row]) -> None:
        """The batch form."""
        closes = [START + (minute + 1) * NS_PER_MINUTE for minute, _, _ in rows]
        prices = [price for _, _, price in rows]
        columns = BarColumns(
            int_column([index for _, index, _ in rows]),
            int_column([close - NS_PER_MINUTE for close in closes]),
            int_column(closes),
            int_column(prices),
            int_column([price + 900 for price in prices]),
            int_column([price - 900 for price in prices]),
            int_column(prices),
            int_column([1000] * len(rows)),
        )
        row, idle = 0, [False] * len(INSTRUMENTS)
        while row < len(rows):
            self.timers(closes[row])
            row = self.engine.on_bars(columns, row, len(rows), idle, False, None)
            self.carry()


ROWS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 2), st.integers(9_000, 11_000)), max_size=90, unique_by=lambda r: r[:2]
).map(lambda rows: sorted((minute, index, price * 100) for minute, index, price in rows))


@pytest.mark.covers("B13")
@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE], ids=["generic", "alpaca_like"])
@pytest.mark.parametrize("minutes", [[1, 1, 1], [1, 5, 2, 1, 3]], ids=["minutes", "windows"])
@examples(max_examples=60)
@given(rows=ROWS)
def test_bars_in_bulk_give_the_commands_of_bars_one_by_one(
    capabilities: VenueCapabilities, minutes: list[int], rows: list[Row]
) -> None:
    one, bulk = Side(capabilities, minutes), Side(capabilities, minutes)
    one.one_by_one(rows)
    bulk.in_bulk(rows)
    assert bulk.log == one.log
    assert bulk.engine.state.total_cash() == one.engine.state.total_cash()
    assert [repr(report) for report in bulk.engine.take_reports()] == [repr(report) for report in one.engine.take_reports()]


def test_the_bars_of_this_test_do_lead_to_orders() -> None:
    side = Side(GENERIC, [1, 1, 1])
    side.in_bulk([(minute, minute % 3, (9_990 + 7 * minute) * 100) for minute in range(60)])
    kinds = {line.split()[2] for line in side.log}
    assert {"entry", "stop_loss", "exit_market"} <= kinds
    assert len(side.log) > 20
