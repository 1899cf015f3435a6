"""The calendar of a backtest: session phases and corporate actions as scheduled events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from algotrader.core.events import Dividend, ScheduledTrigger, Split
from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, Session
from algotrader.core.scaled import money
from algotrader.history import corporate_actions as actions
from algotrader.history.calendars import sessions
from algotrader.simulation.loop import Scheduled, by_time

PRE_OPEN_NS: Final = 30 * NS_PER_MINUTE
"""How long before the open ``before_trading_start`` runs."""

ENDING_NS: Final = 30 * NS_PER_SECOND
"""How long before the close strategies that close with the session begin to."""

_MARGIN: Final = 40 * NS_PER_DAY


def phases(calendar: str, start_ns: int, end_ns: int) -> list[Scheduled]:
    """The phases of every session of a calendar between two times (nanoseconds UTC)."""
    around = sessions(calendar, start_ns - _MARGIN, end_ns + _MARGIN)
    places = _places(around)
    items: list[Scheduled] = []
    usual = max([session.close_time - session.open_time for session in around], default=0)
    for session, place in zip(around, places, strict=True):
        if session.close_time <= start_ns or session.open_time >= end_ns:
            continue
        items.extend(_phases(session, place, session.close_time - session.open_time < usual))
    return items


def _phases(session: Session, place: tuple[int, int, int, int], half_day: bool) -> list[Scheduled]:
    def trigger(time: int, kind: str, after: bool, rank: int) -> Scheduled:
        return Scheduled(time, after, rank, ScheduledTrigger(time, kind, time, session, *place, half_day=half_day))

    # Around the clock one session begins when the last ends: after the bars that close with it, and after its own close.
    items = [
        trigger(session.open_time - PRE_OPEN_NS, "pre_open", False, 2),
        trigger(session.open_time, "session_open", session.continuous, 3),
        trigger(session.close_time, "session_close", True, 0),
    ]
    if not session.continuous:
        items.append(trigger(session.close_time - ENDING_NS, "session_ending", True, 0))
    return items


def _places(around: list[Session]) -> list[tuple[int, int, int, int]]:
    """Where each session stands in its week and month: place from the start and from the end, 0 for the first and the last."""
    days = [date.fromisoformat(session.label) for session in around]
    weeks = _ranks([day.isocalendar()[:2] for day in days])
    months = _ranks([(day.year, day.month) for day in days])
    return [(week[0], week[1], month[0], month[1]) for week, month in zip(weeks, months, strict=True)]


def _ranks(keys: list[tuple[int, int]]) -> list[tuple[int, int]]:
    sizes: dict[tuple[int, int], int] = {}
    places: list[int] = []
    for key in keys:
        places.append(sizes.get(key, 0))
        sizes[key] = places[-1] + 1
    return [(place, sizes[key] - 1 - place) for key, place in zip(keys, places, strict=True)]


def corporate_events(instrument: Instrument, stored: Iterable[actions.Split | actions.Dividend]) -> list[Scheduled]:
    """Splits and dividends of an instrument, effective before the open of their session."""
    items = []
    for action in stored:
        time = actions.effective_ns(action, instrument.calendar)
        if isinstance(action, actions.Split):
            items.append(Scheduled(time, False, 0, Split(time, instrument.symbol, action.numerator, action.denominator)))
        else:
            items.append(Scheduled(time, False, 1, Dividend(time, instrument.symbol, money(action.cash))))
    return items


def build_schedule(instruments: Iterable[Instrument], events: Iterable[Scheduled], start_ns: int, end_ns: int) -> list[Scheduled]:
    """Everything the calendar brings between two times, in the order in which it is due."""
    items = [item for item in events if start_ns <= item.time < end_ns]
    for calendar in sorted({instrument.calendar for instrument in instruments}):
        items.extend(phases(calendar, start_ns, end_ns))
    return sorted(items, key=by_time)
