"""In which order waiting events are handled: the pure part of the inbox.

Lanes go first to last. Within the lane of venue order events nothing is ever reordered; within the others the older time goes
first, then the earlier arrival. Each event leaves with a number and with the engine's time, which never goes back.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final, final

from algotrader.core.events import LANE_ORDERS, Event


@final
class Stamped:
    """An event as it left the queue: ``sequence`` counts from 1, ``time`` is the engine's (nanoseconds UTC)."""

    def __init__(self, sequence: int, time: int, event: Event) -> None:
        self.sequence: Final = sequence
        self.time: Final = time
        self.event: Final = event


@final
class EventQueue:
    """Waiting events, by lane, time and arrival.

    Args:
        sequence: number of the last event handled before, 0 at the very start.
        time: engine time of that event, nanoseconds UTC.
    """

    def __init__(self, sequence: int = 0, time: int = 0) -> None:
        self.sequence: int = sequence
        self.time: int = time
        self._arrivals: int = 0
        self._waiting: list[tuple[int, int, int, Event]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, event: Event) -> None:
        """Let an event wait for its turn."""
        self._arrivals += 1
        # A venue tells things in the order in which they happened to an order; its clock is not to shuffle them.
        rank = 0 if event.lane == LANE_ORDERS else event.time
        heappush(self._waiting, (event.lane, rank, self._arrivals, event))

    def pop(self, now: int = 0) -> Stamped:
        """Take the event whose turn it is.

        Args:
            now: the caller's clock, nanoseconds UTC; 0 takes the event's own time.

        Raises:
            IndexError: none is waiting.
        """
        event = heappop(self._waiting)[3]
        self.sequence += 1
        self.time = max(self.time, now or event.time)
        return Stamped(self.sequence, self.time, event)
