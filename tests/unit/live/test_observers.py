"""Who hears what a session does, and what the log has of it."""

from __future__ import annotations

import asyncio
import io
import json
from decimal import Decimal
from typing import Any, cast

import pytest
from engine_rig import DAY, START, WIDE, Rig

from algotrader.core.commands import CancelOrder
from algotrader.core.events import MarketData, OperatorCommand, ScheduledTrigger, SliceClosed
from algotrader.core.inbox_order import EventQueue
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, Bar
from algotrader.core.reports import FaultReport, Report
from algotrader.core.risk import RiskPolicy
from algotrader.live.clock import Clock, FastClock
from algotrader.live.kernel import Kernel, Outgoing
from algotrader.live.log_observer import LogObserver
from algotrader.live.observers import CANDLE_TO_ORDER, DATABASE_WRITE, EVENT_TO_COMMAND, REQUESTS_FIRST, Observers
from algotrader.live.rows import AccountRows
from algotrader.live.telling import nobody
from algotrader.live.writer import Writer
from algotrader.monitoring.latency import Latencies
from algotrader.monitoring.logs import Log, LogSettings
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.storage.records import Batch, Store

MS = 1_000_000


class Watch(Clock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        return self.time

    def seconds(self, seconds: float) -> float:
        return seconds


class Scribe:
    """Notes what it hears; may fail at the n-th thing."""

    def __init__(self, fail_at: int = 0) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.fail_at = fail_at

    def _note(self, *what: Any) -> None:
        self.heard.append(what)
        if len(self.heard) == self.fail_at:
            raise ValueError("no more paper")

    def on_report(self, report: Report) -> None:
        self._note("report", report.kind)

    def on_told(self, time: int, kind: str, level: str, subject: str, message: str) -> None:
        self._note("told", kind, level, subject, message)

    def on_measured(self, time: int, what: str, duration: int, order_id: str) -> None:
        self._note("measured", what, duration, order_id)


def report(kind: str, number: int = 0) -> Report:
    return Report(kind, START + number, "info", "s", "AAPL", "")


@pytest.mark.covers("A234", "C44")
def test_everybody_hears_everything_in_order() -> None:
    observers, first, second = Observers(Watch()), Scribe(), Scribe()
    observers.add("first", first)
    observers.reports([report("a"), report("b")])
    observers.add("second", second)
    observers.tell("engine_state", "info", "", "running")
    observers.committed(5)
    observers.remove("first")
    observers.tell("x", "info", "", "")
    assert [what[1] for what in first.heard] == ["a", "b", "engine_state", DATABASE_WRITE]
    assert [what[1] for what in second.heard] == ["engine_state", DATABASE_WRITE, "x"]


def test_what_is_only_told_lets_requests_go_first_and_keeps_its_order() -> None:
    async def go() -> None:
        observers, scribe = Observers(Watch(), REQUESTS_FIRST), Scribe()
        observers.add("scribe", scribe)
        observers.reports([report("a")])
        observers.committed(5)
        assert scribe.heard == []
        await asyncio.sleep(REQUESTS_FIRST / 2)
        observers.reports([report("b")])
        await asyncio.sleep(REQUESTS_FIRST / 2)
        assert [what[1] for what in scribe.heard] == ["a", DATABASE_WRITE, "b"]
        observers.reports([report("c")])
        observers.tell("stopped", "info", "", "")
        assert [what[1] for what in scribe.heard][3:] == ["c", "stopped"]
        await asyncio.sleep(1)
        assert len(scribe.heard) == 5

    run_virtually(go())


@pytest.mark.covers("A234", "C40")
@pytest.mark.parametrize("fail_at", [1, 2, 3])
def test_an_observer_that_fails_is_told_and_left_out(fail_at: int) -> None:
    observers, good, bad, last = Observers(Watch()), Scribe(), Scribe(fail_at), Scribe()
    for name, observer in (("good", good), ("bad", bad), ("last", last)):
        observers.add(name, observer)
    observers.reports([report("a")])
    observers.tell("b", "info", "", "")
    observers.committed(5)
    observers.tell("c", "info", "", "")
    told = ("told", "observer_failed", "error", "bad", "ValueError: no more paper; it hears no more")
    assert good.heard.count(told) == last.heard.count(told) == 1
    assert [what[1] for what in good.heard if what != told] == ["a", "b", DATABASE_WRITE, "c"]
    assert len(bad.heard) == fail_at
    assert observers.names == ("good", "last")


def test_when_all_fail_nothing_happens() -> None:
    observers = Observers(Watch())
    observers.add("a", Scribe(1))
    observers.add("b", Scribe(1))
    observers.tell("x", "info", "", "")
    assert observers.names == ()


class Logged:
    """An engine rig with its log."""

    def __init__(self, level: str = "info", policy: RiskPolicy = WIDE) -> None:
        self.rig = Rig(policy=policy)
        self.stream = io.StringIO()
        self.observer = LogObserver(Log(LogSettings(level=level), self.stream), self.rig.engine, Latencies())
        self.told = 0

    def lines(self) -> list[dict[str, Any]]:
        """Everything in the log so far."""
        for each in self.rig.reports[self.told :]:
            self.observer.on_report(each)
        self.told = len(self.rig.reports)
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines()]

    def line(self, event: str) -> dict[str, Any]:
        return [line for line in self.lines() if line["event"] == event][-1]


