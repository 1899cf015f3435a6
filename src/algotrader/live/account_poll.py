"""Keeps the engine's picture of the account's money young: checks of buying power take the smaller of ours and the venue's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from algotrader.core.events import AccountSnapshot, Event
from algotrader.live.clock import Clock
from algotrader.live.venue_calls import VenueCalls
from algotrader.venues.protocols import Broker, VenueError


class AccountPoll:
    """Asks for the account every few seconds.

    Args:
        broker: who is asked.
        calls: the door to it.
        clock: of the session.
        put: takes the snapshots.
        seconds: how often.
    """

    def __init__(self, broker: Broker, calls: VenueCalls, clock: Clock, put: Callable[[Event], None], seconds: float) -> None:
        self._broker: Final = broker
        self._calls: Final = calls
        self._clock: Final = clock
        self._put: Final = put
        self._seconds: Final = seconds

    async def run(self) -> None:
        """Ask for ever. While there is no answer the engine goes on with the last one, and says that it is old."""
        while True:
            await self._clock.sleep(self._seconds)
            try:
                account = await self._calls.once(self._calls.uses.account, self._broker.account)
            except VenueError:
                continue
            self._put(AccountSnapshot(self._clock.now(), account.equity, account.cash, account.buying_power, account.currency))
