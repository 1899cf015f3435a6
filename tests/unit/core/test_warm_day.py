"""A day that begins while the engine catches up on the past: what its open has to bring comes when the past is over."""

from __future__ import annotations

import pytest
from engine_rig import DAY, START, Rig

from algotrader.core import reports
from algotrader.core.events import ScheduledTrigger, Warmup
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, Session

NEXT = Session("XNYS", "2025-11-27", START + NS_PER_DAY, START + NS_PER_DAY + 390 * NS_PER_MINUTE)


def overnight() -> Rig:
    """A position that should have been closed and was not, and a breaker that has tripped."""
    rig = Rig()
    script = rig.strategy(closes_at_end=True)
    rig.hold(script)
    rig.ack("a2")
    rig.phase("session_open", DAY)
    rig.phase("session_close", DAY)
    rig.state.breaker.reason = "a bad day"
    rig.tell(Warmup(NEXT.open_time + NS_PER_MINUTE, True))
    return rig


@pytest.mark.covers("A180")
def test_what_was_left_over_is_sold_and_the_breaker_starts_anew() -> None:
    rig = overnight()
    assert rig.holding().exit_at_open
    assert rig.tell(ScheduledTrigger(NEXT.open_time, "session_open", NEXT.open_time, NEXT)) == []
    commands = rig.tell(Warmup(NEXT.open_time + 2 * NS_PER_MINUTE, False))
    assert [command.split()[1:4] for command in commands if "exit" in command] == [["exit_market", "sell", "100"]]
    assert not rig.state.breaker.tripped
    assert rig.state.breaker.start_equity == rig.state.equity()


def test_a_day_that_is_over_by_then_begins_nothing() -> None:
    rig = overnight()
    for name, moment in (("session_open", NEXT.open_time), ("session_close", NEXT.close_time)):
        rig.tell(ScheduledTrigger(moment, name, moment, NEXT))
    assert rig.tell(Warmup(NEXT.close_time + NS_PER_MINUTE, False)) == []
    assert rig.holding().exit_at_open
    assert rig.state.breaker.tripped


def test_a_warm_up_without_an_open_leaves_the_day_as_it_is() -> None:
    rig = overnight()
    assert rig.tell(Warmup(NEXT.open_time + 2 * NS_PER_MINUTE, False)) == []
    assert rig.state.breaker.tripped


@pytest.mark.covers("A112")
def test_what_a_close_in_our_absence_leaves_over_is_told_and_sold_at_the_next_open() -> None:
    rig = Rig()
    rig.hold(rig.strategy(closes_at_end=True))
    rig.ack("a2")
    rig.phase("session_open", DAY)
    rig.tell(Warmup(DAY.close_time + NS_PER_MINUTE, True))
    rig.tell(ScheduledTrigger(DAY.close_time, "session_close", DAY.close_time, DAY))
    assert not [report for report in rig.reports if report.kind == reports.NOT_FLAT]
    rig.tell(Warmup(DAY.close_time + 2 * NS_PER_MINUTE, False))
    assert rig.holding().exit_at_open
    told = [report for report in rig.reports if report.kind == reports.NOT_FLAT]
    assert [(report.symbol, report.level) for report in told] == [("AAPL", reports.CRITICAL)]
    commands = rig.tell(ScheduledTrigger(NEXT.open_time, "session_open", NEXT.open_time, NEXT))
    assert [command.split()[1:4] for command in commands if "exit" in command] == [["exit_market", "sell", "100"]]
