"""The market data of the paper venue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar, Quote
from algotrader.live.clock import Clock
from algotrader.live.paper.broker import Latency, Way
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.streams import Stream
from algotrader.venues.protocols import MarketFeed


class PaperFeed(MarketFeed):
    """Bars of a ``PaperExchange``, live and past. Begins to listen when ``stream`` is called.

    Args:
        exchange: the venue; it lives longer than its clients.
        clock: of the session; None for the exchange's.
        latency: how far the venue is, for what is asked; what is told comes at once.
    """

    def __init__(self, exchange: PaperExchange, clock: Clock | None = None, latency: Latency | None = None) -> None:
        self.name = "paper"
        self._exchange: Final = exchange
        self._clock: Final = clock or exchange.clock
        self._way: Final = Way(self._clock, exchange, latency or Latency())
        self._wanted: Final[dict[str, None]] = {}
        self._streams: list[Stream[Bar | Quote]] = []

    async def connect(self) -> None:
        await self._way.connect()

    async def disconnect(self) -> None:
        self.drop()

    def drop(self) -> None:
        """The connection is lost: streams break, requests are not sent until ``connect``."""
        self._way.close()
        for stream in self._streams:
            stream.close()
        self._streams = []

    async def subscribe(self, symbols: Sequence[str]) -> None:
        await self._way.ask("subscribe", "", "", lambda: self._wanted.update(dict.fromkeys(symbols)))

    async def unsubscribe(self, symbols: Sequence[str]) -> None:
        await self._way.ask("unsubscribe", "", "", lambda: self._leave(symbols))

    def _leave(self, symbols: Sequence[str]) -> None:
        for symbol in symbols:
            self._wanted.pop(symbol, None)

    def stream(self) -> AsyncIterator[Bar | Quote]:
        stream = Stream(self._clock, self._exchange.bars.subscribe(), self._fate, _as_it_is)
        if not self._way.connected:
            stream.close()
        self._streams = [other for other in self._streams if not other.closed]
        self._streams.append(stream)
        return stream

    async def _fate(self, item: Bar | Quote) -> Sequence[tuple[float, Bar | Quote]]:
        if item.instrument.symbol not in self._wanted:
            return ()
        return await self._exchange.faults.market_data(item)

    async def history(self, instrument: Instrument, start: int, end: int, seconds: int) -> Sequence[Bar]:
        ask = self._exchange.history
        return await self._way.ask("history", "", instrument.symbol, lambda: ask(instrument, start, end, seconds))

    async def latest_quote(self, instrument: Instrument) -> Quote | None:
        return await self._way.ask("latest_quote", "", "", lambda: self._exchange.latest_quote(instrument.symbol))


def _as_it_is(item: Bar | Quote, time: int) -> Bar | Quote:
    """Market data carry their own times; when they arrived is for the listener to say."""
    return item
