"""Where the bars of paper trading come from."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest
from backtest_kit import made_up

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.market import NS_PER_MINUTE, Bar, check_bar, utc
from algotrader.history.generator import generate
from algotrader.history.intervals import day_ns
from algotrader.live.paper.market import BLOCK_DAYS, CatalogueMarket, GeneratedMarket, Market, Slice

AAPL, MSFT, BTC = equity("AAPL"), equity("MSFT"), crypto("BTC/USDT")
FIRST, LAST = date(2024, 3, 1), date(2024, 3, 5)


def opens_of(bars: list[Bar]) -> list[int]:
    return [bar.open_time for bar in bars]


def test_the_generated_market_has_the_bars_of_the_generator() -> None:
    market = GeneratedMarket([AAPL, MSFT], FIRST, LAST, seed=3, missing=0.1)
    slices = list(market.slices(0))
    for number, instrument in enumerate(market.instruments):
        frame = generate(instrument, FIRST, LAST, 3, missing=0.1)
        found = [bar for item in slices for index, bar in item.bars if index == number]
        assert opens_of(found) == frame["open_time"].to_list()
        assert [bar.close_raw for bar in found] == frame["close"].to_list()
        assert market.past(instrument, 0, market.end, 60) == found
        assert market.past(instrument, found[5].open_time, found[8].close_time, 60) == found[5:9]
        assert market.past(instrument, 0, market.end, 300) == []
    check_slices(market, slices)


def check_slices(market: Market, slices: list[Slice]) -> None:
    """In order of time and number, and the rest when begun in the middle."""
    times = [item.close_time for item in slices]
    assert times == sorted(set(times))
    for item in slices:
        assert [index for index, _ in item.bars] == sorted(index for index, _ in item.bars)
        assert all(bar.close_time == item.close_time for _, bar in item.bars)
    half = len(slices) // 2
    assert list(market.slices(times[half])) == slices[half + 1 :]


@pytest.mark.parametrize("instrument", [AAPL, BTC])
def test_a_market_without_end_goes_on_from_where_it_was(instrument: Instrument) -> None:
    market = GeneratedMarket([instrument], FIRST, seed=2)
    edge = day_ns(FIRST + timedelta(days=2 * BLOCK_DAYS))
    count = 3 * BLOCK_DAYS * (1440 if instrument is BTC else 300)
    bars = [item.bars[0][1] for item in islice(market.slices(0), count)]
    assert bars[-1].close_time > edge
    for before, after in pairwise(bars):
        assert before.close_time <= after.open_time
        assert 0.8 < after.open_raw / before.close_raw < 1.25, utc(after.open_time)
    for bar in bars:
        check_bar(bar)
        assert bar.low_raw % instrument.price_increment == 0
    middle = bars[len(bars) // 2]
    assert market.past(instrument, middle.open_time, middle.close_time + 3 * NS_PER_MINUTE, 60)[0] == middle


def test_recorded_bars_are_replayed_from_a_chosen_start(tmp_path: Path) -> None:
    catalogue = made_up(tmp_path, ["AAPL", "MSFT"], FIRST, LAST)
    start = day_ns(date(2024, 3, 4))
    market = CatalogueMarket(catalogue, ["MSFT", "AAPL"], start)
    slices = list(market.slices(start))
    assert [instrument.symbol for instrument in market.instruments] == ["MSFT", "AAPL"]
    assert len(slices) == 2 * 390
    assert slices[0].close_time > start
    check_slices(market, slices)
    before = market.past(AAPL, 0, start, 60)
    assert len(before) == 390
    assert before[-1].close_time <= start
    assert market.past(AAPL, 0, start, 86_400) == []
    assert market.seconds == 60


def test_bars_from_different_calendars_meet_in_one_market() -> None:
    market = GeneratedMarket([AAPL, BTC], LAST, LAST)
    slices = list(market.slices(0))
    # The day of the exchange is not the day of the pair, so the market begins with one and ends with the other.
    assert sum(len(item.bars) == 2 for item in slices) == 390
    assert sum(len(item.bars) for item in slices) == 390 + 1440
    check_slices(market, slices)
