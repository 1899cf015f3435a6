"""What the account holds, asked for at most every few seconds. When the venue does not answer, the last known serves, with a
warning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from algotrader.core.events import Event, SystemError
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.venue_calls import VenueCalls
from algotrader.venues.protocols import AccountInfo, Broker, NotAllowed, VenueError, VenuePosition

T = TypeVar("T")

KEEP_SECONDS: Final = 5.0
ACCOUNT_STALE: Final = "account_stale"
"""Error type of the warning that an old value is used."""


class Cached(Generic[T]):
    """One answer of the venue, kept for a while.

    Args:
        name: of what is asked for, for the warning.
        ask: asks, and tries again by itself.
        clock: of the session.
        put: takes the warning.
        keep_seconds: how long an answer is as good as new.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], Awaitable[T]],
        clock: Clock,
        put: Callable[[Event], None],
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        self._name: Final = name
        self._ask: Final = ask
        self._clock: Final = clock
        self._put: Final = put
        self._keep: Final = int(keep_seconds * NS_PER_SECOND)
        self._asking: Final = asyncio.Lock()
        self._known: tuple[int, T] | None = None

    @property
    def age(self) -> float | None:
        """Seconds since the last answer; None before any."""
        return None if self._known is None else (self._clock.now() - self._known[0]) / NS_PER_SECOND

    async def get(self) -> T:
        """The value: kept, new, or the last known. Who asks while somebody else does gets the same answer.

        Raises:
            NotAllowed: the keys are wrong; the session has to end.
            VenueError: there is no answer, and never was one.
        """
        async with self._asking:
            known = self._known
            if known is not None and self._clock.now() - known[0] < self._keep:
                return known[1]
            try:
                value = await self._ask()
            except NotAllowed:
                raise
            except VenueError as error:
                if known is None:
                    raise
                self._warn(known[0], error)
                return known[1]
            self._known = (self._clock.now(), value)
            return value

    def forget(self) -> None:
        """Ask again next time: something has changed."""
        if self._known is not None:
            self._known = (self._clock.now() - self._keep, self._known[1])

    def _warn(self, since: int, error: VenueError) -> None:
        now = self._clock.now()
        message = f"{self._name}: using what was known {(now - since) / NS_PER_SECOND:.0f} s ago: {error}"
        self._put(SystemError(now, ACCOUNT_STALE, message, "warning"))


class AccountCache:
    """Money and positions of one account, see ``Cached``.

    Args:
        broker: who is asked.
        clock: of the session.
        put: takes warnings.
        calls: the door to the venue.
        keep_seconds: how long an answer is as good as new.
    """

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        put: Callable[[Event], None],
        calls: VenueCalls,
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        use = calls.uses.account
        self.account: Final[Cached[AccountInfo]] = Cached(
            "account", lambda: calls.call(use, broker.account), clock, put, keep_seconds
        )
        self.positions: Final[Cached[Sequence[VenuePosition]]] = Cached(
            "positions", lambda: calls.call(use, broker.positions), clock, put, keep_seconds
        )
