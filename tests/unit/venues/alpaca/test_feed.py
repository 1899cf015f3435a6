"""Market data over real sockets: subscriptions, halts, back-pressure, breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgpack
import pytest
from alpaca_servers import CALM, QUICK, admit_data, confirm, forever, pack, settings_for, websocket_server
from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from algotrader.core.events import TradingStatus
from algotrader.core.instruments import crypto, equity
from algotrader.core.market import Bar, Quote
from algotrader.venues.alpaca.feed import AlpacaFeed
from algotrader.venues.alpaca.newest import Newest
from algotrader.venues.alpaca.settings import Patience
from algotrader.venues.protocols import NotAllowed, Refused, StreamClosed, Throttled

AAPL, TSLA, BTC = equity("AAPL"), equity("TSLA"), crypto("BTC/USD", price_scale=2)
NOW = 1_700_000_000_000_000_000
OPEN = "2024-03-05T14:30:00Z"


def feed(port: int, patience: Patience = CALM, instruments: Any = (AAPL, TSLA), **changes: Any) -> AlpacaFeed:
    return AlpacaFeed(settings_for(port, patience, **changes), instruments, lambda: NOW)


def bar(symbol: str, minute: int = 30, close: float = 10.5) -> dict[str, Any]:
    return {"T": "b", "S": symbol, "o": 10.5, "h": 11.0, "l": 10.0, "c": close, "v": 100, "t": f"2024-03-05T14:{minute:02d}:00Z"}


async def take(items: AsyncIterator[Any], count: int) -> list[Any]:
    return [await anext(items) for _ in range(count)]


@pytest.mark.covers("A33", "A34", "A49")
def test_bars_and_halts_of_what_is_subscribed_come_and_subscriptions_change_while_it_runs() -> None:
    asked: list[dict[str, Any]] = []

    async def script(socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path == "/v2/iex"
        await admit_data(socket)
        asked.append(await confirm(socket))
        halt = {"T": "s", "S": "AAPL", "sc": "H", "sm": "Trading Halt", "rc": "T12", "rm": "Trading Halt", "z": "C", "t": OPEN}
        await pack(socket, [bar("AAPL"), {"T": "b", "S": "AAPL"}, {**bar("AAPL"), "T": "u"}, halt])
        asked.append(await confirm(socket))
        await pack(socket, [bar("TSLA")])
        asked.append(await confirm(socket))
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            source = feed(port)
            await source.connect()
            await source.connect()
            await source.subscribe(["AAPL"])
            items = source.stream()
            first, halted = await take(items, 2)
            assert isinstance(first, Bar)
            assert (first.symbol, first.close_raw, first.volume_raw) == ("AAPL", 105_000, 100)
            assert halted == TradingStatus(NOW, "AAPL", True, "Trading Halt")
            await source.subscribe(["AAPL", "TSLA"])
            await source.unsubscribe(["AAPL"])
            (second,) = await take(items, 1)
            assert second.symbol == "TSLA"
            assert source.others == {"UpdatedBar": 1}
            await source.disconnect()
            await source.disconnect()
            with pytest.raises(StreamClosed):
                await anext(items)

    asyncio.run(main())
    channels = [
        {"action": action, "bars": [symbol], "statuses": [symbol]}
        for action, symbol in zip(["subscribe"] * 2, ["AAPL", "TSLA"], strict=True)
    ]
    assert asked == [*channels, {"action": "unsubscribe", "bars": ["AAPL"], "statuses": ["AAPL"]}]


def test_stocks_and_crypto_have_streams_of_their_own_and_come_as_one() -> None:
    async def script(socket: ServerConnection) -> None:
        assert socket.request is not None
        symbol = {"/v2/iex": "AAPL", "/v1beta3/crypto/us": "BTC/USD"}[socket.request.path]
        await admit_data(socket)
        asked = await confirm(socket)
        assert asked["bars"] == [symbol]
        await pack(socket, [bar(symbol)])
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            source = feed(port, instruments=(AAPL, BTC))
            await source.connect()
            await source.subscribe(["AAPL", "BTC/USD"])
            found = await take(source.stream(), 2)
            assert {one.symbol for one in found} == {"AAPL", "BTC/USD"}
            await source.disconnect()

    asyncio.run(main())


@pytest.mark.covers("A49", "A50")
def test_a_broken_stream_is_opened_again_with_its_subscriptions() -> None:
    connections = 0

    async def script(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await admit_data(socket)
        assert (await confirm(socket))["bars"] == ["AAPL", "TSLA"]
        await pack(socket, [bar("AAPL", connections)])
        if connections == 1:
            return
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            source = feed(port)
            await source.connect()
            await source.subscribe(["AAPL", "TSLA"])
            items = source.stream()
            await take(items, 1)
            with pytest.raises(StreamClosed):
                await anext(items)
            await source.connect()
            (found,) = await take(source.stream(), 1)
            assert found.open_time % 3_600_000_000_000 == 2 * 60_000_000_000
            await source.disconnect()

    asyncio.run(main())


def test_a_mute_stream_is_found_and_given_up_before_another_is_opened() -> None:
    sockets: list[ServerConnection] = []

    async def script(socket: ServerConnection) -> None:
        sockets.append(socket)
        await admit_data(socket)
        await confirm(socket)
        # Subscribing once more is how it is asked whether it is there.
        assert (await confirm(socket))["bars"] == ["AAPL"]
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            source = feed(port, QUICK)
            await source.connect()
            await source.subscribe(["AAPL"])
            with pytest.raises(StreamClosed, match="silent"):
                await anext(source.stream())
            assert sockets[0].state is State.OPEN
            await source.connect()
            async with asyncio.timeout(5):
                await sockets[0].wait_closed()
            assert len(sockets) == 2
            await source.disconnect()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "error"), [(402, NotAllowed), (406, Throttled), (409, NotAllowed), (404, Exception), (500, Exception)]
)
def test_a_refused_beginning_says_how(code: int, error: type[Exception]) -> None:
    async def script(socket: ServerConnection) -> None:
        await pack(socket, [{"T": "success", "msg": "connected"}])
        await socket.recv()
        await pack(socket, [{"T": "error", "code": code, "msg": "no"}])

    async def main() -> None:
        async with websocket_server(script) as port:
            with pytest.raises(error) as caught:
                await feed(port).connect()
            assert "SECRET" not in str(caught.value)
            if isinstance(caught.value, Throttled):
                assert caught.value.retry_after == 30

    asyncio.run(main())


def test_a_refused_subscription_is_told_to_who_asked_and_the_stream_goes_on() -> None:
    async def script(socket: ServerConnection) -> None:
        await admit_data(socket)
        await socket.recv()
        await pack(socket, [{"T": "error", "code": 405, "msg": "symbol limit exceeded"}])
        await confirm(socket)
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            source = feed(port)
            await source.connect()
            with pytest.raises(Refused):
                await source.subscribe(["AAPL"])
            await source.subscribe(["TSLA"])
            await source.disconnect()

    asyncio.run(main())


def test_a_bar_shows_that_a_halted_instrument_trades_again() -> None:
    async def script(socket: ServerConnection) -> None:
        await admit_data(socket)
        await confirm(socket)
        halt = {"T": "s", "S": "AAPL", "sc": "H", "sm": "Halt", "rc": "", "rm": "", "z": "C", "t": "2024-03-05T14:30:20Z"}
        await pack(socket, [halt, bar("AAPL", 30), bar("AAPL", 35), bar("AAPL", 36)])
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            source = feed(port)
            await source.connect()
            await source.subscribe(["AAPL"])
            found = await take(source.stream(), 5)
            kinds = [one.halted if isinstance(one, TradingStatus) else one.open_time // 60_000_000_000 % 60 for one in found]
            assert kinds == [True, 30, False, 35, 36]
            await source.disconnect()

    asyncio.run(main())


def test_what_is_not_taken_is_replaced_by_what_is_newer_and_counted() -> None:
    async def script(socket: ServerConnection) -> None:
        await admit_data(socket)
        await confirm(socket)
        for number in range(1, 301):
            size = {"bs": 1, "as": 1, "t": OPEN}
            await socket.send(msgpack.packb([{"T": "q", "S": "AAPL", "bp": 10.0, "ap": 10.0 + number / 100, **size}]))
        await pack(socket, [bar("TSLA")])
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            source = feed(port, quotes=True)
            await source.connect()
            await source.subscribe(["AAPL", "TSLA"])
            while len(source.buffer) < 2:
                await asyncio.sleep(0)
            first, second = await take(source.stream(), 2)
            assert (first.symbol, source.buffer.dropped_quotes, source.buffer.dropped) == ("TSLA", 299, 0)
            assert isinstance(second, Quote)
            assert second.ask_raw == 130_000
            await source.disconnect()

    asyncio.run(main())


def test_bars_beyond_the_limit_go_oldest_first_and_end_the_stream_so_that_they_are_fetched() -> None:
    async def main() -> None:
        source = feed(1)
        items = source.stream()
        source.buffer.put(Bar(AAPL, 0, 1, 1, 1, 1, 1, 1))
        await take(items, 1)
        small = Newest(2)
        for number in range(5):
            small.put(Bar(AAPL, number, number + 1, 1, 1, 1, 1, 1))
        kept = [small.take(), small.take(), small.take()]
        assert [one.open_time for one in kept if isinstance(one, Bar)] == [3, 4]
        assert small.dropped == 3
        source.buffer.dropped += 3
        source.buffer.wake()
        with pytest.raises(StreamClosed, match="3 bars were dropped"):
            await anext(items)

    asyncio.run(main())
