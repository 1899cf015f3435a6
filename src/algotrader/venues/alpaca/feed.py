"""Market data of Alpaca: its streams of stocks and crypto as one, and history over REST."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final

from algotrader.core.events import TradingStatus
from algotrader.core.instruments import AssetClass, Instrument
from algotrader.core.market import Bar, Quote
from algotrader.venues.alpaca.data_stream import DataStream
from algotrader.venues.alpaca.history import AlpacaHistory
from algotrader.venues.alpaca.market_data import Status
from algotrader.venues.alpaca.newest import Newest
from algotrader.venues.alpaca.settings import AlpacaSettings
from algotrader.venues.protocols import MarketFeed, StreamClosed

CRYPTO: Final = "crypto"
STOCKS: Final = "stocks"


class AlpacaFeed(MarketFeed):
    """Live and past bars and quotes.

    Args:
        settings: addresses, keys, which feed.
        instruments: what can be subscribed to; they decide which streams are opened.
        now: the session's clock, nanoseconds UTC.

    Attributes:
        buffer: what came and was not taken, with its counts of what had to go.
        others: how many messages came, by kind, that a session has no use for.
    """

    def __init__(self, settings: AlpacaSettings, instruments: Iterable[Instrument], now: Callable[[], int]) -> None:
        self.name = "alpaca"
        self._settings: Final = settings
        self._instruments: Final = {instrument.symbol: instrument for instrument in instruments}
        self._now: Final = now
        self._streams: Final[dict[str, DataStream]] = {}
        self._broken: StreamClosed | None = None
        self._history: AlpacaHistory | None = None
        self._halted: Final[dict[str, int]] = {}
        self.buffer: Final = Newest()
        self.others: Final[dict[str, int]] = {}

    async def connect(self) -> None:
        """Open the streams that the instruments need; one that broke is opened again with its subscriptions."""
        self._broken = None
        for market in dict.fromkeys(map(_market, self._instruments.values())):
            old = self._streams.get(market)
            if old is not None and not old.is_over:
                continue
            if old is not None:
                # A mute connection still counts as one at the venue, which allows few.
                await old.close()
            stream = self._streams[market] = self._stream(market)
            await stream.open()
            if old is not None:
                await stream.subscribe(old.symbols)

    async def disconnect(self) -> None:
        """Close everything; subscriptions are forgotten, and so is what was not taken yet."""
        streams = list(self._streams.values())
        self._streams.clear()
        await asyncio.gather(*(stream.close() for stream in streams))
        history, self._history = self._history, None
        if history is not None:
            await history.close()
        self.buffer.clear()

    async def subscribe(self, symbols: Sequence[str]) -> None:
        for market, part in self._by_market(symbols).items():
            await self._open(market).subscribe(part)

    async def unsubscribe(self, symbols: Sequence[str]) -> None:
        for market, part in self._by_market(symbols).items():
            await self._open(market).unsubscribe(part)

    async def stream(self) -> AsyncIterator[Bar | Quote | TradingStatus]:
        """What was subscribed to, as it comes. What had come before a break is given first.

        Raises:
            StreamClosed: a stream broke, or bars had to be dropped because they were not taken in time: they have to be fetched.
        """
        dropped = self.buffer.dropped
        while True:
            item = self.buffer.take()
            if item is not None:
                yield item
            elif self.buffer.dropped > dropped:
                raise StreamClosed(f"we fell behind: {self.buffer.dropped - dropped} bars were dropped")
            elif self._broken is not None:
                raise self._broken
            else:
                await self.buffer.wait()

    async def history(self, instrument: Instrument, start: int, end: int, seconds: int) -> Sequence[Bar]:
        return await self._past().bars(instrument, start, end, seconds)

    async def latest_quote(self, instrument: Instrument) -> Quote | None:
        return await self._past().latest_quote(instrument)

    def _past(self) -> AlpacaHistory:
        if self._history is None:
            self._history = AlpacaHistory(self._settings)
        return self._history

    def _open(self, market: str) -> DataStream:
        stream = self._streams.get(market)
        if stream is None:
            raise StreamClosed(f"the stream of {market} is not open")
        return stream

    def _by_market(self, symbols: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for symbol in symbols:
            found.setdefault(CRYPTO if "/" in symbol else STOCKS, []).append(symbol)
        return found

    def _stream(self, market: str) -> DataStream:
        settings = self._settings
        url = settings.crypto_stream if market == CRYPTO else settings.stock_stream
        # Crypto is never halted: its stream knows no statuses.
        channels = ["bars", *(["quotes"] if settings.quotes else []), *(["statuses"] if market == STOCKS else [])]
        return DataStream(url, settings, channels, self._instruments, self._take, self._ended)

    def _take(self, item: object) -> None:
        if isinstance(item, Bar | Quote):
            if isinstance(item, Bar) and item.open_time > self._halted.get(item.symbol, item.open_time):
                # The word that it trades again was missed.
                self._halt(item.symbol, 0, "it trades again")
            self.buffer.put(item)
        elif isinstance(item, Status) and item.halted is not None:
            self._halt(item.symbol, item.time if item.halted else 0, item.reason or item.message)
        else:
            kind = type(item).__name__
            self.others[kind] = self.others.get(kind, 0) + 1

    def _halt(self, symbol: str, since: int, reason: str) -> None:
        """Tell that an instrument is halted since a moment, or trades again (0)."""
        if since:
            self._halted[symbol] = since
        else:
            self._halted.pop(symbol, None)
        self.buffer.put(TradingStatus(self._now(), symbol, bool(since), reason))

    def _ended(self, error: StreamClosed) -> None:
        self._broken = self._broken or error
        self.buffer.wake()


def _market(instrument: Instrument) -> str:
    return CRYPTO if instrument.asset_class is AssetClass.CRYPTO else STOCKS
