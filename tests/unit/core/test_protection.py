"""The stop that every position owes: what the engine sends, line by line, at a permissive venue and at one like Alpaca.

``hold`` leaves a long of 100 entered at 100 with its stop at 98 just sent as ``a2`` (or attached as ``a1-sl``).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from engine_rig import AAPL, Rig, Script

from algotrader.core.instruments import ALPACA_LIKE, VenueCapabilities
from algotrader.core.orders import TimeInForce

NO_OCO = VenueCapabilities(reserves_holdings=True, oco=False)
NO_REPLACE = VenueCapabilities(atomic_replace=False)


def held(rig: Rig, side: str = "long", **more: Any) -> Script:
    """A position of 100 whose stop works as ``a2``."""
    script = rig.strategy()
    stop = str(more.pop("stop", "98" if side == "long" else "102"))
    rig.hold(script, side, stop=stop, **more)
    rig.ack("a2")
    rig.commands()
    return script


def held_alpaca(rig: Rig, **more: Any) -> Script:
    """The same where the stop came attached and works as ``a1-sl``."""
    script = rig.strategy()
    rig.enter(script, **more)
    rig.ack("a1")
    rig.fill("a1", 100, "100")
    rig.ack("a1-sl")
    return script


PARTS = replace(AAPL, quantity_scale=2, quantity_increment=1)
"""A share that may be traded in hundredths."""


@pytest.mark.covers("A134", "A139")
@pytest.mark.parametrize(
    ("size", "entry", "after"),
    [
        (Decimal("0.50"), "a1 entry buy 50 market", ["a2 stop_loss sell 50 stop 98.00"]),
        (Decimal("2"), "a1 entry buy 200 market with stop 98.00", []),
    ],
)
def test_a_fraction_is_entered_simply_and_gets_its_stop_from_the_fill_on(size: Decimal, entry: str, after: list[str]) -> None:
    rig = Rig(ALPACA_LIKE, instruments=[PARTS])
    script = rig.strategy()
    script.entry, script.size, script.stop = "long", size, Decimal(98)
    assert rig.bar("100") == [entry]
    rig.ack("a1")
    assert rig.fill("a1", int(size * 100), "100") == after
    tifs = {order.request.time_in_force for order in rig.state.orders.values() if order.client_order_id == "a2"}
    assert tifs <= {TimeInForce.DAY}


# From the first fill on


@pytest.mark.covers("A139", "A135")
@pytest.mark.parametrize(
    ("side", "stop", "commands"),
    [("long", "98", ["a2 stop_loss sell 100 stop 98.00"]), ("short", "102", ["a2 stop_loss buy 100 stop 102.00"])],
)
def test_a_fill_brings_its_planned_stop_at_once(side: str, stop: str, commands: list[str]) -> None:
    rig = Rig()
    assert rig.hold(rig.strategy(), side, stop=stop) == commands


@pytest.mark.parametrize(
    ("side", "command"), [("long", "a2 stop_loss sell 100 stop 98.00"), ("short", "a2 stop_loss buy 100 stop 102.00")]
)
def test_without_a_plan_there_is_an_emergency_stop_at_two_percent(side: str, command: str) -> None:
    rig = Rig()
    assert rig.hold(rig.strategy(protection="emergency"), side, stop=None) == [command]


def test_only_a_strategy_that_says_so_goes_without() -> None:
    rig = Rig()
    assert rig.hold(rig.strategy(protection="none"), stop=None) == []


@pytest.mark.covers("A139")
def test_part_fills_grow_the_stop_with_one_request_at_a_time() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.ack("a1")
    assert rig.fill("a1", 40, "100") == ["a2 stop_loss sell 40 stop 98.00"]
    assert rig.fill("a1", 10, "100") == []
    assert rig.fill("a1", 20, "100") == []
    assert rig.ack("a2") == ["replace a2 by a2-r1: 70 stop 98.00"]
    assert rig.fill("a1", 30, "100") == []
    assert rig.replaced("a2", "a2-r1") == ["replace a2-r1 by a2-r2: 100 stop 98.00"]
    assert rig.replaced("a2-r1", "a2-r2") == []
    assert rig.order("a2") == "accepted 0/100"


@pytest.mark.covers("A139")
def test_a_fill_before_the_acknowledgement_is_protected_too() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    assert rig.fill("a1", 100, "100") == ["a2 stop_loss sell 100 stop 98.00"]
    assert rig.ack("a1") == []


def test_the_stop_that_fills_in_parts_follows_the_position() -> None:
    rig = Rig()
    held(rig)
    assert rig.fill("a2", 30, "98") == []
    assert rig.fill("a2", 70, "97.9") == []
    assert rig.holding().quantity_raw == 0


# When the stop cannot be had


def test_a_stop_refused_three_times_becomes_an_exit() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    assert rig.reject("a2") == ["a3 stop_loss sell 100 stop 98.00"]
    assert rig.reject("a3") == ["a4 stop_loss sell 100 stop 98.00"]
    assert rig.reject("a4") == ["a5 exit_market sell 100 market"]
    assert len(rig.told("stop_fallback_market_sell")) == 1


def test_a_stop_refused_as_through_the_market_becomes_an_exit_at_once() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    assert rig.reject("a2", "through_market") == ["a3 exit_market sell 100 market"]


def test_a_fill_beyond_its_own_stop_is_closed_without_a_try() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script)
    rig.ack("a1")
    assert rig.fill("a1", 100, "97") == ["a2 exit_market sell 100 market"]


def test_a_stop_that_the_venue_drops_again_and_again_becomes_an_exit() -> None:
    rig = Rig()
    held(rig)
    assert rig.cancelled("a2", "venue") == ["a3 stop_loss sell 100 stop 98.00"]
    assert rig.cancelled("a3", "venue") == ["a4 stop_loss sell 100 stop 98.00"]
    assert rig.cancelled("a4", "venue") == ["a5 exit_market sell 100 market"]


def test_a_stop_that_ends_after_a_long_time_is_placed_again() -> None:
    rig = Rig()
    held(rig)
    for number in range(3, 9):
        rig.later(86_400)
        assert rig.expired(f"a{number - 1}") == [f"a{number} stop_loss sell 100 stop 98.00"]


def test_after_a_venue_refused_everything_protection_is_tried_again_in_a_minute() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    for order in ("a2", "a3", "a4"):
        rig.reject(order)
    assert rig.reject("a5") == ["a6 exit_market sell 100 market"]
    assert rig.reject("a6") == ["a7 exit_market sell 100 market"]
    assert rig.reject("a7") == []
    before = rig.now
    assert rig.timer() == ["a8 stop_loss sell 100 stop 98.00"]
    assert rig.now - before == 60 * 10**9


def test_our_own_opposite_order_is_cancelled_for_a_stop_that_it_kept_out() -> None:
    rig = Rig()
    script, other = rig.strategy(), rig.strategy("other")
    rig.hold(script)
    rig.enter(other, price=Decimal("99"), stop="97")
    rig.ack("a3")
    assert rig.reject("a2", "opposing_order") == ["cancel a3", "a4 stop_loss sell 100 stop 98.00"]


# The size of a stop that cannot be changed


def test_a_change_of_size_that_is_refused_three_times_gives_way_to_a_new_stop() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.ack("a1")
    rig.fill("a1", 40, "100")
    rig.ack("a2")
    assert rig.fill("a1", 60, "100") == ["replace a2 by a2-r1: 100 stop 98.00"]
    assert rig.no_replace("a2-r1") == ["replace a2 by a2-r2: 100 stop 98.00"]
    assert rig.no_replace("a2-r2") == ["replace a2 by a2-r3: 100 stop 98.00"]
    assert rig.no_replace("a2-r3") == ["cancel a2"]
    assert rig.cancelled("a2") == ["a3 stop_loss sell 100 stop 98.00"]


def test_where_nothing_can_be_replaced_the_stop_is_cancelled_and_placed_anew() -> None:
    rig = Rig(NO_REPLACE)
    rig.enter(rig.strategy())
    rig.ack("a1")
    rig.fill("a1", 40, "100")
    rig.ack("a2")
    assert rig.fill("a1", 60, "100") == ["cancel a2"]
    assert rig.cancelled("a2") == ["a3 stop_loss sell 100 stop 98.00"]


@pytest.mark.parametrize(
    ("first", "more", "command"),
    [
        (40, 60, "replace a2 by a2-r1: 100 stop 98.00"),
        (100, 200, "replace a2 by a2-r1: 300 stop 98.00"),
        (100, 50, "cancel a2"),
        (150, 100, "cancel a2"),
    ],
)
def test_the_quantity_of_a_fractions_stop_cannot_be_changed(first: int, more: int, command: str) -> None:
    parts = [PARTS] if first >= 100 else [AAPL]
    rig = Rig(VenueCapabilities(fractional_day_only=True), instruments=parts)
    script = rig.strategy()
    script.entry, script.size, script.stop = "long", parts[0].quantity(first + more), Decimal(98)
    rig.bar("100")
    rig.ack("a1")
    assert rig.fill("a1", first, "100") == [f"a2 stop_loss sell {first} stop 98.00"]
    rig.ack("a2")
    assert rig.fill("a1", more, "100") == [command]
    if command == "cancel a2":
        assert rig.cancelled("a2") == [f"a3 stop_loss sell {first + more} stop 98.00"]


def test_the_price_of_a_fractions_stop_moves_in_one_request() -> None:
    rig = Rig(ALPACA_LIKE, instruments=[PARTS])
    script = rig.strategy()
    script.entry, script.size, script.stop = "long", Decimal("0.5"), Decimal(98)
    rig.bar("100")
    rig.ack("a1")
    rig.fill("a1", 50, "100")
    rig.ack("a2")
    script.entry, script.new_stop = "", Decimal(99)
    assert rig.bar("100") == ["replace a2 by a2-r1: 50 stop 99.00"]


# A part of the position


def part_sold(rig: Rig) -> list[str]:
    """Forty of a hundred are to be sold at market, beside their stop."""
    held(rig)
    rig.engine.protection.request_exit(rig.holding(), "a part", 40)
    return rig.commands()


def test_a_stop_that_cannot_be_placed_while_a_part_is_sold_closes_the_rest_too() -> None:
    rig = Rig()
    rig.hold(rig.strategy(), stop="98")
    rig.engine.protection.request_exit(rig.holding(), "a part", 40)
    assert rig.commands() == ["a3 exit_market sell 40 market"]
    rig.ack("a3")
    rig.reject("a2", "through_market")
    assert rig.holding().exit_quantity_raw == 100
    assert rig.fill("a3", 40, "100") == ["a4 exit_market sell 60 market"]


def test_a_part_that_the_venue_did_not_sell_is_not_sold_whole_at_the_next_open() -> None:
    rig = Rig()
    (sell,) = [line for line in part_sold(rig) if "exit_market" in line]
    assert sell.endswith("sell 40 market")
    rig.reject(sell.split()[0], "market_closed")
    assert (rig.holding().exit_at_open, rig.holding().exit_quantity_raw) == (False, 0)


# Moving the stop


@pytest.mark.covers("A128")
@pytest.mark.parametrize(
    ("side", "wish", "commands"),
    [
        ("long", "99", ["replace a2 by a2-r1: 100 stop 99.00"]),
        ("long", "98", []),
        ("long", "97", []),
        ("long", "98.001", []),
        ("long", "100", ["a3 exit_market sell 100 market"]),
        ("long", "101", ["a3 exit_market sell 100 market"]),
        ("short", "101", ["replace a2 by a2-r1: 100 stop 101.00"]),
        ("short", "103", []),
        ("short", "100", ["a3 exit_market buy 100 market"]),
        ("short", "99", ["a3 exit_market buy 100 market"]),
    ],
)
def test_stops_only_ever_tighten_and_one_at_the_market_closes(side: str, wish: str, commands: list[str]) -> None:
    rig = Rig()
    script = held(rig, side)
    script.new_stop = Decimal(wish)
    assert rig.bar("100") == commands


def test_a_cancel_that_crosses_a_replacement_is_sent_again_for_the_leg_that_works() -> None:
    rig = Rig(NO_OCO)
    script = held(rig)
    script.new_stop = Decimal(99)
    assert rig.bar("100") == ["replace a2 by a2-r1: 100 stop 99.00"]
    script.new_stop, script.leave = None, True
    rig.bar("100")
    assert rig.no_replace("a2-r1") == ["cancel a2"]
    assert rig.replaced("a2", "a2-r1") == []
    assert rig.cancelled("a2") == ["cancel a2-r1"]
    assert rig.cancelled("a2-r1") == ["a3 exit_market sell 100 market"]


def test_a_cancel_of_a_stop_in_doubt_is_sent_again_for_the_leg_that_is_confirmed() -> None:
    rig = Rig(NO_OCO)
    script = held(rig)
    script.new_stop = Decimal(99)
    rig.bar("100")
    script.new_stop, script.leave = None, True
    rig.bar("100")
    assert rig.no_replace("a2-r1") == ["cancel a2"]
    assert rig.unknown("a2") == []
    assert rig.replaced("a2", "a2-r1") == ["cancel a2-r1"]
    assert rig.cancelled("a2") == []
    assert rig.cancelled("a2-r1") == ["a3 exit_market sell 100 market"]


def test_a_newer_wish_overwrites_one_that_waits() -> None:
    rig = Rig()
    script = held(rig)
    sent = []
    for wish in ("98.5", "99", "99.5"):
        script.new_stop = Decimal(wish)
        sent += rig.bar("100")
    assert sent == ["replace a2 by a2-r1: 100 stop 98.50"]
    assert rig.replaced("a2", "a2-r1") == ["replace a2-r1 by a2-r2: 100 stop 99.50"]


def test_a_refused_move_leaves_the_old_stop_and_a_newer_wish_goes_on() -> None:
    rig = Rig()
    script = held(rig)
    script.new_stop = Decimal("98.5")
    rig.bar("100")
    assert rig.no_replace("a2-r1") == []
    assert rig.holding().stop_raw == 980_000
    rig.bar("100")
    script.new_stop = Decimal("99")
    assert rig.bar("100") == []
    assert rig.no_replace("a2-r2") == ["replace a2 by a2-r3: 100 stop 99.00"]


def test_a_move_refused_as_through_the_market_closes() -> None:
    rig = Rig()
    script = held(rig)
    script.new_stop = Decimal("99")
    rig.bar("100")
    assert rig.no_replace("a2-r1", "through_market") == ["a3 exit_market sell 100 market"]


# Exits


@pytest.mark.covers("A136", "A129")
def test_at_a_reduce_only_venue_the_exit_goes_beside_the_stop() -> None:
    rig = Rig()
    script = held(rig)
    script.leave = True
    assert rig.bar("101") == ["a3 exit_market sell 100 market"]
    rig.ack("a3")
    assert rig.fill("a3", 60, "101") == ["replace a2 by a2-r1: 40 stop 98.00"]
    assert rig.fill("a3", 40, "101") == []
    assert rig.replaced("a2", "a2-r1") == ["cancel a2-r1"]
    assert rig.told("trade_closed") == ["strategy exit: 100.00"]
    assert script.closed == 1


@pytest.mark.covers("A136", "A129")
def test_where_the_stop_reserves_the_holding_it_gives_way_first() -> None:
    rig = Rig(ALPACA_LIKE)
    script = held_alpaca(rig)
    script.leave = True
    assert rig.bar("101") == ["cancel a1-sl"]
    assert rig.bar("101") == []
    assert rig.fill("a1-sl", 30, "98") == []
    assert rig.cancelled("a1-sl") == ["a2 exit_market sell 70 market"]
    assert rig.fill("a2", 70, "101") == []
    assert rig.told("trade_closed") == ["strategy exit: 10.00"]


def test_an_exit_that_the_venue_refuses_puts_the_stop_back() -> None:
    rig = Rig(ALPACA_LIKE)
    script = held_alpaca(rig)
    script.leave = True
    rig.bar("101")
    rig.cancelled("a1-sl")
    script.leave = False
    assert rig.reject("a2", "insufficient_quantity") == ["a3 stop_loss sell 100 stop 98.00"]


def test_an_exit_that_ends_with_the_session_is_tried_again_at_the_next_open() -> None:
    rig = Rig(ALPACA_LIKE)
    script = held_alpaca(rig)
    script.leave = True
    rig.bar("101")
    rig.cancelled("a1-sl")
    script.leave = False
    assert rig.expired("a2") == ["a3 stop_loss sell 100 stop 98.00"]
    rig.ack("a3")
    assert rig.phase("session_open") == ["cancel a3"]
    assert rig.cancelled("a3") == ["a4 exit_market sell 100 market"]


def test_the_stop_that_fills_while_it_is_cancelled_is_the_exit() -> None:
    rig = Rig(ALPACA_LIKE)
    script = held_alpaca(rig)
    script.leave = True
    rig.bar("101")
    assert rig.fill("a1-sl", 100, "98") == []
    assert rig.no_cancel("a1-sl") == []
    assert rig.holding().quantity_raw == 0


def test_a_refused_cancel_is_asked_again_and_at_last_the_order_counts_as_unknown() -> None:
    rig = Rig(ALPACA_LIKE)
    script = held_alpaca(rig)
    script.leave = True
    assert rig.bar("101") == ["cancel a1-sl"]
    assert rig.no_cancel("a1-sl") == ["cancel a1-sl"]
    assert rig.no_cancel("a1-sl") == ["cancel a1-sl"]
    assert rig.no_cancel("a1-sl") == []
    assert rig.order("a1-sl") == "unknown 0/100"
    assert rig.ack("a1-sl") == ["cancel a1-sl"]


@pytest.mark.parametrize("venue", [VenueCapabilities(), ALPACA_LIKE], ids=["generic", "alpaca_like"])
def test_a_closing_order_that_sells_more_than_was_held_is_made_good(venue: VenueCapabilities) -> None:
    rig = Rig(venue)
    script = rig.strategy()
    rig.enter(script)
    rig.fill("a1", 100, "100")
    stop = "a2" if venue is not ALPACA_LIKE else "a1-sl"
    rig.ack(stop)
    commands = rig.fill(stop, 120, "98")
    assert [line.split(" ", 1)[1] for line in commands if "exit" in line] == ["exit_market buy 20 market"]
    assert rig.holding().quantity_raw == -20


def test_an_exit_in_parts_shrinks_the_stop_before_it_sells() -> None:
    rig = Rig(ALPACA_LIKE)
    held_alpaca(rig)
    holding = rig.holding()
    rig.engine.protection.request_exit(holding, "half", 50)
    assert rig.commands() == ["replace a1-sl by a1-sl-r1: 50 stop 98.00"]
    assert rig.replaced("a1-sl", "a1-sl-r1") == ["a2 exit_market sell 50 market"]
    assert rig.fill("a2", 50, "101") == []
    assert (holding.quantity_raw, holding.exit_quantity_raw) == (50, 0)


# Entries at a venue that takes no stop beside them


def test_an_entry_there_carries_its_stop() -> None:
    rig = Rig(ALPACA_LIKE)
    assert rig.enter(rig.strategy()) == ["a1 entry buy 100 market with stop 98.00"]


@pytest.mark.parametrize("acknowledged", ["before", "after"])
def test_the_attached_stop_protects_from_its_acknowledgement_on(acknowledged: str) -> None:
    rig = Rig(ALPACA_LIKE)
    rig.enter(rig.strategy())
    rig.ack("a1")
    if acknowledged == "before":
        assert rig.ack("a1-sl") == []
    assert rig.fill("a1", 100, "100") == []
    if acknowledged == "after":
        assert rig.ack("a1-sl") == []
    assert rig.told("stop_placed") == ["stop at 98.0000 for 100"]
    assert rig.order("a1-sl") == "accepted 0/100"


@pytest.mark.covers("A139", "A140")
def test_an_entry_filled_in_part_has_two_seconds() -> None:
    rig = Rig(ALPACA_LIKE)
    rig.enter(rig.strategy())
    rig.ack("a1")
    started = rig.now
    assert rig.fill("a1", 40, "100") == []
    assert rig.timer() == ["cancel a1"]
    assert rig.now - started == 2 * 10**9
    assert rig.cancelled("a1") == []
    assert rig.cancelled("a1-sl") == ["a2 stop_loss sell 40 stop 98.00"]


def test_an_attached_stop_that_nobody_confirms_becomes_unknown() -> None:
    rig = Rig(ALPACA_LIKE)
    rig.enter(rig.strategy())
    rig.ack("a1")
    rig.fill("a1", 100, "100")
    assert rig.timer() == []
    assert rig.order("a1-sl") == "unknown 0/100"
    assert rig.failed("a1-sl") == ["a2 stop_loss sell 100 stop 98.00"]


@pytest.mark.covers("A138")
@pytest.mark.parametrize("ending", ["reject", "cancelled", "expired", "failed"])
def test_an_entry_that_ends_unfilled_takes_its_attached_orders_along(ending: str) -> None:
    rig = Rig(ALPACA_LIKE)
    script = rig.strategy()
    rig.enter(script, take=Decimal(110))
    assert getattr(rig, ending)("a1") == []
    assert rig.state.live_orders == {}
    assert rig.enter(script) == ["a2 entry buy 100 market with stop 98.00"]


@pytest.mark.covers("A140")
@pytest.mark.parametrize(
    ("filled", "after"), [(4, ["a3 exit_market sell 4 market"]), (5, []), (1, ["a3 exit_market sell 1 market"]), (99, [])]
)
def test_a_cancelled_entry_keeps_five_shares_or_more(filled: int, after: list[str]) -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.ack("a1")
    assert rig.fill("a1", filled, "100") == [f"a2 stop_loss sell {filled} stop 98.00"]
    assert rig.cancelled("a1") == after
    assert rig.holding().quantity_raw == filled


@pytest.mark.covers("A140")
def test_a_late_fill_of_too_few_shares_is_closed_as_well() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.ack("a1")
    rig.cancelled("a1")
    assert rig.fill("a1", 3, "100") == ["a2 stop_loss sell 3 stop 98.00", "a3 exit_market sell 3 market"]


def test_what_an_entry_fills_while_the_position_is_closed_is_closed_too() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.ack("a1")
    assert rig.operator("flatten") == ["cancel a1"]
    commands = rig.fill("a1", 50, "100")
    assert commands == ["a2 stop_loss sell 50 stop 98.00", "a3 exit_market sell 50 market"]
    rig.cancelled("a1")
    rig.fill("a3", 50, "100")
    assert "a4 exit_market sell 7 market" in rig.fill("a1", 7, "100")


# Take profit


def test_a_take_profit_rests_beside_the_stop_as_its_pair() -> None:
    rig = Rig()
    assert rig.hold(rig.strategy(), take=Decimal(110)) == [
        "a2 stop_loss sell 100 stop 98.00",
        "a3 take_profit sell 100 limit at 110.00",
    ]
    groups = {rig.state.orders[name].request.oco_group for name in ("a2", "a3")}
    assert len(groups) == 1
    assert groups != {""}
    rig.ack("a2")
    rig.ack("a3")
    assert rig.fill("a3", 100, "110") == ["cancel a2"]
    assert rig.told("trade_closed") == ["take_profit: 1000.00"]


def test_a_take_profit_comes_attached_where_the_stop_does() -> None:
    rig = Rig(ALPACA_LIKE)
    assert rig.enter(rig.strategy(), take=Decimal(110)) == ["a1 entry buy 100 market with stop 98.00 with take 110.00"]


def test_where_both_cannot_rest_the_engine_watches_the_take_profit() -> None:
    rig = Rig(NO_OCO)
    script = rig.strategy()
    assert rig.hold(script, take=Decimal(110)) == ["a2 stop_loss sell 100 stop 98.00"]
    rig.ack("a2")
    assert rig.bar("109") == []
    assert rig.bar("110") == ["cancel a2"]
    assert rig.cancelled("a2") == ["a3 exit_market sell 100 market"]


def test_a_take_profit_refused_three_times_is_watched_instead() -> None:
    rig = Rig()
    rig.hold(rig.strategy(), take=Decimal(110))
    rig.ack("a2")
    assert rig.reject("a3") == ["a4 take_profit sell 100 limit at 110.00"]
    assert rig.reject("a4") == ["a5 take_profit sell 100 limit at 110.00"]
    assert rig.reject("a5") == []
    assert rig.bar("111") == ["a6 exit_market sell 100 market"]


def test_a_part_of_the_take_profit_shrinks_the_stop() -> None:
    rig = Rig()
    rig.hold(rig.strategy(), take=Decimal(110))
    rig.ack("a2")
    rig.ack("a3")
    assert rig.fill("a3", 30, "110") == ["replace a2 by a2-r1: 70 stop 98.00"]


# Nobody listening


def test_while_the_order_stream_is_down_nothing_is_sent_and_afterwards_all_of_it() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script)
    rig.ack("a1")
    assert rig.connected(False) == []
    assert rig.fill("a1", 60, "100") == []
    assert rig.operator("flatten") == []
    assert rig.connected(True) == ["cancel a1", "a2 stop_loss sell 60 stop 98.00", "a3 exit_market sell 60 market"]


def test_a_stop_of_unknown_fate_is_left_alone_until_it_is_settled() -> None:
    rig = Rig()
    script = held(rig)
    rig.unknown("a2")
    script.new_stop = Decimal(99)
    assert rig.bar("100") == []
    assert rig.ack("a2") == ["replace a2 by a2-r1: 100 stop 99.00"]


def test_a_stop_that_was_never_there_is_placed_anew() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.unknown("a2")
    assert rig.failed("a2") == ["a3 stop_loss sell 100 stop 98.00"]


@pytest.mark.covers("A152")
@pytest.mark.parametrize("block", ["halt", "reduce", "breaker"])
def test_exits_and_stops_pass_every_halt(block: str) -> None:
    rig = Rig()
    script = held(rig)
    if block == "breaker":
        rig.state.breaker.reason = "tripped"
    else:
        rig.operator(block)
    script.new_stop = Decimal("99")
    assert rig.bar("100") == ["replace a2 by a2-r1: 100 stop 99.00"]
    rig.replaced("a2", "a2-r1")
    script.leave = True
    assert rig.bar("100") == ["a3 exit_market sell 100 market"]


def test_a_position_without_any_stop_is_a_breach_that_strict_mode_raises_and_live_mends() -> None:
    rig = Rig(strict=False)
    held(rig)
    holding = rig.holding()
    holding.stop_raw = 0
    holding.protection = "planned"
    assert rig.engine.protection.breach(holding) == ""
    holding.stop_order = None
    assert rig.engine.protection.breach(holding).startswith("100 of 100 AAPL have no stop")


def test_what_turned_a_position_over_is_closed_by_what_the_venue_lacks_after_it() -> None:
    """While a person holds the other side; the two units too many are on that person's side now, so nothing is lacking."""
    rig = Rig()
    held(rig, "short")
    rig.fill("hand", 50, "100")
    assert rig.state.by_symbol["AAPL"].shortfall == 50
    (sell,) = [line for line in rig.fill("a2", 102, "102") if "exit_market" in line]
    assert sell.endswith("sell 2 market")
    assert rig.state.orders[sell.split()[0]].request.reduce_only
    assert rig.state.by_symbol["AAPL"].shortfall == 0
