"""When the bars of one close time are all in: the slice rule of live sessions.

A slice opens with its first bar. It closes when every instrument that trades then has its bar, when the wait is over, or when a
bar of a later close time shows that time has moved on. Bars that come after that, and bars that were too old when they came, are
late: the engine is told so before it gets them, so that they start no entry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from algotrader.core.events import Event, SliceClosed
from algotrader.live.clock import NS_PER_SECOND, Clock


class Slices:
    """Closes slices.

    Args:
        clock: of the session.
        put: takes the events.
        stamp: our time for the next event, never before that of the last one.
        members: gives the symbols from which a bar with this close time is to be expected.
        wait: seconds after a slice's first bar at which it closes without the rest.
        max_age: seconds past its close time after which a slice starts nothing any more.
    """

    def __init__(
        self,
        clock: Clock,
        put: Callable[[Event], None],
        stamp: Callable[[], int],
        members: Callable[[int], Collection[str]],
        wait: float,
        max_age: float,
    ) -> None:
        self.closed_until = 0
        self._clock: Final = clock
        self._put: Final = put
        self._stamp: Final = stamp
        self._members: Final = members
        self._wait: Final = wait
        self._max_age: Final = round(max_age * NS_PER_SECOND)
        self._open = 0
        self._missing: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._moved = asyncio.Event()

    def before(self, close_time: int) -> None:
        """A bar is about to be handed to the engine."""
        if close_time <= self.closed_until or close_time == self._open:
            return
        if close_time < self._open or self._clock.now() - close_time > self._max_age:
            if self._open and self._open < close_time:
                self.close()
            self._close(close_time)
            return
        self.close()
        self._open = close_time
        self._missing = set(self._members(close_time))
        self._timer = asyncio.get_running_loop().call_later(self._clock.seconds(self._wait), self.close)

    def after(self, symbol: str, close_time: int) -> None:
        """A bar was handed to the engine."""
        if close_time != self._open or symbol not in self._missing:
            return
        self._missing.discard(symbol)
        if not self._missing:
            self.close()

    def leave(self, symbol: str) -> None:
        """Nothing more is to be expected from a symbol."""
        if symbol in self._missing:
            self.after(symbol, self._open)

    def close(self) -> None:
        """Close the slice that is open, if one is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._open:
            close_time, self._open = self._open, 0
            self._close(close_time)

    async def settled(self, close_time: int, until: int) -> None:
        """Wait until the slice of a close time is closed, or until a moment (both nanoseconds UTC)."""
        while self.closed_until < close_time and (left := until - self._clock.now()) > 0:
            try:
                async with asyncio.timeout(self._clock.seconds(left / NS_PER_SECOND)):
                    await self._moved.wait()
            except TimeoutError:
                return

    def _close(self, close_time: int) -> None:
        self._put(SliceClosed(self._stamp(), close_time))
        self.closed_until = max(self.closed_until, close_time)
        self._moved.set()
        self._moved = asyncio.Event()