@pytest.mark.covers("A117", "A118", "A119", "C46")
def test_a_trade_from_signal_to_end_in_the_log() -> None:
    logged = Logged(policy=RiskPolicy(max_position=Decimal(1), max_leverage=Decimal(4), consecutive_loss_pause=1))
    rig = logged.rig
    rig.phase("session_open")
    script = rig.strategy("morning")
    rig.enter(script)
    rig.later(0.25)
    rig.ack("a1")
    rig.fill("a1", 100, "100.01")
    rig.ack("a2")
    script.new_stop = Decimal(99)
    rig.bar("101")
    rig.replaced("a2", "a2-r1")
    rig.fill("a2-r1", 100, "99")
    rig.phase("session_ending")
    rig.phase("session_close")
    events = logged.events()
    wanted = [
        "session_open",
        "signal_detected",
        "order_submitted",
        "order_accepted",
        "trade_executed",
        "entry_fill",
        "stop_moved",
        "trade_executed",
        "trade_closed",
        "circuit_breaker_tripped",
        "eod_closing",
        "eod_closed",
        "latency",
    ]
    places = iter(events)
    assert all(name in places for name in wanted), events
    tied = logged.line("entry_fill")["correlation_id"]
    for name in ("order_submitted", "trade_executed", "stop_moved", "entry_fill"):
        assert logged.line(name)["correlation_id"] == tied
    assert logged.line("trade_closed")["trade_correlation_id"] == tied
    executed = next(line for line in logged.lines() if line["event"] == "trade_executed")
    asked = ("strategy", "symbol", "side", "quantity", "price", "latency_ms", "role", "order_id")
    assert [executed[name] for name in asked] == ["morning", "AAPL", "buy", "100", "100.0100", 250.0, "entry", "a1"]
    closed = logged.line("trade_closed")
    assert (closed["pnl"], closed["side"], closed["entry_price"], closed["exit_price"]) == ("-101.00", "long", "100.01", "99.00")
    assert logged.line("entry_fill")["planned_stop"] == "98.0000"
    assert (logged.line("latency")["what"], logged.line("latency")["count"]) == ("order_to_fill", 1)


@pytest.mark.covers("A119")
def test_changes_of_state_and_faults_in_the_log() -> None:
    logged = Logged()
    logged.rig.tell(OperatorCommand(START, "halt", "Ada", "a drill"))
    assert logged.line("trading_state")["level"] == "warning"
    try:
        raise KeyError("price")
    except KeyError as error:
        logged.observer.on_report(FaultReport(START, "s", "AAPL", "KeyError: 'price'", error))
    assert "test_observers.py" in logged.line("strategy_error")["trace"]
    logged.observer.on_told(START, "engine_state", "info", "", "running")
    assert logged.line("engine_state")["message"] == "running"


def test_records_of_every_bar_are_for_debugging() -> None:
    for level, count in (("info", 0), ("debug", 1)):
        logged = Logged(level)
        logged.observer.on_report(Report("record", START, "info", "s", "", "x=1"))
        assert len(logged.lines()) == count


