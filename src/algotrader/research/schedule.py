"""The calendar of a backtest: session phases and corporate actions as scheduled events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from algotrader.core.events import Dividend, Split
from algotrader.core.instruments import Instrument
from algotrader.core.scaled import money
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import Slot
from algotrader.history import corporate_actions as actions
from algotrader.history.phases import session_phases
from algotrader.simulation.loop import Scheduled, by_time


@lru_cache(maxsize=8)
def phases(calendar: str, start_ns: int, end_ns: int, unheard: frozenset[str] = frozenset()) -> Sequence[Scheduled]:
    """The phases of every session of a calendar between two times (nanoseconds UTC); kept for the next run over them.

    ``unheard`` are trigger types that nobody waits for.
    """
    found = session_phases(calendar, start_ns, end_ns, unheard)
    return [Scheduled(phase.time, phase.after, phase.rank, phase.event) for phase in found]


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
