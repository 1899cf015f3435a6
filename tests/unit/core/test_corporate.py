"""Splits, dividends, symbol changes and cash that moves without a trade."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from engine_rig import AAPL, MSFT, Rig, settings

from algotrader.core.events import CashMovement, Dividend, Split, SymbolChange, TradingStatus
from algotrader.core.indicators import SMA
from algotrader.core.scaled import from_money, money
from algotrader.core.signal_hooks import SignalHooks


def split(rig: Rig, numerator: int, denominator: int) -> list[str]:
    """A split of AAPL."""
    return rig.tell(Split(rig.now, "AAPL", numerator, denominator))


def cash(rig: Rig) -> Decimal:
    """Cash gained or lost since the deposit."""
    return from_money(rig.state.total_cash()) - 1_000_000


@pytest.mark.parametrize(
    ("side", "stop", "ratio", "quantity", "after", "cash_after"),
    [
        ("long", "98", (2, 1), 200, "49", "-10000"),
        ("short", "102", (2, 1), -200, "51", "10000"),
        # 98 / 3 = 32.666…: a stop is rounded away from the market.
        ("long", "98", (3, 1), 300, "32.66", "-10000"),
        ("short", "101", (3, 1), -300, "33.67", "10000"),
        ("long", "98", (1, 10), 10, "980", "-10000"),
        ("long", "98", (1, 8), 12, "784", "-9600"),
    ],
)
def test_a_split_restates_position_and_stop(
    side: str, stop: str, ratio: tuple[int, int], quantity: int, after: str, cash_after: str
) -> None:
    rig = Rig()
    rig.hold(rig.strategy(), side, stop=stop)
    rig.ack("a2")
    assert split(rig, *ratio) == []
    holding, order = rig.holding(), rig.state.orders["a2"]
    assert holding.quantity_raw == quantity
    assert AAPL.price(order.stop_raw) == AAPL.price(holding.stop_raw) == Decimal(after)
    assert order.quantity_raw == order.working_leg.quantity_raw == abs(quantity)
    assert cash(rig) == Decimal(cash_after)


def test_a_split_restates_working_entries_with_their_plans() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script, price=Decimal(99), take=Decimal(110))
    rig.ack("a1")
    assert split(rig, 2, 1) == []
    rig.bar("50")
    assert rig.order("a1") == "accepted 0/200"
    assert rig.fill("a1", 200, "49.50") == ["a2 stop_loss sell 200 stop 49.00", "a3 take_profit sell 200 limit at 55.00"]


def test_a_split_restates_a_change_on_its_way() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    script.new_stop = Decimal(99)
    rig.bar("100")
    script.new_stop = None
    split(rig, 2, 1)
    assert rig.replaced("a2", "a2-r1") == []
    assert rig.order("a2") == "accepted 0/200"
    assert rig.state.orders["a2"].stop_raw == 495_000


def test_an_execution_from_before_the_split_can_be_busted_after_it() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script)
    rig.fill("a1", 60, "100", fill_id="x")
    rig.fill("a1", 40, "100")
    rig.ack("a2")
    rig.replaced("a2", "a2-r1")
    split(rig, 2, 1)
    assert rig.bust("a1", "x") == ["replace a2-r1 by a2-r2: 80 stop 49.00"]
    assert rig.holding().quantity_raw == 80
    assert cash(rig) == -4000


def test_less_than_a_share_is_paid_out_and_the_round_trip_ends() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script, quantity=5)
    rig.ack("a2")
    assert split(rig, 1, 10) == ["cancel a2"]
    assert (rig.holding().quantity_raw, script.closed) == (0, 1)
    assert cash(rig) == 0
    assert len(rig.told("trade_closed")) == 1
    assert rig.state.breaker.losses_in_row == 1
    assert "500.00 paid in lieu of fractions" in rig.told("corporate_action")[0]


def test_a_split_concerns_its_own_instrument_only() -> None:
    rig = Rig()
    averages = {}
    for symbol in ("AAPL", "MSFT"):
        averages[symbol] = SMA(2)
        named: dict[str, Any] = {"sma": averages[symbol]}
        rig.engine.add_signal_strategy(symbol, SignalHooks(), settings(), named, symbol)
    for _ in range(2):
        rig.feed("100", "AAPL")
        rig.bar("300", "MSFT")
    split(rig, 2, 1)
    assert (averages["AAPL"].value, averages["MSFT"].value) == (50.0, 300.0)
    assert rig.state.by_symbol["MSFT"].last_raw == 3_000_000


@pytest.mark.parametrize(("side", "stop", "paid"), [("long", "98", "24"), ("short", "102", "-24")])
def test_a_dividend_is_paid_to_the_long_and_by_the_short_and_is_no_profit(side: str, stop: str, paid: str) -> None:
    rig = Rig()
    rig.hold(rig.strategy(), side, stop=stop)
    before = cash(rig)
    rig.tell(Dividend(rig.now, "AAPL", money(Decimal("0.24"))))
    assert cash(rig) - before == Decimal(paid)
    assert rig.holding().position.realized == 0
    assert rig.state.ledger.trips == []


def test_who_holds_nothing_gets_no_dividend() -> None:
    rig = Rig()
    rig.tell(Dividend(rig.now, "AAPL", money(Decimal("0.24"))))
    assert cash(rig) == 0
    assert len(rig.told("cash_movement")) == 1


@pytest.mark.parametrize("kind", ["deposit", "withdrawal", "interest", "fee", "funding", "cash_in_lieu"])
def test_cash_moves_without_touching_positions_profit_or_breaker(kind: str) -> None:
    rig = Rig()
    rig.tell(CashMovement(rig.now, kind, "USD", money(Decimal("-12.50"))))
    assert cash(rig) == Decimal("-12.50")
    assert rig.state.breaker.realized == 0
    assert rig.told("cash_movement")[-1] == f"{kind} -12.50 USD"


@pytest.mark.parametrize(
    ("kind", "profit"),
    [("deposit", 0), ("withdrawal", 0), ("adjustment", 0), ("interest", 500), ("fee", 500), ("funding", 500)],
)
def test_what_is_paid_in_or_out_is_no_profit_of_the_day(kind: str, profit: int) -> None:
    rig = Rig()
    rig.tell(CashMovement(rig.now, "deposit", "USD", money(Decimal(10_000))))
    assert rig.state.breaker.start_equity == 0
    rig.state.breaker.start_equity = rig.state.equity()
    rig.tell(CashMovement(rig.now, kind, "USD", money(Decimal(500))))
    assert rig.state.equity() - rig.state.breaker.start_equity == money(Decimal(profit))


def test_a_new_symbol_goes_on_with_position_stop_and_bars() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    rig.tell(SymbolChange(rig.now, "AAPL", "APPL"))
    script.new_stop = Decimal(99)
    assert rig.bar("101", "APPL") == ["replace a2 by a2-r1: 100 stop 99.00"]
    rig.replaced("a2", "a2-r1")
    rig.tell(Split(rig.now, "APPL", 2, 1))
    assert rig.order("a2") == "accepted 0/200"
    rig.fill("a2-r1", 200, "49.50")
    assert rig.state.ledger.net_quantity("APPL") == 0
    assert cash(rig) == -100


def test_a_symbol_that_is_taken_is_refused() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.tell(SymbolChange(rig.now, "AAPL", "MSFT"))
    assert "followed already" in rig.told("corporate_action")[0]
    assert rig.state.by_symbol["MSFT"].instrument == MSFT
    assert rig.state.ledger.net_quantity("AAPL") == 100


@pytest.mark.parametrize(
    "event", [Split(1, "XYZ", 2, 1), Dividend(1, "XYZ", 1), SymbolChange(1, "XYZ", "ABC"), TradingStatus(1, "XYZ", True)]
)
def test_news_of_strangers_is_told_and_nothing_else(event: Any) -> None:
    rig = Rig()
    assert rig.tell(event) == []
    assert f"{type(event).__name__} of an instrument that nobody follows" in rig.told("system_error")
