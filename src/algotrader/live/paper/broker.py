"""One connection to the paper venue's account, with the time that requests need to get there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from algotrader.core.commands import ReplaceOrder, SubmitOrder
from algotrader.core.events import ConnectionChanged, Event
from algotrader.core.instruments import AssetClass
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.stamps import stamped
from algotrader.live.paper.streams import Stream
from algotrader.simulation.jitter import Jitter
from algotrader.simulation.settings import DEFAULT_JITTER_PPM, PAPER_LATENCY_CRYPTO_NS, PAPER_LATENCY_NS
from algotrader.venues.protocols import AccountInfo, Broker, NotSent, OrderStatus, Refused, Unanswered, VenueFill, VenuePosition

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Latency:
    """How long requests take to the venue: nanoseconds by kind of instrument, and the spread in millionths up and down."""

    stocks_ns: int = PAPER_LATENCY_NS
    crypto_ns: int = PAPER_LATENCY_CRYPTO_NS
    jitter_ppm: int = DEFAULT_JITTER_PPM
    seed: int = 0


class Way:
    """The way to the venue. What has left arrives, even if whoever sent it is no more; nothing overtakes.

    Args:
        clock: of the client.
        exchange: where it leads.
        latency: how long it is.
    """

    def __init__(self, clock: Clock, exchange: PaperExchange, latency: Latency) -> None:
        self._clock: Final = clock
        self._exchange: Final = exchange
        self._latency: Final = latency
        self._jitter: Final = Jitter(latency.seed)
        self._crypto: Final = {i.symbol: i.asset_class is AssetClass.CRYPTO for i in exchange.instruments}
        self._every_crypto: Final = all(self._crypto.values())
        self._last = 0
        self._open: Final[dict[int, asyncio.Future[object]]] = {}
        self._count = 0
        self.connected = False

    async def connect(self) -> None:
        """Open the connection."""
        await self._exchange.faults.before_request("connect", "")
        self.connected = True

    def close(self) -> None:
        """Break the connection: what is under way stays unanswered."""
        self.connected = False
        for future in self._open.values():
            if not future.done():
                future.set_exception(Unanswered("the connection broke before the answer came"))
        self._open.clear()

    async def ask(self, name: str, order_id: str, symbol: str, act: Callable[[], T]) -> T:
        """Send a request and give the venue's answer to it.

        Raises:
            NotSent: there is no connection.
            Unanswered: it broke meanwhile.
            Refused: the venue said no.
        """
        if not self.connected:
            raise NotSent("not connected")
        faults = self._exchange.faults
        await faults.before_request(name, order_id)
        if not self.connected:
            raise NotSent("not connected")
        if strays := await faults.stray(name, order_id):
            self._send_astray(symbol, strays, act)
            raise Unanswered("the connection broke before the answer came")
        answer = await self._send(symbol, act)
        await faults.before_answer(name, order_id)
        return answer

    async def _send(self, symbol: str, act: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._count += 1
        number = self._count
        self._open[number] = future  # type: ignore[assignment]
        loop.call_later(self._clock.seconds(self._travel(symbol) / NS_PER_SECOND), _arrive, future, act)
        try:
            return await future
        finally:
            self._open.pop(number, None)

    def _send_astray(self, symbol: str, seconds: float, act: Callable[[], T]) -> None:
        """A request on a way of its own: it overtakes nothing, everything overtakes it, and nobody waits for the answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        future.cancel()
        loop.call_later(self._clock.seconds(self._travel(symbol) / NS_PER_SECOND + seconds), _arrive, future, act)

    def _travel(self, symbol: str) -> int:
        """Nanoseconds from now until a request that leaves now is there, behind those that left before."""
        latency, now = self._latency, self._clock.now()
        base = latency.crypto_ns if self._crypto.get(symbol, self._every_crypto) else latency.stocks_ns
        # Timers of equal time have no order among themselves, so none is given the same time as the one before.
        self._last = max(self._last + 1000, now + self._jitter.spread(base, latency.jitter_ppm))
        return self._last - now


def _arrive(future: asyncio.Future[T], act: Callable[[], T]) -> None:
    """A request is at the venue, which answers at once; nobody may be waiting for the answer any more."""
    try:
        answer = act()
    except Refused as refusal:
        if not future.done():
            future.set_exception(refusal)
    except BaseException:
        future.cancel()
        raise
    else:
        if not future.done():
            future.set_result(answer)


class PaperBroker(Broker):
    """A client of a ``PaperExchange``. Begins to listen to order events when ``events`` is called.

    Args:
        exchange: the venue; it lives longer than its clients.
        clock: of the session; None for the exchange's.
        latency: how far the venue is.
    """

    def __init__(self, exchange: PaperExchange, clock: Clock | None = None, latency: Latency | None = None) -> None:
        self.name = "paper"
        self.capabilities = exchange.capabilities
        self.ids_unique_for_ever = True
        self._exchange: Final = exchange
        self._clock: Final = clock or exchange.clock
        self._way: Final = Way(self._clock, exchange, latency or Latency())
        self._streams: list[Stream[Event]] = []

    async def connect(self) -> None:
        await self._way.connect()

    async def disconnect(self) -> None:
        self.drop()

    def drop(self) -> None:
        """The connection is lost: streams break, requests under way stay unanswered, new ones are not sent until ``connect``."""
        self._way.close()
        for stream in self._streams:
            stream.close()
        self._streams = []

    def events(self) -> AsyncIterator[Event]:
        faults = self._exchange.faults
        subscription = self._exchange.orders.subscribe()
        if self._way.connected:
            subscription.put(ConnectionChanged(self._clock.now(), self.name, connected=True))
        stream = Stream(self._clock, subscription, faults.order_event, stamped)
        if not self._way.connected:
            stream.close()
        self._streams = [other for other in self._streams if not other.closed]
        self._streams.append(stream)
        return stream

    async def submit(self, command: SubmitOrder) -> OrderStatus:
        request = command.request
        return await self._way.ask("submit", command.client_order_id, request.symbol, lambda: self._exchange.submit(request))

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> None:
        await self._way.ask("cancel", client_order_id, symbol, lambda: self._exchange.cancel(client_order_id))

    async def replace(self, command: ReplaceOrder) -> OrderStatus:
        name = command.new_client_order_id
        return await self._way.ask("replace", name, command.symbol, lambda: self._exchange.replace(command))

    async def order(self, client_order_id: str, symbol: str) -> OrderStatus | None:
        return await self._way.ask("order", client_order_id, symbol, lambda: self._exchange.order(client_order_id))

    async def open_orders(self) -> Sequence[OrderStatus]:
        return await self._way.ask("open_orders", "", "", self._exchange.open_orders)

    async def recent_orders(self, since: int) -> Sequence[OrderStatus]:
        return await self._way.ask("recent_orders", "", "", lambda: self._exchange.recent_orders(since))

    async def fills(self, since: int) -> Sequence[VenueFill]:
        return await self._way.ask("fills", "", "", lambda: self._exchange.fills(since))

    async def positions(self) -> Sequence[VenuePosition]:
        return await self._way.ask("positions", "", "", self._exchange.positions)

    async def account(self) -> AccountInfo:
        return await self._way.ask("account", "", "", self._exchange.account)

    async def time(self) -> int | None:
        return await self._way.ask("time", "", "", self._exchange.clock.now)
