"""One of Alpaca's market-data streams: a connection with its subscriptions, opened once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgpack

from algotrader.core.instruments import Instrument
from algotrader.venues.alpaca.errors import stream_error
from algotrader.venues.alpaca.market_data import Damaged, Message, StreamError, Subscription, Welcome, parse
from algotrader.venues.alpaca.once import Once
from algotrader.venues.alpaca.settings import AlpacaSettings
from algotrader.venues.alpaca.socket import LIMIT_WAIT, Frame, Socket
from algotrader.venues.alpaca.values import AlpacaRecordFault
from algotrader.venues.protocols import NotSent, Refused, StreamClosed, Throttled, Unanswered, VenueError

Json = dict[str, Any]

_HEADERS: Final = {"Content-Type": "application/msgpack"}
_CONNECTION_LIMIT: Final = 406


class DataStream:
    """Market data of the symbols that are subscribed to. When it breaks it is over, and another one has to be made.

    Args:
        url: of the stream.
        settings: keys and waits.
        channels: what is wanted of each symbol: ``bars``, ``quotes``, ``statuses`` and so on.
        instruments: by symbol.
        take: gets what is about the market.
        ended: called once when the stream is over.
    """

    def __init__(
        self,
        url: str,
        settings: AlpacaSettings,
        channels: Sequence[str],
        instruments: Mapping[str, Instrument],
        take: Callable[[Message], None],
        ended: Callable[[StreamClosed], None],
    ) -> None:
        self._settings: Final = settings
        self._socket: Final = Socket(url, settings.patience, _HEADERS)
        self._channels: Final = tuple(channels)
        self._instruments: Final = instruments
        self._hand_on: Final = take
        self._once: Final = Once("algotrader.venues.alpaca.data")
        self._ended: Final = ended
        self._symbols: Final[dict[str, None]] = {}
        self._changing: Final = asyncio.Lock()
        self._confirmed: asyncio.Future[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._broken: StreamClosed | None = None

    @property
    def is_over(self) -> bool:
        """Whether it broke or was closed."""
        return self._broken is not None

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is subscribed to."""
        return tuple(self._symbols)

    async def open(self) -> None:
        """Connect and say who we are.

        Raises:
            NotAllowed: the keys are wrong, or the account has no right to this feed.
            Throttled: the account's connections are used up; come back later.
            NotSent: the stream cannot be reached, or breaks off.
        """
        try:
            await self._socket.open()
            await self._hear("connected")
            await self._send({"action": "auth", "key": self._settings.key, "secret": self._settings.secret})
            await self._hear("authenticated")
        except StreamClosed as error:
            await self._socket.close()
            raise NotSent(str(error)) from None
        except (VenueError, asyncio.CancelledError):
            await self._socket.close()
            raise
        self._reading = asyncio.create_task(self._keep_reading(), name="market data")
        self._reading.add_done_callback(self._reading_ended)

    async def subscribe(self, symbols: Sequence[str]) -> None:
        """Want these besides what is wanted already; waits until that is confirmed.

        Raises:
            Refused, NotAllowed: one of them cannot be had.
            Unanswered, StreamClosed: nobody knows.
        """
        new = [symbol for symbol in symbols if symbol not in self._symbols]
        if new:
            self._symbols.update(dict.fromkeys(new))
            await self._change("subscribe", new)

    async def unsubscribe(self, symbols: Sequence[str]) -> None:
        """Want these no more."""
        known = [symbol for symbol in symbols if symbol in self._symbols]
        for symbol in known:
            del self._symbols[symbol]
        if known:
            await self._change("unsubscribe", known)

    async def close(self) -> None:
        """Close it; a second call does nothing."""
        self._end(StreamClosed("the stream was closed"))
        if self._reading is not None:
            self._reading.cancel()
        await self._socket.close()

    async def _change(self, action: str, symbols: Sequence[str]) -> None:
        async with self._changing:
            self._confirmed = asyncio.get_running_loop().create_future()
            try:
                await self._send(self._message(action, symbols))
                async with asyncio.timeout(self._settings.patience.answer):
                    await self._confirmed
            except TimeoutError:
                raise Unanswered(f"{self._socket.url} did not confirm to {action}") from None
            finally:
                self._confirmed = None

    def _message(self, action: str, symbols: Sequence[str]) -> Json:
        return {"action": action, **{channel: list(symbols) for channel in self._channels}}

    async def _send(self, message: Json) -> None:
        await self._socket.send(msgpack.packb(message))

    async def _probe(self) -> None:
        """What is subscribed to may be subscribed to again; it is confirmed again too."""
        await self._send(self._message("subscribe", self.symbols))

    async def _hear(self, word: str) -> None:
        """Wait until the service says that something has succeeded."""
        while True:
            try:
                frame = await self._socket.receive(self._settings.patience.answer)
            except TimeoutError:
                raise StreamClosed(f"{self._socket.url} does not answer") from None
            for message in self._parsed(frame):
                if isinstance(message, StreamError):
                    raise _error(message, self._socket.url)
                if isinstance(message, Welcome) and message.message == word:
                    return

    async def _keep_reading(self) -> None:
        while True:
            for message in self._parsed(await self._socket.next(self._probe)):
                if isinstance(message, Subscription):
                    self._settle(None)
                elif isinstance(message, StreamError):
                    self._refused(_error(message, self._socket.url))
                elif isinstance(message, Damaged):
                    self._once.note(f"a message of the kind {message.kind!r:.20} cannot be read", message.reason)
                else:
                    self._hand_on(message)

    def _parsed(self, frame: Frame) -> list[Message]:
        """The messages of a frame; one that is no such frame has none."""
        try:
            return parse(frame if isinstance(frame, bytes) else frame.encode(), self._instruments)
        except AlpacaRecordFault as fault:
            self._once.note("a frame of market data cannot be read", str(fault))
            return []

    def _refused(self, error: VenueError) -> None:
        """An error of the service, to who waits for its word; without one who waits, only what is no refusal ends the stream."""
        if not self._settle(error) and not isinstance(error, Refused):
            raise StreamClosed(str(error))

    def _settle(self, error: VenueError | None) -> bool:
        """Tell who waits for a subscription's confirmation; tells whether somebody did."""
        waiting = self._confirmed
        if waiting is None or waiting.done():
            return False
        if error is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(error)
        return True

    def _reading_ended(self, task: asyncio.Task[None]) -> None:
        """Whatever ended the reading ends the stream: data that nobody reads have to be missed by somebody."""
        error = None if task.cancelled() else task.exception()
        if error is None or isinstance(error, StreamClosed):
            self._end(error or StreamClosed("the stream was closed"))
        else:
            self._end(StreamClosed(f"reading failed: {error!r}"))

    def _end(self, error: StreamClosed) -> None:
        self._settle(error)
        if self._broken is None:
            self._broken = error
            self._ended(error)


def _error(message: StreamError, url: str) -> VenueError:
    if message.code == _CONNECTION_LIMIT:
        return Throttled(f"{url}: the account's connections are used up ({_CONNECTION_LIMIT})", LIMIT_WAIT)
    return stream_error(message.code, message.message)
