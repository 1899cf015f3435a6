"""Runs the server inside a session's event loop."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from algotrader.errors import UserError
from algotrader.live.control import Control
from algotrader.server.app import create_app
from algotrader.server.files import Address, SessionFiles, make_token, write_address
from algotrader.server.guard import is_loopback
from algotrader.server.history import History

_GRACE_SECONDS: Final = 2


class _Server(uvicorn.Server):
    """Leaves signals to the session, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening: Final = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the session ends the server, not a signal."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell it."""
        await super().startup(sockets)
        self.listening.set()


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


class LocalServer:
    """The server of one session.

    Args:
        host: where to listen; anything but loopback lets other machines try, and they need the token for everything.
        port: 0 for any.
        files: where to keep the token and the address.
        token: of the settings; empty to make one at the first start.

    Raises:
        UserError: the port is in use, or the token is open to others.
        OSError: the files cannot be written.
    """

    def __init__(self, host: str, port: int, files: SessionFiles, token: str = "") -> None:
        self._host: Final = host
        self._files: Final = files
        self._token: Final = make_token(files.token, token)
        self._instance: Final = secrets.token_hex(8)
        self._listener: Final = bind(host, port)
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        name = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{name}:{self._listener.getsockname()[1]}"

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self._host)

    async def start(self, control: Control, history: History | None = None) -> None:
        """Answer requests from now on, from within the running event loop.

        Raises:
            OSError: the file with the address cannot be written.
        """
        app = create_app(control, history, token=self._token, host=self._host, instance=self._instance)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_GRACE_SECONDS)
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([self._listener]), name="server")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait((self._task, listening), return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            listening.cancel()
            self._task.result()
        write_address(self._files.address, Address(self.url, self._instance, os.getpid()))

    async def stop(self) -> None:
        """Finish what is being answered, then let go of the port; a second call does nothing."""
        if self._server is not None and self._task is not None:
            self._files.address.unlink(missing_ok=True)
            self._server.should_exit = True
            await self._task
            self._server = None
        self._listener.close()
