"""What the broker makes of its stream's updates, over real sockets."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("alpaca")

from alpaca_servers import HttpServer, admit, forever, settings_for, tell, websocket_server
from websockets.asyncio.server import ServerConnection

from algotrader.core.events import ConnectionChanged, Event, OrderAccepted, OrderCancel, OrderFill, OrderReplaced
from algotrader.core.instruments import equity
from algotrader.core.scaled import money
from algotrader.venues.alpaca.broker import AlpacaBroker
from algotrader.venues.protocols import StreamClosed, Unanswered, VenueError

LEG = "7f2b3c1e-0000-4000-8000-000000000002"
PARENT = "7f2b3c1e-0000-4000-8000-000000000001"
NEXT = "7f2b3c1e-0000-4000-8000-000000000003"


def order(venue_id: str, name: str, **more: Any) -> dict[str, Any]:
    base = {"id": venue_id, "client_order_id": name, "symbol": "AAPL", "asset_class": "us_equity", "side": "buy", "type": "market"}
    made = {"qty": "10", "filled_qty": "0", "status": "new", "created_at": "2024-03-05T14:30:00Z"}
    return {**base, **made, **more}


def update(event: str, record: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"stream": "trade_updates", "data": {"event": event, "order": record, **more}}


FILL = {"execution_id": "e-1", "price": "100.5", "qty": "10", "timestamp": "2024-03-05T14:30:01Z"}


def hear(
    updates: list[dict[str, Any]], count: int, answers: tuple[Any, ...] = ()
) -> tuple[list[Event], list[str], VenueError | None]:
    """The events that follow the updates, what was asked over REST, and what ended the stream."""

    async def script(socket: ServerConnection) -> None:
        await admit(socket)
        for each in updates:
            await tell(socket, each)
        await forever()

    async def main() -> tuple[list[Event], list[str], VenueError | None]:
        async with HttpServer(*answers) as rest, websocket_server(script) as port:
            settings = settings_for(rest.port, stream_url=f"ws://127.0.0.1:{port}/stream")
            broker, found, ended = AlpacaBroker(settings, [equity("AAPL")], lambda: 7), [], None
            try:
                async with asyncio.timeout(10):
                    async for event in broker.events():
                        found.append(event)
                        if len(found) > count:
                            break
            except VenueError as error:
                ended = error
            await broker.disconnect()
            return found, [f"{method} {path.partition('?')[0]}" for method, path, _ in rest.seen], ended

    return asyncio.run(main())


def test_the_first_word_is_that_the_stream_is_open_and_every_event_has_our_time() -> None:
    found, asked, _ = hear([update("new", order(PARENT, "a-1")), update("fill", order(PARENT, "a-1"), **FILL)], 2)
    opened, accepted, fill = found
    assert opened == ConnectionChanged(7, "alpaca", connected=True)
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(fill, OrderFill)
    assert (fill.time, fill.client_order_id, fill.fill_id, fill.price_raw) == (7, "a-1", "e-1", 1_005_000)
    assert asked == []


def test_a_leg_that_nobody_has_named_is_looked_up_before_its_fill_is_told() -> None:
    stop = order(LEG, "0b7e3c1e-0000-4000-8000-00000000000a", side="sell", type="stop", order_class="oto", stop_price="95")
    entry = order(PARENT, "a-1", order_class="oto", legs=[stop])
    found, asked, _ = hear([update("fill", stop, **FILL), update("new", stop)], 2, ((200, {}, [entry]),))
    assert [getattr(event, "client_order_id", "") for event in found] == ["", "a-1-sl", "a-1-sl"]
    assert asked == ["GET /v2/orders"]


def test_a_leg_that_cannot_be_looked_up_ends_the_stream_so_that_its_fill_is_found_in_the_records() -> None:
    stop = order(LEG, "0b7e3c1e-0000-4000-8000-00000000000a", side="sell", type="stop", order_class="oto", stop_price="95")
    found, _, ended = hear([update("fill", stop, **FILL)], 1, ((500, {}, None),))
    assert len(found) == 1
    assert isinstance(ended, Unanswered)


def test_who_took_an_order_s_place_is_asked_for_when_nobody_knows() -> None:
    old = order(PARENT, "a-1", status="replaced", replaced_by=NEXT)
    found, asked, _ = hear([update("replaced", old)], 1, ((200, {}, order(NEXT, "a-1-r1", replaces=PARENT)),))
    assert found[1] == OrderReplaced(7, "a-1", "a-1-r1", NEXT)
    assert asked == [f"GET /v2/orders/{NEXT}"]


def test_an_execution_that_cannot_be_read_ends_the_stream_anything_else_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    odd = [
        update("new", order(PARENT, "a-1", legs="none")),
        update("restated", order(PARENT, "a-1")),
        update("brand_new", order(PARENT, "a-1")),
    ]
    ends = update("canceled", order(PARENT, "a-1"))
    found, _, ended = hear([*odd, *odd, ends, update("fill", order(PARENT, "a-1"), **{**FILL, "price": "no price"})], 9)
    assert [type(event) for event in found] == [ConnectionChanged, OrderCancel]
    assert isinstance(ended, StreamClosed)
    kinds = [record.args[0] for record in caplog.records if isinstance(record.args, tuple)]
    assert len(kinds) == len(set(kinds)) == 2


@pytest.mark.parametrize(("settled_cash", "power"), [(False, 1000), (True, 200)])
def test_only_settled_cash_counts_where_that_is_wanted(settled_cash: bool, power: int) -> None:
    record = {"id": "x", "account_number": "PA1", "status": "ACTIVE", "equity": "500", "cash": "500", "buying_power": "1000"}

    async def main() -> int:
        async with HttpServer((200, {}, {**record, "cash_withdrawable": "200"})) as server:
            broker = AlpacaBroker(settings_for(server.port), [equity("AAPL")], lambda: 7, settled_cash=settled_cash)
            found = await broker.account()
            await broker.disconnect()
            return found.buying_power

    assert asyncio.run(main()) == money(Decimal(power))


def test_a_stream_that_is_listened_to_again_replaces_the_one_before() -> None:
    connections: list[ServerConnection] = []

    async def script(socket: ServerConnection) -> None:
        connections.append(socket)
        await admit(socket)
        await socket.wait_closed()

    async def main() -> None:
        async with websocket_server(script) as port:
            broker = AlpacaBroker(settings_for(port), [equity("AAPL")], lambda: 7)
            first, second = broker.events(), broker.events()
            await anext(first)
            await anext(second)
            with pytest.raises(StreamClosed):
                await anext(first)
            await connections[0].wait_closed()
            assert len(connections) == 2
            await broker.disconnect()
            await broker.disconnect()
            with pytest.raises(StreamClosed):
                await anext(second)

    asyncio.run(main())
