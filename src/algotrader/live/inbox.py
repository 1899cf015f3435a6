"""The one inbox: everybody puts events in, one consumer takes them out."""

from __future__ import annotations

import asyncio
from typing import Final

from algotrader.core.events import Event
from algotrader.core.inbox_order import EventQueue, Stamped
from algotrader.live.clock import NS_PER_SECOND, Clock


class Inbox:
    """Waiting events in the order in which they are to be handled; see ``EventQueue``.

    Args:
        clock: of the session.
        queue: numbered from where the journal ends.
    """

    def __init__(self, clock: Clock, queue: EventQueue) -> None:
        self._clock: Final = clock
        self._queue: Final = queue
        self._arrived: Final = asyncio.Event()
        self._empty: Final = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def sequence(self) -> int:
        """The number of the last event that was taken."""
        return self._queue.sequence

    def put(self, event: Event) -> None:
        """Let an event wait for its turn."""
        self._queue.push(event)
        self._arrived.set()
        self._empty.clear()

    def take(self) -> Stamped | None:
        """The event whose turn it is; None when none waits."""
        if not len(self._queue):
            self._arrived.clear()
            return None
        taken = self._queue.pop(self._clock.now())
        if not len(self._queue):
            self._empty.set()
        return taken

    async def drained(self) -> None:
        """Wait until nothing waits: for what has to be in order although it belongs to several lanes."""
        await self._empty.wait()

    async def wait(self, until: int = 0) -> None:
        """Wait until an event is there, or until a moment (nanoseconds UTC; 0: for ever)."""
        if len(self._queue):
            return
        if not until:
            await self._arrived.wait()
            return
        left = (until - self._clock.now()) / NS_PER_SECOND
        if left <= 0:
            return
        try:
            async with asyncio.timeout(self._clock.seconds(left)):
                await self._arrived.wait()
        except TimeoutError:
            return
