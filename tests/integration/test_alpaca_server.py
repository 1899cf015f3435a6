"""The server that speaks as Alpaca does, against the unmodified client library, on real sockets."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("alpaca")

import requests
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading import models
from alpaca.trading import requests as asking
from alpaca.trading.client import TradingClient
from alpaca.trading.stream import TradingStream
from alpaca_rig import KEY, SECRET, Served, Stage, served

from algotrader.core.instruments import equity
from algotrader.live.paper.market import GeneratedMarket

# The library's types do not say that it takes plain texts and gives models.
ask: Any = asking


@pytest.fixture
def venue() -> Iterator[Served]:
    with served() as found:
        yield found


def client(venue: Served, secret: str = SECRET) -> Any:
    return TradingClient(KEY, secret, url_override=venue.server.url)


def market(quantity: float = 10, side: str = "buy", **fields: Any) -> Any:
    return ask.MarketOrderRequest(symbol="AAPL", qty=quantity, side=side, time_in_force="day", **fields)


ORDERS = [
    market(),
    ask.LimitOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="gtc", limit_price=99.5),
    ask.LimitOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="ioc", limit_price=99.5),
    ask.LimitOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="fok", limit_price=99.5),
    ask.LimitOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="cls", limit_price=99.5),
    ask.LimitOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="day", limit_price=99.5, extended_hours=True),
    ask.StopOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="day", stop_price=101),
    ask.StopLimitOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="day", stop_price=101, limit_price=101.5),
    ask.TrailingStopOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="gtc", trail_price=1.5),
    ask.TrailingStopOrderRequest(symbol="AAPL", qty=10, side="buy", time_in_force="gtc", trail_percent=2),
    market(order_class="bracket", take_profit={"limit_price": 110}, stop_loss={"stop_price": 95, "limit_price": 94.5}),
    market(order_class="oto", stop_loss={"stop_price": 95}),
    market(order_class="oto", take_profit={"limit_price": 110}),
    ask.LimitOrderRequest(symbol="BTC/USD", qty=0.5, side="buy", time_in_force="gtc", limit_price=99.5),
    ask.MarketOrderRequest(symbol="BTC/USD", notional=50, side="buy", time_in_force="gtc"),
]


@pytest.mark.parametrize(
    "request_", ORDERS, ids=lambda order: f"{order.type.value}-{order.order_class}-{order.time_in_force.value}"
)
def test_every_kind_of_order(venue: Served, request_: Any) -> None:
    venue.bar("AAPL", "100")
    venue.bar("BTC/USD", "100")
    api = client(venue)
    order = api.submit_order(request_)
    assert (order.symbol, order.type, order.time_in_force) == (request_.symbol, request_.type, request_.time_in_force)
    found = api.get_order_by_id(order.id, ask.GetOrderByIdRequest(nested=True))
    assert found.client_order_id == order.client_order_id
    assert api.get_order_by_client_id(order.client_order_id).id == order.id
    legs = (request_.take_profit is not None) + (request_.stop_loss is not None)
    assert len(found.legs or []) == legs
    api.cancel_order_by_id(order.id)
    assert api.get_order_by_id(order.id).status == "canceled"


def test_a_position_from_its_entry_to_its_exit(venue: Served) -> None:
    api = client(venue)
    venue.bar("AAPL", "100")
    api.submit_order(market())
    venue.bar("AAPL", "101.25", "102", "101", "101.5")
    [position] = api.get_all_positions()
    assert (position.qty, position.avg_entry_price, position.unrealized_pl) == ("10", "101.25", "2.5")
    assert api.get_open_position("AAPL").asset_id == position.asset_id
    account = api.get_account()
    assert (Decimal(account.cash), Decimal(account.equity)) == (Decimal("98987.5"), Decimal("100002.5"))
    closing = api.close_position("AAPL", ask.ClosePositionRequest(qty="4"))
    venue.bar("AAPL", "102")
    assert api.get_order_by_id(closing.id).filled_avg_price == "102"
    [answer] = api.close_all_positions(cancel_orders=True)
    assert answer.status == 200
    venue.bar("AAPL", "102")
    assert api.get_all_positions() == []
    fills = api.get("/account/activities/FILL", {"direction": "asc", "page_size": 2})
    rest = api.get("/account/activities/FILL", {"direction": "asc", "page_size": 2, "page_token": fills[-1]["id"]})
    assert [(fill["side"], fill["qty"]) for fill in fills + rest] == [("buy", "10"), ("sell", "4"), ("sell", "6")]


def test_replacing_and_canceling(venue: Served) -> None:
    api = client(venue)
    venue.bar("AAPL", "100")
    first = api.submit_order(ORDERS[1])
    second = api.replace_order_by_id(first.id, ask.ReplaceOrderRequest(limit_price=98.5, qty=7))
    assert (second.replaces, second.qty, second.limit_price) == (first.id, "7", "98.5")
    assert api.get_order_by_id(first.id).replaced_by == second.id
    [answer] = api.cancel_orders()
    assert (answer.id, answer.status) == (second.id, 200)
    assert api.get_orders() == []
    with pytest.raises(APIError) as caught:
        api.cancel_order_by_id(second.id)
    assert (caught.value.status_code, caught.value.code) == (422, 42210000)


def test_lists_of_orders(venue: Served) -> None:
    api = client(venue)
    venue.bar("AAPL", "100")
    for number in range(5):
        api.submit_order(
            ask.LimitOrderRequest(
                symbol="AAPL", qty=1, side="buy", time_in_force="day", limit_price=90, client_order_id=f"o{number}"
            )
        )
        venue.call(lambda: setattr(venue.stage.clock, "time", venue.stage.clock.time + 1_000_000_000))
    api.cancel_order_by_id(api.get_order_by_client_id("o0").id)
    bracket = api.submit_order(ORDERS[10])

    def names(**asked: Any) -> list[str]:
        return [
            order.client_order_id
            for order in api.get_orders(ask.GetOrdersRequest(**asked))
            if order.client_order_id.startswith("o")
        ]

    assert names() == ["o4", "o3", "o2", "o1"]
    assert names(status="closed") == ["o0"]
    assert names(status="all", direction="asc", limit=2) == ["o0", "o1"]
    times = {name: api.get_order_by_client_id(name).submitted_at for name in ("o1", "o3")}
    assert names(after=times["o1"], until=times["o3"], status="all") == ["o2"]
    assert names(symbols=["TSLA"]) == []
    assert len(api.get_orders(ask.GetOrdersRequest(nested=True, status="all"))) == 6
    assert len(api.get_orders(ask.GetOrdersRequest(status="all"))) == 8
    nested = next(order for order in api.get_orders(ask.GetOrdersRequest(nested=True)) if order.id == bracket.id)
    assert [leg.status for leg in nested.legs or []] == ["held", "held"]


def test_clock_calendar_assets_and_configuration(venue: Served) -> None:
    api = client(venue)
    clock = api.get_clock()
    assert clock.is_open
    assert clock.next_close.isoformat() == "2024-03-05T16:00:00-05:00"
    assert clock.next_open.isoformat() == "2024-03-06T09:30:00-05:00"
    [day] = api.get_calendar(ask.GetCalendarRequest(start="2024-07-03", end="2024-07-04"))
    assert (day.open.hour, day.close.hour) == (9, 13)
    assert {asset.symbol for asset in api.get_all_assets()} == {"AAPL", "TSLA"}
    assert api.get_asset("BTC/USD").asset_class == "crypto"
    assert api.get_asset("AAPL").shortable
    wanted = api.get_account_configurations().model_dump() | {"no_shorting": True}
    assert api.set_account_configurations(models.AccountConfiguration(**wanted)).no_shorting
    venue.bar("AAPL", "100")
    with pytest.raises(APIError, match="not allowed to short"):
        api.submit_order(market(side="sell"))


def test_keys_that_are_missing_or_wrong(venue: Served) -> None:
    with pytest.raises(APIError) as caught:
        client(venue, "wrong").get_account()
    assert caught.value.status_code == 403
    answer = requests.get(f"{venue.server.url}/v2/account", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (401, 40110000)


def test_more_requests_than_allowed_are_put_off() -> None:
    with served(Stage(rate_limit=3)) as venue:
        api = client(venue)
        api._retry = 0
        for _ in range(3):
            api.get_clock()
        with pytest.raises(APIError) as caught:
            api.get_clock()
        assert (caught.value.status_code, caught.value.code) == (429, 42910000)
        headers = caught.value.response.headers
        assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("3", "0")
        assert 0 < int(headers["Retry-After"]) <= 60


def test_history_at_the_same_address() -> None:
    stage = Stage(market=GeneratedMarket([equity("AAPL")], date(2024, 3, 4), date(2024, 3, 5)))
    with served(stage) as venue:
        history: Any = StockHistoricalDataClient(KEY, SECRET, url_override=venue.server.url)
        start = datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
        asked = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, start=start, limit=5)
        bars = history.get_stock_bars(asked)["AAPL"]
        assert [bar.timestamp.minute for bar in bars] == [30, 31, 32, 33, 34]
        wrong: Any = StockHistoricalDataClient(KEY, "wrong", url_override=venue.server.url)
        with pytest.raises(APIError):
            wrong.get_stock_bars(asked)


@contextmanager
def running(stream: Any) -> Iterator[None]:
    """One of the library's streams in a thread of its own."""
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        if stream._loop is not None:
            asyncio.run_coroutine_threadsafe(stream.stop_ws(), stream._loop)
            asyncio.run_coroutine_threadsafe(stream.close(), stream._loop).result(10)
        thread.join(10)


