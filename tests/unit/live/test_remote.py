"""A session on a venue process: what it takes over from it, and what it refuses."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from algotrader.core.instruments import ALPACA_LIKE, equity
from algotrader.errors import UserError
from algotrader.live.launch_settings import VENUES
from algotrader.live.remote import RemoteVenue
from algotrader.live.venues import OPENERS
from algotrader.venues.remote.hello import Hello

HELLO = Hello("127.0.0.1:8100", 10**18, time.monotonic_ns(), 600.0, ALPACA_LIKE, (equity("AAPL"), equity("TSLA")), 60)


def test_rules_instruments_and_time_are_the_venues() -> None:
    venue = RemoteVenue(HELLO, ("TSLA",))
    assert venue.capabilities == ALPACA_LIKE
    assert [instrument.symbol for instrument in venue.instruments] == ["TSLA"]
    assert 0 <= HELLO.now() - venue.clock.now() < 600 * 10**9
    assert venue.clock.seconds(60) == 0.1


def test_what_is_not_traded_there_is_refused() -> None:
    with pytest.raises(UserError, match="AMD is not traded"):
        RemoteVenue(HELLO, ("AAPL", "AMD"))
    with pytest.raises(UserError, match="bars of 5 s"):
        RemoteVenue(replace(HELLO, bar_seconds=5), ("AAPL",))


def test_every_venue_that_can_be_named_can_be_opened() -> None:
    assert tuple(OPENERS) == VENUES
