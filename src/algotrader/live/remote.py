"""A session on a simulated venue that is a process of its own, by its clock."""

from __future__ import annotations

from typing import Final

from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND
from algotrader.errors import UserError
from algotrader.live.clock import FastClock
from algotrader.live.launch_settings import LaunchSettings
from algotrader.live.venue import Venue
from algotrader.storage.sql_store import SqlStore
from algotrader.venues.remote.broker import RemoteBroker
from algotrader.venues.remote.feed import RemoteFeed
from algotrader.venues.remote.hello import Hello, say_hello


class RemoteVenue(Venue):
    """A venue process, followed with a clock that shows its time and goes at its speed.

    Args:
        hello: what it said of itself.
        symbols: what the session trades.

    Raises:
        UserError: a symbol is not traded there, or its bars are not of a minute.
    """

    def __init__(self, hello: Hello, symbols: tuple[str, ...]) -> None:
        if hello.bar_seconds * NS_PER_SECOND != NS_PER_MINUTE:
            raise UserError(f"the venue at {hello.address} has bars of {hello.bar_seconds} s", "a session needs bars of a minute")
        self.capabilities = hello.capabilities
        self.instruments = [_instrument(hello, symbol) for symbol in symbols]
        self.clock = FastClock(hello.now(), hello.speed)
        self.broker = RemoteBroker(hello, self.clock)
        self.feed = RemoteFeed(hello)


def _instrument(hello: Hello, symbol: str) -> Instrument:
    traded: Final = {instrument.symbol: instrument for instrument in hello.instruments}
    if symbol not in traded:
        raise UserError(f"{symbol} is not traded at {hello.address}", f"there are {', '.join(traded)}")
    return traded[symbol]


async def remote_venue(settings: LaunchSettings, store: SqlStore) -> Venue:
    """The venue process at ``settings.venue_address``.

    Raises:
        UserError: it does not trade what is wanted.
        VenueError: nobody listens there.
    """
    return RemoteVenue(await say_hello(settings.venue_address), settings.symbols)
