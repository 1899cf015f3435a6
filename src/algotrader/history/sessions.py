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
from algotrader.core.market import Session
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
    """All sessions of one exchange as arrays in nanoseconds UTC; a session without a break has the smallest int as its break.

    ``days`` counts the sessions' dates from 1970-01-01 on; ``zone`` is the IANA name of the exchange's time zone.
    """

    zone: str
    days: Times
    opens: Times
    closes: Times
    break_starts: Times
    break_ends: Times

    def session(self, calendar: str, row: int) -> Session:
        """Give one row as the engine's ``Session``."""
        start = int(self.break_starts[row])
        breaks = () if start == _NO_BREAK else ((start, int(self.break_ends[row])),)
        return Session(calendar, self.day(row).isoformat(), int(self.opens[row]), int(self.closes[row]), breaks)

    def day(self, row: int) -> date:
        """The date of a session."""
        return date.fromordinal(_FIRST_DAY + int(self.days[row]))

    def following(self, day: date) -> date:
        """The date of the first session after a day; the next day where none is known."""
        row = int(np.searchsorted(self.days, day.toordinal() - _FIRST_DAY, side="right"))
        return self.day(row) if row < len(self.days) else day + timedelta(days=1)

    def row_of(self, day: date) -> int | None:
        """The row of a date; None when there is no session."""
        number = day.toordinal() - _FIRST_DAY
        row = int(np.searchsorted(self.days, number))
        return row if row < len(self.days) and self.days[row] == number else None


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
