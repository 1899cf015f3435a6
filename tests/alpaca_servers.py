"""Small servers that speak Alpaca's protocols, each test saying how: over real sockets of the loopback interface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import msgpack
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from algotrader.venues.alpaca.settings import AlpacaSettings, Patience, loopback_settings

QUICK = Patience(connect=1.0, read=0.5, answer=0.5, ping=0.2, pong=0.2, silence=0.2, close=0.2)
"""Real seconds, as short as a loaded machine bears."""

CALM = replace(QUICK, ping=60.0, pong=60.0, silence=60.0, answer=5.0, read=5.0)

Script = Callable[[ServerConnection], Awaitable[None]]


def settings_for(port: int, patience: Patience = CALM, **changes: Any) -> AlpacaSettings:
    return replace(loopback_settings(f"127.0.0.1:{port}", "KEY", "SECRET", patience=patience), **changes)


@asynccontextmanager
async def websocket_server(script: Script) -> AsyncIterator[int]:
    """Serve every connection by a script; gives the port."""

    scripts: set[asyncio.Task[Any]] = set()

    async def handle(socket: ServerConnection) -> None:
        task = asyncio.ensure_future(script(socket))
        scripts.add(task)
        with suppress(ConnectionClosed, asyncio.CancelledError):
            await task

    async with serve(handle, "127.0.0.1", 0, close_timeout=0.2, ping_interval=None) as server:
        try:
            yield next(iter(server.sockets)).getsockname()[1]
        finally:
            for task in scripts:
                task.cancel()


async def admit(socket: ServerConnection) -> None:
    """The order stream's side of a good beginning."""
    found = json.loads(await socket.recv())
    assert found == {"action": "authenticate", "data": {"key_id": "KEY", "secret_key": "SECRET"}}
    await tell(socket, {"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}})
    await listen(socket)


async def listen(socket: ServerConnection) -> None:
    assert json.loads(await socket.recv()) == {"action": "listen", "data": {"streams": ["trade_updates"]}}
    await tell(socket, {"stream": "listening", "data": {"streams": ["trade_updates"]}})


async def tell(socket: ServerConnection, message: Any) -> None:
    """As Alpaca's paper account does: JSON in a binary frame."""
    await socket.send(json.dumps(message).encode())


async def admit_data(socket: ServerConnection) -> None:
    """The market-data stream's side of a good beginning."""
    assert socket.request is not None
    assert socket.request.headers["Content-Type"] == "application/msgpack"
    await pack(socket, [{"T": "success", "msg": "connected"}])
    assert msgpack.unpackb(await socket.recv()) == {"action": "auth", "key": "KEY", "secret": "SECRET"}
    await pack(socket, [{"T": "success", "msg": "authenticated"}])


async def confirm(socket: ServerConnection) -> dict[str, Any]:
    """Take a change of subscriptions and confirm it; gives what was asked."""
    asked: dict[str, Any] = msgpack.unpackb(await socket.recv())
    await pack(socket, [{"T": "subscription", **{name: value for name, value in asked.items() if name != "action"}}])
    return asked


async def pack(socket: ServerConnection, messages: list[dict[str, Any]]) -> None:
    await socket.send(msgpack.packb(messages))


async def forever() -> None:
    await asyncio.Event().wait()


class HttpServer:
    """Answers each request with the next of its answers: status, headers and body; ConnectionError to break off, None to hang.

    Attributes:
        seen: methods, paths and bodies of the requests, in order.
    """

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.seen: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    async def __aenter__(self) -> HttpServer:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split(" ")
                self.seen.append((method, path, json.loads(body) if body else None))
                self.headers.append(headers)
                if not await self._answer(writer, self.next_answer(path)):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def next_answer(self, path: str) -> Any:
        """The answer to a request."""
        return self.answers.pop(0)

    async def _answer(self, writer: asyncio.StreamWriter, answer: Any) -> bool:
        if answer is ConnectionError:
            return False
        if answer is None:
            await forever()
        status, headers, body = answer
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        lines = [
            f"HTTP/1.1 {status} x",
            f"content-length: {len(content)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        await writer.drain()
        return True
