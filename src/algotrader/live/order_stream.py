"""The venue's order events on their way to the inbox: opened again when the stream breaks, held back while a reconciliation runs.

A stream is open before the comparison begins, and what it brings meanwhile is handled after the findings: so no fill can fall
between the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from algotrader.core.events import ConnectionChanged, Event
from algotrader.core.reports import ERROR, WARNING
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.control import CONNECTED, DISCONNECTED, RECONNECTING, Vitals
from algotrader.live.retries import STREAM, Retries
from algotrader.live.supervisor import FIRST_WAIT, LONGEST_WAIT
from algotrader.live.telling import Tell
from algotrader.venues.protocols import Broker, NotAllowed, Throttled, VenueError

START: Final = "start"
RECONNECT: Final = "reconnect"
"""Why the venue is compared with when the stream opens: for the first time, or again."""


class OrderStream:
    """Follows a broker's order events.

    Args:
        broker: connected.
        clock: of the session.
        put: into the inbox.
        reconcile: called whenever the stream has opened; the events that come meanwhile wait until it is done.
        vitals: what the session shows of itself.
        tell: hears of breaks.
        seed: of the jitter of waits.
    """

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        put: Callable[[Event], None],
        reconcile: Callable[[str], Awaitable[None]],
        vitals: Vitals,
        tell: Tell,
        seed: int = 0,
    ) -> None:
        self._broker: Final = broker
        self._clock: Final = clock
        self._put: Final = put
        self._reconcile: Final = reconcile
        self._vitals: Final = vitals
        self._tell: Final = tell
        self._waits: Final = Retries(STREAM, Random(seed))
        self._held: list[Event] | None = []
        self._settling: asyncio.Task[None] | None = None
        self._opened = 0
        self.ready: Final = asyncio.Event()
        """Set once the first reconciliation is done."""

    async def run(self) -> None:
        """Follow the stream for ever; a stream that broke is opened again after 1 s, 2 s and so on up to 30 s.

        The waits begin anew only after a stream has held for longer than they can get: one that breaks as soon as it is open must
        not make a storm. A venue that says how long to stay away is obeyed.
        """
        while True:
            opened, longer = self._opened, 0.0
            try:
                await self._follow()
                message = "the stream ended"
            except NotAllowed:
                raise
            except VenueError as error:
                message = str(error)
                longer = (error.retry_after or LONGEST_WAIT) if isinstance(error, Throttled) else 0.0
            finally:
                await self._abandon()
            if self._opened > opened and self._clock.now() - self._opened > LONGEST_WAIT * NS_PER_SECOND:
                self._waits.start_over()
            wait = max(self._waits.next(), longer)
            self._vitals.order_stream = RECONNECTING
            self._tell("order_stream_lost", WARNING, "", f"{message}; again in {wait:.3g} s")
            await self._clock.sleep(wait)

    @property
    def healthy_since(self) -> int:
        """Since when the stream has been open without a break, nanoseconds UTC; 0 while it is not."""
        return self._opened if self._vitals.order_stream == CONNECTED else 0

    async def _follow(self) -> None:
        try:
            await self._broker.connect()
            async for event in self._broker.events():
                if isinstance(event, ConnectionChanged) and event.connected:
                    self._open(event)
                elif self._held is None:
                    self._put(event)
                else:
                    self._held.append(event)
        finally:
            if self._vitals.order_stream == CONNECTED:
                self._vitals.order_stream = DISCONNECTED
                self._put(ConnectionChanged(self._clock.now(), self._broker.name, connected=False))

    def _open(self, event: ConnectionChanged) -> None:
        self._opened = event.time
        self._vitals.order_stream = CONNECTED
        self._held = []
        self._put(event)
        self._settling = asyncio.get_running_loop().create_task(self._settle())

    async def _settle(self) -> None:
        """Compare with the venue, for as long as it takes, then let go what came meanwhile."""
        wait = FIRST_WAIT
        while True:
            try:
                await self._reconcile(RECONNECT if self.ready.is_set() else START)
                break
            except (VenueError, TimeoutError) as error:
                self._tell("reconciliation_failed", ERROR, "", f"{str(error) or type(error).__name__}; again in {wait:g} s")
                await self._clock.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
        held, self._held = self._held or [], None
        for event in held:
            self._put(event)
        self.ready.set()

    async def _abandon(self) -> None:
        """The stream is gone: what waits for its reconciliation cannot be trusted to be complete; the next one finds it."""
        settling, self._settling = self._settling, None
        if settling is not None and not settling.done():
            settling.cancel()
        self._held = []
