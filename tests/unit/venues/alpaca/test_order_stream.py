"""The stream of order updates, over real sockets: beginning, breaking, falling silent, ending."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from alpaca_servers import CALM, QUICK, admit, forever, listen, settings_for, tell, websocket_server
from websockets.asyncio.server import ServerConnection

from algotrader.venues.alpaca.once import Once
from algotrader.venues.alpaca.order_stream import Probes, TradeUpdates
from algotrader.venues.alpaca.settings import Patience
from algotrader.venues.protocols import NotAllowed, NotSent, StreamClosed, Throttled


def update(number: int) -> dict[str, Any]:
    order = {"id": f"v{number}", "client_order_id": f"a-{number}", "symbol": "AAPL", "side": "buy", "status": "new"}
    return {"stream": "trade_updates", "data": {"event": "new", "order": order}}


def stream(port: int, patience: Patience = CALM) -> TradeUpdates:
    return TradeUpdates(settings_for(port, patience), Once("test"))


async def ids(updates: TradeUpdates, count: int) -> list[str]:
    return [str((await updates.next()).order["id"]) for _ in range(count)]


@pytest.mark.covers("A43")
def test_updates_come_in_order_from_the_first_moment_on_and_bad_ones_take_nothing_with_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        await tell(socket, update(1))
        await socket.send(b"\xff\x00 no JSON")
        await socket.send('{"stream": "trade_updates", "data": {"event": 7}}')
        await socket.send(b"\xff\x00 no JSON")
        await tell(socket, {"stream": "something_new", "data": {}})
        await tell(socket, update(2))
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            updates = stream(port)
            await updates.open()
            assert await ids(updates, 2) == ["v1", "v2"]
            await updates.close()

    asyncio.run(main())
    kinds = [record.args[0] for record in caplog.records if isinstance(record.args, tuple)]
    assert kinds == ["a frame of the order stream cannot be read", "the order stream says 'something_new'"]


def test_what_comes_while_the_connection_begins_is_not_lost() -> None:
    async def script(socket: ServerConnection) -> None:
        await socket.recv()
        await tell(socket, {"stream": "authorization", "data": {"status": "authorized"}})
        await socket.recv()
        await tell(socket, update(1))
        await tell(socket, {"stream": "listening", "data": {"streams": ["trade_updates"]}})
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            updates = stream(port)
            await updates.open()
            assert await ids(updates, 1) == ["v1"]
            await updates.close()

    asyncio.run(main())


@pytest.mark.covers("A47")
def test_a_flood_that_nobody_takes_is_kept_whole_and_given_before_the_break() -> None:
    count = 5000

    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        for number in range(count):
            await tell(socket, update(number))

    async def main() -> None:
        async with websocket_server(script) as port:
            updates = stream(port)
            await updates.open()
            while not updates.is_over:
                await asyncio.sleep(0)
            assert (updates.waiting, updates.most_waiting) == (count, count)
            assert await ids(updates, count) == [f"v{number}" for number in range(count)]
            with pytest.raises(StreamClosed):
                await updates.next()
            await updates.close()

    asyncio.run(main())


async def refuse_keys(socket: ServerConnection) -> None:
    await socket.recv()
    await tell(socket, {"stream": "authorization", "data": {"status": "unauthorized", "action": "authenticate"}})


async def too_many(socket: ServerConnection) -> None:
    await socket.recv()
    await tell(socket, {"action": "error", "data": {"error_message": "connection limit exceeded", "code": 406}})


async def break_off(socket: ServerConnection) -> None:
    await socket.recv()


async def say_nothing(socket: ServerConnection) -> None:
    await forever()


@pytest.mark.parametrize(
    ("script", "error"), [(refuse_keys, NotAllowed), (too_many, Throttled), (break_off, NotSent), (say_nothing, NotSent)]
)
def test_a_beginning_that_fails_says_how(script: Any, error: type[Exception]) -> None:
    async def main() -> None:
        async with websocket_server(script) as port:
            with pytest.raises(error) as caught:
                await stream(port, QUICK).open()
            assert "SECRET" not in str(caught.value)
            if isinstance(caught.value, Throttled):
                assert caught.value.retry_after == 30.0

    asyncio.run(main())


def test_nobody_listening_is_told_as_never_sent() -> None:
    async def main() -> None:
        async with websocket_server(say_nothing) as port:
            pass
        with pytest.raises(NotSent):
            await stream(port).open()

    asyncio.run(main())


def test_a_mute_connection_is_found_though_it_answers_pings() -> None:
    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        await listen(socket)
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            updates = stream(port, QUICK)
            await updates.open()
            began = time.monotonic()
            with pytest.raises(StreamClosed, match="silent"):
                await updates.next()
            # The first silence was ended by the service's word; the second was not.
            assert time.monotonic() - began >= 2 * QUICK.silence
            await updates.close()

    asyncio.run(main())


def test_a_service_that_never_answers_probes_is_left_to_pings() -> None:
    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        await forever()

    async def main() -> None:
        quick = replace(QUICK, silence=0.05, answer=0.1)
        async with websocket_server(script) as port:
            probes = Probes()
            for _ in range(2):
                updates = TradeUpdates(settings_for(port, quick), Once("test"), probes)
                await updates.open()
                with pytest.raises(StreamClosed, match="silent"):
                    await updates.next()
            assert not probes.tell_something
            updates = TradeUpdates(settings_for(port, quick), Once("test"), probes)
            await updates.open()
            await asyncio.sleep(5 * (quick.silence + quick.answer))
            assert not updates.is_over
            await updates.close()

    asyncio.run(main())


def test_streams_that_fall_mute_one_after_the_other_are_all_found() -> None:
    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        # Well at first, and mute before anybody could have missed something.
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await listen(socket)
        await forever()

    async def main() -> None:
        quick = replace(QUICK, silence=0.3, answer=0.1)
        async with websocket_server(script) as port:
            probes = Probes()
            for _ in range(3):
                updates = TradeUpdates(settings_for(port, quick), Once("test"), probes)
                await updates.open()
                with pytest.raises(StreamClosed, match="silent"):
                    await updates.next()
                assert probes.tell_something

    asyncio.run(main())


def test_a_frozen_connection_is_found_by_pings() -> None:
    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        socket.transport.pause_reading()
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            updates = stream(port, Patience(ping=0.1, pong=0.1, silence=60, close=0.2))
            await updates.open()
            with pytest.raises(StreamClosed):
                await updates.next()
            await updates.close()

    asyncio.run(main())


@pytest.mark.covers("A48")
def test_closing_takes_less_than_a_second_even_when_the_other_side_does_not_answer() -> None:
    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        socket.transport.pause_reading()
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            updates = stream(port)
            await updates.open()
            waiting = asyncio.create_task(updates.next())
            await asyncio.sleep(0)
            began = time.monotonic()
            await updates.close()
            await updates.close()
            assert time.monotonic() - began < 1.0
            with pytest.raises(StreamClosed):
                await waiting

    asyncio.run(main())
