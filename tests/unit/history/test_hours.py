"""When markets trade: half days, changes of daylight saving time, holidays, lunch breaks, and markets that never close."""

from __future__ import annotations

import pytest
from scripted_feed import at, clock_text

from algotrader.errors import UserError
from algotrader.history.hours import Hours, MarketClock

NEXT_CLOSES = [
    ("a summer day in New York", "XNYS", "2024-07-02 15:00", "2024-07-02 20:00"),
    ("before the open", "XNYS", "2024-07-02 08:00", "2024-07-02 20:00"),
    ("a winter day in New York", "XNYS", "2024-01-03 15:00", "2024-01-03 21:00"),
    ("the half day before Independence Day", "XNYS", "2024-07-03 15:00", "2024-07-03 17:00"),
    ("the half day after Thanksgiving", "XNYS", "2024-11-29 15:00", "2024-11-29 18:00"),
    ("Christmas Eve", "XNYS", "2024-12-24 15:00", "2024-12-24 18:00"),
    ("at the close of a half day", "XNYS", "2024-07-03 17:00", "2024-07-05 20:00"),
    ("over a holiday", "XNYS", "2024-07-04 15:00", "2024-07-05 20:00"),
    ("over a weekend with a change to summer time", "XNYS", "2024-03-08 22:00", "2024-03-11 20:00"),
    ("over a weekend with a change to winter time", "XNYS", "2024-11-01 21:00", "2024-11-04 21:00"),
    ("London in winter", "XLON", "2024-01-03 10:00", "2024-01-03 16:30"),
    ("London in summer", "XLON", "2024-07-03 10:00", "2024-07-03 15:30"),
    ("London's half day", "XLON", "2024-12-24 10:00", "2024-12-24 12:30"),
    ("Tokyo before November 2024", "XTKS", "2024-03-05 01:00", "2024-03-05 06:00"),
    ("Tokyo since November 2024", "XTKS", "2024-11-06 01:00", "2024-11-06 06:30"),
    ("Tokyo over lunch", "XTKS", "2024-03-05 03:00", "2024-03-05 06:00"),
    ("around the clock", "24/7", "2024-03-09 15:00", "2024-03-10 00:00"),
]


@pytest.mark.covers("A173", "B77", "B78", "B79", "B80")
@pytest.mark.parametrize(("calendar", "now", "close"), [row[1:] for row in NEXT_CLOSES], ids=[row[0] for row in NEXT_CLOSES])
def test_the_next_close(calendar: str, now: str, close: str) -> None:
    assert MarketClock(calendar).next_close(at(now)) == at(close)


OPEN_OR_NOT = [
    ("XNYS", "2024-07-02 13:29", False),
    ("XNYS", "2024-07-02 13:30", True),
    ("XNYS", "2024-07-02 19:59", True),
    ("XNYS", "2024-07-02 20:00", False),
    ("XNYS", "2024-07-03 17:00", False),
    ("XNYS", "2024-07-04 15:00", False),
    ("XNYS", "2024-07-06 15:00", False),
    ("XLON", "2024-07-02 07:00", True),
    ("XLON", "2024-01-02 07:59", False),
    ("XTKS", "2024-03-05 02:29", True),
    ("XTKS", "2024-03-05 02:30", False),
    ("XTKS", "2024-03-05 03:30", True),
    ("24/7", "2024-12-25 03:30", True),
]


@pytest.mark.covers("A173", "B81")
@pytest.mark.parametrize(("calendar", "now", "expected"), OPEN_OR_NOT)
def test_whether_a_market_is_open(calendar: str, now: str, expected: bool) -> None:
    assert MarketClock(calendar).is_open(at(now)) is expected


def test_the_sessions_around_a_moment_are_found_whatever_was_asked_before() -> None:
    hours = Hours("XNYS")
    for day in ("2024-07-02", "2020-03-16", "2024-07-03", "2025-12-31", "2024-07-02"):
        session = hours.session_at(at(f"{day} 15:00"))
        assert session is not None
        assert session.label == day
    later, earlier = hours.next_session(at("2024-07-03 15:00")), hours.last_session(at("2024-07-07 15:00"))
    assert (later.label if later else "", earlier.label if earlier else "") == ("2024-07-05", "2024-07-05")
    assert earlier is not None
    before = hours.session_before(earlier)
    assert before is not None
    assert before.label == "2024-07-03"


FIRST_CLOSES = [
    ("XNYS", "2024-07-02 15:00", "2024-07-02 15:01"),
    ("XNYS", "2024-07-02 20:00", "2024-07-03 13:31"),
    ("XNYS", "2024-07-03 16:59", "2024-07-03 17:00"),
    ("XNYS", "2024-07-03 17:00", "2024-07-05 13:31"),
    ("XTKS", "2024-03-05 02:30", "2024-03-05 03:31"),
    ("XTKS", "2024-03-05 03:00", "2024-03-05 03:31"),
    ("24/7", "2024-03-05 23:59", "2024-03-06 00:00"),
]


@pytest.mark.parametrize(("calendar", "start", "expected"), FIRST_CLOSES)
def test_when_the_first_bar_from_a_time_on_closes(calendar: str, start: str, expected: str) -> None:
    assert Hours(calendar).first_close(at(start), 60) == at(expected)


def test_since_when_a_market_has_been_trading() -> None:
    hours = Hours("XTKS")
    found = [hours.stretch_start(at(f"2024-03-05 {time}")) for time in ("02:00", "02:45", "04:00", "06:00")]
    assert [None if start is None else clock_text(start) for start in found] == ["00:00:00", None, "03:30:00", None]


def test_an_unknown_calendar_is_a_users_mistake() -> None:
    with pytest.raises(UserError):
        Hours("XNYSE")


TRADED = [
    ("XNYS", "2024-07-02 14:30", "2024-07-02 15:00", 30),
    ("XNYS", "2024-07-02 19:30", "2024-07-05 14:00", 30 + 210 + 30),
    ("XNYS", "2024-07-06 10:00", "2024-07-07 10:00", 0),
    ("XNYS", "2024-07-02 15:00", "2024-07-02 14:00", 0),
    ("XTKS", "2024-03-05 02:00", "2024-03-05 04:00", 60),
    ("24/7", "2024-03-05 02:00", "2024-03-08 04:00", 3 * 1440 + 120),
    ("XNYS", "2023-12-29 22:00", "2024-12-31 22:00", 249 * 390 + 3 * 210),
]


@pytest.mark.covers("B41")
@pytest.mark.parametrize(("calendar", "start", "end", "minutes"), TRADED)
def test_how_long_a_market_traded_between_two_moments(calendar: str, start: str, end: str, minutes: int) -> None:
    assert Hours(calendar).trading_between(at(start), at(end)) == minutes * 60 * 10**9
