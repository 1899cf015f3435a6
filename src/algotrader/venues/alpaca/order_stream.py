"""The stream of an account's order updates: one connection, read without pause, so that no fill is ever dropped."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Final, TypeVar

from algotrader.venues.alpaca.once import Once
from algotrader.venues.alpaca.settings import AlpacaSettings
from algotrader.venues.alpaca.socket import LIMIT_WAIT, Frame, Socket
from algotrader.venues.alpaca.trade_updates import Authorization, Heard, Listening, StreamFault, Unheard, Update, parse
from algotrader.venues.alpaca.values import AlpacaRecordFault
from algotrader.venues.protocols import NotAllowed, NotSent, StreamClosed, Throttled, VenueError

T = TypeVar("T", Authorization, Listening)

_STREAM: Final = "trade_updates"
_LISTEN: Final = json.dumps({"action": "listen", "data": {"streams": [_STREAM]}})
_CONNECTION_LIMIT: Final = 406
_TRIES: Final = 2
_KEYS_REFUSED: Final = (401, 402, 403, 404)


class Probes:
    """Whether the service answers when it is told once more to listen. Nobody promises that it does.

    It is tried on every new stream until it has answered once, while the stream is surely well. Where it never has, and streams
    were given up for it, silence is left to pings: a healthy stream must not be broken again and again because nothing happens on
    it.
    """

    def __init__(self) -> None:
        self.answered = False
        self.unanswered = 0

    @property
    def tell_something(self) -> bool:
        """Whether they are worth sending."""
        return self.answered or self.unanswered < _TRIES


class TradeUpdates:
    """What an account's orders do, from ``open`` on. When it breaks it is over, and another one has to be made.

    What was received before a break is given first. The queue has no limit.

    Args:
        settings: keys, address, waits.
        once: hears of what cannot be read.
        probes: what is known of the service's ways, kept from one stream to the next.

    Attributes:
        received: how many frames have come.
        most_waiting: the longest that the queue has been.
    """

    def __init__(self, settings: AlpacaSettings, once: Once, probes: Probes | None = None) -> None:
        self._settings: Final = settings
        self._once: Final = once
        self._probes: Final = probes or Probes()
        self._probed = False
        self._socket: Final = Socket(settings.stream_url, settings.patience)
        self._queue: Final[deque[Update]] = deque()
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
        """How many updates nobody has taken yet."""
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
        """Close it; who waits for an update is told so."""
        self._end(StreamClosed("the stream was closed"))
        if self._reading is not None:
            self._reading.cancel()
        await self._socket.close()

    async def next(self) -> Update:
        """The next one.

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
        url = self._settings.stream_url
        keys = {"key_id": self._settings.key, "secret_key": self._settings.secret}
        await self._socket.send(json.dumps({"action": "authenticate", "data": keys}))
        if not (await self._hear(Authorization)).authorized:
            raise NotAllowed(f"{url} refuses the keys")
        await self._socket.send(_LISTEN)
        if _STREAM not in (await self._hear(Listening)).streams:
            raise NotAllowed(f"{url} does not let us listen to {_STREAM}")
        if not self._probes.answered:
            await self._socket.send(_LISTEN)

    async def _hear(self, kind: type[T]) -> T:
        """Wait for what the service says about the connection itself."""
        while True:
            try:
                frame = await self._socket.receive(self._settings.patience.answer)
            except TimeoutError:
                raise StreamClosed(f"{self._settings.stream_url} does not answer") from None
            heard = self._take(frame)
            if isinstance(heard, StreamFault):
                raise _fault(heard, self._settings.stream_url)
            if isinstance(heard, kind):
                return heard

    async def _keep_reading(self) -> None:
        try:
            while True:
                heard = self._take(await self._socket.next(self._probe if self._probes.tell_something else None))
                self._probes.answered = self._probes.answered or self._probed or isinstance(heard, Listening)
                if isinstance(heard, StreamFault):
                    raise StreamClosed(str(_fault(heard, self._settings.stream_url)))
        except StreamClosed as error:
            self._probes.unanswered += self._probed and not self._probes.answered
            self._end(error)

    async def _probe(self) -> None:
        self._probed = True
        await self._socket.send(_LISTEN)

    def _reading_ended(self, task: asyncio.Task[None]) -> None:
        """Whatever ended the reading ends the stream: a venue that nobody listens to has to be noticed."""
        error = None if task.cancelled() else task.exception()
        self._end(StreamClosed("the stream was closed" if error is None else f"reading failed: {error!r}"))

    def _take(self, frame: Frame) -> Heard | None:
        """Read a frame; what is about an order waits in the queue. What cannot be read takes nothing else with it."""
        self.received += 1
        try:
            heard = parse(frame)
        except AlpacaRecordFault as fault:
            self._once.note("a frame of the order stream cannot be read", str(fault))
            return None
        if isinstance(heard, Update):
            self._queue.append(heard)
            self.most_waiting = max(self.most_waiting, len(self._queue))
            self._woken.set()
        elif isinstance(heard, Unheard):
            self._once.note(f"the order stream says {heard.stream!r:.60}", "nothing is known about that")
        return heard

    def _end(self, error: StreamClosed) -> None:
        self._broken = self._broken or error
        self._woken.set()


def _fault(fault: StreamFault, url: str) -> VenueError:
    text = f"{url}: {fault.message:.200} ({fault.code})"
    if fault.code == _CONNECTION_LIMIT:
        return Throttled(text, LIMIT_WAIT)
    return NotAllowed(text) if fault.code in _KEYS_REFUSED else StreamClosed(text)
