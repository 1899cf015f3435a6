"""Requests and websockets on one port of the loopback interface, with a hand on the connection itself.

Built on ``h11`` and the protocol core of ``websockets``, for what no ready-made server lets one do: go silent in the middle of an
answer, stop reading a socket without closing it, send broken frames, close at leisure.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from algotrader.rehearsal.alpaca.sockets import Socket

HOST: Final = "127.0.0.1"
MAX_HEAD: Final = 64 * 1024
MAX_BODY: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024


class NotAnswered(Exception):
    """A request is to get no answer. ``half_open`` leaves the connection as it is; otherwise it breaks."""

    def __init__(self, *, half_open: bool = False) -> None:
        super().__init__("no answer")
        self.half_open = half_open


@dataclass(slots=True)
class Request:
    """One request: names of headers are in lower case, ``parameters`` are the named parts of the route's path."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    parameters: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body read as JSON; None when there is none.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body) if self.body else None


@dataclass(slots=True)
class Response:
    """One answer. A body of bytes or text goes out as it is, None as nothing, anything else as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> tuple[bytes, str]:
        """The body as bytes, and its type."""
        if self.body is None:
            return b"", "text/plain"
        if isinstance(self.body, bytes):
            return self.body, "application/octet-stream"
        if isinstance(self.body, str):
            return self.body.encode(), "text/html"
        return json.dumps(self.body, separators=(",", ":")).encode(), "application/json; charset=UTF-8"


Handler = Callable[[Request], "Response | Awaitable[Response]"]
Serve = Callable[[Socket], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a method and a path; a part of the path in braces, as in ``/v2/orders/{id}``, takes any text."""

    method: str
    path: str
    handler: Handler


class Router:
    """Finds the route of a request; those added first go first."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes: Final = [(route, route.path.split("/")) for route in routes]

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """The route with the named parts of the path; no route when there is none."""
        parts = path.rstrip("/").split("/")
        for route, pattern in self._routes:
            if route.method == method and (found := _match(pattern, parts)) is not None:
                return route, found
        return None, {}


def _match(pattern: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    found = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            found[wanted[1:-1]] = unquote(part)
        elif wanted != part:
            return None
    return found


class Listener:
    """Listens on the loopback interface and hands over requests and websockets.

    Args:
        answer: gives the answer to a request, or raises ``NotAnswered``.
        admit: gives what serves a websocket until it ends, or what its request is refused with.
    """

    def __init__(
        self,
        answer: Callable[[Request], Awaitable[Response]],
        admit: Callable[[Request], Serve | Response],
    ) -> None:
        self._answer: Final = answer
        self._admit: Final = admit
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, port: int = 0) -> None:
        """Begin to listen; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._connected, HOST, port, limit=MAX_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Break every connection and stop."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"upgrade: websocket" in head.lower():
                await self._websocket(head, reader, writer)
            else:
                await self._requests(head, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, h11.ProtocolError):
            pass
        finally:
            writer.transport.abort()

    async def _websocket(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(head)
        event = connection.next_event()
        if not isinstance(event, h11.Request):
            return
        request = _request(event)
        serve = self._admit(request)
        if isinstance(serve, Response):
            await _send(connection, writer, serve)
            return
        socket = Socket(reader, writer, request.path, request.headers)
        if socket.accept(head):
            await serve(socket)
            await socket.finish()

    async def _requests(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(head)
        while (request := await _next(connection, reader)) is not None:
            try:
                response = await self._answer(request)
            except NotAnswered as silence:
                if silence.half_open:
                    await asyncio.Event().wait()
                return
            await _send(connection, writer, response)
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None at its end."""
    request: Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request):
            request = _request(event)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_BODY:
                return None
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            request.body = bytes(body)
            return request
        else:
            return None


def _request(event: h11.Request) -> Request:
    target = urlsplit(event.target.decode("ascii", "replace"))
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    return Request(event.method.decode("ascii"), target.path, query, headers)


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, response: Response) -> None:
    body, kind = response.content()
    given = {name.lower(): value for name, value in response.headers.items()}
    headers: Mapping[str, str] = {"content-type": kind, "content-length": str(len(body)), **given}
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    written = connection.send(h11.Response(status_code=response.status, headers=pairs)) or b""
    if body:
        written += connection.send(h11.Data(data=body)) or b""
    written += connection.send(h11.EndOfMessage()) or b""
    writer.write(written)
    await writer.drain()
