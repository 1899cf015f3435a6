"""What a fetch leaves for the next time, since it can still change."""

from __future__ import annotations

import pytest

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.market import utc
from algotrader.research.fetching import _reached
from algotrader.venues.alpaca.history_records import close_time, parse_time

AAPL, BTC = equity("AAPL"), crypto("BTC/USD")


@pytest.mark.parametrize(
    ("instrument", "interval", "settled", "reached"),
    [
        (AAPL, "1m", "2024-01-31T15:00:59Z", "2024-01-31T15:00:00Z"),
        (AAPL, "1h", "2024-01-31T15:59:59Z", "2024-01-31T15:00:00Z"),
        (AAPL, "1d", "2024-01-31T21:30:00Z", "2024-01-31T05:00:00Z"),
        (AAPL, "1d", "2024-02-01T04:59:59Z", "2024-01-31T05:00:00Z"),
        (AAPL, "1d", "2024-02-01T05:00:00Z", "2024-02-01T05:00:00Z"),
        (BTC, "5m", "2024-01-31T15:04:59Z", "2024-01-31T15:00:00Z"),
        (BTC, "1d", "2024-01-31T05:59:59Z", "2024-01-30T00:00:00Z"),
        (BTC, "1d", "2024-01-31T06:00:00Z", "2024-01-31T00:00:00Z"),
    ],
)
def test_only_bars_that_have_closed_are_wanted(instrument: Instrument, interval: str, settled: str, reached: str) -> None:
    assert utc(_reached(instrument, interval, parse_time(settled))) == utc(parse_time(reached))


@pytest.mark.parametrize("midnight", ["2024-01-30T00:00:00Z", "2024-01-30T06:00:00Z"])
def test_a_day_of_a_pair_is_wanted_only_once_it_has_closed_wherever_it_begins(midnight: str) -> None:
    opens = parse_time(midnight)
    closes = close_time(BTC, opens, 86_400)
    assert _reached(BTC, "1d", closes - 1) <= opens
    assert _reached(BTC, "1d", closes + 6 * 3_600_000_000_000) > opens
