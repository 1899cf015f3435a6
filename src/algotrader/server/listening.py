"""Ports that a session listens on, and what serves them inside its event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from algotrader.errors import UserError

_GRACE_SECONDS: Final = 2
_PATIENCE_MS: Final = 60_000

_FIRST_WORD_SECONDS: Final = 10.0
"""In which a connection has to bring its first request."""

_MOST_CONNECTIONS: Final = 512
"""At a time: far more than people look on, far fewer than a process may have; the venue's and the database's need some too."""

WRITE_FRAMES: Final = "algotrader.write_frames"
"""In the state of a web socket's scope: ``_PageConnection.write_frames``."""

_MOST_HEARD: Final = 4_096
"""Bytes of a message that a page may send; what it says is not heard."""


class _Connection(H11Protocol):
    """Ends connections that bring no request, and those beyond the most."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrower in uvicorn too
        """Take it, and wait for its first request."""
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
        else:
            self.loop.call_later(_FIRST_WORD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        # A web socket has a protocol of its own by now.
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.abort()


class _PageConnection(WebSocketsSansIOProtocol):
    """Lets the stream write frames that were made once for all pages."""

    def handle_connect(self, event: Request) -> None:
        """Begin as ever, with a way round everything that makes a frame."""
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["state"][WRITE_FRAMES] = self.write_frames

    def write_frames(self, content: bytes) -> bool:
        """Write whole frames now; False when the connection takes nothing just now, or no more."""
        if not self.handshake_complete or self.close_sent or self.disconnected or self.transport.is_closing():
            return False
        if not self.writable.is_set():
            return False
        self.transport.write(content)
        return True


class Server(uvicorn.Server):
    """Leaves signals to the session, and says when it listens."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=_GRACE_SECONDS,
                http=_Connection,
                ws=_PageConnection,
                ws_max_size=_MOST_HEARD,
                ws_per_message_deflate=False,
            )
        )
        self._listening: Final = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the session ends the server, not a signal."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell it."""
        await super().startup(sockets)
        self._listening.set()

    async def begin(self, listener: socket.socket) -> None:
        """Answer at a port from now on; the port itself stays its owner's."""
        self._task = asyncio.create_task(self.serve([listener.dup()]), name="server")
        listening = asyncio.create_task(self._listening.wait())
        await asyncio.wait((self._task, listening), return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            listening.cancel()
            self._task.result()

    async def end(self) -> None:
        """Finish what is being answered."""
        if self._task is None:
            return
        self.should_exit = True
        await self._task
        # Who came in at the very moment of closing would be answered by the session that has ended, for as long as they ask.
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        self._task = None


def bind(host: str, port: int) -> socket.socket:
    """Take a port; 0 takes any. Done before anything else starts, so that a port in use costs nothing.

    Raises:
        UserError: it is taken, or the address is not this machine's.
    """
    try:
        if not 0 <= port <= 65535:
            raise OverflowError(port)
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, OverflowError):
        raise UserError(f"{host}:{port} is no address", "use --host 127.0.0.1 and a --port from 0 to 65535") from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Who takes nothing of what was sent to it for so long is cut off; a closed connection would otherwise wait for it for ever.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _PATIENCE_MS)
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"port {port} on {host} is in use, perhaps by another session",
                "stop it with `algo-trader stop`, or choose another port with --port (0 takes any)",
            ) from None
        raise UserError(f"cannot listen on {host}:{port}: {error.strerror or error}", "choose another --host or --port") from None
    return listener
