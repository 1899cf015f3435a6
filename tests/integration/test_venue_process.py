"""The paper venue as a process of its own, over real sockets: clients come, die and come back, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from unit.simulation.support import submit

from algotrader.core.commands import ReplaceOrder
from algotrader.core.events import ConnectionChanged, Event, OrderAccepted, OrderFill
from algotrader.core.instruments import ALPACA_LIKE, GENERIC
from algotrader.core.market import Bar
from algotrader.live.clock import FastClock
from algotrader.venues.protocols import NotSent, Refused, StreamClosed, Unanswered
from algotrader.venues.remote.broker import RemoteBroker
from algotrader.venues.remote.connection import Requests
from algotrader.venues.remote.feed import RemoteFeed
from algotrader.venues.remote.hello import Hello, say_hello

SPEED = 600.0

CLIENT = """
import asyncio, sys, time
sys.path[:0] = {paths!r}
from unit.simulation.support import submit
from algotrader.venues.remote.broker import RemoteBroker
from algotrader.venues.remote.hello import say_hello

async def main():
    hello = await say_hello({address!r})
    broker = RemoteBroker(hello, hello)
    await broker.connect()
    stock = hello.instruments[0]
    await broker.submit(submit("first buy 10 market gtc", stock))
    await broker.submit(submit("second buy 5 limit 1.00 gtc", stock))
    print("sent", flush=True)
    time.sleep(60)

