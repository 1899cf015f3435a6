"""Tables of trading sessions, kept in the user's cache folder: the library that knows them takes most of a second to start.

A table is kept for one version of the library and for a month at most, since the library's calendars end a year after the day on
which they are built. A file that is damaged, stale or not to be written costs the time to build the table, and nothing else.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from algotrader.config import cache_folder
from algotrader.core.market import NS_PER_DAY, Session
from algotrader.history.files import replace_file

Times = npt.NDArray[np.int64]

LIBRARY: Final = "exchange-calendars"

_START: Final = "1970-01-01"
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_NO_BREAK: Final = np.iinfo(np.int64).min
_COLUMNS: Final = 5
_KEPT_SECONDS: Final = 30 * 86_400


@dataclass(frozen=True, slots=True)
class SessionTable:
    """Sessions of one exchange as arrays in nanoseconds UTC; a session without a break has the smallest int as its break.

    ``days`` counts the sessions' dates from 1970-01-01 on; ``zone`` is the IANA name of the exchange's time zone.
    """

    zone: str
    days: Times
    opens: Times
    closes: Times
    break_starts: Times
    break_ends: Times

    def __len__(self) -> int:
        return len(self.days)

    def between(self, start_ns: int, end_ns: int) -> SessionTable:
        """The sessions that have a moment in ``[start_ns, end_ns)``."""
        first, last = np.searchsorted(self.closes, start_ns, side="right"), np.searchsorted(self.opens, end_ns, side="left")
        return self.part(int(first), int(last))

    def part(self, first: int, last: int) -> SessionTable:
        """The rows from ``first`` up to ``last``, which is not included."""
        columns = (self.days, self.opens, self.closes, self.break_starts, self.break_ends)
        return SessionTable(self.zone, *(column[first:last] for column in columns))

    def sessions(self, calendar: str, continuous: bool = False) -> list[Session]:
        """Every row as the engine's ``Session``."""
        columns = (self.days, self.opens, self.closes, self.break_starts, self.break_ends)
        return [
            Session(calendar, _date(day).isoformat(), opens, closes, () if start == _NO_BREAK else ((start, end),), continuous)
            for day, opens, closes, start, end in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def opened_by(self, times: Times) -> Times:
        """How many sessions have opened by each of ascending times. The sessions are looked up among the times: they are fewer."""
        if len(times) == 0:
            return times
        first, last = np.searchsorted(self.opens, times[[0, -1]], side="right").tolist()
        steps = np.searchsorted(times, self.opens[first:last])
        return np.repeat(np.arange(first, last + 1), np.diff(steps, prepend=0, append=len(times)))

    def following(self, day: date) -> date:
        """The date of the first session after a day; the next day where none is known."""
        row = int(np.searchsorted(self.days, day_number(day), side="right"))
        return _date(int(self.days[row])) if row < len(self) else day + timedelta(days=1)


def utc_days(start_ns: int, end_ns: int) -> SessionTable:
    """The days that have a moment in ``[start_ns, end_ns)`` as the sessions of a market that never closes."""
    days = np.arange(start_ns // NS_PER_DAY, -(-end_ns // NS_PER_DAY), dtype=np.int64)
    none = np.full(len(days), _NO_BREAK, dtype=np.int64)
    return SessionTable("UTC", days, days * NS_PER_DAY, (days + 1) * NS_PER_DAY, none, none)


def day_number(day: date) -> int:
    """A date as days since 1970-01-01."""
    return day.toordinal() - _FIRST_DAY


def _date(number: int) -> date:
    return date.fromordinal(_FIRST_DAY + number)


@lru_cache(maxsize=32)
def load_table(name: str) -> SessionTable:
    """The sessions of an exchange, by the standard form of its calendar's name; loaded once per process.

    Raises:
        exchange_calendars.errors.InvalidCalendarName: no such calendar.
    """
    path = _place(name)
    try:
        library = version(LIBRARY)
    except PackageNotFoundError:
        return _build(name)
    found = _read(path, name, library)
    if found is None:
        found = _build(name)
        _write(path, name, library, found)
    return found


def is_kept(name: str) -> bool:
    """Whether the sessions of this calendar, named in its standard form, have been kept."""
    return name.replace("_", "").isalnum() and _place(name).is_file()


def _place(name: str) -> Path:
    return cache_folder(os.environ) / "sessions" / f"{name}.i64"


def load_calendar(name: str) -> Any:
    """The library's calendar from 1970 on, or from its own first day where that is later."""
    import exchange_calendars

    try:
        return exchange_calendars.get_calendar(name, start=_START)
    except ValueError:
        first = exchange_calendars.get_calendar(name).bound_min()
        return exchange_calendars.get_calendar(name, start=first)


def _build(name: str) -> SessionTable:
    calendar = load_calendar(name)
    schedule = calendar.schedule

    def column(values: Any) -> Times:
        # A session without a break reads as "not a time", which is the smallest int in nanoseconds.
        return np.asarray(values.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64))

    days = schedule.index.to_numpy().astype("datetime64[D]").astype(np.int64)
    times = [column(schedule[part].dt) for part in ("open", "close", "break_start", "break_end")]
    return SessionTable(str(calendar.tz), days, *times)


def _read(path: Path, name: str, library: str) -> SessionTable | None:
    """A table that was kept: a line of JSON, then the columns as 64-bit integers; None when the file does not serve."""
    try:
        if not 0 <= time.time() - path.stat().st_mtime <= _KEPT_SECONDS:
            return None
        line, _, content = path.read_bytes().partition(b"\n")
        head = json.loads(line)
        if head != _head(name, library, head["zone"], content):
            return None
        return SessionTable(head["zone"], *np.frombuffer(content, dtype="<i8").reshape(_COLUMNS, -1))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, name: str, library: str, table: SessionTable) -> None:
    columns = np.stack([table.days, table.opens, table.closes, table.break_starts, table.break_ends])
    content = columns.astype("<i8").tobytes()
    line = json.dumps(_head(name, library, table.zone, content)).encode()
    try:
        replace_file(path, lambda temporary: temporary.write_bytes(line + b"\n" + content))
    except OSError:
        # The cache saves time only.
        return


def _head(name: str, library: str, zone: str, content: bytes) -> dict[str, Any]:
    return {"calendar": name, "library": library, "zone": zone, "bytes": len(content), "crc": zlib.crc32(content)}
