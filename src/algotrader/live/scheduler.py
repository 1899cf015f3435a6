"""User's schedules: each firing is an event, journaled and replayed like any other.

APScheduler's own scheduler is not used: it sleeps by the machine's clock in threads of its own, which neither the session's clock
nor virtual time could steer. Its triggers say when the next firing is due, and this waits for it by our clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from algotrader.core import reports
from algotrader.core.events import Event, ScheduledTrigger
from algotrader.errors import UserError, did_you_mean
from algotrader.live import telling
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.telling import Tell
from algotrader.live.triggers import Trigger
from algotrader.live.waiting import race, wait_until

GRACE_SECONDS: Final = 60
"""How late a firing may still happen."""

_FAR: Final = 3_600 * NS_PER_SECOND

Callback = Callable[[str], Awaitable[None] | None]
"""What is called outside the engine, with the schedule's name."""


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule as people see it; ``next_run`` is None when it never fires again or is disabled (nanoseconds UTC)."""

    name: str
    trigger: str
    enabled: bool
    next_run: int | None
    last_run: int | None


@dataclass(slots=True)
class _Job:
    name: str
    trigger: Trigger
    callback: Callback | None
    next_run: int | None
    last_run: int | None = None
    enabled: bool = True


class Scheduler:
    """Fires named schedules.

    Args:
        clock: of the session.
        put: takes the events; strategies hear of them as ``on_schedule``.
        tell: hears what is worth telling.
        grace: seconds that a firing may be late; one that is later is skipped.
        since: until when somebody watched last (nanoseconds UTC, as the end of the last run); firings due since then count as
            missed. 0: nothing was missed.
    """

    def __init__(
        self,
        clock: Clock,
        put: Callable[[Event], None],
        *,
        tell: Tell = telling.nobody,
        grace: float = GRACE_SECONDS,
        since: int = 0,
    ) -> None:
        self._clock: Final = clock
        self._put: Final = put
        self._tell: Final = tell
        self._grace: Final = round(grace * NS_PER_SECOND)
        self._since: Final = since
        self._jobs: Final[dict[str, _Job]] = {}
        self._changed: Final = asyncio.Event()
        self._calls: Final[dict[int, asyncio.Task[None]]] = {}
        self._called = 0

    def add(self, name: str, trigger: Trigger, callback: Callback | None = None) -> None:
        """Add a schedule; strategies hear of its firings, and so does ``callback``.

        Raises:
            UserError: there is one of this name.
        """
        if not name or name in self._jobs:
            raise UserError(
                f"there is a schedule {name!r} already" if name else "a schedule needs a name", "give each its own name"
            )
        self._jobs[name] = _Job(name, trigger, callback, trigger.after(self._since or self._clock.now()))
        self._changed.set()

    def remove(self, name: str) -> None:
        """Forget a schedule.

        Raises:
            UserError: no such schedule.
        """
        del self._jobs[self._job(name).name]
        self._changed.set()

    def enable(self, name: str) -> None:
        """Let a schedule fire again, from now on.

        Raises:
            UserError: no such schedule.
        """
        job = self._job(name)
        if not job.enabled:
            job.enabled, job.next_run = True, job.trigger.after(self._clock.now())
            self._changed.set()

    def disable(self, name: str) -> None:
        """Keep a schedule from firing.

        Raises:
            UserError: no such schedule.
        """
        self._job(name).enabled = False
        self._changed.set()

    def schedules(self) -> list[ScheduleView]:
        """All schedules in the order in which they were added."""
        return [
            ScheduleView(job.name, str(job.trigger), job.enabled, job.next_run if job.enabled else None, job.last_run)
            for job in self._jobs.values()
        ]

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Fire what is due until ``stop`` is set, or until cancelled."""
        stop = stop or asyncio.Event()
        try:
            while not stop.is_set():
                self._changed.clear()
                waiting = [job.next_run for job in self._jobs.values() if job.enabled and job.next_run is not None]
                until = min(waiting, default=self._clock.now() + _FAR)
                await race(wait_until(self._clock, until, stop), self._changed.wait())
                if not stop.is_set():
                    self._fire_due()
        finally:
            calls = list(self._calls.values())
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    def _fire_due(self) -> None:
        now = self._clock.now()
        due = [job for job in self._jobs.values() if job.enabled and job.next_run is not None and job.next_run <= now]
        for job in sorted(due, key=lambda job: job.next_run or 0):
            self._fire(job, now)

    def _fire(self, job: _Job, now: int) -> None:
        """Fire once for all that was due, unless the last of it is too long ago."""
        moment, skipped = job.next_run, 0
        assert moment is not None
        while (following := job.trigger.after(moment)) is not None and following <= now:
            moment, skipped = following, skipped + 1
        job.next_run = following
        late = now - moment
        if late > self._grace:
            skipped += 1
        if skipped:
            text = f"{skipped} firings were missed; the last one due {late / NS_PER_SECOND:.0f} s ago"
            self._tell(telling.SCHEDULE, reports.WARNING, job.name, text)
        if late > self._grace:
            return
        job.last_run = now
        self._tell(telling.SCHEDULE, reports.INFO, job.name, f"fires {late // 1_000_000} ms after it was due")
        self._put(ScheduledTrigger(now, "schedule", moment, name=job.name))
        if job.callback is not None:
            # In a task of its own: a slow one keeps no other schedule waiting.
            self._called += 1
            number = self._called
            task = asyncio.create_task(self._call(job.name, job.callback))
            self._calls[number] = task
            task.add_done_callback(lambda _: self._calls.pop(number, None))

    async def _call(self, name: str, callback: Callback) -> None:
        try:
            answer = callback(name)
            if answer is not None:
                await answer
        except Exception as error:
            self._tell(telling.SCHEDULE, reports.ERROR, name, f"its callback failed: {type(error).__name__}: {error}")

    def _job(self, name: str) -> _Job:
        job = self._jobs.get(name)
        if job is None:
            near = did_you_mean(name, list(self._jobs))
            raise UserError(f"there is no schedule {name!r}", f"{near} known: {', '.join(self._jobs) or 'none'}".strip())
        return job
