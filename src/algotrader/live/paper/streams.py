"""The streams of a paper venue: what it says waits for each listener on its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.venues.protocols import StreamClosed

T = TypeVar("T")


class Subscription(Generic[T]):
    """One listener's queue, open until either side closes it."""

    def __init__(self) -> None:
        self._waiting: Final[deque[T]] = deque()
        self._arrived: Final = asyncio.Event()
        self.closed = False

    def put(self, item: T) -> None:
        """Let an item wait; a closed subscription takes none."""
        if not self.closed:
            self._waiting.append(item)
            self._arrived.set()

    def close(self) -> None:
        """End it; what waits is lost."""
        self.closed = True
        self._waiting.clear()
        self._arrived.set()

    async def take(self, clock: Clock, until: int = 0) -> T | None:
        """The next item; None when none has come by a moment (nanoseconds UTC; 0: wait for ever).

        Raises:
            StreamClosed: it was closed.
        """
        while not self._waiting:
            if self.closed:
                raise StreamClosed("the stream was closed")
            self._arrived.clear()
            if not until:
                await self._arrived.wait()
                continue
            left = (until - clock.now()) / NS_PER_SECOND
            if left <= 0:
                return None
            try:
                async with asyncio.timeout(clock.seconds(left)):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        return self._waiting.popleft()


class Channel(Generic[T]):
    """Everybody who listens gets what is said from then on; what was said before is not repeated."""

    def __init__(self) -> None:
        self._open: list[Subscription[T]] = []

    def subscribe(self) -> Subscription[T]:
        """Begin to listen."""
        subscription = Subscription[T]()
        self._open.append(subscription)
        return subscription

    @property
    def listeners(self) -> int:
        """How many are known to listen."""
        return len(self._open)

    def publish(self, item: T) -> None:
        """Say something to all who listen."""
        self._open = [subscription for subscription in self._open if not subscription.closed]
        for subscription in self._open:
            subscription.put(item)


class Stream(Generic[T]):
    """An asynchronous iterator over a subscription, with what may go wrong on the way.

    Args:
        clock: of whoever listens.
        subscription: to what.
        fate: says what becomes of each item, see ``Faults.order_event``.
        stamp: gives an item as it is handed over at a moment.
    """

    def __init__(
        self,
        clock: Clock,
        subscription: Subscription[T],
        fate: Callable[[T], Awaitable[Sequence[tuple[float, T]]]],
        stamp: Callable[[T, int], T],
    ) -> None:
        self._clock: Final = clock
        self._subscription: Final = subscription
        self._fate: Final = fate
        self._stamp: Final = stamp
        self._late: Final[list[tuple[int, int, T]]] = []
        self._count = 0

    @property
    def closed(self) -> bool:
        """Whether it was broken."""
        return self._subscription.closed

    def close(self) -> None:
        """Break the stream; whoever waits on it is told so."""
        self._subscription.close()

    def __aiter__(self) -> Stream[T]:
        return self

    async def __anext__(self) -> T:
        clock = self._clock
        while True:
            due = self._late[0][0] if self._late else 0
            if due and due <= clock.now() and not self._subscription.closed:
                return self._stamp(heappop(self._late)[2], clock.now())
            item = await self._subscription.take(clock, due)
            if item is not None:
                await self._hand_over(item)

    async def _hand_over(self, item: T) -> None:
        try:
            for delay, copy in await self._fate(item):
                self._count += 1
                heappush(self._late, (self._clock.now() + round(delay * NS_PER_SECOND), self._count, copy))
        except StreamClosed:
            self._subscription.close()
            raise
