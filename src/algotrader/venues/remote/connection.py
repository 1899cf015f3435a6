"""The sockets to a venue's process: requests with their answers, and streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State

from algotrader.venues.protocols import NotSent, StreamClosed, Unanswered
from algotrader.venues.remote.wire import Json, read_error

T = TypeVar("T")

TIMEOUT: Final = 10.0
"""Seconds, of the machine: a socket does not get faster when the venue's clock does."""


async def open_socket(address: str, path: str, timeout: float = TIMEOUT) -> ClientConnection:
    """Connect to one of the venue's paths.

    Raises:
        NotSent: nobody listens there, or it does not answer.
    """
    try:
        async with asyncio.timeout(timeout):
            return await connect(f"ws://{address}/{path}", compression=None, max_size=None, proxy=None)
    except (OSError, TimeoutError, WebSocketException) as error:
        raise NotSent(f"no connection to the venue at {address}: {str(error) or type(error).__name__}") from None


class _Line:
    """An open socket for requests, and who waits for an answer over it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket: Final = socket
        self._waiting: Final[dict[int, asyncio.Future[Any]]] = {}
        self._reader: Final = asyncio.create_task(self._read(), name="venue answers")

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        return self.socket.state is State.OPEN and not self._reader.done()

    async def close(self) -> None:
        """Close it; what is under way stays unanswered."""
        await self.socket.close()
        await asyncio.wait([self._reader])

    async def ask(self, number: int, text: str) -> Any:
        """Send a request and wait for its result."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self.socket.send(text)
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self._settle(json.loads(text))
        except ConnectionClosed:
            # Those who wait are told below, as after an orderly end.
            pass
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Unanswered("the connection broke before the answer came"))

    def _settle(self, found: Json) -> None:
        future = self._waiting.get(found["id"])
        if future is None or future.done():
            return
        if "error" in found:
            future.set_exception(read_error(found["error"]))
        else:
            future.set_result(found["result"])


class Requests:
    """Requests over one socket, opened again when it broke.

    Args:
        address: host and port.
        timeout: seconds until a request counts as unanswered.
    """

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        self._address: Final = address
        self._timeout: Final = timeout
        self._opening: Final = asyncio.Lock()
        self._line: _Line | None = None
        self._count = 0

    async def open(self) -> _Line:
        """Connect, where there is no open connection.

        Raises:
            NotSent: the venue cannot be reached.
        """
        async with self._opening:
            if self._line is None or not self._line.is_open:
                self._line = _Line(await open_socket(self._address, "requests", self._timeout))
            return self._line

    async def close(self) -> None:
        """Close the socket; what is under way stays unanswered."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def call(self, method: str, **params: Any) -> Any:
        """Send a request and give its result.

        Raises:
            NotSent: the venue cannot be reached.
            Unanswered: the answer did not come.
            Refused, Throttled, NotAllowed: the venue says so.
        """
        line = await self.open()
        self._count += 1
        text = json.dumps({"id": self._count, "method": method, "params": params})
        try:
            async with asyncio.timeout(self._timeout):
                return await line.ask(self._count, text)
        except TimeoutError:
            raise Unanswered(f"{method}: no answer within {self._timeout:g} s") from None
        except ConnectionClosed:
            raise Unanswered(f"{method}: the connection broke while it was sent") from None


class StreamSocket(Generic[T]):
    """One stream of the venue, opened once; when it breaks it is over, and another one has to be made.

    Args:
        address: host and port.
        path: ``orders`` or ``market``.
        read: makes an item of a message.
        hello: messages to send first.
        greeting: makes the first item, given as soon as the stream is open; None for no such item.
    """

    def __init__(
        self,
        address: str,
        path: str,
        read: Callable[[Json], T],
        hello: Sequence[Json] = (),
        greeting: Callable[[], T] | None = None,
    ) -> None:
        self._address: Final = address
        self._path: Final = path
        self._read: Final = read
        self._hello: Final = list(hello)
        self._greeting = greeting
        self._opening: Final = asyncio.Lock()
        self._socket: ClientConnection | None = None
        self.closed = False

    async def open(self) -> ClientConnection:
        """Connect and wait until the venue has begun to listen for us.

        Raises:
            NotSent: the venue cannot be reached.
        """
        async with self._opening:
            if self._socket is None:
                socket = await open_socket(self._address, self._path)
                try:
                    for message in self._hello:
                        await socket.send(json.dumps(message))
                    async with asyncio.timeout(TIMEOUT):
                        await socket.recv()
                except (ConnectionClosed, TimeoutError):
                    raise NotSent(f"the venue at {self._address} broke off") from None
                self._socket = socket
            return self._socket

    async def send(self, message: Json) -> None:
        """Tell the venue something about the stream, where it is open.

        Raises:
            Unanswered: the connection broke meanwhile.
        """
        if self._socket is not None and not self.closed:
            try:
                await self._socket.send(json.dumps(message))
            except ConnectionClosed:
                raise Unanswered("the stream broke") from None

    def __aiter__(self) -> StreamSocket[T]:
        return self

    async def __anext__(self) -> T:
        """The next item.

        Raises:
            StreamClosed: it broke, or the venue cannot be reached.
        """
        try:
            socket = await self.open()
            if self._greeting is not None:
                greeting, self._greeting = self._greeting, None
                return greeting()
            return self._read(json.loads(await socket.recv()))
        except (ConnectionClosed, NotSent) as error:
            self.closed = True
            raise StreamClosed(str(error)) from None

    async def close(self) -> None:
        """Close it; whoever waits for a message is told so."""
        self.closed = True
        if self._socket is not None:
            await self._socket.close()
