"""Warming up: how much of the past is fetched, in which order the engine gets it, and what happens when it cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from engine_rig import Script as Strategy
from engine_rig import settings
from scripted_feed import MINUTE, ScriptedFeed, at, line, minute_bar

from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.events import Event
from algotrader.core.inbox_order import EventQueue
from algotrader.core.indicators import SMA
from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar
from algotrader.history.hours import Hours
from algotrader.live.clock import LoopClock
from algotrader.live.inbox import Inbox
from algotrader.live.needs import Need, needs_of, serves, start_of
from algotrader.live.warmup import WarmUp, WarmUpResult
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.venues.protocols import NotAllowed, NotSent, Refused, Throttled, Unanswered

DAY = "2024-03-05"
SYMBOLS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMD", "INTC", "IBM")


def engine_with(symbols: Sequence[str] = SYMBOLS[:2], **changes: Any) -> Engine:
    """An engine with a strategy on each symbol."""
    engine = Engine([Instrument(symbol) for symbol in symbols])
    for symbol in symbols:
        engine.add_signal_strategy("s", Strategy(), settings(**{"required_history": 30} | changes), {"sma": SMA(20)}, symbol)
    return engine


def all_minutes(symbol: str, days: Sequence[str]) -> list[Bar]:
    """Every minute of some sessions."""
    return [minute_bar(Instrument(symbol), at(f"{day} 14:30") + number * MINUTE) for day in days for number in range(390)]


class Stage:
    """An engine behind an inbox, and a source of the past."""

    def __init__(self, engine: Engine, start: str) -> None:
        self.engine = engine
        self.clock = LoopClock(at(start), asyncio.get_running_loop())
        self.source = ScriptedFeed()
        self.inbox = Inbox(self.clock, EventQueue())
        self.events: list[Event] = []
        self.told: list[tuple[str, str, str, str]] = []
        self.stop = asyncio.Event()

    def tell(self, *told: str) -> None:
        self.told.append(told)  # type: ignore[arg-type]

    async def consume(self) -> None:
        """Do as the session's consumer does."""
        while True:
            await self.inbox.wait()
            while (stamped := self.inbox.take()) is not None:
                self.events.append(stamped.event)
                self.engine.handle(stamped.event)

    async def warm_up(self) -> WarmUpResult:
        """Warm up to the end."""
        task = asyncio.create_task(self.consume())
        warm_up = WarmUp(self.source, self.clock, self.inbox.put, self.engine, self.inbox.drained, tell=self.tell)
        try:
            return await warm_up.run(self.stop)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def play(engine: Engine, start: str, script: Callable[[Stage], Awaitable[None]]) -> Stage:
    """Run a script on a stage."""

    async def main() -> Stage:
        stage = Stage(engine, start)
        await script(stage)
        return stage

    return run_virtually(main())


@pytest.mark.covers("A67", "A35")
def test_the_past_goes_through_engine_and_indicators_in_order_with_its_sessions() -> None:
    engine = engine_with()

    async def script(stage: Stage) -> None:
        stage.source.stored = all_minutes("MSFT", ["2024-03-04"]) + all_minutes("AAPL", ["2024-03-04", DAY])
        result = await stage.warm_up()
        assert result.completed
        assert result.delivered == {"XNYS": at(f"{DAY} 14:30")}

    stage = play(engine, f"{DAY} 14:40", script)
    lines = [line(event) for event in stage.events]
    assert lines[0] == "14:40:00 Warmup True"
    assert lines[-1] == "14:40:00 Warmup False"
    assert lines[1:4] == ["14:30:00 session_open 2024-03-04", "14:31:00 AAPL 14:31", "14:31:00 MSFT 14:31"]
    closes, opens = lines.index("21:00:00 session_close 2024-03-04"), lines.index("14:30:00 session_open 2024-03-05")
    assert lines[closes - 1] == "21:00:00 MSFT 21:00"
    assert opens == closes + 1
    assert lines[opens + 1 : -1] == [f"14:{minute}:00 AAPL 14:{minute}" for minute in range(31, 41)]
    times = [event.time for event in stage.events[1:-1]]
    assert times == sorted(times)
    assert [slot.indicators[0].warm for slot in engine.streams.of[0][0].signal_slots] == [True]
    assert not engine.take_commands()


def test_a_strategy_that_sees_a_signal_in_the_past_does_not_act_on_it() -> None:
    engine = Engine([Instrument("AAPL")])
    strategy = Strategy()
    strategy.entry, strategy.size, strategy.stop = "long", 10, 98
    engine.add_signal_strategy("s", strategy, settings(required_history=30), {}, "AAPL")

    async def script(stage: Stage) -> None:
        stage.source.stored = all_minutes("AAPL", ["2024-03-04"])
        await stage.warm_up()

    play(engine, f"{DAY} 14:40", script)
    assert engine.take_commands() == []


