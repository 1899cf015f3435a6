"""Trading sessions of exchanges, from the exchange-calendars library, and of markets that never close.

The library pulls in pandas, which takes most of a second: what it knows is kept by ``history.sessions``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from algotrader.core.market import Session, nanoseconds
from algotrader.errors import UserError, did_you_mean
from algotrader.history.intervals import day_ns
from algotrader.history.sessions import SessionTable, Times, day_number, is_kept, load_table, utc_days

Mask = npt.NDArray[np.bool_]

ALWAYS_OPEN: Final = "24/7"
"""The calendar of markets that never close: its sessions are UTC days."""

_ALIASES: Final = {"24/7": ALWAYS_OPEN, "247": ALWAYS_OPEN, "24-7": ALWAYS_OPEN, "NYSE": "XNYS", "NASDAQ": "XNYS", "LSE": "XLON"}
_ZONES: Final = {ALWAYS_OPEN: "UTC", "XNYS": "America/New_York", "XLON": "Europe/London", "XTKS": "Asia/Tokyo"}


@lru_cache(maxsize=64)
def normal_calendar(name: str) -> str:
    """Check a calendar's name and give it in its standard form (``NYSE`` becomes ``XNYS``).

    Raises:
        UserError: no such calendar; the hint names the nearest.
    """
    text = name.strip().upper()
    text = _ALIASES.get(text, text)
    if text in _ZONES or is_kept(text):
        return text
    import exchange_calendars

    known: list[str] = exchange_calendars.get_calendar_names()
    if text not in known:
        near = did_you_mean(text, known)
        raise UserError(f"{name!r} is not a calendar", f"{near} examples: XNYS, XLON, XTKS, 24/7".strip())
    return str(exchange_calendars.resolve_alias(text))


def session_table(calendar: str) -> SessionTable:
    """All sessions of an exchange (not of ``24/7``), loaded once per process.

    Raises:
        UserError: no such calendar.
    """
    return load_table(normal_calendar(calendar))


def sessions_between(calendar: str, start_ns: int, end_ns: int) -> SessionTable:
    """Every session that has a moment in ``[start_ns, end_ns)``, in order of time, as a table.

    Args:
        calendar: an exchange calendar's name, or ``24/7``.
        start_ns: nanoseconds UTC.
        end_ns: nanoseconds UTC, not included.

    Raises:
        UserError: no such calendar.
    """
    name = normal_calendar(calendar)
    return utc_days(start_ns, end_ns) if name == ALWAYS_OPEN else session_table(name).between(start_ns, end_ns)


def sessions(calendar: str, start_ns: int, end_ns: int) -> list[Session]:
    """The sessions of ``sessions_between`` one by one.

    Raises:
        UserError: no such calendar.
    """
    name = normal_calendar(calendar)
    return sessions_between(name, start_ns, end_ns).sessions(name, name == ALWAYS_OPEN)


def session_of_day(calendar: str, day: date) -> Session | None:
    """The session of a day, or None when the market is closed all day.

    Raises:
        UserError: no such calendar.
    """
    name = normal_calendar(calendar)
    if name == ALWAYS_OPEN:
        return sessions(name, day_ns(day), day_ns(day) + 1)[0]
    table = session_table(name)
    row = int(np.searchsorted(table.days, day_number(day)))
    found = table.part(row, row + 1).sessions(name)
    return found[0] if found and found[0].label == day.isoformat() else None


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
    if (open_times[1:] >= open_times[:-1]).all():
        return _inside(table, open_times)
    order = np.argsort(open_times, kind="stable")
    found = np.empty(len(open_times), dtype=np.bool_)
    found[order] = _inside(table, open_times[order])
    return found


def _inside(table: SessionTable, times: Times) -> Mask:
    """Which of ascending times lie in a session: the sessions are looked up among the times, as they are fewer."""
    if len(times) == 0:
        return np.ones(0, dtype=np.bool_)
    near = table.between(int(times[0]), int(times[-1]) + 1)
    edges = [np.searchsorted(times, edge) for edge in (near.opens, near.closes, near.break_starts, near.break_ends)]
    if int((edges[1] - edges[0] - edges[3] + edges[2]).sum()) == len(times):
        return np.ones(len(times), dtype=np.bool_)
    steps = np.zeros(len(times) + 1, dtype=np.int32)
    for rows, step in zip(edges, (1, -1, -1, 1), strict=True):
        np.add.at(steps, rows, step)
    return np.asarray(np.cumsum(steps[:-1]) > 0, dtype=np.bool_)


def time_zone(calendar: str) -> str:
    """IANA name of the zone an exchange lives in; ``UTC`` for markets that never close.

    Raises:
        UserError: no such calendar.
    """
    name = normal_calendar(calendar)
    return _ZONES[name] if name in _ZONES else session_table(name).zone


def day_start(calendar: str, day: date, *, plus_days: int = 0) -> int:
    """Midnight at an exchange at the start of a day (``plus_days`` days on), in nanoseconds UTC."""
    moved = day + timedelta(days=plus_days)
    zone = ZoneInfo(time_zone(calendar))
    return nanoseconds(datetime(moved.year, moved.month, moved.day, tzinfo=zone).astimezone(UTC))
