"""User's schedules: when they are due in every zone and season, and what the scheduler does with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from engine_rig import Rig
from scripted_feed import MINUTE, Scene, at, play

from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.events import ScheduledTrigger
from algotrader.core.instruments import Instrument
from algotrader.core.market import BadData, utc
from algotrader.errors import UserError
from algotrader.live.scheduler import Scheduler
from algotrader.live.triggers import Cron, Interval, MarketEvent, Once, Trigger, WithinHours, exchange_cron
from algotrader.strategies.algorithm import TradingAlgorithm

NEW_YORK = "America/New_York"


def firings(trigger: Trigger, start: str, count: int = 3) -> list[str]:
    """The next moments after one."""
    found: list[str] = []
    moment: int | None = at(start)
    while moment is not None and len(found) < count:
        moment = trigger.after(moment)
        if moment is not None:
            found.append(f"{utc(moment):%m-%d %H:%M}")
    return found


CRONS = [
    ("hourly at minute 0", Cron("0 * * * *"), "2024-03-05 10:00", ["03-05 11:00", "03-05 12:00", "03-05 13:00"]),
    ("every five minutes around the clock", Cron("*/5 * * * *"), "2024-03-09 23:52", ["03-09 23:55", "03-10 00:00", "03-10 00:05"]),
    ("Friday 16:00 New York", Cron("0 16 * * fri", NEW_YORK), "2024-03-01 12:00", ["03-01 21:00", "03-08 21:00", "03-15 20:00"]),
    ("weekdays by number", Cron("0 9 * * 1-5"), "2024-03-07 10:00", ["03-08 09:00", "03-11 09:00", "03-12 09:00"]),
    ("Sunday as 0", Cron("0 9 * * 0"), "2024-03-05 10:00", ["03-10 09:00", "03-17 09:00", "03-24 09:00"]),
    ("Sunday as 7", Cron("0 9 * * 7"), "2024-03-05 10:00", ["03-10 09:00", "03-17 09:00", "03-24 09:00"]),
    ("Saturday to Monday", Cron("0 9 * * 6-1"), "2024-03-07 10:00", ["03-09 09:00", "03-10 09:00", "03-11 09:00"]),
    ("every second day of the week", Cron("0 9 * * */2"), "2024-03-09 10:00", ["03-10 09:00", "03-12 09:00", "03-14 09:00"]),
    ("Friday to Sunday", Cron("0 9 * * 5-7"), "2024-03-07 10:00", ["03-08 09:00", "03-09 09:00", "03-10 09:00"]),
    ("a day of the month or of the week", Cron("0 9 13 * fri"), "2024-03-07 10:00", ["03-08 09:00", "03-13 09:00", "03-15 09:00"]),
    ("the last of February", Cron("0 0 29 2 *"), "2024-01-01 00:00", ["02-29 00:00", "02-29 00:00", "02-29 00:00"]),
    ("in an hour left out", Cron("30 2 * * *", NEW_YORK), "2024-03-09 00:00", ["03-09 07:30", "03-10 07:30", "03-11 06:30"]),
    (
        "in an hour that comes twice",
        Cron("30 1 * * *", NEW_YORK),
        "2024-11-02 06:00",
        ["11-03 05:30", "11-03 06:30", "11-04 06:30"],
    ),
    ("hourly then", Cron("30 * * * *", NEW_YORK), "2024-11-03 04:40", ["11-03 05:30", "11-03 06:30", "11-03 07:30"]),
    ("over the change to winter time", Cron("30 9 * * *", NEW_YORK), "2024-11-02 00:00", ["11-02 13:30", "11-03 14:30"]),
]


@pytest.mark.covers("B70", "B77", "B88", "B90", "B91")
@pytest.mark.parametrize(("trigger", "start", "expected"), [row[1:] for row in CRONS], ids=[row[0] for row in CRONS])
def test_cron(trigger: Trigger, start: str, expected: list[str]) -> None:
    assert firings(trigger, start, len(expected)) == expected


BAD_CRONS = [
    "",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 32 * *",
    "* * * 13 *",
    "* * * * 8",
    "* * * * fry",
    "a b c d e",
]


@pytest.mark.covers("B70")
@pytest.mark.parametrize("expression", BAD_CRONS)
def test_what_is_no_cron_expression_is_refused(expression: str) -> None:
    with pytest.raises(UserError):
        Cron(expression)


INTERVALS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("minutes", {"minutes": 5}, ["03-05 10:05", "03-05 10:10"]),
    ("seconds", {"seconds": 90}, ["03-05 10:01", "03-05 10:03"]),
    ("hours", {"hours": 6}, ["03-05 12:00", "03-05 18:00"]),
    ("days from a start", {"days": 2, "start": at("2024-03-04 08:00")}, ["03-06 08:00", "03-08 08:00"]),
    ("weeks from a start", {"weeks": 1, "start": at("2024-03-04 08:00")}, ["03-11 08:00", "03-18 08:00"]),
]


@pytest.mark.covers("B71", "B91")
@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in INTERVALS], ids=[row[0] for row in INTERVALS])
def test_intervals(given: dict[str, Any], expected: list[str]) -> None:
    assert firings(Interval(**given), "2024-03-05 10:00", 2) == expected


def test_an_interval_below_a_second_is_refused() -> None:
    with pytest.raises(UserError):
        Interval()


@pytest.mark.covers("B72")
def test_a_date_comes_once() -> None:
    assert firings(Once(datetime(2024, 3, 5, 12, tzinfo=UTC)), "2024-03-05 10:00") == ["03-05 12:00"]
    assert firings(Once(datetime(2024, 3, 5, 12, tzinfo=UTC)), "2024-03-05 12:00") == []
    with pytest.raises(UserError):
        Once(datetime(2024, 3, 5, 12))  # noqa: DTZ001


MARKET = [
    ("open", MarketEvent("open"), "2024-03-08 00:00", ["03-08 14:30", "03-11 13:30", "03-12 13:30"]),
    ("open over a holiday", MarketEvent("open"), "2024-07-03 14:00", ["07-05 13:30", "07-08 13:30", "07-09 13:30"]),
    ("close on a half day", MarketEvent("close"), "2024-07-02 21:00", ["07-03 17:00", "07-05 20:00", "07-08 20:00"]),
    (
        "close over the change to winter time",
        MarketEvent("close"),
        "2024-10-31 21:00",
        ["11-01 20:00", "11-04 21:00", "11-05 21:00"],
    ),
    ("pre-market", MarketEvent("pre_market"), "2024-03-05 14:00", ["03-06 14:00", "03-07 14:00", "03-08 14:00"]),
    ("after-hours", MarketEvent("after_hours"), "2024-03-05 21:10", ["03-05 21:30", "03-06 21:30", "03-07 21:30"]),
    ("an hour before the close", MarketEvent("close", "XNYS", -60), "2024-07-02 21:00", ["07-03 16:00", "07-05 19:00"]),
    ("an offset into the next day", MarketEvent("close", "XNYS", 600), "2024-03-06 01:00", ["03-06 07:00", "03-07 07:00"]),
    ("before the open of Tokyo", MarketEvent("pre_market", "XTKS", -120), "2024-03-04 12:00", ["03-04 22:00", "03-05 22:00"]),
    ("close of Tokyo", MarketEvent("close", "XTKS"), "2024-11-01 05:00", ["11-01 06:00", "11-05 06:30"]),
    ("London", MarketEvent("open", "LSE"), "2024-03-28 12:00", ["04-02 07:00", "04-03 07:00"]),
]


@pytest.mark.covers("B73", "B74", "B75", "B76", "B77", "B78", "B79", "B80", "B87")
@pytest.mark.parametrize(("trigger", "start", "expected"), [row[1:] for row in MARKET], ids=[row[0] for row in MARKET])
def test_market_events(trigger: Trigger, start: str, expected: list[str]) -> None:
    assert firings(trigger, start, len(expected)) == expected


@pytest.mark.covers("B81")
def test_a_market_that_never_closes_has_no_open() -> None:
    with pytest.raises(UserError, match="never closes"):
        MarketEvent("open", "24/7")
    with pytest.raises(UserError, match="not a market event"):
        MarketEvent("lunch")


@pytest.mark.covers("B89")
def test_every_quarter_of_an_hour_while_the_market_trades() -> None:
    trigger = exchange_cron("*/15 9-16 * * mon-fri", within_hours=True)
    found = firings(trigger, "2024-07-03 04:00", 16)
    assert found[:2] == ["07-03 13:30", "07-03 13:45"]
    assert found[14:] == ["07-03 17:00", "07-05 13:30"]


def test_a_lunch_break_is_not_trading() -> None:
    found = firings(WithinHours(Cron("*/30 * * * *"), "XTKS"), "2024-03-05 01:50", 4)
    assert found == ["03-05 02:00", "03-05 02:30", "03-05 03:30", "03-05 04:00"]


def test_hours_that_never_come_end_the_search() -> None:
    assert WithinHours(Once(datetime(2024, 3, 9, 12, tzinfo=UTC))).after(at("2024-03-05 00:00")) is None


# ---------------------------------------------------------------------- the scheduler

Script = Callable[[Scene, Scheduler], Awaitable[None]]


def run(script: Script, start: str = "2024-03-05 10:00", **more: Any) -> Scene:
    """Run a scheduler while a script plays."""

    async def main(scene: Scene) -> None:
        scheduler = Scheduler(scene.clock, scene.put, tell=scene.tell, **more)
        task = asyncio.create_task(scheduler.run(scene.stop))
        await script(scene, scheduler)
        scene.stop.set()
        await task

    return play(start, main)


@pytest.mark.covers("B85")
def test_each_firing_is_an_event_with_the_schedules_name() -> None:
    async def script(scene: Scene, scheduler: Scheduler) -> None:
        scheduler.add("report", Interval(minutes=10))
        scheduler.add("check", Interval(minutes=15))
        await scene.until(at("2024-03-05 10:30:01"))

    scene = run(script)
    assert scene.lines() == [
        *("10:10:00 schedule report", "10:15:00 schedule check", "10:20:00 schedule report"),
        *("10:30:00 schedule report", "10:30:00 schedule check"),
    ]
    assert all(isinstance(event, ScheduledTrigger) and event.time == event.scheduled_time for event in scene.events)


@pytest.mark.covers("B83")
def test_schedules_are_added_listed_disabled_enabled_and_removed() -> None:
    async def script(scene: Scene, scheduler: Scheduler) -> None:
        scheduler.add("a", Interval(minutes=10))
        scheduler.add("b", MarketEvent("open"))
        views = scheduler.schedules()
        assert [(view.name, view.enabled, view.next_run) for view in views] == [
            ("a", True, at("2024-03-05 10:10")),
            ("b", True, at("2024-03-05 14:30")),
        ]
        assert [view.trigger for view in views] == ["every 0:10:00", "open of XNYS"]
        scheduler.disable("a")
        assert scheduler.schedules()[0].next_run is None
        await scene.until(at("2024-03-05 10:25"))
        scheduler.enable("a")
        await scene.until(at("2024-03-05 10:31"))
        assert scheduler.schedules()[0].last_run == at("2024-03-05 10:30")
        scheduler.remove("a")
        await scene.until(at("2024-03-05 11:00"))
        assert [view.name for view in scheduler.schedules()] == ["b"]
        for name in ("b", ""):
            with pytest.raises(UserError):
                scheduler.add(name, Interval(minutes=1))
        for act in (scheduler.remove, scheduler.enable, scheduler.disable):
            with pytest.raises(UserError, match="no schedule 'c'"):
                act("c")

    assert run(script).lines() == ["10:30:00 schedule a"]


MISSED = [
    ("within the grace", 60, "2024-03-05 09:59:10", ["10:00:30 schedule a"], 0),
    ("beyond it", 20, "2024-03-05 09:59:10", [], 1),
    ("beyond the usual grace", 60, "2024-03-05 09:50", [], 1),
    ("several, the last within the grace", 60, "2024-03-05 09:20", ["10:00:30 schedule a"], 1),
]


@pytest.mark.covers("B82")
@pytest.mark.parametrize(("grace", "since", "expected", "warnings"), [row[1:] for row in MISSED], ids=[row[0] for row in MISSED])
def test_what_was_missed_runs_at_start_or_is_skipped_and_told(grace: float, since: str, expected: list[str], warnings: int) -> None:
    minutes = 10 if "09:50" not in since else 5
    start = "2024-03-05 10:00:30" if minutes == 10 else "2024-03-05 09:56:30"

    async def script(scene: Scene, scheduler: Scheduler) -> None:
        scheduler.add("a", Interval(minutes=minutes))
        await asyncio.sleep(1)

    scene = run(script, start, grace=grace, since=at(since))
    assert scene.lines() == expected
    assert scene.kinds(reports.WARNING) == ["schedule"] * warnings


@pytest.mark.covers("B82")
def test_a_suspended_machine_skips_what_is_too_late() -> None:
    async def script(scene: Scene, scheduler: Scheduler) -> None:
        scheduler.add("a", Interval(hours=1))
        await scene.until(at("2024-03-05 10:30"))
        scene.clock._start += 45 * MINUTE  # type: ignore[misc]
        await scene.until(at("2024-03-05 12:01"))

    scene = run(script)
    assert scene.lines() == ["12:00:00 schedule a"]
    assert scene.kinds(reports.WARNING) == ["schedule"]


@pytest.mark.covers("B84")
def test_a_callback_that_fails_or_hangs_keeps_nothing_from_running() -> None:
    heard: list[str] = []

    def fail(name: str) -> None:
        heard.append(name)
        raise RuntimeError("no printer")

    async def hang(name: str) -> None:
        heard.append(name)
        await asyncio.sleep(10**6)

    async def script(scene: Scene, scheduler: Scheduler) -> None:
        scheduler.add("fails", Interval(minutes=10), fail)
        scheduler.add("hangs", Interval(minutes=10), hang)
        await scene.until(at("2024-03-05 10:21"))

    scene = run(script)
    assert heard == ["fails", "hangs"] * 2
    assert len(scene.events) == 4
    errors = [message for _, level, _, message in scene.told if level == reports.ERROR]
    assert errors == ["its callback failed: RuntimeError: no printer"] * 2


@pytest.mark.covers("B85", "B86")
def test_an_algorithm_hears_of_a_schedule_and_may_fail_without_harm() -> None:
    heard: list[str] = []

    class Listener(TradingAlgorithm):
        def initialize(self, context: Any) -> None:
            """Nothing."""

        def handle_data(self, context: Any, data: Any) -> None:
            """Nothing."""

        def on_schedule(self, context: Any, data: Any, name: str) -> None:
            heard.append(name)
            raise RuntimeError("oh")

    engine = Engine([Instrument("AAPL")])
    engine.add_algorithm("listener", Listener(("AAPL",)), ["AAPL"], 1, "none")
    engine.handle(ScheduledTrigger(1, "schedule", 1, name="rebalance"))
    assert heard == ["rebalance"]
    assert [report.kind for report in engine.take_reports()] == ["strategy_error"]
    engine.slots()[0].enabled = False
    engine.handle(ScheduledTrigger(2, "schedule", 2, name="rebalance"))
    assert heard == ["rebalance"]


def test_a_signal_strategy_is_not_disturbed_by_schedules() -> None:
    rig = Rig()
    rig.strategy()
    assert rig.tell(ScheduledTrigger(rig.now, "schedule", rig.now, name="x")) == []


@pytest.mark.parametrize("given", [("schedule", ""), ("timer", "x")])
def test_a_schedule_has_a_name_and_nothing_else_does(given: tuple[str, str]) -> None:
    with pytest.raises(BadData):
        ScheduledTrigger(1, given[0], 1, name=given[1])
