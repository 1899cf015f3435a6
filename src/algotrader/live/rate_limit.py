"""How many requests a venue gets: so many a second and a minute, so many at once. Requests wait for their turn, none is dropped.

Who closes, protects or cancels goes first, and a part of every allowance is kept for it, so that no flood of entries and questions
can use up the minute in which an exit is wanted.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil
from typing import Final

from algotrader.live.clock import NS_PER_SECOND, Clock

URGENT: Final = 0
"""Exits, protective orders, cancels."""
QUESTION: Final = 1
"""What the venue knows of an order, the account, positions."""
ENTRY: Final = 2
"""New orders that open or enlarge a position."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A venue's allowance; 0 means no limit.

    Attributes:
        per_second: requests in any second.
        per_minute: requests in any minute.
        at_once: requests without an answer.
        kept: the share of each that only urgent requests may use.
    """

    per_second: int = 0
    per_minute: int = 0
    at_once: int = 16
    kept: float = 0.25

    def __post_init__(self) -> None:
        if min(self.per_second, self.per_minute, self.at_once) < 0 or not 0 <= self.kept < 1:
            raise ValueError("limits cannot be negative, and the share kept must be at least 0 and below 1")


class _Ticket:
    """One request that waits."""

    def __init__(self, rank: int, number: int) -> None:
        self.rank: Final = rank
        self.number: Final = number
        self.woken: Final = asyncio.Event()

    def __lt__(self, other: _Ticket) -> bool:
        return (self.rank, self.number) < (other.rank, other.number)


class RateLimiter:
    """Gives turns: urgent ones first, otherwise in order of arrival.

    Args:
        limit: the allowance.
        clock: of the session.
    """

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._limit: Final = limit
        self._clock: Final = clock
        self._queue: Final[list[_Ticket]] = []
        self._times: Final[deque[int]] = deque()
        self._numbers = 0
        self._out = 0
        self._held_until = 0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    def hold(self, seconds: float) -> None:
        """Give no turn for a while: the venue has asked for it."""
        self._held_until = max(self._held_until, self._clock.now() + int(seconds * NS_PER_SECOND))

    @asynccontextmanager
    async def turn(self, rank: int) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the request takes."""
        await self._admit(rank)
        try:
            yield
        finally:
            self._out -= 1
            self._wake_first()

    async def _admit(self, rank: int) -> None:
        if not self._queue and self._wait(rank) == 0:
            self._go()
            return
        self._numbers += 1
        mine = _Ticket(rank, self._numbers)
        insort(self._queue, mine)
        try:
            while True:
                wait = self._wait(rank) if self._queue[0] is mine else None
                if wait == 0:
                    break
                await self._sleep(mine, wait)
            self._go()
        finally:
            self._queue.remove(mine)
            self._wake_first()

    def _go(self) -> None:
        self._out += 1
        self._times.append(self._clock.now())

    async def _sleep(self, ticket: _Ticket, nanoseconds: int | None) -> None:
        """Until woken, or until so much time has passed."""
        ticket.woken.clear()
        if nanoseconds is None:
            await ticket.woken.wait()
            return
        try:
            async with asyncio.timeout(self._clock.seconds(nanoseconds / NS_PER_SECOND)):
                await ticket.woken.wait()
        except TimeoutError:
            return

    def _wake_first(self) -> None:
        if self._queue:
            self._queue[0].woken.set()

    def _wait(self, rank: int) -> int | None:
        """Nanoseconds until this rank may have its turn; None when it depends on others' answers."""
        limit, now = self._limit, self._clock.now()
        if limit.at_once and self._out >= self._share(limit.at_once, rank):
            return None
        while self._times and now - self._times[0] >= 60 * NS_PER_SECOND:
            self._times.popleft()
        return max(
            self._held_until - now,
            self._window(self._share(limit.per_second, rank), NS_PER_SECOND, now),
            self._window(self._share(limit.per_minute, rank), 60 * NS_PER_SECOND, now),
            0,
        )

    def _share(self, allowance: int, rank: int) -> int:
        return allowance if rank == URGENT or allowance <= 1 else max(ceil(allowance * (1 - self._limit.kept)), 1)

    def _window(self, allowance: int, length: int, now: int) -> int:
        """Nanoseconds until fewer than the allowance lie within the last ``length``."""
        if not allowance or len(self._times) < allowance:
            return 0
        return self._times[-allowance] + length - now
