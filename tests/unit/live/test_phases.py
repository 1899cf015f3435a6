"""Phases of the trading day by timer: at their moments, on half days, over clock changes, late when they had to be."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from scripted_feed import AAPL, MINUTE, Scene, at, clock_text, minute_bar, play

from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.events import ScheduledTrigger
from algotrader.history.calendars import session_of_day
from algotrader.live.feed import Feed
from algotrader.live.phases import Phases, delivered_by


def phases_between(start: str, end: str, *calendars: str, delivered: dict[str, int] | None = None) -> Scene:
    """What comes between two moments."""

    async def script(scene: Scene) -> None:
        phases = Phases(scene.clock, scene.put, calendars or ("XNYS",), delivered=delivered, tell=scene.tell)
        task = asyncio.create_task(phases.run(scene.stop))
        await scene.until(at(end))
        scene.stop.set()
        await task

    return play(start, script)


DAYS = [
    ("a winter day", "XNYS", "2024-03-05", ["14:00:00", "14:30:00", "20:59:30", "21:00:00"]),
    ("the Monday after the change to summer time", "XNYS", "2024-03-11", ["13:00:00", "13:30:00", "19:59:30", "20:00:00"]),
    ("the Monday after the change to winter time", "XNYS", "2024-11-04", ["14:00:00", "14:30:00", "20:59:30", "21:00:00"]),
    ("a half day in summer", "XNYS", "2024-07-03", ["13:00:00", "13:30:00", "16:59:30", "17:00:00"]),
    ("a half day in winter", "XNYS", "2024-11-29", ["14:00:00", "14:30:00", "17:59:30", "18:00:00"]),
    ("a holiday", "XNYS", "2024-07-04", []),
    ("a Saturday", "XNYS", "2024-07-06", []),
    ("London", "XLON", "2024-07-02", ["06:30:00", "07:00:00", "15:29:30", "15:30:00"]),
    ("London's half day", "XLON", "2024-12-24", ["07:30:00", "08:00:00", "12:29:30", "12:30:00"]),
]
NAMES = ["pre_open", "session_open", "session_ending", "session_close"]


@pytest.mark.covers("A174", "A175", "A180", "B77", "B86")
@pytest.mark.parametrize(("calendar", "day", "moments"), [row[1:] for row in DAYS], ids=[row[0] for row in DAYS])
def test_the_phases_of_a_day(calendar: str, day: str, moments: list[str]) -> None:
    scene = phases_between(f"{day} 00:00:01", f"{day} 23:59", calendar)
    assert scene.lines() == [f"{moment} {name} {day}" for moment, name in zip(moments, NAMES, strict=False)]
    assert all(isinstance(event, ScheduledTrigger) and event.time == event.scheduled_time for event in scene.events)


@pytest.mark.covers("A174")
def test_a_half_day_says_so_and_where_it_stands() -> None:
    events = phases_between("2024-07-03 12:00", "2024-07-03 23:00").events
    half = [event for event in events if isinstance(event, ScheduledTrigger)]
    assert [(event.half_day, event.day_of_week, event.days_to_week_end, event.day_of_month) for event in half] == [
        (True, 2, 1, 2)
    ] * 4


def test_tokyo_has_its_phases_at_night_and_its_break_in_the_session() -> None:
    scene = phases_between("2024-03-04 22:00", "2024-03-05 07:00", "XTKS")
    assert [text.split()[0] for text in scene.lines()] == ["23:30:00", "00:00:00", "05:59:30", "06:00:00"]
    event = scene.events[1]
    assert isinstance(event, ScheduledTrigger)
    assert event.session is not None
    assert event.session.breaks == ((at("2024-03-05 02:30"), at("2024-03-05 03:30")),)


def test_around_the_clock_a_day_ends_before_the_next_begins_and_nothing_closes() -> None:
    scene = phases_between("2024-03-05 23:00", "2024-03-06 00:01", "24/7")
    assert scene.lines() == [
        "23:00:00 pre_open 2024-03-05",
        "23:00:00 session_open 2024-03-05",
        "23:30:00 pre_open 2024-03-06",
        "00:00:00 session_close 2024-03-05",
        "00:00:00 session_open 2024-03-06",
    ]


def test_the_phases_of_several_calendars_come_in_order_of_time() -> None:
    scene = phases_between("2024-03-05 07:00", "2024-03-05 22:00", "XNYS", "XLON", "XNYS")
    assert [text.split()[0] for text in scene.lines()] == [
        *("07:30:00", "08:00:00", "14:00:00", "14:30:00", "16:29:30", "16:30:00", "20:59:30", "21:00:00"),
    ]


def test_a_start_in_mid_session_delivers_its_open_at_once() -> None:
    scene = phases_between("2024-03-05 16:00", "2024-03-05 16:01")
    assert scene.lines() == ["16:00:00 pre_open 2024-03-05", "16:00:00 session_open 2024-03-05"]
    assert [event.scheduled_time for event in scene.events if isinstance(event, ScheduledTrigger)][1] == at("2024-03-05 14:30")
    assert scene.kinds(reports.WARNING) == ["session_phase"] * 2


def test_a_start_in_the_last_seconds_of_a_session_still_closes_what_has_to_be_closed() -> None:
    scene = phases_between("2024-03-05 20:59:50", "2024-03-05 21:01")
    assert [text.split()[1] for text in scene.lines()] == NAMES


def test_nothing_is_owed_between_sessions() -> None:
    assert phases_between("2024-03-05 22:00", "2024-03-05 23:00").events == []


RESTARTS = [
    ("in the same session", "2024-03-05 14:30", "2024-03-05 16:00", []),
    ("after its close", "2024-03-05 14:30", "2024-03-05 22:00", ["session_ending 2024-03-05", "session_close 2024-03-05"]),
    (
        "in the next one",
        "2024-03-05 14:30",
        "2024-03-06 16:00",
        ["session_ending 2024-03-05", "session_close 2024-03-05", "pre_open 2024-03-06", "session_open 2024-03-06"],
    ),
    (
        "days later",
        "2024-03-05 14:30",
        "2024-03-08 16:00",
        ["session_ending 2024-03-05", "session_close 2024-03-05", "pre_open 2024-03-08", "session_open 2024-03-08"],
    ),
    ("after everything was delivered", "2024-03-05 21:00", "2024-03-05 23:00", []),
]


@pytest.mark.parametrize(("known", "start", "expected"), [row[1:] for row in RESTARTS], ids=[row[0] for row in RESTARTS])
def test_after_a_restart_what_is_still_owed_comes(known: str, start: str, expected: list[str]) -> None:
    scene = phases_between(start, f"{start}:01", delivered={"XNYS": at(known)})
    assert [text.split(" ", 1)[1] for text in scene.lines()] == expected
    skipped = [message for kind, _, _, message in scene.told if "went by" in message]
    assert skipped == (["2 sessions went by without us"] if "2024-03-08" in start else [])


def test_what_the_engine_has_had_is_read_off_its_sessions() -> None:
    engine = Engine([AAPL])
    assert delivered_by(engine) == {}
    session = session_of_day("XNYS", date(2024, 3, 5))
    engine.handle(ScheduledTrigger(at("2024-03-05 14:30"), "session_open", at("2024-03-05 14:30"), session))
    assert delivered_by(engine) == {"XNYS": at("2024-03-05 14:30")}


@pytest.mark.covers("A176", "A179")
def test_a_suspended_machine_gets_its_phases_late_and_told() -> None:
    async def script(scene: Scene) -> None:
        phases = Phases(scene.clock, scene.put, ("XNYS",), delivered={"XNYS": at("2024-03-05 14:30")}, tell=scene.tell)
        task = asyncio.create_task(phases.run(scene.stop))
        await scene.until(at("2024-03-05 20:00"))
        scene.clock._start += 90 * MINUTE  # type: ignore[misc]
        await asyncio.sleep(61)
        scene.stop.set()
        await task

    scene = play("2024-03-05 19:00", script)
    assert [text.split()[1] for text in scene.lines()] == ["session_ending", "session_close"]
    assert scene.events[0].time < at("2024-03-05 21:32")
    assert scene.kinds(reports.WARNING) == ["session_phase"] * 2


def test_a_machine_suspended_over_whole_days_goes_on_with_the_running_session() -> None:
    async def script(scene: Scene) -> None:
        phases = Phases(scene.clock, scene.put, ("XNYS",), delivered={"XNYS": at("2024-03-05 14:30")}, tell=scene.tell)
        task = asyncio.create_task(phases.run(scene.stop))
        await scene.until(at("2024-03-05 20:00"))
        scene.clock._start += (3 * 1440 - 240) * MINUTE  # type: ignore[misc]
        await asyncio.sleep(61)
        scene.stop.set()
        await task

    scene = play("2024-03-05 19:00", script)
    assert [text.split(" ", 1)[1] for text in scene.lines()] == [
        *("session_ending 2024-03-05", "session_close 2024-03-05", "pre_open 2024-03-08", "session_open 2024-03-08"),
    ]
    assert "2 sessions went by without us" in [message for _, _, _, message in scene.told]


@pytest.mark.covers("A176", "A179")
def test_drift_is_told_in_milliseconds() -> None:
    scene = phases_between("2024-03-05 20:00", "2024-03-05 21:01", delivered={"XNYS": at("2024-03-05 14:30")})
    assert [message for _, _, _, message in scene.told] == [
        "session_ending of 2024-03-05, 0 ms after it was due",
        "session_close of 2024-03-05, 0 ms after it was due",
    ]


@pytest.mark.covers("A176")
def test_a_stop_interrupts_the_wait_at_once() -> None:
    async def script(scene: Scene) -> None:
        task = asyncio.create_task(Phases(scene.clock, scene.put, ("XNYS",)).run(scene.stop))
        await asyncio.sleep(10)
        scene.stop.set()
        before = scene.clock.now()
        await task
        assert scene.clock.now() == before

    play("2024-03-05 22:00", script)


LAST_BARS = [(0.5, "21:00:00"), (3.0, "21:00:03"), (9.0, "21:00:05")]


@pytest.mark.covers("A61")
@pytest.mark.parametrize(("late", "closed"), LAST_BARS)
def test_the_end_of_a_session_waits_for_its_last_bars_but_not_for_long(late: float, closed: str) -> None:
    async def script(scene: Scene) -> None:
        feed = Feed(scene.source, scene.clock, scene.put, (AAPL,))
        known = {"XNYS": at("2024-03-05 14:30")}
        phases = Phases(scene.clock, scene.put, ("XNYS",), delivered=known, settled=feed.settled)
        tasks = [asyncio.create_task(part.run(scene.stop)) for part in (feed, phases)]
        await scene.until(at("2024-03-05 21:00") + int(late * 1e9))
        scene.send(minute_bar(AAPL, at("2024-03-05 20:59")))
        await asyncio.sleep(10)
        scene.stop.set()
        await asyncio.gather(*tasks)

    scene = play("2024-03-05 20:58:30", script)
    closes = [event.time for event in scene.events if isinstance(event, ScheduledTrigger) and event.trigger_type == "session_close"]
    assert [clock_text(time) for time in closes] == [closed]
