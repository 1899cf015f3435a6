"""The venue guard: a venue that fails again and again gets no new entries for a while.

It has nothing to do with the breakers of risk control. Exits, protective orders, cancels and questions never ask it; how they
fare counts all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.venues.protocols import VenueError

CLOSED: Final = "closed"
OPEN: Final = "open"
HALF_OPEN: Final = "half_open"


class GuardOpen(VenueError):
    """The guard kept an entry back: it was certainly never sent."""


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Failures that open the guard, seconds until it lets entries try, successes that close it again."""

    failures: int = 5
    open_seconds: float = 60.0
    successes: int = 2


class VenueGuard:
    """Closed, open, half-open.

    Args:
        clock: of the session.
        settings: its numbers.
        on_change: told the new state whenever it changes.
    """

    def __init__(
        self,
        clock: Clock,
        settings: GuardSettings | None = None,
        on_change: Callable[[str], None] | None = None,
    ) -> None:
        self._clock: Final = clock
        self._settings: Final = settings or GuardSettings()
        self._on_change: Final = on_change
        self._state = CLOSED
        self._count = 0
        self._opened = 0

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half_open``, as of now."""
        if self._state == OPEN and self._clock.now() - self._opened >= self._settings.open_seconds * NS_PER_SECOND:
            self._become(HALF_OPEN)
        return self._state

    def check(self) -> None:
        """Let an entry pass.

        Raises:
            GuardOpen: not now.
        """
        if self.state == OPEN:
            raise GuardOpen("the venue guard is open: too many requests have failed")

    def succeeded(self) -> None:
        """The venue answered a request, if only with a refusal."""
        state = self.state
        if state == CLOSED:
            self._count = max(self._count - 1, 0)
        elif state == HALF_OPEN:
            self._count += 1
            if self._count >= self._settings.successes:
                self._become(CLOSED)

    def failed(self) -> None:
        """The venue could not be reached or did not answer."""
        state = self.state
        if state == HALF_OPEN:
            self._become(OPEN)
        elif state == CLOSED:
            self._count += 1
            if self._count >= self._settings.failures:
                self._become(OPEN)

    def _become(self, state: str) -> None:
        self._state = state
        self._count = 0
        if state == OPEN:
            self._opened = self._clock.now()
        if self._on_change is not None:
            self._on_change(state)
