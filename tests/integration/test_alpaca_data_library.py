"""The rehearsal's data service answers alpaca-py's own clients, unchanged, as Alpaca does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("alpaca")

from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import (
    CorporateActionsRequest,
    CryptoBarsRequest,
    CryptoLatestQuoteRequest,
    CryptoQuoteRequest,
    CryptoSnapshotRequest,
    CryptoTradesRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca_data import AAPL, BTC, KEY, SECRET, DataServer, data_server, market

from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar, nanoseconds

START = datetime(2024, 1, 31, 14, 30, tzinfo=UTC)
END = datetime(2024, 1, 31, 21, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[DataServer]:
    """The service."""
    with data_server() as running:
        yield running


@pytest.fixture
def stocks(server: DataServer) -> Any:
    return StockHistoricalDataClient(KEY, SECRET, url_override=server.url)


@pytest.fixture
def pairs(server: DataServer) -> Any:
    return CryptoHistoricalDataClient(url_override=server.url)


def past(instrument: Instrument, start: datetime, end: datetime) -> list[Bar]:
    return market().past(instrument, nanoseconds(start), nanoseconds(end), 60)


def same(theirs: Any, ours: list[Bar]) -> None:
    """Every bar's time, prices and volume."""
    assert [bar.timestamp for bar in theirs] == [bar.timestamp for bar in ours]
    for name in ("open", "high", "low", "close", "volume"):
        assert [getattr(bar, name) for bar in theirs] == [float(getattr(bar, name)) for bar in ours]


@pytest.mark.parametrize("limit", [None, 7, 390, 391])
def test_minutes_of_stocks(stocks: Any, limit: int | None) -> None:
    # The end is included, as at the venue: the bar that begins then is after the close.
    found = stocks.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols=["AAPL", "MSFT"],
            timeframe=TimeFrame.Minute,
            start=START,
            end=END,
            limit=limit,
            feed=DataFeed.IEX,
            adjustment=Adjustment.RAW,
        )
    )
    same(found["AAPL"], past(AAPL, START, END)[:limit])
    assert len(found.data.get("MSFT", [])) == (390 if limit is None else max(limit - 390, 0))
    assert found.df.index.names == ["symbol", "timestamp"]


@pytest.mark.parametrize(
    ("amount", "unit", "count"),
    [(5, TimeFrameUnit.Minute, 78), (15, TimeFrameUnit.Minute, 26), (1, TimeFrameUnit.Hour, 6), (1, TimeFrameUnit.Day, 3)],
)
def test_longer_bars(stocks: Any, amount: int, unit: Any, count: int) -> None:
    start = START if unit != TimeFrameUnit.Day else datetime(2024, 1, 30, 5, tzinfo=UTC)
    end = END if unit != TimeFrameUnit.Day else datetime(2024, 2, 1, 5, tzinfo=UTC)
    found = stocks.get_stock_bars(
        StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame(amount, unit), start=start, end=end, feed=DataFeed.IEX)
    )["AAPL"]
    assert len(found) == count
    if unit == TimeFrameUnit.Day:
        assert [bar.timestamp.hour for bar in found] == [5, 5, 5]


def test_the_newest_first(stocks: Any) -> None:
    from alpaca.common.enums import Sort

    found = stocks.get_stock_bars(
        StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, start=START, end=END, limit=5, sort=Sort.DESC)
    )["AAPL"]
    same(list(reversed(found)), past(AAPL, START, END)[-5:])


def test_quotes_and_prints_of_stocks(stocks: Any) -> None:
    end = START + timedelta(minutes=10)
    quotes = stocks.get_stock_quotes(StockQuotesRequest(symbol_or_symbols="AAPL", start=START, end=end, limit=30))["AAPL"]
    assert len(quotes) == 20
    assert all(quote.bid_price < quote.ask_price for quote in quotes)
    prints = stocks.get_stock_trades(StockTradesRequest(symbol_or_symbols="AAPL", start=START, end=end, limit=30))["AAPL"]
    assert len(prints) == 30
    assert prints[0].price == float(past(AAPL, START, end)[0].open)


