"""Where a session trades: an account, its market data, its rules and its time, opened and closed with the session."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from algotrader.core.engine import Engine
from algotrader.core.instruments import Instrument, VenueCapabilities
from algotrader.live.checkup import Finding
from algotrader.live.clock import Clock
from algotrader.live.rate_limit import RateLimit
from algotrader.venues.protocols import Broker, MarketFeed


class Venue(ABC):
    """One venue as a session has it.

    Attributes:
        broker: the account.
        feed: market data.
        capabilities: what the venue allows.
        instruments: what the session trades there, in the order of registration.
        clock: of the session.
        limit: how many requests the venue gets.
        findings: what was found when it was looked at before the session.
    """

    broker: Broker
    feed: MarketFeed
    capabilities: VenueCapabilities
    instruments: Sequence[Instrument]
    clock: Clock
    limit: RateLimit = RateLimit()
    findings: Sequence[Finding] = ()

    def open(self, engine: Engine) -> None:  # noqa: B027 - most venues are open anyway
        """Called once, with the engine where its journal ends, before anything is asked of the broker."""

    async def close(self) -> None:  # noqa: B027 - broker and feed are disconnected by the session
        """Let go of what the venue keeps besides broker and feed."""