asyncio.run(main())
"""


@contextmanager
def venue(folder: Path, *more: str) -> Iterator[tuple[str, Path]]:
    """A venue at speed: its address and its log."""
    log = folder / "venue.jsonl"
    command = [sys.executable, "-m", "algotrader.rehearsal.venue_process", "--log", str(log), "--speed", str(SPEED), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1], log
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def logged(log: Path, kind: str) -> list[dict[str, Any]]:
    return [entry for line in log.read_text().splitlines() if (entry := json.loads(line))["kind"] == kind]


async def exhaust(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


async def until_filled(broker: RemoteBroker) -> None:
    """Ask until the venue has filled something; it goes on by itself, so this ends."""
    while not await broker.fills(0):
        await asyncio.sleep(0.01)


def test_a_client_is_killed_and_the_next_one_finds_everything(tmp_path: Path) -> None:
    with venue(tmp_path) as (address, log):
        paths = [entry for entry in sys.path if entry]
        program = CLIENT.format(paths=paths, address=address)
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=os.environ.copy()) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "sent\n"
            client.kill()
        asyncio.run(_find_everything(address, log))


async def _find_everything(address: str, log: Path) -> None:
    hello = await say_hello(address)
    broker = RemoteBroker(hello, hello)
    await broker.connect()
    await until_filled(broker)
    (fill,) = await broker.fills(0)
    assert (fill.client_order_id, fill.quantity_raw) == ("first", 10)
    told = {**vars_of(fill), "side": "buy"}
    (written,) = logged(log, "OrderFill")
    assert {name: written[name] for name in told} == told
    assert [order.client_order_id for order in await broker.open_orders()] == ["second"]
    assert [entry["client_order_id"] for entry in logged(log, "submit")] == ["first", "second"]
    with pytest.raises(Refused) as no:
        await broker.submit(submit("first buy 10 market gtc", hello.instruments[0]))
    assert no.value.code == "duplicate_id"
    await broker.disconnect()
    await broker.disconnect()


def vars_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


async def _client(address: str) -> tuple[Hello, FastClock, RemoteBroker, RemoteFeed]:
    hello = await say_hello(address)
    clock = FastClock(hello.now(), hello.speed)
    broker, feed = RemoteBroker(hello, clock), RemoteFeed(hello)
    await broker.connect()
    await feed.connect()
    return hello, clock, broker, feed


@pytest.mark.parametrize(("name", "capabilities"), [("generic", GENERIC), ("alpaca-like", ALPACA_LIKE)])
def test_a_client_trades_over_the_wire(tmp_path: Path, name: str, capabilities: object) -> None:
    async def trade(address: str, log: Path) -> None:
        hello, clock, broker, feed = await _client(address)
        assert hello.capabilities == broker.capabilities == capabilities
        assert [instrument.symbol for instrument in hello.instruments] == ["AAPL", "BTC/USDT"]
        stock = hello.instruments[0]
        events: list[Event] = []

        async def hear() -> None:
            async for event in broker.events():
                if not isinstance(event, ConnectionChanged):
                    events.append(event)

        hearing = asyncio.create_task(hear())
        await feed.subscribe(["AAPL"])
        stream = feed.stream()
        first = await anext(stream)
        assert isinstance(first, Bar)
        assert first.instrument == stock
        assert abs(clock.now() - first.close_time) < 600 * 10**9
        past = await feed.history(stock, 0, clock.now(), 60)
        assert first in past
        assert await broker.order("a", "AAPL") is None
        status = await broker.submit(submit("a buy 10 limit 1.00 gtc", stock, stop_loss="0.50"))
        assert (status.client_order_id, status.state.value) == ("a", "accepted")
        leg = await broker.replace(ReplaceOrder("a", "AAPL", "a-r1", 20, 20_000))
        assert (leg.client_order_id, leg.quantity_raw, leg.limit_raw) == ("a-r1", 20, 20_000)
        await broker.cancel("a-r1", leg.venue_order_id, "AAPL")
        await broker.submit(submit("b buy 7 market gtc", stock))
        await until_filled(broker)
        (position,) = await broker.positions()
        assert (position.symbol, position.quantity_raw) == ("AAPL", 7)
        account = await broker.account()
        assert account.cash < account.equity < 26_000 * 10**18
        quote = await feed.latest_quote(stock)
        assert quote is not None
        assert quote.instrument == stock
        known = {order.client_order_id: order.state.value for order in await broker.recent_orders(0)}
        assert known == {"a": "canceled", "a-sl": "canceled", "a-r1": "canceled", "b": "filled"}
        while not isinstance(events[-1], OrderFill):
            await asyncio.sleep(0.01)
        kinds = [type(event).__name__ for event in events]
        assert kinds == ["OrderAccepted", "OrderReplaced", "OrderCancel", "OrderCancel", "OrderAccepted", "OrderFill"]
        requests = ("submit", "replace", "cancel")
        assert kinds == [
            entry["kind"] for line in log.read_text().splitlines() if (entry := json.loads(line))["kind"] not in requests
        ]
        assert [(entry["client_order_id"], entry["quantity_raw"]) for entry in logged(log, "replace")] == [("a", 20)]
        assert [entry["client_order_id"] for entry in logged(log, "cancel")] == ["a-r1"]
        assert all(abs(event.time - clock.now()) < 10**13 for event in events)
        hearing.cancel()
        await broker.disconnect()
        await feed.disconnect()
        with pytest.raises(StreamClosed):
            await exhaust(stream)

    with venue(tmp_path, "--symbols", "AAPL,BTC/USDT", "--capabilities", name) as (address, log):
        asyncio.run(trade(address, log))


def test_a_broken_stream_is_opened_again_and_requests_find_their_way(tmp_path: Path) -> None:
    async def trade(address: str) -> None:
        hello, _, broker, feed = await _client(address)
        stock = hello.instruments[0]
        stream = broker.events()
        assert isinstance(await anext(stream), ConnectionChanged)
        await broker.disconnect()
        with pytest.raises(StreamClosed):
            await anext(stream)
        # Requests connect again by themselves; streams are the caller's to open.
        await broker.submit(submit("a buy 1 limit 1.00 gtc", stock))
        await broker.connect()
        await broker.submit(submit("b buy 1 limit 1.00 gtc", stock))
        again = broker.events()
        assert isinstance(await anext(again), ConnectionChanged)
        event = await anext(again)
        assert isinstance(event, OrderAccepted)
        assert event.client_order_id == "b"
        await feed.unsubscribe(["AAPL"])
        await broker.disconnect()
        await feed.disconnect()

    with venue(tmp_path) as (address, _):
        asyncio.run(trade(address))


def test_a_venue_that_is_not_there_or_does_not_answer() -> None:
    async def main() -> None:
        with pytest.raises(NotSent):
            await say_hello("127.0.0.1:9")

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotSent):
            await Requests(f"127.0.0.1:{port}", timeout=0.05).call("hello")
        server.close()

    asyncio.run(main())


def test_a_venue_that_dies_leaves_requests_unanswered(tmp_path: Path) -> None:
    """A request is on its way when the venue is stopped and killed: its fate is open, and the next one is certainly not sent."""
    command = [sys.executable, "-m", "algotrader.rehearsal.venue_process", "--log", str(tmp_path / "venue.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]

        async def main() -> None:
            hello = await say_hello(address)
            broker = RemoteBroker(hello, hello, timeout=0.2)
            await broker.connect()
            process.send_signal(signal.SIGSTOP)
            with pytest.raises(Unanswered):
                await broker.account()
            asked = asyncio.ensure_future(broker.account())
            await asyncio.sleep(0)
            process.kill()
            process.wait()
            with pytest.raises(Unanswered):
                await asked
            with pytest.raises(NotSent):
                await broker.account()
            await broker.disconnect()

        asyncio.run(main())
