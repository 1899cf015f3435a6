"""Alpaca's market clock and calendar, to be compared with ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from algotrader.core.market import nanoseconds
from algotrader.venues.alpaca.values import AlpacaRecordFault, Record, flag, shown, text, text_or_empty, time_ns

_NEW_YORK: Final = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class MarketClock:
    """What the venue's clock shows; times in nanoseconds UTC."""

    time: int
    is_open: bool
    next_open: int
    next_close: int


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One trading day: its date as ``2026-11-20``, and when the regular session opens and closes, nanoseconds UTC.

    ``early_open`` and ``late_close`` are the ends of the extended hours; 0 when the venue does not tell.
    """

    date: str
    open_time: int
    close_time: int
    early_open: int = 0
    late_close: int = 0


def clock(record: Record) -> MarketClock:
    """The venue's clock.

    Raises:
        AlpacaRecordFault: the record cannot be read.
    """
    return MarketClock(
        time=time_ns(record.get("timestamp"), "timestamp"),
        is_open=flag(record, "is_open"),
        next_open=time_ns(record.get("next_open"), "next_open"),
        next_close=time_ns(record.get("next_close"), "next_close"),
    )


def calendar_days(records: Iterable[Record]) -> list[CalendarDay]:
    """The venue's trading days, in its order.

    Raises:
        AlpacaRecordFault: a record cannot be read.
    """
    return [_day(record) for record in records]


def _day(record: Record) -> CalendarDay:
    date = text(record, "date")
    found = CalendarDay(
        date=date,
        open_time=_moment(date, text(record, "open")),
        close_time=_moment(date, text(record, "close")),
        early_open=_moment(date, text_or_empty(record, "session_open")),
        late_close=_moment(date, text_or_empty(record, "session_close")),
    )
    if found.close_time <= found.open_time:
        raise AlpacaRecordFault(f"{date} closes before it opens")
    return found


def _moment(date: str, clock_time: str) -> int:
    """A time of day in New York, written ``09:30`` or ``0400``; 0 when there is none."""
    if not clock_time:
        return 0
    shape = "%Y-%m-%d %H:%M" if ":" in clock_time else "%Y-%m-%d %H%M"
    try:
        local = datetime.strptime(f"{date} {clock_time}", shape).replace(tzinfo=_NEW_YORK)
        return nanoseconds(local)
    except (ValueError, OverflowError):
        raise AlpacaRecordFault(f"{shown(date)} {shown(clock_time)} is not a day and a time of day") from None
