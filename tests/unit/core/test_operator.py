"""A person closes one symbol, stops everything at once, switches strategies, changes limits."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_rig import Rig, raw

from algotrader.core.algorithm_style import AlgorithmHooks, AlgorithmSlot
from algotrader.core.events import BreakerRestored, RiskChanged
from algotrader.core.orders import OrderType
from algotrader.core.risk import RiskPolicy, changed_policy
from algotrader.core.scaled import money


def algorithm_with(rig: Rig, held: int, wanted: int, limit: str) -> AlgorithmSlot:
    """An algorithm that holds AAPL and waits for a limit order in it, which works as a2."""
    slot = rig.engine.add_algorithm("d", AlgorithmHooks(), ["AAPL"], 1, "none")
    rig.bar()
    track = rig.state.by_symbol["AAPL"]
    slot.order(track, held, OrderType.MARKET, 0, 0, 0, None)
    rig.commands()
    rig.ack("a1")
    rig.fill("a1", held, "100")
    slot.order(track, wanted, OrderType.LIMIT, raw(limit), 0, 0, None)
    rig.commands()
    rig.ack("a2")
    return slot


def test_close_takes_one_symbol_from_all_owners_and_cancels_what_waits_there() -> None:
    rig = Rig()
    one, two, three = rig.strategy("one"), rig.strategy("two"), rig.strategy("three", "MSFT")
    rig.hold(one)
    rig.ack("a2")
    rig.enter(two, price=Decimal(99))
    rig.ack("a3")
    rig.bar("100", "MSFT")
    three.entry, three.size, three.stop, three.price = "long", 10, 98, Decimal(99)
    rig.bar("100", "MSFT")
    rig.ack("a4")
    assert rig.operator("close", "AAPL") == ["a5 exit_market sell 100 market", "cancel a3"]


@pytest.mark.parametrize("action", ["flatten", "close", "emergency"])
def test_a_target_that_an_algorithm_waits_for_does_not_buy_again_what_a_person_closes(action: str) -> None:
    rig = Rig()
    slot = algorithm_with(rig, 100, 20, "90")
    # It wants 50 in all, and cancels the order that is in the way first.
    slot.order_target(rig.state.by_symbol["AAPL"], 50, OrderType.MARKET, 0, 0)
    assert rig.commands() == ["cancel a2"]
    rig.operator(action, "AAPL" if action == "close" else "")
    rig.cancelled("a2")
    rig.fill("a3", 100, "100")
    assert rig.state.live_orders == {}
    assert [holding.quantity_raw for holding in rig.state.holdings.values() if holding.quantity_raw] == []


def test_the_emergency_stop_cancels_and_sells_all_of_ours_and_holds_until_resume() -> None:
    rig = Rig()
    one, two = rig.strategy("one"), rig.strategy("two")
    rig.fill("hand", 5, "100")
    rig.state.by_symbol["AAPL"].external = False
    rig.hold(one)
    rig.ack("a2")
    rig.enter(two, price=Decimal(99))
    rig.ack("a3")
    assert rig.operator("emergency") == ["cancel a3", "a4 exit_market sell 100 market"]
    rig.cancelled("a3")
    rig.ack("a4")
    rig.fill("a4", 100, "99")
    rig.operator("reduce")
    rig.phase("session_open")
    assert rig.enter(one) == []
    assert rig.state.trading_state == "halted"
    rig.operator("resume")
    assert len(rig.enter(one)) == 1
    assert rig.state.ledger.net_quantity("AAPL") == 5, "a person's shares are left alone"


@pytest.mark.parametrize(("wanted", "cancelled"), [(10, True), (-10, False)])
def test_a_halt_cancels_what_an_algorithm_waits_for_unless_it_reduces(wanted: int, cancelled: bool) -> None:
    rig = Rig()
    algorithm_with(rig, 20, wanted, "100")
    assert rig.operator("halt") == (["cancel a2"] if cancelled else [])


@pytest.mark.covers("A195", "C4")
def test_a_disabled_strategy_enters_no_more_keeps_its_stop_and_loses_what_waits() -> None:
    rig = Rig()
    one, two = rig.strategy("one"), rig.strategy("two")
    rig.hold(one)
    rig.ack("a2")
    rig.enter(two, price=Decimal(99))
    rig.ack("a3")
    assert rig.operator("disable", owner="two") == ["cancel a3"]
    rig.cancelled("a3")
    assert rig.operator("disable", owner="one") == []
    assert rig.enter(two) == []
    assert rig.order("a2") == "accepted 0/100"
    rig.operator("enable", owner="two")
    assert len(rig.enter(two)) == 1


def test_a_strategy_that_is_not_there_is_a_warning() -> None:
    rig = Rig()
    rig.operator("disable", owner="nobody")
    assert rig.told("strategy_switched") == ["there is no strategy nobody to be disabled"]


def test_a_signal_of_the_slice_at_hand_dies_with_its_strategy() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.bar()
    script.entry, script.size, script.stop = "long", 10, 98
    rig.feed("100")
    rig.operator("disable", owner="s")
    rig.engine.slices.decide()
    assert rig.commands() == []


@pytest.mark.covers("A195")
def test_new_limits_hold_from_the_next_signal_on() -> None:
    rig = Rig(policy=RiskPolicy(max_position=Decimal(1)))
    script = rig.strategy(risk_sized=True)
    assert rig.enter(script, price=Decimal(100), quantity=0)[0].startswith("a1 entry buy 250 ")
    rig.ack("a1")
    assert rig.tell(RiskChanged(rig.now, (("max_risk_per_trade_abs", "100"),))) == []
    rig.operator("halt")
    rig.cancelled("a1")
    rig.operator("resume")
    assert rig.enter(script, price=Decimal(100), quantity=0)[0].startswith("a2 entry buy 50 ")
    assert rig.told("risk_changed") == ["max_risk_per_trade_abs 100"]


@pytest.mark.parametrize(
    ("change", "trips"),
    [
        (("max_daily_loss", "0.01"), True),
        (("max_daily_loss", "0.05"), False),
        (("consecutive_loss_pause", "2"), True),
        (("consecutive_loss_pause", "9"), False),
    ],
)
def test_a_day_beyond_the_new_limit_trips_the_breaker_at_once(change: tuple[str, str], trips: bool) -> None:
    rig = Rig(policy=RiskPolicy())
    rig.enter(rig.strategy(risk_sized=True), price=Decimal(99), quantity=0)
    rig.ack("a1")
    rig.tell(BreakerRestored(rig.now, (money(Decimal(-8_000)), money(Decimal(-8_000)))))
    assert rig.tell(RiskChanged(rig.now, (change,))) == (["cancel a1"] if trips else [])
    assert rig.state.breaker.tripped is trips


def test_leverage_changes_what_can_be_spent() -> None:
    rig = Rig(policy=RiskPolicy())
    rig.tell(RiskChanged(rig.now, (("max_leverage", "2"),)))
    assert rig.state.buying_power() == money(Decimal(2_000_000))


def test_limits_are_read_as_what_they_are() -> None:
    policy = changed_policy(RiskPolicy(), (("breaker_for_all", "true"), ("max_open_positions", "7"), ("emergency_stop", "0.03")))
    assert (policy.breaker_for_all, policy.max_open_positions, policy.emergency_stop) == (True, 7, Decimal("0.03"))
    assert policy.max_position == RiskPolicy().max_position
