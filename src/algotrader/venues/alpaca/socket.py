"""One websocket connection to Alpaca: opened once, watched for silence, closed in bounded time. Opening it again is for others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from algotrader.venues.alpaca.settings import Patience, is_loopback
from algotrader.venues.protocols import NotAllowed, NotSent, StreamClosed, Throttled

LIMIT_WAIT: Final = 30.0
"""Seconds to stay away when the account's connections are used up: the old one has to be given up by the other side first."""

_MAX_FRAME: Final = 4 * 1024 * 1024

_LOG: Final = logging.getLogger("algotrader.venues.alpaca.socket")
"""Told of by ``websockets``, from warnings on: what it says besides shows whole frames, and the first one holds the keys."""
_LOG.setLevel(logging.WARNING)

Frame = str | bytes


class Socket:
    """A connection that can be waited on.

    Args:
        url: where to.
        patience: waits.
        headers: of the opening request.
    """

    def __init__(self, url: str, patience: Patience, headers: Mapping[str, str] | None = None) -> None:
        self.url: Final = url
        self._patience: Final = patience
        self._headers: Final = dict(headers or {})
        self._connection: ClientConnection | None = None
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether it was opened and not closed by us."""
        return self._connection is not None and not self._closed

    async def open(self) -> None:
        """Connect.

        Raises:
            NotSent: nobody listens there, or it does not answer.
            NotAllowed: the address lets nobody in with these keys.
            Throttled: too many connections.
        """
        try:
            async with asyncio.timeout(self._patience.connect):
                self._connection = await connect(
                    self.url,
                    additional_headers=self._headers,
                    open_timeout=None,
                    ping_interval=self._patience.ping,
                    ping_timeout=self._patience.pong,
                    close_timeout=self._patience.close,
                    max_size=_MAX_FRAME,
                    logger=_LOG,
                    proxy=None if is_loopback(self.url) else True,
                )
        except InvalidStatus as error:
            raise _refused(self.url, error.response.status_code) from None
        except (OSError, TimeoutError, WebSocketException) as error:
            raise NotSent(f"no connection to {self.url}: {str(error) or type(error).__name__}") from None

    async def send(self, frame: Frame) -> None:
        """Send a frame.

        Raises:
            StreamClosed: the connection is gone, or takes nothing.
        """
        connection = self._standing()
        try:
            async with asyncio.timeout(self._patience.answer):
                await connection.send(frame)
        except TimeoutError:
            raise StreamClosed(f"{self.url} takes nothing any more") from None
        except ConnectionClosed as error:
            raise StreamClosed(_why(self.url, error)) from None

    async def receive(self, seconds: float | None) -> Frame:
        """The next frame, if it comes within so many seconds; None waits for ever.

        Raises:
            TimeoutError: it did not; nothing is lost by asking again.
            StreamClosed: the connection is gone.
        """
        connection = self._standing()
        try:
            async with asyncio.timeout(seconds):
                return await connection.recv()
        except ConnectionClosed as error:
            raise StreamClosed(_why(self.url, error)) from None

    async def next(self, probe: Callable[[], Awaitable[None]] | None) -> Frame:
        """The next frame, however long it takes while the other side is alive.

        Args:
            probe: sends what has to be answered; called after a silence. Pings show that a machine is alive, not that it still
                has our subscriptions. None leaves it at the pings.

        Raises:
            StreamClosed: the connection is gone, or mute.
        """
        with suppress(TimeoutError):
            return await self.receive(None if probe is None else self._patience.silence)
        assert probe is not None
        await probe()
        try:
            return await self.receive(self._patience.answer)
        except TimeoutError:
            raise StreamClosed(f"{self.url} has fallen silent") from None

    async def close(self) -> None:
        """Close it, within ``patience.close`` and a little; a second call does nothing."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(2 * self._patience.close):
                await connection.close()
        except TimeoutError:
            connection.transport.abort()

    def _standing(self) -> ClientConnection:
        if self._connection is None:
            raise StreamClosed(f"the connection to {self.url} is closed")
        return self._connection


def _refused(url: str, status: int) -> NotAllowed | Throttled | NotSent:
    """What an opening request's refusal means."""
    if status in (401, 403):
        return NotAllowed(f"{url} lets us not in: HTTP {status}")
    if status in (406, 429):
        return Throttled(f"{url} takes no further connection: HTTP {status}", LIMIT_WAIT)
    return NotSent(f"{url} answers with HTTP {status}")


def _why(url: str, error: ConnectionClosed) -> str:
    return f"the connection to {url} broke: {error}"
