"""Slices: bars of one close time are decided on together; what comes late starts nothing."""

from __future__ import annotations

import pytest
from engine_rig import START, Rig, Script

from algotrader.core.events import CashMovement, ScheduledTrigger, SliceClosed
from algotrader.core.instruments import ALPACA_LIKE
from algotrader.core.market import NS_PER_MINUTE


def wishes(script: Script, side: str = "long", quantity: int = 10) -> None:
    """An entry with the next bar."""
    script.entry, script.size, script.stop = side, quantity, 98


def close(rig: Rig, minute: int) -> list[str]:
    """The slice of the bars that close at a minute ends."""
    return rig.tell(SliceClosed(START + minute * NS_PER_MINUTE))


@pytest.mark.covers("B13", "B15")
def test_nothing_is_decided_before_the_slice_closes() -> None:
    rig = Rig()
    script = rig.strategy()
    wishes(script)
    assert rig.bar("100", slice_=False) == []
    assert close(rig, 1) == ["a1 entry buy 10 market"]


def test_a_late_bar_counts_but_starts_no_entry() -> None:
    rig = Rig()
    one, two = rig.strategy("one"), rig.strategy("two", "MSFT")
    rig.bar("100")
    rig.minute = 0
    wishes(two)
    rig.feed("300", "MSFT")
    assert close(rig, 1) == []
    assert (rig.slot("two").bars, rig.state.by_symbol["MSFT"].last_raw) == (1, 3_000_000)
    rig.minute = 1
    wishes(one)
    assert rig.bar("100") == ["a1 entry buy 10 market"]


def test_a_late_bar_moves_stops_all_the_same() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.hold(script)
    rig.ack("a2")
    close(rig, 5)
    script.new_stop = 99
    rig.feed("100")
    assert rig.commands() == ["replace a2 by a2-r1: 100 stop 99.00"]


def test_a_late_bar_does_not_take_the_signals_of_the_open_slice_along() -> None:
    rig = Rig()
    one, two = rig.strategy("one"), rig.strategy("two", "MSFT")
    rig.bar("100")
    wishes(one)
    rig.bar("100", slice_=False)
    rig.minute = 0
    wishes(two)
    rig.feed("300", "MSFT")
    assert close(rig, 2) == ["a1 entry buy 10 market"]


def test_an_event_ahead_of_its_time_makes_no_bar_late() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.send(CashMovement(START + 10 * NS_PER_MINUTE))
    rig.bar("100")
    wishes(script)
    assert rig.bar("100") == ["a1 entry buy 10 market"]


def test_a_timer_at_the_close_of_a_bar_makes_it_not_late() -> None:
    rig = Rig(ALPACA_LIKE)
    script, other = rig.strategy(), rig.strategy("other", "MSFT")
    rig.enter(script, price=None)
    rig.ack("a1")
    rig.tell(CashMovement(START + 2 * NS_PER_MINUTE - 2 * 10**9))
    rig.fill("a1", 40, "100")
    due = START + 2 * NS_PER_MINUTE
    assert rig.engine.next_deadline() == due
    assert rig.tell(ScheduledTrigger(due, "timer", due)) == ["cancel a1"]
    wishes(other)
    assert rig.bar("100", "MSFT") == ["a2 entry buy 10 MSFT market with stop 98.00"]


@pytest.mark.covers("A99")
def test_a_second_entry_is_denied_when_an_older_one_fills_between_bar_and_slice() -> None:
    rig = Rig()
    script = rig.strategy()
    rig.enter(script)
    rig.ack("a1")
    rig.cancelled("a1")
    wishes(script)
    rig.bar("100", slice_=False)
    assert rig.fill("a1", 100, "100") == ["a2 stop_loss sell 100 stop 98.00"]
    assert close(rig, 2) == []
    assert rig.denials() == ["has_position"]


def test_strategies_of_one_slice_are_served_by_confidence_then_by_registration() -> None:
    rig = Rig()
    scripts = [rig.strategy(f"s{number}") for number in range(3)]
    for script, sure in zip(scripts, (0.2, 0.9, 0.2), strict=True):
        wishes(script)
        script.sure = sure
    rig.bar("100")
    owners = [rig.state.orders[f"a{number}"].owner for number in (1, 2, 3)]
    assert owners == ["s1", "s0", "s2"]


def test_engine_time_never_goes_back() -> None:
    rig = Rig()
    rig.send(CashMovement(START + 5))
    rig.send(CashMovement(START + 3))
    assert rig.state.now == START + 5