@pytest.mark.covers("A67", "A53")
def test_larger_bars_are_whole_after_warming_up() -> None:
    engine = engine_with(("AAPL",), interval_minutes=5, required_history=100)

    async def script(stage: Stage) -> None:
        stage.source.stored = all_minutes("AAPL", ["2024-03-01", "2024-03-04", DAY])
        await stage.warm_up()

    play(engine, f"{DAY} 14:43", script)
    assert engine.streams.incomplete() == 0
    slot = engine.streams.of[0][0].signal_slots[0]
    assert slot.bars == 78 * 2 + 2
    aggregator = engine.streams.of[0][0].aggregator
    assert aggregator is not None
    assert aggregator.parts == 3


@pytest.mark.covers("A68", "A72")
def test_five_symbols_are_fetched_at_a_time_and_durations_are_told() -> None:
    async def script(stage: Stage) -> None:
        stage.source.history_delay = 1.0
        for symbol in SYMBOLS:
            stage.source.stored += all_minutes(symbol, ["2024-03-04"])
        begin = stage.clock.now()
        await stage.warm_up()
        assert stage.source.most_under_way == 5
        assert stage.clock.now() - begin == 2 * 10**9

    told = play(engine_with(SYMBOLS), f"{DAY} 14:00", script).told
    assert ("warm_up", reports.INFO, "AAPL", "390 bars in 1.00 s") in told
    assert told[-1] == ("warm_up", reports.INFO, "", "2730 bars of 7 instruments in 2.00 s")


@pytest.mark.covers("A69", "C40")
def test_one_symbol_that_fails_is_a_warning_and_all_of_them_are_critical() -> None:
    async def one(stage: Stage) -> None:
        stage.source.stored = all_minutes("MSFT", ["2024-03-04"])
        stage.source.history_refusals = [Refused("no such instrument")]
        result = await stage.warm_up()
        assert (result.completed, list(result.failed), result.bars) == (True, ["AAPL"], {"MSFT": 390})

    async def every(stage: Stage) -> None:
        stage.source.history_refusals = [Refused("no such instrument")] * 2
        assert (await stage.warm_up()).completed

    levels = [level for _, level, _, _ in play(engine_with(), f"{DAY} 14:00", one).told]
    assert levels.count(reports.WARNING) == 1
    assert reports.CRITICAL not in levels
    levels = [level for _, level, _, _ in play(engine_with(), f"{DAY} 14:00", every).told]
    assert levels.count(reports.WARNING) == 2
    assert levels.count(reports.CRITICAL) == 1


@pytest.mark.covers("A171")
@pytest.mark.parametrize(
    ("errors", "comes", "takes"),
    [
        ([Unanswered("busy")] * 3, True, 6),
        ([NotSent("no socket"), Throttled("slow down", 7.0)], True, 9),
        ([Unanswered("busy")] * 4, False, 6),
        ([Refused("no such instrument")], False, 0),
        ([NotAllowed("keys")], False, 0),
    ],
)
def test_the_past_is_asked_for_again_where_that_may_help(errors: list[Exception], comes: bool, takes: float) -> None:
    async def script(stage: Stage) -> None:
        stage.source.stored = all_minutes("AAPL", ["2024-03-04"])
        stage.source.history_refusals = list(errors)
        began = stage.clock.now()
        result = await stage.warm_up()
        assert ("AAPL" in result.bars, "AAPL" in result.failed) == (comes, not comes)
        assert stage.clock.now() - began == takes * 10**9

    play(engine_with(("AAPL",)), f"{DAY} 14:00", script)


@pytest.mark.covers("A70")
@pytest.mark.parametrize("when", [0.0, 0.5, 1.5])
def test_a_stop_ends_the_warm_up_before_the_next_symbol(when: float) -> None:
    async def script(stage: Stage) -> None:
        stage.source.history_delay = 1.0
        for symbol in SYMBOLS:
            stage.source.stored += all_minutes(symbol, ["2024-03-04"])

        async def stop() -> None:
            await asyncio.sleep(when)
            stage.stop.set()

        task = asyncio.create_task(stop())
        begin = stage.clock.now()
        result = await stage.warm_up()
        assert not result.completed
        assert stage.clock.now() - begin == int(when * 1e9)
        assert len(stage.source.asked) == (5 if when < 1 else 7)
        await task
        assert len(asyncio.all_tasks()) == 1

    assert play(engine_with(SYMBOLS), f"{DAY} 14:00", script).events == []


@pytest.mark.covers("A72")
def test_no_strategy_needs_no_past() -> None:
    async def script(stage: Stage) -> None:
        result = await stage.warm_up()
        assert result.completed
        assert stage.source.asked == []

    stage = play(Engine([Instrument("AAPL")]), f"{DAY} 14:40", script)
    assert [line(event).split()[1] for event in stage.events] == ["Warmup", "session_open", "Warmup"]


