"""As little of Alpaca as a latency can be measured at: REST and both streams in one event loop that does next to nothing.

It stamps an order when the first byte of its request is there, before it looks at it, and a bar just before its frame goes to the
socket. Every order is taken, and cancelled a moment later, so that the next bar finds everybody flat.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final
from uuid import uuid4

import msgpack
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

SYMBOL: Final = "BTC/USD"
NS_PER_MINUTE: Final = 60_000_000_000
CANCEL_AFTER: Final = 0.005
"""Seconds after which an order is cancelled."""

_ACCOUNT: Final = {
    "id": "5a1f0a52-5d0c-4a0e-8a38-000000000001",
    "account_number": "PA0000000001",
    "status": "ACTIVE",
    "crypto_status": "ACTIVE",
    "currency": "USD",
    "cash": "1000000",
    "equity": "1000000",
    "last_equity": "1000000",
    "buying_power": "1000000",
    "multiplier": "1",
}
_NO_BARS: Final[dict[str, object]] = {"bars": {}, "next_page_token": None}


class StandIn:
    """The server.

    Attributes:
        arrived: the order that is waited for: when its first byte came (``perf_counter_ns``).
    """

    def __init__(self) -> None:
        self.arrived: asyncio.Future[int] | None = None
        self._feeds: Final[dict[str, ServerConnection]] = {}
        self._updates: Final[dict[str, ServerConnection]] = {}
        self._orders: Final[dict[str, dict[str, Any]]] = {}
        self._background: Final[set[asyncio.Task[None]]] = set()

    async def start(self) -> tuple[int, int]:
        """Listen; gives the ports of REST and of the streams."""
        rest = await asyncio.get_running_loop().create_server(lambda: _Http(self), "127.0.0.1", 0)
        # A connection that shrinks its frames would have to be measured with them.
        streams = await serve(self._streamed, "127.0.0.1", 0, compression=None)
        return rest.sockets[0].getsockname()[1], next(iter(streams.sockets)).getsockname()[1]

    async def order_after(self, who: str, frame: bytes) -> int:
        """Send a bar and wait for an order; gives the nanoseconds between them."""
        self.arrived = asyncio.get_running_loop().create_future()
        transport = self._feeds[who].transport
        sent = time.perf_counter_ns()
        transport.write(frame)
        async with asyncio.timeout(10):
            return await self.arrived - sent

    def answer(self, method: str, path: str, body: bytes, key: str) -> object:
        """What a request gets; None for an empty answer."""
        name = path.partition("?")[0]
        if method == "POST":
            return self._take(json.loads(body), key)
        if name == "/v2/account":
            return _ACCOUNT
        if name == "/v2/orders:by_client_order_id":
            return self._orders.get(path.partition("client_order_id=")[2].partition("&")[0])
        if name.startswith("/v2/orders/"):
            return self._orders.get(name.rpartition("/")[2])
        if name.startswith("/v1beta3/"):
            return _NO_BARS
        return {"timestamp": "2026-01-01T00:00:00Z", "is_open": True} if name == "/v2/clock" else []

    def _take(self, asked: dict[str, Any], key: str) -> dict[str, Any]:
        now = _time_text(time.time_ns())
        order = {
            **asked,
            "id": str(uuid4()),
            "status": "new",
            "asset_class": "crypto",
            "order_class": "",
            "filled_qty": "0",
            "created_at": now,
            "submitted_at": now,
            "updated_at": now,
        }
        self._orders[order["id"]] = self._orders[asked["client_order_id"]] = order
        if key in self._updates:
            task = asyncio.get_running_loop().create_task(self._end(order, self._updates[key]))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        return order

    async def _end(self, order: dict[str, Any], stream: ServerConnection) -> None:
        await stream.send(_update("new", order))
        await asyncio.sleep(CANCEL_AFTER)
        order["status"] = "canceled"
        await stream.send(_update("canceled", order))

    async def _streamed(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        try:
            if connection.request.path == "/stream":
                await self._tell_updates(connection)
            else:
                await self._tell_bars(connection)
        except ConnectionClosed:
            return

    async def _tell_updates(self, connection: ServerConnection) -> None:
        async for message in connection:
            asked = json.loads(message)
            if asked["action"] == "authenticate":
                self._updates[asked["data"]["key_id"]] = connection
                said: dict[str, Any] = {"status": "authorized", "action": "authenticate"}
                await connection.send(json.dumps({"stream": "authorization", "data": said}).encode())
            else:
                await connection.send(json.dumps({"stream": "listening", "data": asked["data"]}).encode())

    async def _tell_bars(self, connection: ServerConnection) -> None:
        await connection.send(msgpack.packb([{"T": "success", "msg": "connected"}]))
        async for message in connection:
            asked = msgpack.unpackb(message)
            if asked["action"] == "auth":
                self._feeds[asked["key"]] = connection
                await connection.send(msgpack.packb([{"T": "success", "msg": "authenticated"}]))
            else:
                await connection.send(msgpack.packb([{"T": "subscription", "bars": [SYMBOL]}]))


class _Http(asyncio.Protocol):
    """One connection of a client, kept alive; requests come one after the other."""

    def __init__(self, server: StandIn) -> None:
        self._server: Final = server
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter_ns()
        waited = self._server.arrived
        if not self._buffer and waited is not None and not waited.done() and data.startswith(b"POST /v2/orders"):
            waited.set_result(now)
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(body) < int(headers.get("content-length", 0)):
            return
        self._buffer = b""
        method, path, _ = first.split(" ", 2)
        answer = self._server.answer(method, path, body, headers.get("apca-api-key-id", ""))
        content = json.dumps(answer).encode()
        status = b"200 OK" if answer is not None else b"404 Not Found"
        kind = b"Content-Type: application/json\r\n"
        self._transport.write(b"HTTP/1.1 " + status + b"\r\n" + kind + b"Content-Length: %d\r\n\r\n" % len(content) + content)


def bar_frame(opened: int) -> bytes:
    """The websocket frame of a bar that opened then, as a server sends it."""
    seconds, rest = divmod(opened, 1_000_000_000)
    bar = {
        "T": "b",
        "S": SYMBOL,
        "o": 100.25,
        "h": 101.5,
        "l": 99.75,
        "c": 100.5,
        "v": 12.5,
        "t": msgpack.Timestamp(seconds, rest),
        "n": 42,
        "vw": 100.4,
    }
    content: bytes = msgpack.packb([bar])
    assert len(content) < 126
    return bytes((0x82, len(content))) + content


def _update(kind: str, order: dict[str, Any]) -> bytes:
    data = {"event": kind, "timestamp": _time_text(time.time_ns()), "order": order}
    return json.dumps({"stream": "trade_updates", "data": data}).encode()


def _time_text(moment: int) -> str:
    seconds, rest = divmod(moment, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"
