"""The rehearsal's data service asked directly: parameters, pages, refusals and headers, row by row."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from alpaca_data import AAPL, BTC, KEY, MSFT, NOW, SECRET, market, plain_server

from algotrader.core.market import NS_PER_SECOND
from algotrader.rehearsal.alpaca.data_routes import DataRoutes
from algotrader.rehearsal.alpaca.http import Request, Response
from algotrader.venues.alpaca.history_records import parse_time

DAY = {"start": "2024-01-31", "end": "2024-01-31", "timeframe": "1Min"}
HEADERS = {"apca-api-key-id": KEY, "apca-api-secret-key": SECRET}


def ask(path: str, headers: Any = None, server: Any = None, **query: Any) -> Response:
    """One request."""
    named = {name: str(value) for name, value in query.items()}
    request = Request("GET", path, named, HEADERS if headers is None else headers)
    found: Response = asyncio.run((server or plain_server()).answer(request))
    return found


def body(response: Response) -> dict[str, Any]:
    """The answer, with numbers as exact decimals."""
    found: dict[str, Any] = json.loads(response.content()[0], parse_float=Decimal)
    return found


def test_a_page_of_bars() -> None:
    response = ask("/v2/stocks/bars", symbols="AAPL", limit=2, **DAY)
    assert response.status == 200
    assert response.headers["content-type"].startswith("application/json")
    found = body(response)
    bars = market().past(AAPL, parse_time("2024-01-31T14:30:00Z"), parse_time("2024-01-31T14:32:00Z"), 60)
    assert [bar["t"] for bar in found["bars"]["AAPL"]] == ["2024-01-31T14:30:00Z", "2024-01-31T14:31:00Z"]
    for shown, bar in zip(found["bars"]["AAPL"], bars, strict=True):
        assert [Decimal(shown[name]) for name in "ohlcv"] == [bar.open, bar.high, bar.low, bar.close, bar.volume]
        assert shown["l"] <= shown["vw"] <= shown["h"]
        assert shown["n"] > 0
    assert found["next_page_token"]


def test_pages_follow_each_other_through_the_symbols() -> None:
    token, seen, pages = "", [], 0
    while True:
        more = {"page_token": token} if token else {}
        found = body(ask("/v2/stocks/bars", symbols="MSFT,AAPL,NONE", limit=100, **DAY, **more))
        pages += 1
        for symbol, bars in found["bars"].items():
            seen += [(symbol, bar["t"]) for bar in bars]
        token = found["next_page_token"]
        if not token:
            break
    assert pages == 8
    assert seen == sorted(set(seen))
    assert len(seen) == 780


def test_the_newest_first_pages_backwards() -> None:
    first = body(ask("/v2/stocks/bars", symbols="AAPL", limit=2, sort="desc", **DAY))
    second = body(ask("/v2/stocks/bars", symbols="AAPL", limit=2, sort="desc", page_token=first["next_page_token"], **DAY))
    times = [bar["t"][11:16] for found in (first, second) for bar in found["bars"]["AAPL"]]
    assert times == ["20:59", "20:58", "20:57", "20:56"]


def test_one_symbol_in_the_path() -> None:
    found = body(ask("/v2/stocks/AAPL/bars", limit=3, **DAY))
    assert (found["symbol"], len(found["bars"])) == ("AAPL", 3)


@pytest.mark.parametrize(("end", "count"), [("2024-01-31T14:30:00Z", 1), ("2024-01-31T14:29:59Z", 0), ("2024-01-31T14:32:00Z", 3)])
def test_both_ends_are_included(end: str, count: int) -> None:
    found = body(ask("/v2/stocks/bars", symbols="AAPL", start="2024-01-31", end=end, timeframe="1Min"))
    assert len(found["bars"].get("AAPL", [])) == count


def test_the_future_is_not_told() -> None:
    now = parse_time("2024-01-31T14:35:30Z")
    server = plain_server(now=now)
    found = body(ask("/v2/stocks/bars", server=server, symbols="AAPL", start="2024-01-31", end="2024-02-03", timeframe="1Min"))
    assert [bar["t"][14:16] for bar in found["bars"]["AAPL"]] == ["30", "31", "32", "33", "34"]
    five = body(ask("/v2/stocks/bars", server=server, symbols="AAPL", start="2024-01-31", timeframe="5Min"))
    assert [bar["t"][14:16] for bar in five["bars"]["AAPL"]] == ["30"]
    for kind in ("quotes", "trades"):
        ticks = body(ask(f"/v2/stocks/{kind}", server=server, symbols="AAPL", start="2024-01-31"))[kind]["AAPL"]
        assert max(parse_time(tick["t"]) for tick in ticks) <= now


@pytest.mark.parametrize(
    ("path", "query", "status", "message"),
    [
        ("/v2/stocks/bars", {}, 400, "symbols is required"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "timeframe": ""}, 400, "timeframe is required"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "timeframe": "60Min"}, 400, "invalid timeframe: 60Min"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "timeframe": "1Sec"}, 400, "invalid timeframe: 1Sec"),
        ("/v2/stocks/bars", {"symbols": "aapl"}, 400, "invalid symbol: aapl"),
        ("/v2/stocks/bars", {"symbols": "BTC/USD"}, 400, "invalid symbol: BTC/USD"),
        ("/v1beta3/crypto/us/bars", {"symbols": "BTCUSD"}, 400, "invalid symbol: BTCUSD does not match"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "limit": "0"}, 400, "limit must be in the range of 1 to 10000"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "limit": "10001"}, 400, "limit must be in the range of 1 to 10000"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "start": "soon"}, 400, "Invalid format for parameter start"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "start": "2024-02-02"}, 400, "end should not be before start"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "page_token": "?"}, 400, "invalid page_token"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "feed": "best"}, 400, "invalid feed: best"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "adjustment": "some"}, 400, "invalid adjustment: some"),
        ("/v2/stocks/bars", {"symbols": "AAPL", "sort": "up"}, 400, "invalid sort: up"),
        ("/v2/stocks/dreams", {"symbols": "AAPL"}, 404, "endpoint not found."),
        ("/v2/stocks/dreams/latest", {"symbols": "AAPL"}, 404, "endpoint not found."),
    ],
)
def test_refusals(path: str, query: dict[str, str], status: int, message: str) -> None:
    response = ask(path, **{**DAY, **query})
    assert response.status == status
    assert body(response)["message"].startswith(message)


@pytest.mark.parametrize("headers", [{}, {**HEADERS, "apca-api-secret-key": "no"}])
def test_keys(headers: dict[str, str]) -> None:
    response = ask("/v2/stocks/bars", headers, symbols="AAPL", **DAY)
    assert (response.status, body(response)) == (403, {"message": "forbidden."})
    crypto = ask("/v1beta3/crypto/us/bars", headers, symbols="BTC/USD", **DAY)
    assert crypto.status == (403 if headers else 200)


def test_the_allowance_is_told_and_kept() -> None:
    now = [1_000_000.0]
    server = plain_server(per_minute=2, wall=lambda: now[0])
    answers = [ask("/v2/stocks/bars", server=server, symbols="AAPL", **DAY) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].headers["retry-after"] == "20"
    assert body(answers[2]) == {"message": "too many requests."}
    now[0] += 20
    assert ask("/v2/stocks/bars", server=server, symbols="AAPL", **DAY).status == 200


def test_a_server_that_counts_itself_leaves_it_out() -> None:
    server = plain_server(per_minute=0)
    assert not {name for name in ask("/v2/stocks/bars", server=server, symbols="AAPL", **DAY).headers if "ratelimit" in name}


def test_what_is_latest() -> None:
    for path, symbol, instrument in (
        ("/v2/stocks/bars/latest", "AAPL", AAPL),
        ("/v1beta3/crypto/us/latest/bars", "BTC/USD", BTC),
    ):
        found = body(ask(path, symbols=f"{symbol}"))["bars"]
        last = market().past(instrument, NOW - 5 * 86_400 * NS_PER_SECOND, NOW, 60)[-1]
        assert parse_time(found[symbol]["t"]) == last.open_time
        assert Decimal(found[symbol]["c"]) == last.close
    assert body(ask("/v2/stocks/snapshots", symbols="AAPL,NONE")).keys() == {"AAPL"}
    early = plain_server(now=parse_time("2024-01-01T00:00:00Z"))
    assert body(ask("/v2/stocks/snapshots", server=early, symbols="AAPL")) == {}


def test_days_grow_until_they_are_over() -> None:
    now = parse_time("2024-01-31T14:35:00Z")
    server = plain_server(now=now)
    (day,) = body(ask("/v2/stocks/bars", server=server, symbols="MSFT", start="2024-01-31", timeframe="1Day"))["bars"]["MSFT"]
    bars = market().past(MSFT, 0, now, 60)
    today = [bar for bar in bars if bar.open_time >= parse_time("2024-01-31T05:00:00Z")]
    assert day["t"] == "2024-01-31T05:00:00Z"
    assert day["v"] == sum(bar.volume_raw for bar in today)


def test_longer_bars_than_the_market_has_are_made_and_shorter_ones_are_not() -> None:
    assert len(body(ask("/v2/stocks/bars", symbols="AAPL", **{**DAY, "timeframe": "30Min"}))["bars"]["AAPL"]) == 13
    hourly = market()
    hourly.seconds = 3_600
    routes = DataRoutes(hourly, lambda: NOW, per_minute=0)
    route = next(route for route in routes.routes() if route.path == "/v2/stocks/{kind}")
    response = route.handler(Request("GET", "", {"symbols": "AAPL", **DAY}, HEADERS, parameters={"kind": "bars"}))
    assert isinstance(response, Response)
    assert body(response)["bars"] == {}
