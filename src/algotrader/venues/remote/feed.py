"""Market data of a venue that is a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar, Quote
from algotrader.venues.protocols import MarketFeed
from algotrader.venues.remote.connection import TIMEOUT, Requests, StreamSocket
from algotrader.venues.remote.hello import Hello
from algotrader.venues.remote.wire import read_market


class RemoteFeed(MarketFeed):
    """Bars of a venue process, live and past. Live data are listened to from ``connect`` on, or from the first wait on ``stream``.

    Args:
        hello: what the venue said of itself.
        timeout: seconds of the machine until a request counts as unanswered.
    """

    def __init__(self, hello: Hello, timeout: float = TIMEOUT) -> None:
        self.name = "paper"
        self._address: Final = hello.address
        self._instruments: Final = {instrument.symbol: instrument for instrument in hello.instruments}
        self._requests: Final = Requests(hello.address, timeout)
        self._wanted: Final[dict[str, None]] = {}
        self._stream: StreamSocket[Bar | Quote] | None = None

    async def connect(self) -> None:
        await self._requests.open()
        await self._open_stream().open()

    async def disconnect(self) -> None:
        await self._requests.close()
        if self._stream is not None:
            await self._stream.close()

    def _open_stream(self) -> StreamSocket[Bar | Quote]:
        if self._stream is None or self._stream.closed:
            hello = [{"subscribe": list(self._wanted)}]
            self._stream = StreamSocket(self._address, "market", lambda found: read_market(found, self._instruments), hello)
        return self._stream

    async def subscribe(self, symbols: Sequence[str]) -> None:
        self._wanted.update(dict.fromkeys(symbols))
        await self._open_stream().send({"subscribe": list(symbols)})

    async def unsubscribe(self, symbols: Sequence[str]) -> None:
        for symbol in symbols:
            self._wanted.pop(symbol, None)
        await self._open_stream().send({"unsubscribe": list(symbols)})

    def stream(self) -> AsyncIterator[Bar | Quote]:
        return self._open_stream()

    async def history(self, instrument: Instrument, start: int, end: int, seconds: int) -> Sequence[Bar]:
        found = await self._requests.call("history", symbol=instrument.symbol, start=start, end=end, seconds=seconds)
        return [Bar(instrument, *numbers) for numbers in found]

    async def latest_quote(self, instrument: Instrument) -> Quote | None:
        found = await self._requests.call("latest_quote", symbol=instrument.symbol)
        if found is None:
            return None
        quote = read_market(found, self._instruments)
        return quote if isinstance(quote, Quote) else None
