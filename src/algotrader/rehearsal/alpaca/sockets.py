"""The server's end of one websocket, on the protocol core of ``websockets``: everything that can go wrong on it can be made to."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from websockets.exceptions import InvalidHandshake, InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.protocol import State
from websockets.server import ServerProtocol

MAX_MESSAGE: Final = 1024 * 1024
GARBAGE: Final = b"\x8f\x05\xff\xfe\xfd\xfc\xfb"
"""A frame with an operation code that does not exist."""

_CLOSING_SECONDS: Final = 1.0


class SocketClosed(Exception):
    """The other side is gone, or this one has broken the connection."""


class Socket:
    """One accepted websocket. ``send`` never waits: what the other side does not take piles up, see ``backlog``.

    Attributes:
        path: what was asked for.
        headers: of the request, names in lower case.
        muted: nothing goes out, though pings are answered.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, headers: dict[str, str]) -> None:
        self.path: Final = path
        self.headers: Final = headers
        self.muted = False
        self._reader: Final = reader
        self._writer: Final = writer
        self._protocol: Final = ServerProtocol(max_size=MAX_MESSAGE)
        self._messages: Final[deque[str | bytes]] = deque()
        self._parts: Final[list[bytes]] = []
        self._text = False
        self._frozen = False
        self._close_delay = 0.0

    def accept(self, head: bytes) -> bool:
        """Answer the handshake; tells whether the connection is open now."""
        self._protocol.receive_data(head)
        for event in self._protocol.events_received():
            if isinstance(event, HandshakeRequest):
                try:
                    self._protocol.send_response(self._protocol.accept(event))
                except InvalidHandshake:
                    return False
        self._flush()
        return self._protocol.state is State.OPEN

    @property
    def backlog(self) -> int:
        """Bytes that wait because the other side does not read."""
        return self._writer.transport.get_write_buffer_size()

    @property
    def open(self) -> bool:
        """Whether messages can still be sent."""
        return self._protocol.state is State.OPEN and not self._frozen and not self._writer.transport.is_closing()

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            SocketClosed: there will be none.
        """
        while not self._messages:
            if self._frozen:
                await asyncio.Event().wait()
            if self._protocol.state is not State.OPEN or self._writer.transport.is_closing():
                raise SocketClosed(self.path)
            await self._read()
        return self._messages.popleft()

    async def _read(self) -> None:
        try:
            data = await self._reader.read(64 * 1024)
        except ConnectionError as error:
            raise SocketClosed(self.path) from error
        if self._frozen:
            return
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        if self._protocol.state is not State.OPEN and self._close_delay:
            await asyncio.sleep(self._close_delay)
        self._flush()

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if frame.fin:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._messages.append(whole.decode("utf-8", "replace") if self._text else whole)

    def send(self, message: str | bytes) -> None:
        """Send a message; a connection that is closed, frozen or muted takes none."""
        if not self.open or self.muted:
            return
        try:
            if isinstance(message, str):
                self._protocol.send_text(message.encode())
            else:
                self._protocol.send_binary(message)
        except InvalidState:
            return
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._frozen or self._writer.transport.is_closing():
                return
            if data:
                self._writer.write(data)
            elif self._writer.can_write_eof():
                self._writer.write_eof()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin to close."""
        if self.open:
            self._protocol.send_close(code, reason)
            self._flush()

    def close_slowly(self, seconds: float) -> None:
        """Begin to close, and answer the other side's word on it only after some time."""
        self._close_delay = seconds
        self.close(1001, "going away")

    def abort(self) -> None:
        """Break the connection without a word."""
        self._writer.transport.abort()

    def freeze(self) -> None:
        """Read and write nothing any more, pings included, and leave the connection open."""
        self._frozen = True
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def send_garbage(self) -> None:
        """Send a frame that no websocket may send."""
        if self.open:
            self._writer.write(GARBAGE)

    async def finish(self) -> None:
        """Close, and wait a moment for the other side to agree."""
        self.close()
        try:
            async with asyncio.timeout(max(_CLOSING_SECONDS, self._close_delay + _CLOSING_SECONDS)):
                while self._protocol.state is not State.CLOSED and not self._writer.transport.is_closing():
                    await self._read()
        except (TimeoutError, SocketClosed):
            pass