def test_the_stream_of_trade_updates(venue: Served) -> None:
    heard: queue.Queue[Any] = queue.Queue()

    async def hear(update: Any) -> None:
        heard.put(update)

    stream = TradingStream(KEY, SECRET, url_override=venue.server.stream_url)
    stream.subscribe_trade_updates(hear)
    with running(stream):
        _until(lambda: venue.server._orders.listening)
        venue.bar("AAPL", "100")
        order = client(venue).submit_order(market(client_order_id="mine"))
        venue.bar("AAPL", "100.5")
        told = [heard.get(timeout=10) for _ in range(3)]
    assert [update.event for update in told] == ["pending_new", "new", "fill"]
    assert {update.order.id for update in told} == {order.id}
    assert (told[2].price, told[2].qty, told[2].position_qty) == (100.5, 10.0, 10.0)


@pytest.mark.parametrize("feed", ["iex", "sip"])
def test_the_stream_of_market_data(venue: Served, feed: str) -> None:
    heard: queue.Queue[Any] = queue.Queue()

    async def hear(item: Any) -> None:
        heard.put(item)

    stream = StockDataStream(KEY, SECRET, url_override=f"{venue.server.data_stream_url}/v2/{feed}")
    stream.subscribe_bars(hear, "AAPL", "TSLA")
    stream.subscribe_quotes(hear, "AAPL")
    stream.subscribe_trades(hear, "AAPL")
    stream.subscribe_trading_statuses(hear, "AAPL")
    with running(stream):
        _until(lambda: _wants(venue, f"/v2/{feed}", "bars"))
        venue.bar("AAPL", "100", "101", "99.5", "100.25")
        kinds = {type(item).__name__: item for item in [heard.get(timeout=10) for _ in range(3)]}
        assert set(kinds) == {"Trade", "Quote", "Bar"}
        bar = kinds["Bar"]
        assert (bar.symbol, bar.open, bar.high, bar.low, bar.close, bar.volume) == ("AAPL", 100, 101, 99.5, 100.25, 100_000)
        assert bar.timestamp.isoformat() == "2024-03-05T15:30:00+00:00"
        venue.call(lambda: venue.server.halt("AAPL"))
        assert heard.get(timeout=10).status_code == "H"
        stream.unsubscribe_bars("AAPL")
        _until(lambda: not _wants(venue, f"/v2/{feed}", "bars", "AAPL"))
        venue.bar("AAPL", "100")
        assert {type(heard.get(timeout=10)).__name__ for _ in range(2)} == {"Trade", "Quote"}


def test_the_stream_of_pairs(venue: Served) -> None:
    heard: queue.Queue[Any] = queue.Queue()

    async def hear(item: Any) -> None:
        heard.put(item)

    stream = CryptoDataStream(KEY, SECRET, url_override=f"{venue.server.data_stream_url}/v1beta3/crypto/us")
    stream.subscribe_bars(hear, "BTC/USD")
    with running(stream):
        _until(lambda: _wants(venue, "/v1beta3/crypto/us", "bars"))
        venue.bar("AAPL", "100")
        venue.bar("BTC/USD", "65000.5")
        assert heard.get(timeout=10).close == 65000.5


def _wants(venue: Served, path: str, channel: str, symbol: str = "") -> bool:
    listener = venue.server._data.connected.get(path)
    return listener is not None and (symbol in listener.wanted[channel] if symbol else bool(listener.wanted[channel]))


def _until(holds: Any) -> None:
    """Wait for something on the other side of the socket that has no event of its own."""
    waiting = threading.Event()
    for _ in range(1000):
        if holds():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not come")