def test_what_is_latest_of_stocks(stocks: Any) -> None:
    last = past(AAPL, datetime(2024, 2, 2, 14, 30, tzinfo=UTC), datetime(2024, 2, 2, 21, tzinfo=UTC))
    bar = stocks.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=["AAPL"]))["AAPL"]
    same([bar], last[-1:])
    quote = stocks.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL"))["AAPL"]
    assert quote.bid_price < float(last[-1].close) < quote.ask_price
    trade = stocks.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL"))["AAPL"]
    assert trade.price == float(last[-1].close)
    shot = stocks.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=["AAPL", "MSFT"]))["AAPL"]
    assert shot.daily_bar.volume == float(sum(bar.volume for bar in last))
    assert shot.previous_daily_bar.timestamp < shot.daily_bar.timestamp


def test_pairs_without_a_key(pairs: Any) -> None:
    found = pairs.get_crypto_bars(
        CryptoBarsRequest(symbol_or_symbols="BTC/USD", timeframe=TimeFrame.Minute, start=START, end=END - timedelta(minutes=1))
    )["BTC/USD"]
    same(found, past(BTC, START, END))
    end = START + timedelta(minutes=2)
    assert len(pairs.get_crypto_quotes(CryptoQuoteRequest(symbol_or_symbols="BTC/USD", start=START, end=end))["BTC/USD"]) == 4
    assert len(pairs.get_crypto_trades(CryptoTradesRequest(symbol_or_symbols="BTC/USD", start=START, end=end))["BTC/USD"]) == 8
    assert pairs.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols="BTC/USD"))["BTC/USD"].ask_price > 0
    assert pairs.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols="BTC/USD"))["BTC/USD"].daily_bar.volume > 0


def test_a_question_without_a_start_is_about_today(stocks: Any) -> None:
    found = stocks.get_stock_bars(StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, limit=10))
    assert found.data == {}


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"symbol_or_symbols": "A A"}, 400, "invalid symbol: A A"),
        ({"start": END, "end": START}, 400, "end should not be before start"),
        (
            {"feed": DataFeed.SIP, "end": datetime(2024, 2, 5, tzinfo=UTC)},
            403,
            "subscription does not permit querying",
        ),
    ],
)
def test_errors_are_those_of_the_venue(stocks: Any, change: dict[str, Any], status: int, message: str) -> None:
    wanted = {"symbol_or_symbols": "AAPL", "timeframe": TimeFrame.Minute, "start": START, "end": END, **change}
    with pytest.raises(APIError) as caught:
        stocks.get_stock_bars(StockBarsRequest(**wanted))
    assert caught.value.status_code == status
    assert message in str(caught.value)


def test_corporate_actions(server: DataServer) -> None:
    client = CorporateActionsClient(KEY, SECRET, url_override=server.url)
    asked = CorporateActionsRequest(symbols=["AAPL", "MSFT"], start=date(2024, 1, 1), end=date(2024, 2, 28))
    found: Any = client.get_corporate_actions(asked)
    assert [(split.new_rate, split.old_rate) for split in found["forward_splits"]] == [(3, 2)]
    assert [(split.new_rate, split.old_rate, split.ex_date) for split in found["reverse_splits"]] == [(1, 10, date(2024, 2, 1))]
    assert [dividend.rate for dividend in found["cash_dividends"]] == [0.2475]


def test_wrong_keys(server: DataServer) -> None:
    client = StockHistoricalDataClient(KEY, "wrong", url_override=server.url)
    with pytest.raises(APIError) as caught:
        client.get_stock_bars(StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, start=START, end=END))
    assert caught.value.status_code == 403


def test_too_many_requests_are_refused_until_the_minute_is_over() -> None:
    with data_server(per_minute=2) as server:
        client = StockHistoricalDataClient(KEY, SECRET, url_override=server.url)
        client._retry = 0
        asked = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, start=START, end=END, limit=1)
        outcomes = []
        for _ in range(4):
            try:
                outcomes.append(len(client.get_stock_bars(asked)["AAPL"]))
            except APIError as error:
                outcomes.append(error.status_code)
    # A minute may end in between.
    assert outcomes in ([1, 1, 429, 429], [1, 1, 1, 429], [1, 1, 429, 1], [1, 1, 1, 1])
