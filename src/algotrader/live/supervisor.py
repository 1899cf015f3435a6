"""Keeps the tasks of a session alive: restarts what fails, gives up when it fails again and again, and knows when to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from algotrader.core.reports import CRITICAL, ERROR
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.telling import Tell

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 30.0
FAILURES: Final = 3
WINDOW_NS: Final = 300 * NS_PER_SECOND
"""Three failures of one task within five minutes end the session."""


class GaveUp(Exception):
    """A task failed too often; the session ends in good order."""


class StopSignal:
    """The wish to end a session: asked for once, by whoever sees a reason. Asking is not the cleaning up."""

    def __init__(self) -> None:
        self.event: Final = asyncio.Event()
        self.reason = ""
        self.flatten = False
        self.for_good = False
        """Somebody wants no session to follow this one."""

    @property
    def is_set(self) -> bool:
        """Whether somebody has asked."""
        return self.event.is_set()

    def ask(self, reason: str, *, flatten: bool = False, anew: bool = False) -> None:
        """Ask for the end; only the first reason is kept. ``anew``: another session is to follow, unless somebody asks without."""
        self.for_good = self.for_good or not anew
        if not self.is_set:
            self.reason, self.flatten = reason, flatten
            self.event.set()

    async def wait(self) -> None:
        """Wait until somebody asks."""
        await self.event.wait()


class Supervisor:
    """Runs tasks that are meant to go on for as long as the session does.

    Args:
        clock: of the session.
        stop: asked when a task fails too often.
        tell: hears of failures and restarts.
    """

    def __init__(self, clock: Clock, stop: StopSignal, tell: Tell) -> None:
        self._clock: Final = clock
        self._stop: Final = stop
        self._tell: Final = tell

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` again whenever it fails, after 1 s, 2 s and so on up to 30 s; a return is its good end.

        Raises:
            GaveUp: it failed three times within five minutes; the stop has been asked for.
        """
        failed: list[int] = []
        wait = FIRST_WAIT
        while True:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # Whatever a task dies of, the session has to go on or to end in good order.
                now = self._clock.now()
                failed = [moment for moment in failed if now - moment < WINDOW_NS] + [now]
                if len(failed) == 1:
                    wait = FIRST_WAIT
                message = f"{name} failed: {type(error).__name__}: {error}"
                if len(failed) >= FAILURES:
                    self._tell("task_gave_up", CRITICAL, name, f"{message}; {FAILURES} failures within 5 minutes")
                    self._stop.ask(f"{name} failed {FAILURES} times")
                    raise GaveUp(message) from error
                self._tell("task_restarted", ERROR, name, f"{message}; again in {wait:g} s")
                await self._clock.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                return
