"""When a user's schedule is due: by cron expression, by interval, once, or by the opens and closes of an exchange.

The next moment is worked out by APScheduler's triggers, which know daylight saving time; who waits for it is ``scheduler``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, BadData, nanoseconds, utc
from algotrader.errors import UserError
from algotrader.history.calendars import ALWAYS_OPEN, time_zone
from algotrader.history.hours import Hours

EVENTS: Final = {"open": 0, "close": 0, "pre_market": -30, "after_hours": 30}
"""Market events and their usual offset in minutes: ``pre_market`` counts from the open, ``after_hours`` from the close."""

_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_TRIES: Final = 100_000


class Trigger(ABC):
    """Says when something is due."""

    @abstractmethod
    def after(self, moment: int) -> int | None:
        """The first time it is due after a moment (both nanoseconds UTC); None for never again."""

    @abstractmethod
    def __str__(self) -> str: ...


class _Scheduled(Trigger):
    """Asks one of APScheduler's triggers."""

    def __init__(self, trigger: Any, text: str) -> None:
        self._trigger: Final = trigger
        self._text: Final = text

    def after(self, moment: int) -> int | None:
        due = self._trigger.get_next_fire_time(None, utc(moment) + timedelta(microseconds=1))
        return None if due is None else nanoseconds(due)

    def __str__(self) -> str:
        return self._text


class Cron(_Scheduled):
    """Five fields as in Unix: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday).

    As in Unix, when both the day of the month and the day of the week are given, either of them will do. When clocks change, a time
    that is left out comes an hour later, and one that comes twice fires twice.

    Args:
        expression: such as ``0 16 * * fri``.
        zone: IANA name of the time zone that its hours are in.

    Raises:
        UserError: it is not such an expression, or no such zone.
    """

    def __init__(self, expression: str, zone: str = "UTC") -> None:
        fields = expression.split()
        if len(fields) != 5:
            raise UserError(
                f"{expression!r} has {len(fields)} fields, not 5", "minute hour day month weekday, as in '*/15 9-15 * * mon-fri'"
            )
        minute, hour, day, month, weekday = fields
        days = [(day, "*"), ("*", weekday)] if day != "*" and weekday != "*" else [(day, weekday)]
        where = _zone(zone)
        try:
            triggers = [
                CronTrigger(minute=minute, hour=hour, day=of_month, month=month, day_of_week=_weekdays(of_week), timezone=where)
                for of_month, of_week in days
            ]
        except (ValueError, TypeError) as error:
            raise UserError(f"{expression!r} is not a cron expression: {error}") from None
        super().__init__(triggers[0] if len(triggers) == 1 else OrTrigger(triggers), f"cron {expression} ({zone})")


class Interval(_Scheduled):
    """Again and again after so much time, counted from ``start`` (nanoseconds UTC; midnight UTC of 1970-01-01 when not given).

    Raises:
        UserError: the interval is below a second.
    """

    def __init__(
        self, *, weeks: float = 0, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, start: int = 0
    ) -> None:
        length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        if length < timedelta(seconds=1):
            raise UserError(f"an interval of {length} is too short", "give at least a second")
        super().__init__(
            IntervalTrigger(seconds=length.total_seconds(), start_date=utc(start), timezone=ZoneInfo("UTC")), f"every {length}"
        )


class Once(_Scheduled):
    """At one moment.

    Raises:
        UserError: the moment has no time zone.
    """

    def __init__(self, moment: datetime) -> None:
        try:
            self._moment: Final = nanoseconds(moment)
        except BadData as error:
            raise UserError(str(error)) from None
        super().__init__(DateTrigger(run_date=moment), f"once at {moment.isoformat()}")

    def after(self, moment: int) -> int | None:
        return self._moment if self._moment > moment else None


class MarketEvent(Trigger):
    """With every session of an exchange: ``open``, ``close``, ``pre_market`` or ``after_hours``; half days and holidays included.

    Args:
        event: one of ``EVENTS``.
        calendar: the exchange.
        offset_minutes: later (or, below 0, earlier) than the open or close; None for the event's usual offset.

    Raises:
        UserError: no such event or calendar, or a market that never opens because it never closes.
    """

    def __init__(self, event: str, calendar: str = "XNYS", offset_minutes: float | None = None) -> None:
        if event not in EVENTS:
            raise UserError(f"{event!r} is not a market event", f"one of {', '.join(EVENTS)}")
        self._hours: Final = Hours(calendar)
        if self._hours.calendar == ALWAYS_OPEN:
            raise UserError("a market that never closes has no open and no close", "use cron or an interval")
        minutes = EVENTS[event] if offset_minutes is None else offset_minutes
        self._offset: Final = round(minutes * NS_PER_MINUTE)
        self._at_open: Final = event in ("open", "pre_market")
        self._text: Final = f"{event} of {self._hours.calendar}" + (f" {minutes:+g} min" if minutes else "")

    def after(self, moment: int) -> int | None:
        target = moment - self._offset
        session = self._hours.last_session(target) or self._hours.next_session(target)
        while session is not None:
            edge = session.open_time if self._at_open else session.close_time
            if edge > target:
                return edge + self._offset
            session = self._hours.next_session(session.open_time)
        return None

    def __str__(self) -> str:
        return self._text


class WithinHours(Trigger):
    """Another trigger, but only while an exchange trades; a firing at the very close counts, one in a break does not."""

    def __init__(self, trigger: Trigger, calendar: str = "XNYS") -> None:
        self._trigger: Final = trigger
        self._hours: Final = Hours(calendar)

    def after(self, moment: int) -> int | None:
        due = self._trigger.after(moment)
        for _ in range(_TRIES):
            if due is None or self._hours.is_trading(due) or self._hours.is_trading(due - 1):
                return due
            following = self._hours.next_session(due)
            running = self._hours.session_at(due)
            # Nothing to look at before the next open, unless a break is what keeps the market from trading.
            skip = due if running is not None or following is None else following.open_time - NS_PER_SECOND
            due = self._trigger.after(max(due, skip))
        return None

    def __str__(self) -> str:
        return f"{self._trigger} within the hours of {self._hours.calendar}"


def exchange_cron(expression: str, calendar: str = "XNYS", *, within_hours: bool = False) -> Trigger:
    """A cron expression in the local time of an exchange, optionally only while it trades.

    Raises:
        UserError: no such calendar, or not a cron expression.
    """
    trigger = Cron(expression, time_zone(calendar))
    return WithinHours(trigger, calendar) if within_hours else trigger


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UserError(f"{name!r} is not a time zone", "write it like America/New_York") from None


def _weekdays(field: str) -> str:
    """A weekday field of Unix, whose week begins with Sunday as 0, in names, which mean the same everywhere."""
    if field == "*":
        return field
    found: list[str] = []
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        low, _, high = ("0", "", "6") if span == "*" else span.partition("-")
        first = _weekday(low)
        last = _weekday(high) if high else (6 if step else first)
        if high == "7" or (high and last < first):
            last += 7
        found += [_DAYS[number % 7] for number in range(first, last + 1, int(step or "1"))]
    return ",".join(dict.fromkeys(found))


def _weekday(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    number = int(text)
    if not 0 <= number <= 7:
        raise ValueError(f"{text} is not a day of the week")
    return number % 7
