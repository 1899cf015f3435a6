"""Sessions of exchanges: half days, daylight saving, breaks, markets that never close."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algotrader.core.market import nanoseconds, utc
from algotrader.errors import UserError
from algotrader.history.calendars import day_start, normal_calendar, regular_mask, session_of_day, sessions
from algotrader.history.intervals import day_ns, interval_ns, known_name, parse_day

DAYS = [
    pytest.param("XNYS", "2025-11-28", "14:30", "18:00", id="half day after Thanksgiving, winter time"),
    pytest.param("XNYS", "2025-07-03", "13:30", "17:00", id="half day before Independence Day, summer time"),
    pytest.param("XNYS", "2024-03-08", "14:30", "21:00", id="last session before clocks go forward"),
    pytest.param("XNYS", "2024-03-11", "13:30", "20:00", id="first session after clocks went forward"),
    pytest.param("XNYS", "1998-01-02", "14:30", "21:00", id="more than twenty years ago"),
    pytest.param("XLON", "2024-07-01", "07:00", "15:30", id="London in summer"),
    pytest.param("XTKS", "2024-11-01", "00:00", "06:00", id="Tokyo before it closed later"),
    pytest.param("XTKS", "2024-11-06", "00:00", "06:30", id="Tokyo since it closes at 15:30"),
    pytest.param("XKRX", "2024-02-29", "00:00", "06:30", id="an exchange that is not built in here"),
]


@pytest.mark.covers("B77", "B74")
@pytest.mark.parametrize(("calendar", "day", "opens", "closes"), DAYS)
def test_session_times(calendar: str, day: str, opens: str, closes: str) -> None:
    session = session_of_day(calendar, date.fromisoformat(day))
    assert session is not None
    assert (f"{utc(session.open_time):%H:%M}", f"{utc(session.close_time):%H:%M}") == (opens, closes)


@pytest.mark.covers("B77")
@pytest.mark.parametrize("day", ["2024-07-04", "2024-07-06", "2024-11-28", "2012-10-29"])
def test_closed_days_have_no_session(day: str) -> None:
    assert session_of_day("XNYS", date.fromisoformat(day)) is None


def test_tokyo_has_a_lunch_break() -> None:
    session = session_of_day("XTKS", date(2024, 11, 6))
    assert session is not None
    ((start, end),) = session.breaks
    assert (utc(start).hour, utc(start).minute, utc(end).hour, utc(end).minute) == (2, 30, 3, 30)


def test_always_open_days_follow_each_other_without_end() -> None:
    found = sessions("24/7", day_ns(date(2024, 2, 28)) + 1, day_ns(date(2024, 3, 1)) + 1)
    assert [session.label for session in found] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert all(session.continuous for session in found)
    assert found[0].close_time == found[1].open_time


def test_sessions_touch_the_span() -> None:
    first = session_of_day("XNYS", date(2024, 7, 3))
    second = session_of_day("XNYS", date(2024, 7, 5))
    assert first is not None
    assert second is not None
    assert sessions("XNYS", first.close_time - 1, second.open_time + 1) == [first, second]
    assert sessions("XNYS", first.close_time, second.open_time) == []


@given(
    calendar=st.sampled_from(["XNYS", "XTKS", "24/7"]),
    moments=st.lists(
        st.datetimes(datetime(2024, 6, 28), datetime(2024, 12, 31)).map(lambda moment: nanoseconds(moment.replace(tzinfo=UTC))),  # noqa: DTZ001
        min_size=1,
        max_size=30,
    ),
)
def test_mask_says_what_the_sessions_say(calendar: str, moments: list[int]) -> None:
    found = sessions(calendar, min(moments), max(moments) + 1)
    expected = [any(session.contains(moment) for session in found) for moment in moments]
    assert regular_mask(calendar, np.array(moments)).tolist() == expected


def test_mask_at_the_edges_of_a_half_day() -> None:
    session = session_of_day("XNYS", date(2025, 11, 28))
    assert session is not None
    edges = np.array([session.open_time - 1, session.open_time, session.close_time - 1, session.close_time])
    assert regular_mask("XNYS", edges).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("name", "normal"), [("NYSE", "XNYS"), ("nasdaq", "XNYS"), ("xnys", "XNYS"), ("24/7", "24/7"), ("LSE", "XLON")]
)
def test_usual_names_of_calendars(name: str, normal: str) -> None:
    assert normal_calendar(name) == normal


def test_mask_at_the_edges_of_a_break() -> None:
    session = session_of_day("XTKS", date(2024, 11, 6))
    assert session is not None
    ((start, end),) = session.breaks
    assert regular_mask("XTKS", np.array([start - 1, start, end - 1, end])).tolist() == [True, False, False, True]


def test_mask_before_the_first_known_session() -> None:
    assert regular_mask("XNYS", np.array([-(10**18), 0])).tolist() == [False, False]


def test_unknown_calendar_suggests_a_known_one() -> None:
    with pytest.raises(UserError, match="'XNYSE' is not a calendar") as caught:
        normal_calendar("XNYSE")
    assert "did you mean XNYS?" in caught.value.hint


def test_days_start_at_local_midnight() -> None:
    before, after = date(2024, 3, 10), date(2024, 3, 11)
    assert day_start("XNYS", after) - day_start("XNYS", before) == timedelta(hours=23) / timedelta(microseconds=1) * 1000
    assert day_start("XNYS", before, plus_days=1) == day_start("XNYS", after)


@pytest.mark.parametrize("wrong", ["3m", "1M", "60", "", "1min"])
def test_unknown_interval_lists_the_valid_ones(wrong: str) -> None:
    with pytest.raises(UserError, match="is not an interval") as caught:
        interval_ns(wrong)
    assert "1s, 1m, 2m, 5m, 10m, 15m, 30m, 1h, 1d" in caught.value.hint


def test_interval_names_and_lengths_agree() -> None:
    assert known_name(interval_ns("15m")) == "15m"
    assert known_name(7) == ""


def test_days_are_iso() -> None:
    assert parse_day("2024-01-31") == date(2024, 1, 31)
    with pytest.raises(UserError, match="is not a day"):
        parse_day("31.1.2024")
