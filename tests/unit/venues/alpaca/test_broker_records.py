"""What the broker makes of the records that it asks for: damaged ones, corrected executions, changes that came to nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

pytest.importorskip("alpaca")

from alpaca_records import AAPL, ENTRY, EXECUTION, NEXT, STOP, activity, execution, leg, order
from alpaca_servers import CALM, HttpServer, admit, forever, settings_for, tell, websocket_server
from websockets.asyncio.server import ServerConnection

from algotrader.core.commands import ReplaceOrder
from algotrader.core.events import FillCorrected, OrderFill
from algotrader.venues.alpaca.broker import AlpacaBroker
from algotrader.venues.alpaca.once import Once
from algotrader.venues.alpaca.order_stream import TradeUpdates
from algotrader.venues.alpaca.rest import make_client
from algotrader.venues.alpaca.settings import PAPER_TRADING
from algotrader.venues.protocols import Refused, Throttled, Unanswered

T = TypeVar("T")


class Places(HttpServer):
    """Answers by path."""

    def __init__(self, **places: Any) -> None:
        super().__init__()
        self.places = places

    async def __aenter__(self) -> Places:
        await super().__aenter__()
        return self

    def next_answer(self, path: str) -> Any:
        name = path.partition("?")[0].rpartition("/")[2].replace("orders:by_client_order_id", "named")
        if "client_order_id=run-1-sl" in path:
            # The venue knows a leg by its own name only.
            name = ""
        found = self.places.get(name.replace("-", "_"), (404, {}, {"code": 40410000, "message": "not found"}))
        return found if isinstance(found, tuple) else (200, {}, found)


def ask(question: Callable[[AlpacaBroker], Awaitable[T]], **places: Any) -> T:
    """The answer of a broker whose venue has these answers."""

    async def main() -> T:
        async with Places(**places) as server:
            broker = AlpacaBroker(settings_for(server.port), [AAPL], lambda: 7)
            try:
                return await question(broker)
            finally:
                await broker.disconnect()

    return asyncio.run(main())


DAMAGED = [order(id=STOP, legs="two"), order(id=NEXT, legs=[leg("stop", id=None)])]


def test_damaged_orders_in_a_list_take_no_other_with_them() -> None:
    found = ask(lambda broker: broker.open_orders(), orders=[*DAMAGED, order()])
    assert [status.client_order_id for status in found] == ["run-1"]
    recent = ask(lambda broker: broker.recent_orders(0), orders=[*DAMAGED, order()])
    assert [status.client_order_id for status in recent] == ["run-1"]


@pytest.mark.parametrize("name", ["run-1", "run-1-sl"])
def test_an_order_that_cannot_be_read_is_in_doubt(name: str) -> None:
    with pytest.raises(Unanswered):
        ask(lambda broker: broker.order(name, "AAPL"), named=order(order_class="oto", legs=[leg("stop", id=None)]))


def test_an_execution_without_its_order_takes_no_other_with_it() -> None:
    records = [activity(order_id=None), activity(id="20261120093201000::e-2")]
    found = ask(lambda broker: broker.fills(0), FILL=records, orders=[order()])
    assert [(fill.fill_id, fill.client_order_id) for fill in found] == [("e-2", "run-1")]


def test_a_corrected_execution_is_one_and_not_two() -> None:
    """The correction has an id of its own, and the records tell the execution as it was, as it is, or both."""
    again = execution("trade_correct", execution_id="c-1", previous_execution_id=EXECUTION, price="150", qty="14")
    once_more = execution("trade_correct", execution_id="c-2", previous_execution_id="c-1", price="149", qty="14")

    async def main() -> None:
        async def script(socket: ServerConnection) -> None:
            await admit(socket)
            for each in (execution(), again, once_more, execution(execution_id="c-1", price="150", qty="14")):
                await tell(socket, each)
            await forever()

        records = [activity(), activity(id="20261120093300000::c-2", price="149", qty="14")]
        async with Places(FILL=records, orders=[order()]) as server, websocket_server(script) as port:
            broker = AlpacaBroker(settings_for(server.port, stream_url=f"ws://127.0.0.1:{port}/stream"), [AAPL], lambda: 7)
            told = []
            async for event in broker.events():
                told.append(event)
                if len(told) == 5:
                    break
            assert [(type(event), getattr(event, "fill_id", "")) for event in told[1:]] == [
                (OrderFill, EXECUTION),
                (FillCorrected, EXECUTION),
                (FillCorrected, EXECUTION),
                (OrderFill, EXECUTION),
            ]
            found = await broker.fills(0)
            assert [(fill.fill_id, fill.price_raw, fill.quantity_raw) for fill in found] == [(EXECUTION, 1_490_000, 14)]
            await broker.disconnect()

    asyncio.run(main())


CHANGE = ReplaceOrder("run-1", "AAPL", "run-1-r1", 10, stop_raw=1_400_000, venue_order_id=ENTRY)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((422, {}, {"code": 42210000, "message": "cannot replace order in pending_cancel status"}), Refused),
        ((429, {}, {"code": 42910000, "message": "too many requests."}), Throttled),
    ],
)
def test_who_takes_an_order_s_place_after_a_refused_change_was_not_sent_by_us(answer: Any, error: type[Exception]) -> None:
    async def main() -> None:
        async with Places(**{ENTRY.replace("-", "_"): answer}) as server:
            broker = AlpacaBroker(settings_for(server.port), [AAPL], lambda: 7)
            with pytest.raises(error):
                await broker.replace(CHANGE)
            old = order(status="replaced", replaced_by=NEXT)
            by_hand = order(id=NEXT, client_order_id="by hand", replaces=ENTRY)
            server.places = {"named": old, NEXT.replace("-", "_"): by_hand}
            found = await broker.order("run-1", "AAPL")
            assert found is not None
            assert found.replaced_by == "by hand"
            await broker.disconnect()

    asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        None,
        (504, {}, {"code": 50410000, "message": "timed out"}),
        (422, {}, {"code": 40010001, "message": "client_order_id must be unique"}),
    ],
)
def test_a_change_that_may_have_arrived_keeps_its_name(answer: Any) -> None:
    async def main() -> None:
        async with Places(**{ENTRY.replace("-", "_"): answer or (200, {}, b"no JSON")}) as server:
            broker = AlpacaBroker(settings_for(server.port), [AAPL], lambda: 7)
            with pytest.raises((Refused, Unanswered)):
                await broker.replace(CHANGE)
            server.places = {"named": order(status="replaced", replaced_by=NEXT)}
            found = await broker.order("run-1", "AAPL")
            assert found is not None
            assert found.replaced_by == "run-1-r1"
            await broker.disconnect()

    asyncio.run(main())


def test_no_log_of_any_level_shows_what_a_stream_says_of_the_keys(caplog: pytest.LogCaptureFixture) -> None:
    # The server of this test has a logger of its own, which may say what it likes.
    caplog.set_level(logging.DEBUG, "websockets.client")
    caplog.set_level(logging.DEBUG, "algotrader")

    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        await forever()

    async def main() -> None:
        async with websocket_server(script) as port:
            updates = TradeUpdates(settings_for(port), Once("test"))
            await updates.open()
            await updates.close()

    asyncio.run(main())
    assert "SECRET" not in caplog.text
    assert "secret_key" not in caplog.text


def test_the_environment_is_asked_once_and_passwords_of_this_machine_stay_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "own.pem"))
    settings = replace(settings_for(1, CALM), trading_url=PAPER_TRADING)
    far, near = (make_client(settings, url)._session for url in (PAPER_TRADING, "http://127.0.0.1:1"))
    assert (far.proxies.get("https"), far.verify) == ("http://proxy.example:3128", str(tmp_path / "own.pem"))
    assert (dict(near.proxies), near.verify) == ({}, True)
    assert not far.trust_env
    assert not near.trust_env
