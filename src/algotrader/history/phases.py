"""The phases of trading sessions as the triggers that the engine takes: for backtests, for live sessions and for warming up.

A trigger tells where its session stands in its week and month, and whether it closes early, so that no rule about dates needs a
calendar in the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from algotrader.core.events import ScheduledTrigger
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, Session
from algotrader.history.calendars import ALWAYS_OPEN, normal_calendar, sessions_between
from algotrader.history.sessions import Times

PRE_OPEN_NS: Final = 30 * NS_PER_MINUTE
"""How long before the open ``before_trading_start`` runs."""

ENDING_NS: Final = 30 * NS_PER_SECOND
"""How long before the close strategies that close with the session begin to."""

_MARGIN: Final = 40 * NS_PER_DAY


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase that is due at ``time``: before the bars that close then, or ``after`` them. ``rank`` orders equal times."""

    time: int
    after: bool
    rank: int
    event: ScheduledTrigger


def session_phases(calendar: str, start_ns: int, end_ns: int, unheard: frozenset[str] = frozenset()) -> list[Phase]:
    """The phases of every session of a calendar that has a moment between two times (nanoseconds UTC), session by session.

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
    items: list[Phase] = []
    for session, place, half_day in zip(
        inside.sessions(name, name == ALWAYS_OPEN),
        list(places)[first : first + len(inside)],
        half_days[first : first + len(inside)],
        strict=True,
    ):
        items += _phases(session, place, half_day, unheard)
    return items


def _phases(session: Session, place: tuple[int, int, int, int], half_day: bool, unheard: frozenset[str]) -> list[Phase]:
    opens, closes = session.open_time, session.close_time
    early, ending = opens - PRE_OPEN_NS, closes - ENDING_NS
    # Around the clock one session begins when the last ends: after the bars that close with it, and after its own close.
    items = [
        Phase(opens, session.continuous, 3, ScheduledTrigger(opens, "session_open", opens, session, *place, half_day)),
        Phase(closes, True, 0, ScheduledTrigger(closes, "session_close", closes, session, *place, half_day)),
    ]
    if "pre_open" not in unheard:
        items.append(Phase(early, False, 2, ScheduledTrigger(early, "pre_open", early, session, *place, half_day)))
    if not session.continuous and "session_ending" not in unheard:
        items.append(Phase(ending, True, 0, ScheduledTrigger(ending, "session_ending", ending, session, *place, half_day)))
    return items


def _months(days: Times) -> Times:
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64))


def _places(keys: Times) -> tuple[list[int], list[int]]:
    """Where each session stands among those of equal key: from the start and from the end, 0 for the first and the last."""
    rows = np.arange(len(keys))
    first, last = np.searchsorted(keys, keys, side="left"), np.searchsorted(keys, keys, side="right")
    return (rows - first).tolist(), (last - 1 - rows).tolist()
