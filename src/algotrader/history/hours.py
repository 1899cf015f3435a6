"""When markets trade: questions about now, answered from the calendars. Times are nanoseconds UTC."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from algotrader.core.market import NS_PER_DAY, NS_PER_SECOND, Session
from algotrader.history.calendars import normal_calendar, sessions

_REACH: Final = 20 * NS_PER_DAY
"""How far around the time asked for sessions are held ready; longer than any market stays closed in a row."""


class Hours:
    """The sessions of one calendar around the present; it moves along with the times asked for.

    Args:
        calendar: an exchange calendar's name, or ``24/7``.

    Raises:
        UserError: no such calendar.
    """

    def __init__(self, calendar: str) -> None:
        self.calendar: Final = normal_calendar(calendar)
        self._from = 0
        self._until = 0
        self._opens: list[int] = []
        self._sessions: list[Session] = []

    def session_at(self, moment: int) -> Session | None:
        """The session that a moment lies in, a break in it included; None between sessions."""
        place = self._place(moment)
        if place and moment < self._sessions[place - 1].close_time:
            return self._sessions[place - 1]
        return None

    def last_session(self, moment: int) -> Session | None:
        """The session that opened last by a moment."""
        place = self._place(moment)
        return self._sessions[place - 1] if place else None

    def session_before(self, session: Session) -> Session | None:
        """The session before another one."""
        return self.last_session(session.open_time - 1)

    def next_session(self, moment: int) -> Session | None:
        """The first session that opens after a moment; None where the calendar knows none."""
        place = self._place(moment)
        return self._sessions[place] if place < len(self._sessions) else None

    def is_trading(self, moment: int) -> bool:
        """Whether the market trades at a moment: in a session and in none of its breaks."""
        session = self.session_at(moment)
        return session is not None and session.contains(moment)

    def stretch_start(self, moment: int) -> int | None:
        """Since when the market has been trading without a break; None when it does not trade at that moment."""
        session = self.session_at(moment)
        if session is None:
            return None
        return next((opens for opens, closes in stretches(session) if opens <= moment < closes), None)

    def first_close(self, start: int, seconds: int) -> int | None:
        """When the first bar of so many seconds that opens at or after a time closes; None where the calendar ends."""
        length = seconds * NS_PER_SECOND
        session = self.session_at(start) or self.next_session(start)
        while session is not None:
            for opens, closes in stretches(session):
                begins = max(opens, start)
                if begins + length <= closes:
                    return begins + length
            session = self.next_session(session.open_time)
        return None

    def trading_between(self, start: int, end: int) -> int:
        """How many nanoseconds of two moments' distance the market traded, breaks left out."""
        found = 0
        session = self.session_at(start) or self.next_session(start)
        while session is not None and session.open_time < end:
            found += sum(max(min(closes, end) - max(opens, start), 0) for opens, closes in stretches(session))
            session = self.next_session(session.open_time)
        return found

    def _place(self, moment: int) -> int:
        if not self._from <= moment < self._until:
            low, high = moment - 2 * _REACH, moment + 2 * _REACH
            self._sessions = sessions(self.calendar, low, high)
            self._opens = [session.open_time for session in self._sessions]
            self._from, self._until = moment - _REACH, moment + _REACH
        return bisect_right(self._opens, moment)


class MarketClock:
    """Whether a market trades, and when it closes next."""

    def __init__(self, calendar: str = "XNYS") -> None:
        self._hours: Final = Hours(calendar)

    def is_open(self, now: int) -> bool:
        """Whether the market trades now; a lunch break is not trading."""
        return self._hours.is_trading(now)

    def next_close(self, now: int) -> int:
        """The close of the running session, or of the next one when none runs; half days close early.

        Raises:
            LookupError: the calendar ends before.
        """
        session = self._hours.session_at(now) or self._hours.next_session(now)
        if session is None:
            raise LookupError(f"the calendar {self._hours.calendar} knows no later session")
        return session.close_time


def stretches(session: Session) -> list[tuple[int, int]]:
    """The stretches of trading between a session's breaks."""
    edges = [session.open_time]
    for start, end in sorted(session.breaks):
        edges += [start, end]
    edges.append(session.close_time)
    return list(zip(edges[::2], edges[1::2], strict=True))
