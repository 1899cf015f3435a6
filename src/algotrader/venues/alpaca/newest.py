"""A buffer for market data that never grows without end: what is oldest goes first, and everything that goes is counted."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from algotrader.core.events import TradingStatus
from algotrader.core.market import Bar, Quote

Item = Bar | Quote | TradingStatus

LIMIT: Final = 10_000
"""Bars and statuses that may wait. A symbol's quotes never wait in a row: a newer one takes the place of the one before."""


class Newest:
    """Holds what came and was not taken.

    Args:
        limit: how many items other than quotes may wait.

    Attributes:
        dropped_quotes: how many quotes were replaced by newer ones.
        dropped: how many other items had to go.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit: Final = limit
        self._items: Final[deque[Item]] = deque()
        self._quotes: Final[dict[str, Quote]] = {}
        self._woken: Final = asyncio.Event()
        self.dropped_quotes = 0
        self.dropped = 0

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._items) + len(self._quotes)

    def put(self, item: Item) -> None:
        """Let an item wait."""
        if isinstance(item, Quote):
            # Out and in again: symbols take their turns.
            self.dropped_quotes += self._quotes.pop(item.instrument.symbol, None) is not None
            self._quotes[item.instrument.symbol] = item
        else:
            if len(self._items) >= self._limit:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
        self._woken.set()

    def clear(self) -> None:
        """Forget what waits."""
        self._items.clear()
        self._quotes.clear()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._woken.set()

    async def wait(self) -> None:
        """Wait until something was put, or ``wake`` was called, since the last time."""
        await self._woken.wait()
        self._woken.clear()

    def take(self) -> Item | None:
        """The oldest item, bars before quotes; None when there is none."""
        if self._items:
            return self._items.popleft()
        if self._quotes:
            return self._quotes.pop(next(iter(self._quotes)))
        return None
