"""How much of the past strategies need before they may be asked, and where it lies in the calendar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from algotrader.core.engine import Engine
from algotrader.core.market import NS_PER_MINUTE, Bar
from algotrader.history.hours import Hours, stretches

ALGORITHM_BARS: Final = 200
"""Bars of an algorithm, which does not say how far it looks back; the signal style's default."""

SLACK: Final = 10
"""One bar in so many more than needed, for minutes without a trade."""

MAX_SESSIONS: Final = 400


@dataclass(slots=True)
class Need:
    """So many bars of ``minutes`` minutes (0: whole sessions) of one instrument."""

    minutes: int
    bars: int


def needs_of(engine: Engine, symbol: str, algorithm_bars: int = ALGORITHM_BARS) -> list[Need]:
    """What the strategies on an instrument need, one entry an interval."""
    track = engine.state.by_symbol[symbol]
    found = []
    for stream in engine.streams.of[track.index]:
        wanted = [0]
        for slot in stream.signal_slots:
            wanted += [slot.settings.required_history, *[indicator.needed + 1 for indicator in slot.indicators]]
        for algorithm in stream.algorithm_slots:
            wanted += [algorithm_bars, *[indicator.needed + 1 for indicator in algorithm.feed_of(track).indicators]]
        if max(wanted):
            found.append(Need(stream.minutes, max(wanted)))
    return found


def start_of(needs: list[Need], hours: Hours, now: int, slack: int = SLACK) -> int:
    """From which session's open on there are enough bars by the calendar, when every minute has one; ``now`` for no needs."""
    left = {need.minutes: need.bars + need.bars // slack + 1 for need in needs}
    start = now
    session = hours.last_session(now)
    for _ in range(MAX_SESSIONS):
        if session is None or max(left.values(), default=0) <= 0:
            break
        start = session.open_time
        for minutes in left:
            if minutes == 0:
                left[minutes] -= session.close_time <= now
            else:
                for opens, closes in stretches(session):
                    left[minutes] -= max(0, min(closes, now) - opens) // (minutes * NS_PER_MINUTE)
        session = hours.session_before(session)
    return start


def serves(needs: list[Need], hours: Hours, bars: list[Bar]) -> bool:
    """Whether these bars, oldest first, are as many as needed at every interval."""
    regular = [bar.open_time for bar in bars if hours.is_trading(bar.open_time)]
    for need in needs:
        if need.minutes == 0:
            sessions = {session.open_time for opens in regular if (session := hours.session_at(opens)) is not None}
            count = len(sessions)
        else:
            count = len({opens // (need.minutes * NS_PER_MINUTE) for opens in regular})
        if count < need.bars:
            return False
    return True
