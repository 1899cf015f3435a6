"""When scheduled functions run: rules for the date, rules for the time, and the list of what is due.

The rules need no calendar: a session's trigger tells where the session stands in its week and month. In daily runs there is one
bar a session, so time rules are ignored and the functions run with that bar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final

from algotrader.core.events import ScheduledTrigger
from algotrader.core.market import NS_PER_SECOND, Session
from algotrader.strategies.algorithm_errors import AlgorithmError

NEVER: Final = 2**63 - 1
MAX_WEEK_OFFSET: Final = 6
MAX_MONTH_OFFSET: Final = 30
MAX_TIME_OFFSET: Final = timedelta(hours=24)

ScheduledFunction = Callable[[Any, Any], object]
"""A function or method that takes ``context`` and ``data``."""


@dataclass(frozen=True, slots=True)
class DateRule:
    """On which sessions; made by ``date_rules``."""

    kind: str
    days_offset: int = 0

    def matches(self, event: ScheduledTrigger) -> bool:
        """Whether the session of a ``session_open`` trigger is one of them."""
        if self.kind == "every_day":
            return True
        place = {
            "week_start": event.day_of_week,
            "week_end": event.days_to_week_end,
            "month_start": event.day_of_month,
            "month_end": event.days_to_month_end,
        }[self.kind]
        return place == self.days_offset


@dataclass(frozen=True, slots=True)
class TimeRule:
    """When in the session; made by ``time_rules``. The offset is in nanoseconds."""

    kind: str
    offset_ns: int = 0

    def due(self, session: Session) -> int:
        """The time from which a bar's close lets the function run, nanoseconds UTC."""
        if self.kind == "market_open":
            return session.open_time + self.offset_ns
        if self.kind == "market_close":
            return session.close_time - self.offset_ns
        return session.open_time


class DateRules:
    """The date rules, as ``date_rules.week_start()``. Offsets count sessions, so holidays never swallow one."""

    def every_day(self) -> DateRule:
        """Every session."""
        return DateRule("every_day")

    def week_start(self, days_offset: int = 0) -> DateRule:
        """The first session of the week, or so many sessions after it."""
        return DateRule("week_start", _whole(days_offset, MAX_WEEK_OFFSET))

    def week_end(self, days_offset: int = 0) -> DateRule:
        """The last session of the week, or so many sessions before it."""
        return DateRule("week_end", _whole(days_offset, MAX_WEEK_OFFSET))

    def month_start(self, days_offset: int = 0) -> DateRule:
        """The first session of the month, or so many sessions after it."""
        return DateRule("month_start", _whole(days_offset, MAX_MONTH_OFFSET))

    def month_end(self, days_offset: int = 0) -> DateRule:
        """The last session of the month, or so many sessions before it."""
        return DateRule("month_end", _whole(days_offset, MAX_MONTH_OFFSET))


class TimeRules:
    """The time rules, as ``time_rules.market_open(minutes=30)``."""

    def market_open(self, offset: timedelta | None = None, hours: float | None = None, minutes: float | None = None) -> TimeRule:
        """So long after the open; one minute when nothing is given."""
        return TimeRule("market_open", _offset(offset, hours, minutes))

    def market_close(self, offset: timedelta | None = None, hours: float | None = None, minutes: float | None = None) -> TimeRule:
        """So long before the close; one minute when nothing is given."""
        return TimeRule("market_close", _offset(offset, hours, minutes))

    def every_minute(self) -> TimeRule:
        """With every bar."""
        return TimeRule("every_minute")


date_rules: Final = DateRules()
time_rules: Final = TimeRules()


def _whole(days: int, largest: int) -> int:
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= largest:
        raise AlgorithmError(f"days_offset must be a whole number from 0 to {largest}, not {days!r}", "it counts sessions")
    return days


def _offset(offset: timedelta | None, hours: float | None, minutes: float | None) -> int:
    if offset is not None and (hours is not None or minutes is not None):
        raise AlgorithmError("offset and hours or minutes were both given", "give one or the other")
    if offset is None:
        offset = timedelta(minutes=1) if hours is None and minutes is None else timedelta(hours=hours or 0, minutes=minutes or 0)
    if not timedelta(minutes=1) <= offset <= MAX_TIME_OFFSET:
        raise AlgorithmError(f"an offset of {offset} is not possible", "give one minute to 24 hours")
    return round(offset.total_seconds() * NS_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Entry:
    """One call of ``schedule_function``; ``number`` is its place, by which functions of the same bar are ordered."""

    number: int
    function: ScheduledFunction
    date_rule: DateRule
    time_rule: TimeRule
    half_days: bool
    calendar: str


@dataclass(frozen=True, slots=True)
class _Armed:
    """An entry waiting in one session. ``due`` lies after the open, so that the last bar of the session before never meets it."""

    entry: Entry
    due: int
    session: Session


class Schedule:
    """All scheduled functions of one strategy.

    Attributes:
        next_due: the earliest time at which ``take`` would give something, nanoseconds UTC.
    """

    snapshot_fixed: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.daily = False
        self.next_due = NEVER
        self._entries: list[Entry] = []
        self._armed: list[_Armed] = []

    def add(self, function: ScheduledFunction, date_rule: DateRule, time_rule: TimeRule, half_days: bool, calendar: str) -> None:
        """Add a function; it runs from the next session on."""
        self._entries.append(Entry(len(self._entries), function, date_rule, time_rule, half_days, calendar))

    def functions(self) -> list[ScheduledFunction]:
        """The functions in the order in which they were added."""
        return [entry.function for entry in self._entries]

    def open_session(self, event: ScheduledTrigger) -> None:
        """Arm what runs in the session that a ``session_open`` trigger opens."""
        session = event.session
        if session is None:
            return
        for entry in self._entries:
            if entry.calendar != session.calendar or (event.half_day and not entry.half_days) or not entry.date_rule.matches(event):
                continue
            due = session.open_time if self.daily else entry.time_rule.due(session)
            self._armed.append(_Armed(entry, max(due, session.open_time + 1), session))
        self._look_ahead()

    def take(self, now: int) -> list[ScheduledFunction]:
        """The functions to run with the bars that close at ``now``, in the order in which they were added."""
        due = [armed for armed in self._armed if armed.due <= now]
        self._armed = [armed for armed in self._armed if armed.due > now or _repeats(armed, now)]
        self._look_ahead()
        return _functions(due)

    def end_session(self, session: Session) -> list[ScheduledFunction]:
        """Forget what was armed for a session that closes; gives the functions whose time came without a bar."""
        ended = [armed for armed in self._armed if armed.session.close_time <= session.close_time]
        self._armed = [armed for armed in self._armed if armed.session.close_time > session.close_time]
        self._look_ahead()
        return _functions([armed for armed in ended if armed.entry.time_rule.kind != "every_minute"])

    def _look_ahead(self) -> None:
        self.next_due = min((armed.due for armed in self._armed), default=NEVER)


def _repeats(armed: _Armed, now: int) -> bool:
    return armed.entry.time_rule.kind == "every_minute" and now < armed.session.close_time


def _functions(armed: list[_Armed]) -> list[ScheduledFunction]:
    return [item.entry.function for item in sorted(armed, key=lambda item: item.entry.number)]