@pytest.mark.covers("A191", "A223")
def test_slow_commits_and_the_way_from_candle_to_order_in_the_log() -> None:
    logged = Logged()
    for duration in (1 * MS, 51 * MS, 3 * MS):
        logged.observer.on_measured(START, DATABASE_WRITE, duration, "")
    logged.observer.on_measured(START, CANDLE_TO_ORDER, 2 * MS, "a1")
    logged.observer.on_told(START, "engine_state", "info", "", "stopped")
    slow, candle, *latencies = logged.lines()[:-2] if logged.events()[-1] != "latency" else logged.lines()
    assert (slow["event"], slow["level"], slow["took_ms"]) == ("slow_database_write", "warning", 51.0)
    assert (candle["event"], candle["order_id"], candle["latency_ms"]) == (CANDLE_TO_ORDER, "a1", 2.0)
    found = {line["what"]: line for line in latencies if line["event"] == "latency"}
    assert found[DATABASE_WRITE]["count"] == 3
    assert found[DATABASE_WRITE]["p50_ms"] < 4
    assert found[DATABASE_WRITE]["max_ms"] == 51.0


class SlowWriter(Writer):
    """Takes its time over every commit."""

    def __init__(self, clock: Watch, took: int) -> None:
        super().__init__(cast(Store, None), clock, nobody)
        self.time = clock
        self.took = took

    async def _commit(self, batch: Batch) -> None:
        self.time.time += self.took

    def close(self) -> None:
        """Nothing is to be ended."""


def hand_over(observers: Observers, commands: list[Outgoing]) -> None:
    """As a session does it: what was measured is told once the requests are on their way."""

    async def main() -> None:
        for outgoing in commands:
            observers.sending(outgoing)
        await asyncio.sleep(0)

    asyncio.run(main())


@pytest.mark.covers("A191", "A223")
def test_from_a_bar_s_arrival_to_the_order_the_commit_included() -> None:
    rig, clock, scribe = Rig(), Watch(), Scribe()
    script = rig.strategy()
    rig.bar("100")
    script.entry, script.size, script.stop = "long", 100, Decimal(98)
    queue = EventQueue()
    closes = START + 2 * NS_PER_MINUTE
    bar = Bar(rig.state.by_symbol["AAPL"].instrument, closes - NS_PER_MINUTE, closes, 1_000_000, 1_010_000, 990_000, 1_000_000, 10)
    came = closes + 300 * MS
    queue.push(MarketData(came, bar))
    queue.push(SliceClosed(came))
    clock.time = came + 20 * MS
    kernel = Kernel(rig.engine, AccountRows(rig.engine), lambda: queue.pop(clock.now()) if len(queue) else None)
    observers = Observers(clock)
    observers.add("scribe", scribe)
    writer = SlowWriter(clock, 7 * MS)
    writer.measure = observers.committed
    work = kernel.work()
    asyncio.run(writer.commit(work.batch))
    hand_over(observers, work.commands)
    assert scribe.heard == [
        ("measured", DATABASE_WRITE, 7 * MS, ""),
        ("measured", EVENT_TO_COMMAND, 27 * MS, "a1"),
        ("measured", CANDLE_TO_ORDER, 27 * MS, "a1"),
    ]
    assert work.reports[-1].kind == "order_submitted"


def test_other_commands_are_not_orders_from_candles() -> None:
    clock, scribe = Watch(), Scribe()
    observers = Observers(clock)
    observers.add("scribe", scribe)
    cancel = CancelOrder("a1", "AAPL")
    hand_over(observers, [Outgoing(1, 0, cancel, START - MS, True), Outgoing(1, 0, cancel)])
    assert scribe.heard == [("measured", EVENT_TO_COMMAND, MS, "a1")]


def test_a_fast_clock_measures_real_time() -> None:
    scribe = Scribe()
    observers = Observers(FastClock(START, speed=60))
    observers.add("scribe", scribe)
    observers.measured("x", 60 * NS_PER_SECOND)
    assert scribe.heard == [("measured", "x", NS_PER_SECOND, "")]


def test_timers_count_from_their_own_moment() -> None:
    rig = Rig()
    rig.strategy(closes_at_end=True)
    queue = EventQueue()
    rig.hold(rig.strategy("t", closes_at_end=True))
    rig.ack("a2")
    queue.push(ScheduledTrigger(rig.now + MS, "session_ending", rig.now, DAY))
    kernel = Kernel(rig.engine, AccountRows(rig.engine), lambda: queue.pop(rig.now + 5 * MS) if len(queue) else None)
    commands = kernel.work().commands
    assert commands
    assert {(each.arrived, each.from_candle) for each in commands} == {(rig.now + MS, False)}
