"""How many requests a minute are let through."""

from __future__ import annotations

from typing import Final

from algotrader.live.clock import NS_PER_SECOND, Clock

_MINUTE: Final = 60 * NS_PER_SECOND


class RateLimit:
    """Counts requests by the minutes of a clock.

    Args:
        clock: the server's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._minute = 0
        self._count = 0

    def take(self, limit: int) -> tuple[bool, dict[str, str]]:
        """Count a request: whether it is let through, and the headers that say how many more are."""
        now = self._clock.now()
        minute = now - now % _MINUTE
        if minute != self._minute:
            self._minute, self._count = minute, 0
        if not limit:
            return True, {}
        self._count += 1
        reset = minute + _MINUTE
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - self._count, 0)),
            "X-RateLimit-Reset": str(reset // NS_PER_SECOND),
        }
        if self._count <= limit:
            return True, headers
        return False, {**headers, "Retry-After": str(max(-((now - reset) // NS_PER_SECOND), 1))}
