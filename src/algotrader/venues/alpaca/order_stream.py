"""The stream of an account's order updates: one connection, read without pause, so that no fill is ever dropped."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from algotrader.venues.alpaca.settings import AlpacaSettings
from algotrader.venues.alpaca.socket import LIMIT_WAIT, Frame, Socket
from algotrader.venues.protocols import NotAllowed, NotSent, StreamClosed, Throttled, VenueError

Reader = Callable[[Frame], Iterable[Any]]

_LISTEN: Final = json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}})
_CONNECTION_LIMIT: Final = 406


class TradeUpdates:
    """What an account's orders do, from ``open`` on. When it breaks it is over, and another one has to be made.

    What was received before a break is given first. The queue has no limit.

    Args:
        settings: keys, address, waits.
        read: makes items of a frame; it must not raise.

    Attributes:
        received: how many frames have come.
        most_waiting: the longest that the queue has been.
    """

    def __init__(self, settings: AlpacaSettings, read: Reader) -> None:
        self._settings: Final = settings
        self._read: Final = read
        self._socket: Final = Socket(settings.stream_url, settings.patience)
        self._queue: Final[deque[Any]] = deque()
        self._woken: Final = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._broken: StreamClosed | None = None
        self.received = 0
        self.most_waiting = 0

    @property
    def is_over(self) -> bool:
        """Whether it broke or was closed."""
        return self._broken is not None

    @property
    def waiting(self) -> int:
        """How many items nobody has taken yet."""
        return len(self._queue)

    async def open(self) -> None:
        """Connect, say who we are, listen.

        Raises:
            NotAllowed: the keys are wrong.
            Throttled: the account's connections are used up; come back later.
            NotSent: the stream cannot be reached, or breaks off.
        """
        try:
            await self._socket.open()
            await self._introduce()
        except StreamClosed as error:
            await self._socket.close()
            raise NotSent(str(error)) from None
        except (VenueError, asyncio.CancelledError):
            await self._socket.close()
            raise
        self._reading = asyncio.create_task(self._keep_reading(), name="order updates")
        self._reading.add_done_callback(self._reading_ended)

    async def close(self) -> None:
        """Close it; who waits for an item is told so."""
        self._end(StreamClosed("the stream was closed"))
        if self._reading is not None:
            self._reading.cancel()
        await self._socket.close()

    async def next(self) -> Any:
        """The next item.

        Raises:
            StreamClosed: there is none any more.
        """
        while not self._queue:
            if self._broken is not None:
                raise self._broken
            self._woken.clear()
            await self._woken.wait()
        return self._queue.popleft()

    async def _introduce(self) -> None:
        keys = {"key_id": self._settings.key, "secret_key": self._settings.secret}
        await self._socket.send(json.dumps({"action": "authenticate", "data": keys}))
        answer = await self._control("authorization")
        if answer.get("status") != "authorized":
            raise NotAllowed(f"{self._settings.stream_url} refuses the keys: {answer.get('status', 'no status')!s:.100}")
        await self._socket.send(_LISTEN)
        streams = (await self._control("listening")).get("streams")
        if not isinstance(streams, list) or "trade_updates" not in streams:
            raise NotAllowed(f"{self._settings.stream_url} does not let us listen to trade_updates: {answer!s:.200}")

    async def _control(self, stream: str) -> dict[str, Any]:
        """What the service says next about the connection itself."""
        while True:
            try:
                frame = await self._socket.receive(self._settings.patience.answer)
            except TimeoutError:
                raise StreamClosed(f"{self._settings.stream_url} does not answer") from None
            found = _control_message(frame)
            _check_limit(found, self._settings.stream_url)
            data = found.get("data")
            if found.get("stream") == stream and isinstance(data, dict):
                return data
            self._take(frame)

    async def _keep_reading(self) -> None:
        try:
            while True:
                self._take(await self._socket.next(lambda: self._socket.send(_LISTEN)))
        except StreamClosed as error:
            self._end(error)

    def _reading_ended(self, task: asyncio.Task[None]) -> None:
        """Whatever ended the reading ends the stream: a venue that nobody listens to has to be noticed."""
        error = None if task.cancelled() else task.exception()
        self._end(StreamClosed("the stream was closed" if error is None else f"reading failed: {error!r}"))

    def _take(self, frame: Frame) -> None:
        self.received += 1
        self._queue.extend(self._read(frame))
        self.most_waiting = max(self.most_waiting, len(self._queue))
        self._woken.set()

    def _end(self, error: StreamClosed) -> None:
        self._broken = self._broken or error
        self._woken.set()


def _control_message(frame: Frame) -> dict[str, Any]:
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _check_limit(found: dict[str, Any], url: str) -> None:
    data = found.get("data")
    code = data.get("code", found.get("code")) if isinstance(data, dict) else found.get("code")
    if code == _CONNECTION_LIMIT:
        raise Throttled(f"{url}: the account's connections are used up", LIMIT_WAIT)
