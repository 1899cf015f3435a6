"""The phases of the trading day, as events at the right moments: by timer, whether bars come or not.

A phase that could not come in time, because the machine was suspended for example, still comes, late, and that is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.events import Event, ScheduledTrigger
from algotrader.core.market import NS_PER_DAY
from algotrader.history.calendars import normal_calendar
from algotrader.history.phases import Phase, session_phases
from algotrader.live import telling
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.telling import Tell
from algotrader.live.waiting import race, wait_until

LAST_BARS_SECONDS: Final = 5
"""How long past the close the end of a session waits for its last bars; no longer than it takes them to come."""

LATE_SECONDS: Final = 1
"""A phase that comes later than this is told as late."""

_AHEAD: Final = 14 * NS_PER_DAY

Settled = Callable[[int, int], Coroutine[Any, Any, None]]
"""Waits until the bars of a close time are in, or until a moment; ``Feed.settled``."""


def due_key(phase: Phase) -> tuple[int, bool, int]:
    """Sort key of phases."""
    return (phase.time, phase.after, phase.rank)


def delivered_by(engine: Engine) -> dict[str, int]:
    """For each calendar, when the session opened that the engine knows of; phases after that may not have reached it."""
    known: dict[str, int] = {}
    for track in engine.state.tracks:
        if track.session is not None:
            calendar = track.session.calendar
            known[calendar] = max(known.get(calendar, 0), track.session.open_time)
    return known


def owed_phases(calendar: str, delivered: int, now: int) -> tuple[list[Phase], int]:
    """The phases that were due by now and still matter, and how many sessions went by without us.

    Those are: what is left of the session that was delivered last, and what the running session, or the one about to open, has had.

    Args:
        calendar: in its standard form.
        delivered: when the last phase was due that was delivered; 0 for none.
        now: nanoseconds UTC.
    """
    known = [
        phase for phase in session_phases(calendar, max(delivered, now - _AHEAD), now + _AHEAD) if delivered < phase.time <= now
    ]
    kept: list[Phase] = []
    gone = 0
    for phase in sorted(known, key=due_key):
        session = phase.event.session
        assert session is not None
        if session.close_time > now or (delivered and session.open_time <= delivered):
            kept.append(phase)
        elif delivered and phase.event.trigger_type == "session_close":
            gone += 1
    return kept, gone


class Phases:
    """Delivers the phases of every calendar.

    Args:
        clock: of the session.
        put: takes the events.
        calendars: names of the calendars of the instruments.
        delivered: for each calendar, when the last phase was due that the engine has had already; or what tells it at the start.
        settled: waits for the last bars of a session; None delivers its end at the close.
        tell: hears what is worth telling.
    """

    def __init__(
        self,
        clock: Clock,
        put: Callable[[Event], None],
        calendars: Iterable[str],
        *,
        delivered: Mapping[str, int] | Callable[[], Mapping[str, int]] | None = None,
        settled: Settled | None = None,
        tell: Tell = telling.nobody,
    ) -> None:
        self._clock: Final = clock
        self._put: Final = put
        self._calendars: Final = tuple(dict.fromkeys(sorted(normal_calendar(name) for name in calendars)))
        self._given: Final = delivered or {}
        self._delivered: Final[dict[str, int]] = {}
        self._settled: Final = settled
        self._tell: Final = tell
        self._agenda: list[Phase] = []
        self._started = False

    def start(self) -> None:
        """Deliver what is due already: the running session's open above all, so that the engine knows its session."""
        if not self._started:
            self._started = True
            self._delivered.update(self._given() if callable(self._given) else self._given)
        now = self._clock.now()
        owed: list[Phase] = []
        for calendar in self._calendars:
            phases, gone = owed_phases(calendar, self._delivered.get(calendar, 0), now)
            owed += phases
            if gone:
                self._tell(telling.PHASE, reports.WARNING, calendar, f"{gone} sessions went by without us")
            self._delivered[calendar] = max(now, self._delivered.get(calendar, 0))
        for phase in sorted(owed, key=due_key):
            self._deliver(phase)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Deliver every phase at its moment until ``stop`` is set, or until cancelled; ``start`` comes first."""
        stop = stop or asyncio.Event()
        if not self._started:
            self.start()
        while (phase := self._next()) is not None:
            if not await wait_until(self._clock, phase.time, stop):
                return
            late = self._clock.now() - phase.time
            if late > _AHEAD or self._session_is_over(phase):
                self._agenda.clear()
                self.start()
                continue
            if phase.event.trigger_type == "session_close" and self._settled is not None:
                # A bar that closes with the session still belongs to it.
                await race(self._settled(phase.time, phase.time + self._patience(LAST_BARS_SECONDS)), stop.wait())
                if stop.is_set():
                    return
            self._agenda.pop(0)
            self._deliver(phase)
        await stop.wait()

    def _session_is_over(self, phase: Phase) -> bool:
        """The whole session of a phase that begins one went by, as when a machine was suspended."""
        session = phase.event.session
        begins = phase.event.trigger_type in ("pre_open", "session_open")
        return begins and session is not None and session.close_time <= self._clock.now()

    def _next(self) -> Phase | None:
        if not self._agenda:
            now = self._clock.now()
            found: list[Phase] = []
            for calendar in self._calendars:
                after = self._delivered[calendar]
                found += [phase for phase in session_phases(calendar, after - NS_PER_DAY, now + _AHEAD) if phase.time > after]
            self._agenda = sorted(found, key=due_key)
        return self._agenda[0] if self._agenda else None

    def _patience(self, seconds: float) -> int:
        return round(self._clock.patience(seconds) * NS_PER_SECOND)

    def _deliver(self, phase: Phase) -> None:
        due, now = phase.event, self._clock.now()
        session = due.session
        assert session is not None
        self._delivered[session.calendar] = max(phase.time, self._delivered.get(session.calendar, 0))
        drift = now - phase.time
        waits = LATE_SECONDS + (LAST_BARS_SECONDS if due.trigger_type == "session_close" else 0)
        late = drift > self._patience(waits)
        level = reports.WARNING if late else reports.INFO
        text = f"{due.trigger_type} of {session.label}, {drift // 1_000_000} ms after it was due"
        self._tell(telling.PHASE, level, session.calendar, text)
        self._put(
            ScheduledTrigger(
                now,
                due.trigger_type,
                due.scheduled_time,
                session,
                due.day_of_week,
                due.days_to_week_end,
                due.day_of_month,
                due.days_to_month_end,
                due.half_day,
            )
        )
