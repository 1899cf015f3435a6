"""The calendar of a backtest: session phases and corporate actions as scheduled events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from algotrader.core.events import Dividend, ScheduledTrigger, Split
from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, Session
from algotrader.core.scaled import money
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import Slot
from algotrader.history import corporate_actions as actions
from algotrader.history.calendars import ALWAYS_OPEN, normal_calendar, sessions_between
from algotrader.history.sessions import Times
from algotrader.simulation.loop import Scheduled, by_time

PRE_OPEN_NS: Final = 30 * NS_PER_MINUTE
"""How long before the open ``before_trading_start`` runs."""

ENDING_NS: Final = 30 * NS_PER_SECOND
"""How long before the close strategies that close with the session begin to."""

_MARGIN: Final = 40 * NS_PER_DAY


@lru_cache(maxsize=8)
def phases(calendar: str, start_ns: int, end_ns: int, unheard: frozenset[str] = frozenset()) -> Sequence[Scheduled]:
    """The phases of every session of a calendar between two times (nanoseconds UTC); kept for the next run over them.

    ``unheard`` are trigger types that nobody waits for.
    """
    name = normal_calendar(calendar)
    around = sessions_between(name, start_ns - _MARGIN, end_ns + _MARGIN)
    lengths = around.closes - around.opens
    half_days = (lengths < lengths.max(initial=0)).tolist()
    # Weeks begin on Mondays; 1970-01-01 was a Thursday.
    places = zip(*_places((around.days + 3) // 7), *_places(_months(around.days)), strict=True)
    inside = around.between(start_ns, end_ns)
    first = int(np.searchsorted(around.days, inside.days[0])) if len(inside) else 0
    items: list[Scheduled] = []
    for session, place, half_day in zip(
        inside.sessions(name, name == ALWAYS_OPEN),
        list(places)[first : first + len(inside)],
        half_days[first : first + len(inside)],
        strict=True,
    ):
        items += _phases(session, place, half_day, unheard)
    return items


def _phases(session: Session, place: tuple[int, int, int, int], half_day: bool, unheard: frozenset[str]) -> list[Scheduled]:
    opens, closes = session.open_time, session.close_time
    early, ending = opens - PRE_OPEN_NS, closes - ENDING_NS
    # Around the clock one session begins when the last ends: after the bars that close with it, and after its own close.
    items = [
        Scheduled(opens, session.continuous, 3, ScheduledTrigger(opens, "session_open", opens, session, *place, half_day)),
        Scheduled(closes, True, 0, ScheduledTrigger(closes, "session_close", closes, session, *place, half_day)),
    ]
    if "pre_open" not in unheard:
        items.append(Scheduled(early, False, 2, ScheduledTrigger(early, "pre_open", early, session, *place, half_day)))
    if not session.continuous and "session_ending" not in unheard:
        items.append(Scheduled(ending, True, 0, ScheduledTrigger(ending, "session_ending", ending, session, *place, half_day)))
    return items


def _months(days: Times) -> Times:
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64))


def _places(keys: Times) -> tuple[list[int], list[int]]:
    """Where each session stands among those of equal key: from the start and from the end, 0 for the first and the last."""
    rows = np.arange(len(keys))
    first, last = np.searchsorted(keys, keys, side="left"), np.searchsorted(keys, keys, side="right")
    return (rows - first).tolist(), (last - 1 - rows).tolist()


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


def unheard_by(slots: Iterable[Slot]) -> frozenset[str]:
    """Phases for which none of the strategies waits: ``pre_open`` is a hook of algorithms, ``session_ending`` closes positions."""
    every = list(slots)
    if not all(isinstance(slot, SignalSlot) for slot in every):
        return frozenset()
    return frozenset({"pre_open"} if any(slot.closes_at_end for slot in every) else {"pre_open", "session_ending"})


def build_schedule(
    instruments: Iterable[Instrument],
    events: Iterable[Scheduled],
    start_ns: int,
    end_ns: int,
    unheard: frozenset[str] = frozenset(),
) -> list[Scheduled]:
    """Everything the calendar brings between two times, in the order in which it is due, without the phases in ``unheard``."""
    items = [item for item in events if start_ns <= item.time < end_ns]
    for calendar in sorted({instrument.calendar for instrument in instruments}):
        items.extend(phases(calendar, start_ns, end_ns, unheard))
    return sorted(items, key=by_time)
