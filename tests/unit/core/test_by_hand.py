"""A person sells a part of one position or tightens its stop: what the engine sends, and what it refuses with a sentence."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from engine_rig import AAPL, MSFT, Rig, Script, raw

from algotrader.core.algorithm_style import AlgorithmHooks
from algotrader.core.by_hand import stop_on_tick
from algotrader.core.events import ExternalPosition, OperatorCommand
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities
from algotrader.core.orders import OrderType
from algotrader.storage.codec import decode_event, encode_event

REFUSED = "position_command_refused"


def held(rig: Rig, side: str = "long", owner: str = "s", **more: str) -> Script:
    """A position of 100 at 100 whose stop, two points away, works."""
    script = rig.strategy(owner)
    stop = more.pop("stop", "98" if side == "long" else "102")
    entry = rig.enter(script, side, stop=stop)[0].split()[0]
    rig.ack(entry)
    rest = rig.fill(entry, 100, "100")
    rig.ack(rest[0].split()[0] if rest else f"{entry}-sl")
    return script


@pytest.mark.parametrize(("side", "sells"), [("long", "sell"), ("short", "buy")])
def test_a_part_is_closed_and_the_stop_keeps_the_rest(side: str, sells: str) -> None:
    rig = Rig()
    held(rig, side)
    stop = "98.00" if side == "long" else "102.00"
    assert rig.operator("reduce_position", "AAPL", quantity=40) == [f"a3 exit_market {sells} 40 market"]
    rig.ack("a3")
    assert rig.fill("a3", 40, "100") == [f"replace a2 by a2-r1: 60 stop {stop}"]
    rig.replaced("a2", "a2-r1")
    assert abs(rig.holding().quantity_raw) == 60
    assert rig.holding().exit_quantity_raw == 0
    assert rig.told("reduction_asked") == ["by 40 of 100 (Ada: a drill)"]


def test_where_a_stop_reserves_the_holding_it_gives_way_first() -> None:
    rig = Rig(ALPACA_LIKE)
    held(rig)
    assert rig.operator("reduce_position", "AAPL", quantity=40) == ["replace a1-sl by a1-sl-r1: 60 stop 98.00"]
    assert rig.replaced("a1-sl", "a1-sl-r1") == ["a2 exit_market sell 40 market"]
    rig.ack("a2")
    assert rig.fill("a2", 40, "100") == []
    assert rig.order("a1-sl") == "accepted 0/60"


def test_all_of_it_is_a_close() -> None:
    rig = Rig()
    held(rig)
    assert rig.operator("reduce_position", "AAPL", quantity=100) == ["a3 exit_market sell 100 market"]
    assert rig.holding().leaving


def test_a_second_wish_waits_for_the_first_so_that_a_second_click_sells_nothing() -> None:
    rig = Rig()
    held(rig)
    rig.operator("reduce_position", "AAPL", quantity=40)
    assert rig.operator("reduce_position", "AAPL", quantity=40) == []
    assert rig.operator("restop", "AAPL", stop="99") == []
    assert rig.told(REFUSED) == [
        "not reduced: 40 AAPL are being closed already; wait for that to end",
        "stop not moved: 40 AAPL are being closed already; wait for that to end",
    ]


@pytest.mark.parametrize("capabilities", [GENERIC, ALPACA_LIKE])
def test_an_exit_of_everything_overtakes_a_part(capabilities: VenueCapabilities) -> None:
    rig = Rig(capabilities)
    held(rig)
    rig.operator("reduce_position", "AAPL", quantity=40)
    rig.operator("close", "AAPL")
    assert (rig.holding().exit_quantity_raw, rig.holding().leaving) == (100, True)


@pytest.mark.parametrize("end", ["closed", "expired"])
def test_a_part_that_the_venue_does_not_take_leaves_the_position_under_its_stop(end: str) -> None:
    """At the next open nothing is sold: the person may want something else by then."""
    rig = Rig(ALPACA_LIKE)
    held(rig)
    rig.operator("reduce_position", "AAPL", quantity=40)
    rig.replaced("a1-sl", "a1-sl-r1")
    after = rig.reject("a2", "market_closed") if end == "closed" else (rig.ack("a2"), rig.expired("a2"))[1]
    assert after == ["replace a1-sl-r1 by a1-sl-r2: 100 stop 98.00"]
    rig.replaced("a1-sl-r1", "a1-sl-r2")
    assert rig.phase("session_open") == []
    assert rig.holding().exit_quantity_raw == 0


def test_a_stop_that_cannot_work_while_a_part_is_sold_closes_all_of_it() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.operator("reduce_position", "AAPL", quantity=40)
    rig.ack("a3")
    rig.reject("a2", "through_market")
    assert rig.holding().exit_quantity_raw == 100
    assert rig.fill("a3", 40, "100") == ["a4 exit_market sell 60 market"]


def test_what_an_algorithm_waits_for_is_cancelled_so_that_nothing_is_sold_twice() -> None:
    rig = Rig()
    slot = rig.engine.add_algorithm("d", AlgorithmHooks(), ["AAPL"], 1, "none")
    rig.bar()
    track = rig.state.by_symbol["AAPL"]
    slot.order(track, 100, OrderType.MARKET, 0, 0, 0, None)
    rig.commands()
    rig.ack("a1")
    rig.fill("a1", 100, "100")
    slot.order(track, -100, OrderType.LIMIT, raw("110"), 0, 0, None)
    rig.commands()
    rig.ack("a2")
    assert rig.operator("reduce_position", "AAPL", quantity=40) == ["cancel a2", "a3 exit_market sell 40 market"]


@pytest.mark.parametrize("action", ["flatten", "close", "emergency", "reduce_position"])
def test_a_target_that_an_algorithm_waits_for_does_not_buy_again_what_a_person_closes(action: str) -> None:
    rig = Rig()
    slot = rig.engine.add_algorithm("d", AlgorithmHooks(), ["AAPL"], 1, "none")
    rig.bar()
    track = rig.state.by_symbol["AAPL"]
    slot.order(track, 100, OrderType.MARKET, 0, 0, 0, None)
    rig.commands()
    rig.ack("a1")
    rig.fill("a1", 100, "100")
    slot.order(track, 20, OrderType.LIMIT, raw("90"), 0, 0, None)
    rig.commands()
    rig.ack("a2")
    # It wants 50 in all, and cancels the order that is in the way first.
    slot.order_target(track, 50, OrderType.MARKET, 0, 0)
    assert rig.commands() == ["cancel a2"]
    rig.operator(action, "AAPL" if action != "emergency" else "", quantity=100 if action == "reduce_position" else 0)
    rig.cancelled("a2")
    rig.fill("a3", 100, "100")
    assert rig.state.live_orders == {}
    assert [holding.quantity_raw for holding in rig.state.holdings.values() if holding.quantity_raw] == []


FRACTIONS = replace(AAPL, quantity_scale=2, quantity_increment=50, min_quantity=100)


@pytest.mark.parametrize(
    ("quantity", "fault"),
    [
        (101, "101 are more than the 100 AAPL held"),
        (2**60, "1152921504606846976 are more than the 100 AAPL held"),
    ],
)
def test_never_more_than_is_held(quantity: int, fault: str) -> None:
    rig = Rig()
    held(rig)
    assert rig.operator("reduce_position", "AAPL", quantity=quantity) == []
    assert rig.told(REFUSED) == [f"not reduced: {fault}"]
    assert rig.holding().exit_quantity_raw == 0


@pytest.mark.parametrize(
    ("quantity", "fault"),
    [
        (149, "AAPL is traded in steps of 0.50"),
        (50, "no less than 1.00 AAPL can be traded"),
        (450, "the 0.50 AAPL left could not be traded any more; close all of it"),
        (150, ""),
        (400, ""),
        (500, ""),
    ],
)
def test_a_part_is_what_the_venue_trades_in(quantity: int, fault: str) -> None:
    rig = Rig(instruments=[FRACTIONS, MSFT])
    script = rig.strategy()
    script.entry, script.size, script.stop = "long", Decimal(5), Decimal(98)
    rig.bar("100")
    rig.ack("a1")
    rig.fill("a1", 500, "100")
    rig.operator("reduce_position", "AAPL", quantity=quantity)
    assert rig.told(REFUSED) == ([f"not reduced: {fault}"] if fault else [])


def test_a_person_cannot_sell_what_somebody_has_sold_already() -> None:
    rig = Rig()
    held(rig)
    rig.tell(ExternalPosition(rig.now, "AAPL", -70, raw("100")))
    rig.operator("reduce_position", "AAPL", quantity=31)
    assert rig.told(REFUSED) == ["not reduced: 31 are more than the 30 AAPL held"]


def test_with_several_holders_it_is_said_whose_or_refused() -> None:
    rig = Rig()
    held(rig, owner="one")
    held(rig, owner="two")
    assert rig.operator("reduce_position", "AAPL", quantity=10) == []
    assert rig.operator("restop", "AAPL", stop="99") == []
    assert rig.told(REFUSED)[0] == "not reduced: several hold AAPL: one, two; say whose position is meant"
    assert rig.operator("restop", "AAPL", stop="99", owner="two") == ["replace a4 by a4-r1: 100 stop 99.00"]
    assert rig.operator("reduce_position", "AAPL", quantity=10, owner="one") == ["a5 exit_market sell 10 market"]
    assert rig.operator("reduce_position", "AAPL", quantity=10, owner="three") == []
    assert rig.told(REFUSED)[-1] == "not reduced: there is no position of three in AAPL"


@pytest.mark.parametrize(
    ("mode", "reduces", "restops"), [("", False, False), ("protect", False, True), ("manage", True, True)], ids=str
)
def test_what_a_person_opened_is_touched_only_as_far_as_it_was_adopted(mode: str, reduces: bool, restops: bool) -> None:
    rig = Rig()
    rig.bar("100")
    rig.tell(ExternalPosition(rig.now, "AAPL", 50, raw("100")))
    if mode:
        (stop,) = rig.operator("adopt", "AAPL", mode=mode)
        rig.ack(stop.split()[0])
    assert bool(rig.operator("restop", "AAPL", stop="99.50")) is restops
    assert bool(rig.operator("reduce_position", "AAPL", quantity=20)) is reduces


@pytest.mark.parametrize(
    ("side", "asked", "moved"),
    [
        ("long", "99", "99.00"),
        ("long", "99.0199", "99.01"),
        ("short", "101", "101.00"),
        ("short", "100.9801", "100.99"),
    ],
)
def test_a_stop_is_tightened_to_the_tick_away_from_the_market(side: str, asked: str, moved: str) -> None:
    rig = Rig()
    held(rig, side)
    assert rig.operator("restop", "AAPL", stop=asked) == [f"replace a2 by a2-r1: 100 stop {moved}"]
    rig.replaced("a2", "a2-r1")
    assert rig.told("stop_moved") == [f"stop {'98.0000' if side == 'long' else '102.0000'} -> {moved}00"]


@pytest.mark.parametrize(
    ("side", "asked", "fault"),
    [
        ("long", "97.99", "97.9900 does not tighten the stop: it only moves towards the market, above 98.0000"),
        ("long", "98.0099", "98.0000 does not tighten the stop: it only moves towards the market, above 98.0000"),
        ("long", "100", "100.0000 is through the market: the stop must be below the last price of 100.0000"),
        ("long", "250", "250.0000 is through the market: the stop must be below the last price of 100.0000"),
        ("short", "102.01", "102.0100 does not tighten the stop: it only moves towards the market, below 102.0000"),
        ("short", "100", "100.0000 is through the market: the stop must be above the last price of 100.0000"),
        ("short", "99.9901", "100.0000 is through the market: the stop must be above the last price of 100.0000"),
    ],
)
def test_a_stop_is_neither_loosened_nor_put_through_the_market(side: str, asked: str, fault: str) -> None:
    rig = Rig()
    held(rig, side)
    before = rig.holding().stop_raw
    assert rig.operator("restop", "AAPL", stop=asked) == []
    assert rig.told(REFUSED) == [f"stop not moved: {fault}"]
    assert rig.holding().stop_raw == before
    assert rig.holding().exit_quantity_raw == 0, "unlike a strategy's, a person's slip does not close the position"


@pytest.mark.parametrize(("action", "told"), [("reduce_position", "not reduced"), ("restop", "stop not moved")])
def test_without_a_position_nothing_happens(action: str, told: str) -> None:
    rig = Rig()
    rig.strategy()
    rig.bar()
    assert rig.operator(action, "AAPL", quantity=1, stop="1") == []
    assert rig.operator(action, "XYZ", quantity=1, stop="1") == []
    assert rig.told(REFUSED) == [f"{told}: there is no position in {symbol}" for symbol in ("AAPL", "XYZ")]


def test_a_position_without_a_stop_can_be_given_one() -> None:
    rig = Rig()
    script = rig.strategy(protection="none")
    assert rig.hold(script, stop=None) == []
    assert rig.operator("restop", "AAPL", stop="95") == ["a2 stop_loss sell 100 stop 95.00"]


def test_rounding_never_moves_a_stop_towards_the_market() -> None:
    rig = Rig()
    held(rig)
    assert stop_on_tick(rig.holding(), raw("99.0199")) == raw("99.01")


def test_a_journal_of_before_is_read_and_one_of_now_keeps_everything() -> None:
    command = OperatorCommand(5, "restop", "Ada", "lock in", "AAPL", "s", stop_raw=991_200)
    assert decode_event(*encode_event(command), {}) == command
    kind, payload = encode_event(OperatorCommand(5, "close", "Ada", "enough", "AAPL"))
    fields = msgspec.msgpack.decode(payload)
    del fields["quantity_raw"], fields["stop_raw"]
    assert decode_event(kind, msgspec.msgpack.encode(fields), {}) == OperatorCommand(5, "close", "Ada", "enough", "AAPL")
