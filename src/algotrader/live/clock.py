"""The only clock of a session. Everything that waits or stamps a time does it here, so that a session can run faster than life."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Final

NS_PER_SECOND: Final = 1_000_000_000


class Clock(ABC):
    """Time as a session sees it, in nanoseconds since the epoch, UTC; it never goes back."""

    @abstractmethod
    def now(self) -> int:
        """The time."""

    @abstractmethod
    def seconds(self, seconds: float) -> float:
        """How many seconds of the event loop so many seconds of the session take; for ``asyncio.timeout``."""

    def patience(self, seconds: float) -> float:
        """Seconds of the session after which what takes the machine's own time is late: so many, and no less of real time."""
        return seconds

    def timeout(self, seconds: float) -> asyncio.Timeout:
        """Limit what takes the machine's own time to so many seconds, see ``patience``."""
        return asyncio.timeout(self.seconds(self.patience(seconds)))

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of the session."""
        await asyncio.sleep(self.seconds(seconds))

    async def sleep_until(self, moment: int) -> None:
        """Wait for a moment (nanoseconds UTC); the clock is read again after every wake."""
        while (left := moment - self.now()) > 0:
            await self.sleep(left / NS_PER_SECOND)


class SystemClock(Clock):
    """The machine's clock."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        # The machine's clock may be set back; ours stands still meanwhile.
        self._last = max(self._last, time.time_ns())
        return self._last

    def seconds(self, seconds: float) -> float:
        return seconds


class FastClock(Clock):
    """A clock that starts at a moment of its own and runs ``speed`` times as fast as the machine's.

    Args:
        start: what it shows at first, nanoseconds UTC.
        speed: seconds of the session in a second of the event loop.
    """

    def __init__(self, start: int, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"the speed must be above 0, not {speed}")
        self._start: Final = start
        self._speed: Final = speed
        self._began: Final = time.monotonic_ns()

    def now(self) -> int:
        return self._start + int((time.monotonic_ns() - self._began) * self._speed)

    def seconds(self, seconds: float) -> float:
        return seconds / self._speed

    def patience(self, seconds: float) -> float:
        return seconds * max(self._speed, 1.0)


class LoopClock(Clock):
    """A clock that follows the event loop's own time; with a loop of virtual time a day passes in a moment.

    Args:
        start: what it shows when the loop's time is ``loop_start``, nanoseconds UTC.
    """

    def __init__(self, start: int, loop: asyncio.AbstractEventLoop) -> None:
        self._start: Final = start
        self._loop: Final = loop
        self._began: Final = loop.time()

    def now(self) -> int:
        return self._start + round((self._loop.time() - self._began) * NS_PER_SECOND)

    def seconds(self, seconds: float) -> float:
        return seconds
