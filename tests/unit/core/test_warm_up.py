"""Catching up on the past: figures follow it, nothing is asked, nothing is done."""

from __future__ import annotations

from typing import Any

import pytest
from engine_rig import DAY, START, Rig, Script, settings

from algotrader.core.algorithm_style import AlgorithmHooks, AlgorithmSlot
from algotrader.core.events import ScheduledTrigger, Warmup
from algotrader.core.indicators import SMA
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.core.signal_hooks import Scanner
from algotrader.core.state import DayStats


class Listening(Script):
    """Counts how often it is asked, and whether it wants in all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def should_long(self, bar: Bar, indicators: Any) -> object:
        self.asked += 1
        return True


def _listening(rig: Rig, **changes: Any) -> tuple[Listening, SMA]:
    script, average = Listening(), SMA(3)
    script.size, script.stop = 10, 90
    rig.engine.add_signal_strategy("s", script, settings(**changes), {"average": average}, "AAPL")
    return script, average


@pytest.mark.covers("A92", "A67")
def test_no_strategy_is_asked_while_the_past_is_caught_up_on() -> None:
    rig = Rig()
    script, average = _listening(rig)
    rig.tell(Warmup(rig.now))
    assert [rig.bar(price) for price in ("100", "101", "102")] == [[], [], []]
    assert script.asked == 0
    assert (average.warm, average.value) == (True, 101.0)
    assert rig.state.by_symbol["AAPL"].last_raw == 1_020_000
    rig.tell(Warmup(rig.now, False))
    assert rig.bar("103") == ["a1 entry buy 10 market"]


@pytest.mark.covers("A71")
def test_a_live_bar_that_repeats_the_last_one_of_the_past_is_dropped() -> None:
    rig = Rig()
    script, _ = _listening(rig)
    rig.tell(Warmup(rig.now))
    rig.bar("100")
    rig.tell(Warmup(rig.now, False))
    rig.minute -= 1
    assert rig.bar("100") == []
    assert (script.asked, rig.told("bar_dropped")) == (0, ["bar is not newer than the last one"])


def test_bars_of_the_past_touch_neither_orders_nor_stops() -> None:
    rig = Rig()
    script = rig.strategy(time_stop_bars=2)
    rig.hold(script)
    rig.ack("a2")
    script.new_stop, script.leave = 99, True
    rig.tell(Warmup(rig.now))
    assert [rig.bar("100") for _ in range(5)] == [[]] * 5
    assert (rig.holding().stop_raw, rig.slot().position_bars) == (980_000, 0)
    rig.tell(Warmup(rig.now, False))
    assert rig.bar("100")[0] == "replace a2 by a2-r1: 100 stop 99.00"


def test_fills_that_come_meanwhile_get_their_stop_as_always() -> None:
    rig = Rig()
    rig.enter(rig.strategy())
    rig.ack("a1")
    rig.tell(Warmup(rig.now))
    assert rig.fill("a1", 100, "100") == ["a2 stop_loss sell 100 stop 98.00"]


@pytest.mark.parametrize("warm", [True, False])
def test_the_breaker_is_reset_by_a_live_open_only(warm: bool) -> None:
    rig = Rig()
    rig.strategy()
    rig.state.breaker.reason = "enough"
    if warm:
        rig.tell(Warmup(rig.now))
    rig.phase("session_open")
    assert rig.state.breaker.tripped is warm
    assert rig.state.by_symbol["AAPL"].session is DAY


def test_a_strategy_that_a_person_disabled_stays_so() -> None:
    rig = Rig()
    script, _ = _listening(rig)
    rig.operator("disable", owner="s")
    rig.tell(Warmup(rig.now))
    rig.bar()
    rig.tell(Warmup(rig.now, False))
    assert rig.bar() == []
    assert (rig.slot().enabled, script.asked) == (False, 0)


def test_a_window_of_the_past_is_not_given_up_before_its_bars_are_in() -> None:
    rig = Rig()
    script = Listening()
    script.size, script.stop = 10, 90
    slot = rig.engine.add_signal_strategy("s", script, settings(interval_minutes=2), {}, "AAPL")
    rig.tell(Warmup(START + 60 * NS_PER_MINUTE))
    rig.phase("session_open")
    for _ in range(3):
        rig.bar()
        assert rig.engine.next_deadline() == 0
    assert slot.bars == 1
    rig.tell(Warmup(rig.now, False))
    rig.timer()
    assert (slot.bars, rig.engine.streams.incomplete()) == (2, 1)


class Never(Scanner):
    """Admits nothing, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def admits(self, symbol: str, day: DayStats) -> object:
        self.asked += 1
        return False


def test_day_statistics_follow_the_past_and_no_scanner_is_asked() -> None:
    rig = Rig()
    scanner = Never()
    rig.engine.add_signal_strategy("s", Listening(), settings(), {}, "AAPL", scanner)
    rig.tell(Warmup(rig.now))
    rig.phase("session_open")
    rig.bar("100")
    rig.bar("102")
    rig.phase("session_close")
    rig.phase("session_open")
    day = rig.state.by_symbol["AAPL"].day
    assert day is not None
    assert (day.previous_close_raw, list(day.volumes), scanner.asked) == (1_020_000, [2000], 0)


class Diary(AlgorithmHooks):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def on_phase(self, event: ScheduledTrigger) -> None:
        self.heard.append(event.trigger_type)

    def on_late_start(self, event: ScheduledTrigger, now: int) -> None:
        self.heard.append("late")

    def on_bars(self, now: int) -> None:
        self.heard.append("bars")


@pytest.mark.parametrize(("phases", "heard"), [(["session_open"], ["late"]), (["session_open", "session_close"], []), ([], [])])
def test_an_algorithm_hears_of_a_day_that_is_under_way_and_not_of_past_bars(phases: list[str], heard: list[str]) -> None:
    rig = Rig()
    diary = Diary()
    slot: AlgorithmSlot = rig.engine.add_algorithm("d", diary, ["AAPL"], 1, "none")
    rig.tell(Warmup(rig.now))
    for phase in phases:
        rig.phase(phase)
        rig.bar()
    assert diary.heard == []
    rig.tell(Warmup(rig.now, False))
    assert diary.heard == heard
    rig.bar()
    assert diary.heard == [*heard, "bars"]
    assert slot.feed_of(rig.state.by_symbol["AAPL"]).close_raw == 1_000_000
