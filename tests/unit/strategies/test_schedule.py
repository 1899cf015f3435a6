"""Which functions run when."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from algorithm_run import AlgorithmRun, Script, utc_day

from algotrader.core.events import ScheduledTrigger
from algotrader.core.market import NS_PER_MINUTE, Session
from algotrader.strategies.algorithm_errors import AlgorithmError
from algotrader.strategies.schedule import DateRule, Schedule, date_rules, time_rules

PLACES = {"day_of_week": 1, "days_to_week_end": 3, "day_of_month": 4, "days_to_month_end": 17}


def scheduled(*rules: Any, **options: Any) -> Script:
    """An algorithm with one scheduled function that notes the minutes since the open of its session."""

    def setup(self: Script, context: Any) -> None:
        def note(context: Any, data: Any) -> None:
            self.calls.append("scheduled")

        self.schedule_function(note, *rules, **options)

    return Script(setup)


def minutes_run(run: AlgorithmRun, count: int) -> list[int]:
    """Bar by bar, the numbers of the bars (from 1) with which the function ran."""
    found = []
    for minute in range(1, count + 1):
        before = run.algorithm.calls.count("scheduled")
        run.bars(100)
        found.extend([minute] * (run.algorithm.calls.count("scheduled") - before))
    return found


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (date_rules.every_day(), True),
        (date_rules.week_start(1), True),
        (date_rules.week_start(), False),
        (date_rules.week_end(3), True),
        (date_rules.week_end(), False),
        (date_rules.month_start(4), True),
        (date_rules.month_start(), False),
        (date_rules.month_end(17), True),
        (date_rules.month_end(), False),
    ],
)
def test_date_rules_go_by_the_place_of_the_session(rule: DateRule, matches: bool) -> None:
    run = AlgorithmRun(scheduled(rule, time_rules.market_open()))
    run.open(0, **PLACES)
    assert (minutes_run(run, 2) == [1]) is matches


@pytest.mark.parametrize(
    ("rule", "minutes", "expected"),
    [
        (time_rules.market_open(), 390, [1]),
        (time_rules.market_open(minutes=3), 390, [3]),
        (time_rules.market_open(offset=timedelta(minutes=2)), 390, [2]),
        (time_rules.market_close(minutes=2), 5, [3]),
        (time_rules.market_close(), 5, [4]),
        (time_rules.market_close(hours=2), 5, [1]),
        (time_rules.every_minute(), 390, [1, 2, 3, 4, 5]),
        (None, 390, [1, 2, 3, 4, 5]),
    ],
)
def test_time_rules_go_by_the_close_of_the_bar(rule: Any, minutes: int, expected: list[int]) -> None:
    run = AlgorithmRun(scheduled(date_rules.every_day(), rule))
    run.open(0, minutes)
    assert minutes_run(run, 5) == expected


def test_a_function_runs_once_a_session() -> None:
    run = AlgorithmRun(scheduled(None, time_rules.market_open()))
    for day in range(3):
        run.open(day)
        assert minutes_run(run, 3) == [1]
        run.close()


def test_a_missing_bar_delays_a_function() -> None:
    run = AlgorithmRun(scheduled(None, time_rules.market_open(minutes=2)))
    run.open()
    run.bars(100)
    run.now += 5 * NS_PER_MINUTE
    assert minutes_run(run, 2) == [1]


def test_a_function_follows_handle_data() -> None:
    run = AlgorithmRun(scheduled(None, time_rules.market_open()))
    run.open()
    run.bars(100)
    assert run.algorithm.calls == ["initialize", "handle_data", "scheduled"]


def test_without_a_further_bar_a_function_runs_at_the_close() -> None:
    run = AlgorithmRun(scheduled(None, time_rules.market_open(minutes=30)))
    run.open()
    run.bars(100)
    assert "scheduled" not in run.algorithm.calls
    run.close()
    assert run.algorithm.calls.count("scheduled") == 1
    run.open(1)
    assert minutes_run(run, 29) == []


def test_what_runs_with_every_bar_does_not_run_at_the_close() -> None:
    run = AlgorithmRun(scheduled(None, time_rules.every_minute()))
    run.open()
    run.bars(100)
    run.close()
    assert run.algorithm.calls.count("scheduled") == 1


@pytest.mark.parametrize(("half_days", "runs"), [(True, [1]), (False, [])])
def test_half_days_can_be_left_out(half_days: bool, runs: list[int]) -> None:
    run = AlgorithmRun(scheduled(None, time_rules.market_open(), half_days))
    run.open(0, 210, half_day=True)
    assert minutes_run(run, 2) == runs


def test_in_daily_runs_the_time_does_not_matter() -> None:
    run = AlgorithmRun(scheduled(date_rules.week_start(), time_rules.market_open(minutes=30)), daily=True)
    for day in range(3):
        run.open(day, day_of_week=day)
        run.bars(100)
        run.close()
    assert run.algorithm.calls == ["initialize", "handle_data", "scheduled", "handle_data", "handle_data"]


def test_in_daily_runs_even_a_time_after_the_bar_does_not_matter() -> None:
    run = AlgorithmRun(scheduled(None, time_rules.market_open(hours=20)), daily=True)
    run.open()
    run.bars(100)
    assert run.algorithm.calls == ["initialize", "handle_data", "scheduled"]


def _always(**attributes: Any) -> Schedule:
    schedule = Schedule()
    schedule.daily = bool(attributes.get("daily"))
    schedule.add(print, date_rules.every_day(), time_rules.market_open(), True, "24/7")
    return schedule


def _opening(session: Session) -> ScheduledTrigger:
    return ScheduledTrigger(session.open_time, "session_open", session.open_time, session)


def test_a_market_without_end_may_open_before_the_last_bar_of_the_day_before() -> None:
    # Midnight: the new day's session opens, then the old day's last bar closes, then the old session closes.
    schedule, first, second = _always(), utc_day(0), utc_day(1)
    schedule.open_session(_opening(first))
    assert schedule.take(first.open_time + NS_PER_MINUTE) == [print]
    schedule.open_session(_opening(second))
    assert schedule.take(second.open_time) == []
    assert schedule.end_session(first) == []
    assert schedule.take(second.open_time + NS_PER_MINUTE) == [print]


def test_in_daily_runs_the_bar_of_the_day_before_is_not_the_days_bar() -> None:
    schedule, session = _always(daily=True), utc_day(1)
    schedule.open_session(_opening(session))
    assert schedule.take(session.open_time) == []
    assert schedule.take(session.close_time) == [print]


def test_the_calendar_of_another_asset_can_be_followed() -> None:
    run = AlgorithmRun(scheduled(None, time_rules.market_open(), calendar="24/7"), ("AAPL", "BTC/USD"))
    run.open()
    run.bars(100)
    assert "scheduled" not in run.algorithm.calls
    run.phase("session_open", utc_day(1))
    run.now = utc_day(1).open_time
    run.bars({"BTC/USD": 40000})
    assert run.algorithm.calls.count("scheduled") == 1


def test_functions_of_the_same_bar_run_in_the_order_they_were_added() -> None:
    ran: list[int] = []

    def note(number: int, context: Any, data: Any) -> None:
        ran.append(number)

    def setup(self: Script, context: Any) -> None:
        for number, minutes in enumerate((2, 1, 2)):
            self.schedule_function(partial(note, number), None, time_rules.market_open(minutes=minutes))

    run = AlgorithmRun(Script(setup))
    run.open()
    run.bars(100, count=2)
    assert ran == [1, 0, 2]


def test_the_order_holds_across_markets() -> None:
    ran: list[str] = []

    def setup(self: Script, context: Any) -> None:
        self.schedule_function(lambda context, data: ran.append("New York"), None, time_rules.market_open(), calendar="XNYS")
        self.schedule_function(lambda context, data: ran.append("always"), None, time_rules.market_open(), calendar="24/7")

    run = AlgorithmRun(Script(setup), ("AAPL", "BTC/USD"))
    run.phase("session_open", utc_day(0))
    run.open()
    run.bars(100)
    assert ran == ["New York", "always"]


@pytest.mark.covers("A86")
def test_one_that_fails_does_not_keep_the_others_from_running() -> None:
    ran: list[int] = []

    def setup(self: Script, context: Any) -> None:
        self.schedule_function(lambda context, data: 1 / 0, None, time_rules.market_open())
        self.schedule_function(lambda context, data: ran.append(1), None, time_rules.market_open())

    def step(self: Script, context: Any, data: Any) -> None:
        raise ValueError("handle_data fails too")

    run = AlgorithmRun(Script(setup, step))
    run.open()
    run.bars(100, count=2)
    assert ran == [1]
    assert len(run.told("strategy_error")) == 2


def test_orders_can_be_placed_from_a_scheduled_function() -> None:
    def setup(self: Script, context: Any) -> None:
        self.schedule_function(lambda context, data: self.order("AAPL", 10), None, time_rules.market_open(minutes=2))

    run = AlgorithmRun(Script(setup))
    run.open()
    run.bars(100)
    assert run.orders == []
    run.bars(100)
    assert len(run.orders) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: date_rules.week_start(7), "days_offset must be a whole number from 0 to 6, not 7"),
        (lambda: date_rules.month_end(-1), "from 0 to 30, not -1"),
        (lambda: date_rules.month_start(cast(int, 1.5)), "not 1.5"),
        (lambda: time_rules.market_open(minutes=0), "offset of 0:00:00 is not possible"),
        (lambda: time_rules.market_close(hours=25), "not possible"),
        (lambda: time_rules.market_open(timedelta(minutes=1), minutes=1), "both given"),
    ],
)
def test_impossible_rules_are_refused(make: Any, message: str) -> None:
    with pytest.raises(AlgorithmError, match=message):
        make()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((print, "daily"), "needs a date rule and a time rule"),
        ((print, date_rules.every_day(), date_rules.every_day()), "needs a date rule and a time rule"),
        (("note",), "'note' cannot be called"),
        ((print, None, None, True, "XTKS"), "no asset of this run trades on calendar 'XTKS'; known: XNYS"),
    ],
)
def test_impossible_schedules_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(AlgorithmError, match=message):
        AlgorithmRun(Script(setup=lambda self, context: self.schedule_function(*arguments)))