@pytest.mark.covers("A62", "A71")
def test_after_a_restart_only_what_is_missing_is_fetched() -> None:
    engine = engine_with(("AAPL",))
    past = all_minutes("AAPL", ["2024-03-04", DAY])

    async def first(stage: Stage) -> None:
        stage.source.stored = past
        await stage.warm_up()

    async def second(stage: Stage) -> None:
        stage.source.stored = [*past, past[-1]]
        result = await stage.warm_up()
        assert stage.source.asked == [("AAPL", "14:40:00", "14:45:30")]
        assert result.bars == {"AAPL": 5}

    play(engine, f"{DAY} 14:40", first)
    stage = play(engine, f"{DAY} 14:45:30", second)
    assert [line(event) for event in stage.events[1:-1]] == [f"14:{minute}:00 AAPL 14:{minute}" for minute in range(41, 46)]


@pytest.mark.covers("A62")
def test_a_restart_on_the_next_day_closes_the_old_session_and_opens_the_new_one() -> None:
    engine = engine_with(("AAPL",))

    async def script(stage: Stage) -> None:
        stage.source.stored = all_minutes("AAPL", ["2024-03-04", DAY])
        await stage.warm_up()

    play(engine, "2024-03-04 20:59", script)
    stage = play(engine, f"{DAY} 14:32", script)
    assert [line(event) for event in stage.events[1:-1]] == [
        *("21:00:00 AAPL 21:00", "21:00:00 session_close 2024-03-04", "14:30:00 session_open 2024-03-05"),
        *("14:31:00 AAPL 14:31", "14:32:00 AAPL 14:32"),
    ]


def test_an_instrument_that_trades_rarely_is_asked_for_more_of_its_past() -> None:
    engine = engine_with(("AAPL",), required_history=30)

    async def script(stage: Stage) -> None:
        stage.source.stored = all_minutes("AAPL", ["2024-03-01", "2024-03-04"])[::40]
        result = await stage.warm_up()
        assert result.bars["AAPL"] == 20
        assert len(stage.source.asked) > 1

    assert any("only" in message for _, _, _, message in play(engine, f"{DAY} 14:00", script).told)


def test_bad_bars_of_the_past_are_left_out() -> None:
    async def script(stage: Stage) -> None:
        good = all_minutes("AAPL", ["2024-03-04"])
        stage.source.stored = [*good, minute_bar(Instrument("AAPL"), at("2024-03-04 14:30"), high=1, low=2), good[5]]
        assert (await stage.warm_up()).bars == {"AAPL": 390}

    assert reports.WARNING in [level for _, level, _, _ in play(engine_with(("AAPL",)), f"{DAY} 14:00", script).told]


NEEDS = [
    ("the running session is enough", "XNYS", f"{DAY} 20:00", [Need(1, 290)], f"{DAY} 14:30"),
    ("the session before too", "XNYS", f"{DAY} 15:00", [Need(1, 300)], "2024-03-04 14:30"),
    ("larger bars need more", "XNYS", f"{DAY} 15:00", [Need(1, 30), Need(5, 100)], "2024-03-01 14:30"),
    ("over a half day", "XNYS", "2024-07-05 13:30", [Need(1, 300)], "2024-07-02 13:30"),
    ("whole sessions", "XNYS", f"{DAY} 15:00", [Need(0, 3)], "2024-02-28 14:30"),
    ("Tokyo", "XTKS", "2024-03-05 00:00", [Need(5, 50)], "2024-03-04 00:00"),
    ("around the clock", "24/7", "2024-03-05 12:00", [Need(1, 1000)], "2024-03-04 00:00"),
    ("nothing", "XNYS", f"{DAY} 15:00", [], f"{DAY} 15:00"),
]


@pytest.mark.covers("A67")
@pytest.mark.parametrize(("calendar", "now", "needs", "expected"), [row[1:] for row in NEEDS], ids=[row[0] for row in NEEDS])
def test_from_when_on_the_past_is_needed(calendar: str, now: str, needs: list[Need], expected: str) -> None:
    assert start_of(needs, Hours(calendar), at(now)) == at(expected)


@pytest.mark.covers("A67")
def test_what_strategies_need_is_the_most_that_any_of_them_asks_for() -> None:
    engine = Engine([Instrument("AAPL")])
    for minutes, history, period in ((1, 30, 50), (1, 40, 20), (5, 25, 10)):
        made = settings(interval_minutes=minutes, required_history=history)
        engine.add_signal_strategy("s", Strategy(), made, {"sma": SMA(period)}, "AAPL")
    assert needs_of(engine, "AAPL") == [Need(1, 51), Need(5, 25)]


def test_whether_bars_serve() -> None:
    bars = all_minutes("AAPL", [DAY])
    hours = Hours("XNYS")
    assert serves([Need(1, 390), Need(5, 78), Need(0, 1)], hours, bars)
    assert not serves([Need(1, 391)], hours, bars)
    assert not serves([Need(5, 79)], hours, bars)
    assert not serves([Need(0, 2)], hours, bars)
