"""The account as the venue tells it: money, what nobody of ours holds, and how the day has gone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_rig import DAY, Rig

from algotrader.core.events import (
    AccountSnapshot,
    BreakerRestored,
    CashMovement,
    CloseExternal,
    ExternalPosition,
    ForeignOrder,
    OrderStillWorks,
    PositionGone,
    ScheduledTrigger,
)
from algotrader.core.instruments import ALPACA_LIKE
from algotrader.core.market import NS_PER_SECOND
from algotrader.core.orders import Side
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.core.state import EXTERNAL

UNIT = 10**14


def dollars(amount: int) -> int:
    return money(Decimal(amount))


def account(rig: Rig, power: int, cash: int = 1_000_000) -> list[str]:
    return rig.tell(AccountSnapshot(rig.now, dollars(cash), dollars(cash), dollars(power)))


def external(rig: Rig, quantity: int, average: int = 1_000_000, symbol: str = "AAPL") -> list[str]:
    return rig.tell(ExternalPosition(rig.now, symbol, quantity, average))


# Money


def test_a_new_account_starts_with_what_the_venue_says_and_later_words_change_nothing() -> None:
    rig = Rig(cash=0)
    account(rig, 5, 300)
    account(rig, 5, 400)
    assert rig.state.total_cash() == dollars(300)
    assert rig.told("cash_movement") == ["the account starts with 300.00 USD"]


def test_money_that_was_paid_in_before_is_not_counted_again() -> None:
    rig = Rig(cash=700)
    account(rig, 5, 300)
    assert rig.state.total_cash() == dollars(700)


@pytest.mark.covers("A133", "A169")
@pytest.mark.parametrize(("age", "enters"), [(0, False), (5, False), (5.1, True)])
def test_what_the_venue_says_of_buying_power_counts_while_it_is_young(age: float, enters: bool) -> None:
    rig = Rig()
    script = rig.strategy()
    rig.bar()
    rig.now += 60 * NS_PER_SECOND
    account(rig, 9_999)
    rig.later(age)
    script.entry, script.size, script.stop = "long", 100, 98
    rig.feed("100")
    rig.state.now = rig.now
    rig.engine.slices.decide()
    assert bool(rig.commands()) is enters
    rig.send(CashMovement(rig.now))
    assert len(rig.told("account_stale")) == int(enters)


def test_of_two_orders_between_two_words_of_the_venue_the_second_sees_the_first() -> None:
    rig = Rig()
    account(rig, 15_000)
    rig.strategy("one"), rig.strategy("two")
    assert rig.state.buying_power() == dollars(15_000)
    script = rig.strategy("three")
    rig.engine.handle(AccountSnapshot(rig.now + 60 * NS_PER_SECOND, 0, 0, dollars(15_000)))
    rig.enter(script)
    assert rig.state.buying_power() == dollars(5_000)


@pytest.mark.parametrize(("side", "reserved"), [(Side.BUY, 990), (Side.SELL, 0)])
def test_a_strangers_buy_order_reserves_money(side: Side, reserved: int) -> None:
    rig = Rig()
    before = rig.state.buying_power()
    rig.tell(ForeignOrder(rig.now, "v9", "AAPL", side, 10, 990_000))
    rig.tell(ForeignOrder(rig.now, "v9", "AAPL", side, 10, 990_000))
    assert before - rig.state.buying_power() == dollars(reserved)
    rig.tell(ForeignOrder(rig.now, "v9", "AAPL", side, 0))
    assert rig.state.buying_power() == before
    assert rig.told("foreign_order") == [
        f"{side.value} order v9 works at the venue and is not ours; it is left alone",
        "order v9, which is not ours, is gone",
    ]


# What nobody of ours holds


@pytest.mark.parametrize("quantities", [(50,), (50, 20), (20, -30), (50, 0)])
def test_what_is_nobodys_is_set_and_moves_no_cash(quantities: tuple[int, ...]) -> None:
    rig = Rig()
    script = rig.strategy()
    rig.bar()
    for quantity in quantities:
        external(rig, quantity)
    assert rig.state.ledger.net_quantity("AAPL") == quantities[-1]
    assert rig.state.total_cash() == dollars(1_000_000)
    assert bool(rig.enter(script)) is (quantities[-1] == 0)
    assert rig.denials() == (["external_position"] if quantities[-1] else [])


def test_a_word_about_an_instrument_that_nobody_follows_is_a_warning() -> None:
    rig = Rig()
    external(rig, 5, symbol="XYZ")
    rig.tell(PositionGone(rig.now, "XYZ"))
    assert [line.split()[0] for line in rig.told("external_position")] == ["ExternalPosition", "PositionGone"]


@pytest.mark.covers("A162")
def test_a_position_that_is_gone_at_the_venue_leaves_the_books_without_moving_cash() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    cash = rig.state.total_cash()
    assert rig.tell(PositionGone(rig.now, "AAPL")) == ["cancel a2"]
    assert (rig.holding().quantity_raw, script.closed, rig.state.total_cash()) == (0, 1, cash)
    assert rig.state.ledger.net_quantity("AAPL") == 100, "it is somebody else's now, until the venue's own word on that"
    external(rig, 0)
    assert rig.state.ledger.net_quantity("AAPL") == 0
    assert len(rig.told("position_gone")) == 1


@pytest.mark.parametrize("lost", [40, 100, 130])
def test_no_order_of_ours_sells_what_the_venue_lacks(lost: int) -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.ack("a2")
    left = max(100 - lost, 0)
    expected = f"replace a2 by a2-r1: {left} stop 98.00" if left else "cancel a2"
    assert external(rig, -lost) == [expected]
    if left:
        rig.replaced("a2", "a2-r1")
    else:
        rig.cancelled("a2")
    assert rig.operator("close", "AAPL") == ([f"a3 exit_market sell {left} market"] if left else [])


def test_what_our_closing_orders_took_from_a_stranger_is_given_back() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    script.leave = True
    assert rig.bar("101") == ["a3 exit_market sell 100 market"]
    rig.ack("a3")
    rig.fill("a3", 100, "98")
    external(rig, 7)
    # The stop was executed in the same moment, as far as the account held anything.
    assert rig.fill("a2", 7, "98") == []
    assert rig.cancelled("a2") == ["a4 stop_loss buy 7 stop 99.96", "a5 exit_market buy 7 market"]
    assert not rig.state.orders["a5"].request.reduce_only, "the venue holds nothing that this would reduce"
    rig.ack("a5")
    rig.fill("a5", 7, "98")
    assert (rig.holding().quantity_raw, rig.state.ledger.net_quantity("AAPL")) == (0, 7)


def test_of_two_strategies_the_later_one_goes_short_of_what_the_venue_lacks() -> None:
    rig = Rig()
    one, two = rig.strategy("one"), rig.strategy("two")
    rig.hold(one)
    rig.ack("a2")
    rig.hold(two)
    rig.ack("a4")
    assert external(rig, -150) == ["replace a2 by a2-r1: 50 stop 98.00", "cancel a4"]
    rig.replaced("a2", "a2-r1")
    rig.cancelled("a4")
    assert external(rig, -20) == ["replace a2-r1 by a2-r2: 100 stop 98.00", "a5 stop_loss sell 80 stop 98.00"]


def test_what_a_stranger_buys_back_is_protected_again() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.ack("a2")
    external(rig, -40)
    rig.replaced("a2", "a2-r1")
    assert rig.state.orders["a2"].quantity_raw == 60
    assert external(rig, 0) == ["replace a2-r1 by a2-r2: 100 stop 98.00"]


@pytest.mark.covers("B53")
@pytest.mark.parametrize(("quantity", "order"), [(50, "sell 50 market"), (-40, "buy 40 market")])
def test_the_venue_can_be_brought_back_to_what_our_strategies_hold(quantity: int, order: str) -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    external(rig, quantity)
    if quantity < 0:
        rig.replaced("a2", "a2-r1")
    assert rig.tell(CloseExternal(rig.now, "AAPL", "agreed")) == [f"a3 exit_market {order}"]
    rig.ack("a3")
    sent = rig.state.orders["a3"].request
    assert sent.reduce_only is (quantity > 0)
    grown = rig.fill("a3", abs(quantity), "100")
    assert grown == (["replace a2-r1 by a2-r2: 100 stop 98.00"] if quantity < 0 else [])
    assert rig.state.ledger.net_quantity("AAPL") == 100
    assert not rig.state.by_symbol["AAPL"].external


# Adopting


@pytest.mark.parametrize(
    ("quantity", "average", "last", "stop"),
    [
        (50, 1_000_000, "110", "sell 50 stop 98.00"),
        (50, 1_000_000, "90", "sell 50 stop 88.20"),
        (-50, 1_000_000, "90", "buy 50 stop 102.00"),
        (-50, 1_000_000, "110", "buy 50 stop 112.20"),
        (50, 0, "100", "sell 50 stop 98.00"),
    ],
)
def test_an_adopted_position_gets_the_looser_of_two_stops_and_is_not_closed(
    quantity: int, average: int, last: str, stop: str
) -> None:
    rig = Rig()
    script = rig.strategy()
    rig.bar(last)
    external(rig, quantity, average)
    assert rig.operator("adopt", "AAPL", mode="protect") == [f"a1 stop_loss {stop}"]
    rig.ack("a1")
    assert rig.operator("flatten") == []
    entry = rig.enter(script, "long" if quantity > 0 else "short", stop="98" if quantity > 0 else "120")
    assert len(entry) == 1, "entries are let in again"


def test_a_managed_position_is_closed_with_ours() -> None:
    rig = Rig()
    rig.bar()
    external(rig, 50)
    rig.operator("adopt", "AAPL", mode="manage")
    rig.ack("a1")
    assert rig.operator("close", "AAPL") == ["a2 exit_market sell 50 market"]
    rig.ack("a2")
    assert rig.fill("a2", 50, "90") == ["cancel a1"]
    assert not rig.state.breaker.losses_in_row, "what a person lost is no loss of a strategy"


def test_what_has_no_price_yet_gets_its_stop_with_the_first_one() -> None:
    rig = Rig()
    external(rig, 50)
    assert rig.operator("adopt", "AAPL", mode="protect") == []
    assert rig.bar("100") == ["a1 stop_loss sell 50 stop 98.00"]


def test_the_stop_of_what_was_adopted_follows_its_quantity_and_goes_with_its_release() -> None:
    rig = Rig()
    rig.bar()
    external(rig, 50)
    rig.operator("adopt", "AAPL", mode="protect")
    rig.ack("a1")
    assert external(rig, 80) == ["replace a1 by a1-r1: 80 stop 98.00"]
    rig.replaced("a1", "a1-r1")
    assert rig.operator("release", "AAPL") == ["cancel a1-r1"]
    rig.cancelled("a1-r1")
    assert rig.state.by_symbol["AAPL"].external


def test_an_adopted_position_whose_stop_is_refused_is_tried_again_and_never_closed() -> None:
    rig = Rig()
    rig.bar()
    external(rig, 50)
    rig.operator("adopt", "AAPL", mode="protect")
    assert rig.reject("a1", "through_market") == []
    assert len(rig.told("stop_fallback_market_sell")) == 1
    rig.minute += 5
    rig.feed("90")
    assert rig.timer() == ["a2 stop_loss sell 50 stop 88.20"]


def test_what_is_the_other_side_of_ours_cannot_be_adopted() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.ack("a2")
    external(rig, -40)
    rig.replaced("a2", "a2-r1")
    assert rig.operator("adopt", "AAPL", mode="manage") == []
    assert "not adopted" in rig.told("adopted")[0]


def test_a_managed_position_that_could_not_be_sold_is_sold_at_the_next_open() -> None:
    rig = Rig(ALPACA_LIKE)
    rig.bar()
    external(rig, 50)
    rig.operator("adopt", "AAPL", mode="manage")
    rig.ack("a1")
    assert rig.operator("close", "AAPL") == ["cancel a1"]
    assert rig.cancelled("a1") == ["a2 exit_market sell 50 market"]
    assert rig.expired("a2") == ["a3 stop_loss sell 50 stop 98.00"]
    rig.ack("a3")
    assert rig.phase("session_open") == ["cancel a3"]


# An order that should not be there


@pytest.mark.parametrize("end", ["cancelled", "expired", "reject", "fill"])
def test_an_order_found_at_work_after_its_end_is_called_back_once(end: str) -> None:
    rig = Rig()
    rig.enter(rig.strategy(), price=Decimal(99))
    rig.ack("a1")
    if end == "fill":
        rig.fill("a1", 100, "99")
    else:
        getattr(rig, end)("a1")
    rig.commands()
    found = [rig.tell(OrderStillWorks(rig.now, "a1", "v7")) for _ in range(2)]
    assert found == [["cancel a1"], []]
    rig.no_cancel("a1")
    assert rig.tell(OrderStillWorks(rig.now, "a1", "v7")) == ["cancel a1"]


def test_an_order_that_works_as_we_know_is_left_alone() -> None:
    rig = Rig()
    rig.enter(rig.strategy(), price=Decimal(99))
    rig.ack("a1")
    assert rig.tell(OrderStillWorks(rig.now, "a1", "v7")) == []


# The day so far


@pytest.mark.covers("A154", "A96", "A95")
@pytest.mark.parametrize(
    ("profits", "losses", "tripped"),
    [
        ((-5, -5), 2, False),
        ((-5, 9, -5), 1, False),
        ((-5, -5, -5), 3, True),
        ((-30_000,), 1, False),
        ((-31_000,), 1, True),
        ((), 0, False),
    ],
)
def test_the_breaker_is_rebuilt_from_the_days_round_trips(profits: tuple[int, ...], losses: int, tripped: bool) -> None:
    rig = Rig()
    rig.tell(BreakerRestored(rig.now, tuple(dollars(profit) for profit in profits)))
    breaker = rig.state.breaker
    assert (breaker.losses_in_row, breaker.tripped) == (losses, tripped)
    assert breaker.start_equity == dollars(1_000_000) - sum(dollars(profit) for profit in profits)
    assert [report.level for report in rig.reports if report.kind == "circuit_breaker_restored"] == ["warning"]


def test_the_rebuilt_day_goes_on_survives_a_revision_and_ends_at_the_next_open() -> None:
    rig = Rig(policy=RiskPolicy(max_position=Decimal(1), max_leverage=Decimal(4)))
    script = rig.strategy()
    rig.tell(BreakerRestored(rig.now, (dollars(-5), dollars(-5)), dollars(900_000)))
    assert rig.state.breaker.start_equity == dollars(900_000)
    rig.hold(script)
    rig.ack("a2")
    rig.fill("a2", 100, "98", fill_id="x")
    assert rig.state.breaker.tripped
    rig.correct("a2", "x", 100, "97")
    assert rig.state.breaker.losses_in_row == 3
    rig.correct("a2", "x", 100, "101")
    assert not rig.state.breaker.tripped
    rig.tell(ScheduledTrigger(rig.now, "session_open", rig.now, DAY))
    assert (rig.state.breaker.realized, rig.state.breaker_before) == (0, [])


def test_a_day_that_is_over_the_limit_already_cancels_what_waits() -> None:
    rig = Rig()
    rig.enter(rig.strategy(risk_sized=True), price=Decimal(99), quantity=0)
    rig.ack("a1")
    assert rig.tell(BreakerRestored(rig.now, (dollars(-5),) * 3)) == ["cancel a1"]


def test_a_strangers_position_keeps_its_history_when_an_execution_is_taken_back() -> None:
    rig = Rig()
    rig.fill("hand", 50, "100", fill_id="h1")
    cash = rig.state.total_cash()
    external(rig, 20)
    rig.bust("hand", "h1")
    assert rig.state.ledger.positions[(EXTERNAL, "AAPL")].quantity_raw == 20
    assert rig.state.total_cash() - cash == 50 * 1_000_000 * UNIT
