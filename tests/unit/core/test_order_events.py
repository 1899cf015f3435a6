"""What a venue says about orders: nothing is dropped, nothing counts twice, nothing raises."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_rig import Rig, Script

from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import from_money


def working(rig: Rig) -> Script:
    """An entry for 100 that works as ``a1``; a strategy that keeps out of the way otherwise."""
    script = rig.strategy(protection="none")
    rig.enter(script, stop=None, price=Decimal("99"))
    rig.ack("a1")
    return script


def profits(rig: Rig) -> list[str]:
    """Profits of all round trips."""
    return [str(trip.pnl) for trip in rig.state.ledger.trips]


def cash(rig: Rig) -> Decimal:
    """Cash gained or lost since the deposit."""
    return from_money(rig.state.total_cash()) - 1_000_000


# States


@pytest.mark.covers("A29", "A144", "A145", "A146", "A147")
@pytest.mark.parametrize(
    ("story", "state"),
    [
        ("submitted", "submitted 0/100"),
        ("submitted ack", "accepted 0/100"),
        ("ack submitted", "accepted 0/100"),
        ("ack fill:40", "partially_filled 40/100"),
        ("fill:40 ack", "partially_filled 40/100"),
        ("ack fill:40 fill:60", "filled 100/100"),
        ("ack fill:40 cancelled", "canceled 40/100"),
        ("ack expired", "expired 0/100"),
        ("ack fill:40 expired", "expired 40/100"),
        ("submitted reject", "rejected 0/100"),
        ("ack reject", "rejected 0/100"),
        ("failed", "submit_failed 0/100"),
        ("unknown", "unknown 0/100"),
        ("unknown submitted", "unknown 0/100"),
        ("unknown ack", "accepted 0/100"),
        ("unknown fill:40", "partially_filled 40/100"),
        ("unknown failed", "submit_failed 0/100"),
        ("unknown cancelled", "canceled 0/100"),
        ("ack fill:40 unknown ack", "partially_filled 40/100"),
        ("cancelled", "canceled 0/100"),
        ("ack cancelled fill:40", "canceled 40/100"),
        ("reject fill:100", "filled 100/100"),
        ("ack fill:100 cancelled", "filled 100/100"),
        ("ack fill:100 unknown", "filled 100/100"),
        ("ack fill:110", "filled 110/100"),
        ("ack failed", "accepted 0/100"),
        ("ack cancelled cancelled ack", "canceled 0/100"),
    ],
)
def test_what_becomes_of_an_order(story: str, state: str) -> None:
    rig = Rig()
    rig.enter(rig.strategy(protection="none"), stop=None)
    for word in story.split():
        name, _, quantity = word.partition(":")
        if quantity:
            rig.fill("a1", int(quantity), "100")
        else:
            getattr(rig, name)("a1")
    assert rig.order("a1") == state
    assert rig.holding().quantity_raw == rig.state.orders["a1"].filled_raw


@pytest.mark.covers("A148")
@pytest.mark.parametrize(
    ("story", "told"),
    [
        (["cancelled"], "canceled after pending_submit"),
        (["ack", "cancelled", "expired"], "expired after canceled"),
        (["ack", "failed"], "sent again in vain"),
    ],
)
def test_what_was_not_to_be_expected_is_told(story: list[str], told: str) -> None:
    rig = Rig()
    rig.enter(rig.strategy(protection="none"), stop=None)
    for word in story:
        getattr(rig, word)("a1")
    assert told in rig.told("unexpected_order_event")[-1]


def test_a_late_fill_is_booked_and_told() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.ack("a1")
    rig.cancelled("a1")
    assert rig.fill("a1", 100, "100", fill_id="late") == ["a2 stop_loss sell 100 stop 98.00"]
    assert rig.told("late_fill") == ["fill late after canceled"]


def test_a_fill_reported_twice_counts_once_even_after_its_bust() -> None:
    rig = Rig()
    working(rig)
    for _ in range(3):
        rig.fill("a1", 40, "99", fill_id="x")
    assert rig.order("a1") == "partially_filled 40/100"
    rig.bust("a1", "x")
    rig.fill("a1", 40, "99", fill_id="x")
    assert (rig.order("a1"), rig.holding().quantity_raw) == ("accepted 0/100", 0)
    assert cash(rig) == 0


# Unknown fate


@pytest.mark.parametrize(
    ("answer", "counted"),
    [("ack", 0), ("cancelled", 0), ("failed", 1), ("reject", 0), ("expired", 0), ("submitted", 1), ("no_cancel", 1)],
)
def test_only_a_positive_answer_settles_an_unknown_order(answer: str, counted: int) -> None:
    rig = Rig()
    working(rig)
    rig.unknown("a1")
    rig.unknown("a1")
    getattr(rig, answer)("a1")
    assert rig.slot().track.unknown_orders == counted


def test_a_fill_says_that_the_order_was_there_not_what_became_of_its_cancel() -> None:
    rig = Rig()
    script = working(rig)
    script.give_up = True
    assert rig.bar("100") == ["cancel a1"]
    rig.unknown("a1")
    rig.fill("a1", 40, "99")
    assert rig.order("a1") == "unknown 40/100"
    assert rig.ack("a1") == ["cancel a1"]


def test_a_duplicate_id_means_that_the_venue_has_it() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.reject("a1", "duplicate_id")
    assert rig.order("a1") == "unknown 0/100"
    rig.ack("a1")
    rig.reject("a1", "duplicate_id")
    assert rig.order("a1") == "accepted 0/100"


def test_what_works_after_all_is_called_back() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.failed("a1")
    assert rig.ack("a1") == ["cancel a1"]
    assert "works at the venue after submit_failed" in rig.told("unexpected_order_event")[0]


# One request at a time


def test_a_cancel_waits_for_the_acknowledgement() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    assert rig.operator("halt") == []
    assert rig.submitted("a1") == []
    assert rig.ack("a1") == ["cancel a1"]


def test_a_cancel_waits_for_the_answer_to_a_change() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    script.new_stop = Decimal(99)
    rig.bar("100")
    rig.fill("a1", 5, "100")
    assert rig.state.orders["a2"].wish_quantity == 105
    rig.cancelled("a1")
    rig.engine.desk.cancel(rig.state.orders["a2"])
    assert rig.commands() == []
    assert rig.replaced("a2", "a2-r1") == ["cancel a2-r1"]


# The chain of replacements


def changed(rig: Rig) -> None:
    """A stop for 100 with a change to 99.00 on its way as ``a2-r1``."""
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    script.new_stop = Decimal(99)
    assert rig.bar("100") == ["replace a2 by a2-r1: 100 stop 99.00"]
    script.new_stop = None


@pytest.mark.parametrize("new_leg", ["replaced", "ack", "fill"])
def test_a_replacement_takes_over_with_whatever_shows_that_it_works(new_leg: str) -> None:
    rig = Rig()
    changed(rig)
    if new_leg == "replaced":
        rig.replaced("a2", "a2-r1")
    elif new_leg == "ack":
        rig.ack("a2-r1")
    else:
        rig.fill("a2-r1", 10, "99")
    order = rig.state.orders["a2"]
    assert (order.working_leg.leg_id, order.stop_raw, order.pending_leg) == ("a2-r1", 990_000, None)


def test_the_old_leg_fills_while_its_replacement_is_on_its_way() -> None:
    rig = Rig()
    changed(rig)
    assert rig.fill("a2", 100, "98") == []
    assert rig.no_replace("a2-r1", "too_late") == []
    assert (rig.order("a2"), rig.holding().quantity_raw) == ("filled 100/100", 0)


def test_a_replacement_that_appears_after_the_old_leg_filled_is_called_back() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script)
    rig.ack("a1")
    rig.fill("a1", 40, "100")
    rig.ack("a2")
    assert rig.fill("a1", 60, "100") == ["replace a2 by a2-r1: 100 stop 98.00"]
    assert rig.fill("a2", 40, "98") == ["a3 exit_market sell 60 market"]
    assert rig.replaced("a2", "a2-r1") == ["cancel a2-r1"]


def test_the_new_leg_refused_and_the_old_one_gone_starts_protection_again() -> None:
    rig = Rig()
    changed(rig)
    assert rig.cancelled("a2") == []
    assert rig.no_replace("a2-r1") == ["a3 stop_loss sell 100 stop 99.00"]


def test_some_venues_end_the_old_leg_before_they_confirm_the_new_one() -> None:
    rig = Rig()
    changed(rig)
    rig.cancelled("a2")
    assert rig.ack("a2-r1") == []
    assert rig.order("a2") == "accepted 0/100"


def test_a_late_fill_of_the_old_leg_is_the_orders_fill() -> None:
    rig = Rig()
    changed(rig)
    rig.replaced("a2", "a2-r1")
    rig.fill("a2", 30, "98")
    assert rig.order("a2") == "partially_filled 30/100"
    assert rig.cancelled("a2") == []
    assert rig.order("a2") == "partially_filled 30/100"


def test_a_change_of_unknown_fate_is_asked_for_again_once_the_old_leg_is_confirmed() -> None:
    rig = Rig()
    changed(rig)
    rig.unknown("a2")
    assert rig.ack("a2") == ["replace a2 by a2-r2: 100 stop 99.00"]
    assert rig.ack("a2-r1") == []
    assert rig.state.orders["a2"].working_leg.leg_id == "a2-r1"


def test_a_replacement_nobody_asked_for_is_followed() -> None:
    rig = Rig()
    changed(rig)
    rig.replaced("a2", "a2-r1")
    rig.replaced("a2-r1", "venue-made")
    rig.fill("venue-made", 100, "99")
    assert rig.order("a2") == "filled 100/100"


def test_the_refusal_of_one_change_does_not_hit_the_next() -> None:
    rig = Rig()
    changed(rig)
    rig.no_replace("a2-r1")
    rig.slot().hooks.new_stop = Decimal(99)  # type: ignore[attr-defined]
    rig.bar("100")
    rig.no_replace("a2-r1")
    pending = rig.state.orders["a2"].pending_leg
    assert pending is not None
    assert pending.leg_id == "a2-r2"


# Executions taken back


def test_a_bust_of_the_entry_takes_the_stop_along() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.ack("a2")
    assert rig.bust("a1", "f1") == ["cancel a2"]
    assert (rig.holding().quantity_raw, rig.order("a1")) == (0, "canceled 0/100")
    assert cash(rig) == 0


def test_a_bust_of_the_exit_brings_the_position_back_with_its_stop() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    script.new_stop = Decimal(99)
    rig.bar("100")
    rig.replaced("a2", "a2-r1")
    script.new_stop = None
    rig.fill("a2-r1", 100, "99")
    rig.bar("100")
    assert profits(rig) == ["-100.00"]
    assert rig.bust("a2", "f2") == ["a3 stop_loss sell 100 stop 99.00"]
    assert profits(rig) == []
    assert len(rig.told("trade_revised")) == 1


def test_a_bust_that_turns_the_position_over_closes_it() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script)
    rig.fill("a1", 60, "100", fill_id="x")
    rig.fill("a1", 40, "100")
    rig.ack("a2")
    rig.replaced("a2", "a2-r1")
    rig.fill("a2-r1", 100, "98")
    commands = rig.bust("a1", "x")
    assert [line for line in commands if "exit" in line] == ["a4 exit_market buy 60 market"]


def test_a_correction_changes_price_quantity_and_cash() -> None:
    rig = Rig()
    rig.hold(rig.strategy())
    rig.ack("a2")
    assert rig.correct("a1", "f1", 90, "101", "2") == ["replace a2 by a2-r1: 90 stop 98.00"]
    assert cash(rig) == -9092
    assert rig.order("a1") == "canceled 90/100"


@pytest.mark.parametrize("what", ["bust", "correct"])
def test_what_is_not_known_cannot_be_taken_back_and_is_told(what: str) -> None:
    rig = Rig()
    working(rig)
    if what == "bust":
        rig.bust("a1", "nothing")
    else:
        rig.correct("a1", "nothing", 5, "100")
    assert "fill nothing is not known" in rig.told("unexpected_order_event")[0]


# Executions inferred and then found


@pytest.mark.parametrize(
    ("real", "quantity", "cash_after"),
    [
        ([(100, "99")], 100, "-9900"),
        ([(60, "99"), (40, "98")], 100, "-9860"),
        ([(60, "99")], 100, "-9980"),
        ([(110, "99")], 110, "-10890"),
        ([], 100, "-10040"),
    ],
)
def test_a_real_execution_takes_the_place_of_the_inferred_one(real: list[tuple[int, str]], quantity: int, cash_after: str) -> None:
    rig = Rig()
    working(rig)
    rig.fill("a1", 60, "100", provisional=True)
    rig.fill("a1", 40, "101", provisional=True)
    for size, price in real:
        rig.fill("a1", size, price)
    assert rig.holding().quantity_raw == quantity
    assert rig.state.orders["a1"].filled_raw == quantity
    assert cash(rig) == Decimal(cash_after)


def test_the_loss_of_an_inferred_exit_counts_once() -> None:
    rig = Rig(policy=RiskPolicy(consecutive_loss_pause=2, max_position=Decimal(1)))
    script = rig.strategy()
    rig.hold(script, quantity=10)
    rig.ack("a2")
    rig.fill("a2", 10, "98", provisional=True)
    rig.fill("a2", 10, "97.9")
    assert profits(rig) == ["-21.00"]
    assert rig.state.breaker.losses_in_row == 1
    assert from_money(rig.state.breaker.realized) == -21
    assert not rig.state.breaker.tripped


# The daily breaker


def test_a_bust_of_the_loss_that_tripped_the_breaker_resets_it() -> None:
    rig = Rig(policy=RiskPolicy(consecutive_loss_pause=1, max_position=Decimal(1), breaker_for_all=True))
    rig.hold(rig.strategy(), quantity=10)
    rig.fill("a2", 10, "98")
    assert rig.state.breaker.tripped
    rig.bust("a2", "f2")
    assert not rig.state.breaker.tripped
    assert rig.told("circuit_breaker_reset") == ["the losses that tripped it have been taken back"]


@pytest.mark.covers("A137")
def test_a_tripping_breaker_cancels_all_pending_entries() -> None:
    rig = Rig(policy=RiskPolicy(consecutive_loss_pause=1, max_position=Decimal(1), breaker_for_all=True))
    one, two = rig.strategy("one"), rig.strategy("two", "MSFT")
    rig.bar("100", "MSFT")
    two.entry, two.size, two.stop, two.price = "long", 10, 97, Decimal(99)
    assert rig.bar("100", "MSFT") == ["a1 entry buy 10 MSFT limit at 99.00"]
    rig.ack("a1")
    one.entry, one.size, one.stop = "long", 10, 98
    rig.bar("100")
    rig.ack("a2")
    rig.fill("a2", 10, "100")
    rig.ack("a3")
    assert rig.fill("a3", 10, "98") == ["cancel a1"]
    assert rig.told("circuit_breaker_tripped") == ["1 losing round trips in a row"]


# Other people's orders


def test_a_fill_of_an_unknown_order_goes_to_external_and_blocks_entries() -> None:
    rig = Rig()
    script = rig.strategy()
    assert rig.fill("hand", 50, "100", fill_id="x") == []
    rig.fill("hand", 50, "100", fill_id="x")
    holding = rig.state.holdings["external", 0]
    assert (holding.quantity_raw, rig.holding().quantity_raw) == (50, 0)
    assert cash(rig) == -5000
    assert rig.enter(script) == []
    assert rig.denials() == ["external_position"]
    rig.bust("hand", "x")
    assert holding.quantity_raw == 0
    assert cash(rig) == 0


@pytest.mark.covers("A134")
@pytest.mark.parametrize(
    "what", ["ack", "cancelled", "reject", "expired", "unknown", "no_replace", "no_cancel", "failed", "submitted"]
)
def test_other_news_of_unknown_orders_is_told(what: str) -> None:
    rig = Rig()
    rig.strategy()
    assert getattr(rig, what)("hand") == []
    assert "hand" in rig.told("unknown_order_update")[0]


# What the strategy hears


@pytest.mark.covers("A136", "A138")
@pytest.mark.parametrize("ending", ["reject", "cancelled", "expired", "failed"])
def test_after_an_entry_that_came_to_nothing_the_symbol_can_be_traded_again(ending: str) -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script)
    getattr(rig, ending)("a1")
    assert not rig.holding().occupied
    assert rig.enter(script) == ["a2 entry buy 100 market"]


@pytest.mark.covers("B13", "B15", "A136")
def test_a_round_trip_is_reported_counted_and_told_to_the_strategy() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    rig.fill("a2", 100, "98", commission="1")
    assert rig.told("trade_closed") == ["stop_loss: -201.00"]
    assert from_money(rig.state.breaker.realized) == -201
    assert script.closed == 1
    assert rig.holding().stop_raw == 0
