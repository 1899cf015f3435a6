"""Trading sessions of exchanges, from the exchange-calendars library, and of markets that never close.

The library pulls in pandas, which takes most of a second: it is imported on first use only, and each calendar is turned into
plain arrays once per process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from algotrader.core.market import NS_PER_DAY, Session, nanoseconds, utc
from algotrader.errors import UserError, did_you_mean
from algotrader.history.intervals import day_ns

Times = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ALWAYS_OPEN: Final = "24/7"
"""The calendar of markets that never close: its sessions are UTC days."""

_START: Final = "1970-01-01"
_NO_BREAK: Final = np.iinfo(np.int64).min
_ALIASES: Final = {"24/7": ALWAYS_OPEN, "247": ALWAYS_OPEN, "24-7": ALWAYS_OPEN, "NYSE": "XNYS", "NASDAQ": "XNYS", "LSE": "XLON"}
_ZONES: Final = {ALWAYS_OPEN: "UTC", "XNYS": "America/New_York", "XLON": "Europe/London", "XTKS": "Asia/Tokyo"}


@dataclass(frozen=True, slots=True)
class SessionTable:
    """All sessions of one exchange as arrays in nanoseconds UTC; a session without a break has the smallest int as its break."""

    labels: list[str]
    opens: Times
    closes: Times
    break_starts: Times
    break_ends: Times
    index: dict[str, int]

    def session(self, calendar: str, row: int) -> Session:
        """Give one row as the engine's ``Session``."""
        start = int(self.break_starts[row])
        breaks = () if start == _NO_BREAK else ((start, int(self.break_ends[row])),)
        return Session(calendar, self.labels[row], int(self.opens[row]), int(self.closes[row]), breaks)


def normal_calendar(name: str) -> str:
    """Check a calendar's name and give it in its standard form (``NYSE`` becomes ``XNYS``).

    Raises:
        UserError: no such calendar; the hint names the nearest.
    """
    text = name.strip().upper()
    text = _ALIASES.get(text, text)
    if text in _ZONES:
        return text
    import exchange_calendars

    known: list[str] = exchange_calendars.get_calendar_names()
    if text not in known:
        near = did_you_mean(text, known)
        raise UserError(f"{name!r} is not a calendar", f"{near} examples: XNYS, XLON, XTKS, 24/7".strip())
    return str(exchange_calendars.resolve_alias(text))


def _load(name: str) -> Any:
    """The library's calendar from 1970 on, or from its own first day where that is later."""
    import exchange_calendars

    try:
        return exchange_calendars.get_calendar(name, start=_START)
    except ValueError:
        first = exchange_calendars.get_calendar(name).bound_min()
        return exchange_calendars.get_calendar(name, start=first)


@lru_cache(maxsize=32)
def session_table(calendar: str) -> SessionTable:
    """All sessions of an exchange (not of ``24/7``), loaded once per process.

    Raises:
        UserError: no such calendar.
    """
    schedule = _load(normal_calendar(calendar)).schedule

    def column(name: str) -> Times:
        # A session without a break reads as "not a time", which is the smallest int in nanoseconds.
        values = schedule[name].dt.tz_localize(None).to_numpy().astype("datetime64[ns]")
        return np.asarray(values.astype(np.int64))

    labels = [day.strftime("%Y-%m-%d") for day in schedule.index]
    index = {label: row for row, label in enumerate(labels)}
    return SessionTable(labels, column("open"), column("close"), column("break_start"), column("break_end"), index)


def sessions(calendar: str, start_ns: int, end_ns: int) -> list[Session]:
    """Every session that has a moment in ``[start_ns, end_ns)``, in order of time.

    Args:
        calendar: an exchange calendar's name, or ``24/7``.
        start_ns: nanoseconds UTC.
        end_ns: nanoseconds UTC, not included.

    Raises:
        UserError: no such calendar.
    """
    name = normal_calendar(calendar)
    if name == ALWAYS_OPEN:
        first, last = start_ns // NS_PER_DAY, -(-end_ns // NS_PER_DAY)
        return [_utc_day(day) for day in range(first, last)]
    table = session_table(name)
    first = int(np.searchsorted(table.closes, start_ns, side="right"))
    last = int(np.searchsorted(table.opens, end_ns, side="left"))
    return [table.session(name, row) for row in range(first, last)]


def _utc_day(day: int) -> Session:
    start = day * NS_PER_DAY
    return Session(ALWAYS_OPEN, utc(start).date().isoformat(), start, start + NS_PER_DAY, continuous=True)


def session_of_day(calendar: str, day: date) -> Session | None:
    """The session of a day, or None when the market is closed all day.

    Raises:
        UserError: no such calendar.
    """
    name = normal_calendar(calendar)
    if name == ALWAYS_OPEN:
        return _utc_day(day_ns(day) // NS_PER_DAY)
    table = session_table(name)
    row = table.index.get(day.isoformat())
    return None if row is None else table.session(name, row)


def regular_mask(calendar: str, open_times: Times) -> Mask:
    """Tell for each bar whether it starts within a regular session and outside its breaks.

    Args:
        calendar: an exchange calendar's name, or ``24/7`` (always true).
        open_times: starts of bars, nanoseconds UTC, in any order.

    Raises:
        UserError: no such calendar.
    """
    name = normal_calendar(calendar)
    if name == ALWAYS_OPEN:
        return np.ones(len(open_times), dtype=np.bool_)
    table = session_table(name)
    row = np.searchsorted(table.opens, open_times, side="right") - 1
    known = row >= 0
    row = np.maximum(row, 0)
    inside = known & (open_times < table.closes[row])
    paused = (open_times >= table.break_starts[row]) & (open_times < table.break_ends[row])
    return np.asarray(inside & ~paused, dtype=np.bool_)


def time_zone(calendar: str) -> str:
    """IANA name of the zone an exchange lives in; ``UTC`` for markets that never close.

    Raises:
        UserError: no such calendar.
    """
    name = normal_calendar(calendar)
    return _ZONES[name] if name in _ZONES else str(_load(name).tz)


def day_start(calendar: str, day: date, *, plus_days: int = 0) -> int:
    """Midnight at an exchange at the start of a day (``plus_days`` days on), in nanoseconds UTC."""
    moved = day + timedelta(days=plus_days)
    zone = ZoneInfo(time_zone(calendar))
    return nanoseconds(datetime(moved.year, moved.month, moved.day, tzinfo=zone).astimezone(UTC))
