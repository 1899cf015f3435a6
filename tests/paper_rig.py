"""A paper venue for tests: bars written by hand, orders by words, and a client that writes down what it hears.

The market opens at 14:30 UTC of a day in March; minute ``k`` begins ``k`` minutes later, and bar ``k`` closes at minute ``k + 1``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from unit.simulation.support import AAPL, parse, raw, submit

from algotrader.core.commands import ReplaceOrder
from algotrader.core.events import (
    ConnectionChanged,
    Event,
    OrderAccepted,
    OrderCancel,
    OrderExpired,
    OrderFill,
    OrderReplaced,
    OrderTriggered,
)
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, Bar, nanoseconds
from algotrader.core.scaled import money
from algotrader.live.clock import LoopClock
from algotrader.live.paper.broker import Latency, PaperBroker
from algotrader.live.paper.exchange import PaperExchange, PaperTiming
from algotrader.live.paper.faults import Faults
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import Market, Slice
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.simulation.settings import SimulationSettings
from algotrader.venues.protocols import OrderStatus, Refused, StreamClosed

T = TypeVar("T")

OPEN = nanoseconds(datetime(2024, 3, 5, 14, 30, tzinfo=UTC))
CLOSE = nanoseconds(datetime(2024, 3, 5, 21, 0, tzinfo=UTC))
CAPITAL = money(Decimal(1_000_000))
NO_LATENCY = Latency(0, 0, 0)
PLENTY = 1_000_000
LEVEL = ("100", "100", "100", "100")

Prices = Sequence[str]


def minute(number: float) -> int:
    """The moment that lies so many minutes after the open."""
    return OPEN + round(number * NS_PER_MINUTE)


def bar(number: int, prices: Prices = LEVEL, volume: int = PLENTY, instrument: Instrument = AAPL) -> Bar:
    """Bar number so and so."""
    opens, high, low, close = (raw(price) for price in prices)
    return Bar(instrument, minute(number), minute(number + 1), opens, high, low, close, volume)


class ScriptedMarket(Market):
    """Bars written down one by one."""

    def __init__(self, bars: Sequence[Bar], instruments: Sequence[Instrument] = (AAPL,)) -> None:
        self.instruments = list(instruments)
        self.seconds = 60
        self.start = OPEN
        self.end = CLOSE + NS_PER_MINUTE
        self._bars = sorted(bars, key=lambda each: each.close_time)

    def slices(self, after: int) -> Iterator[Slice]:
        for close_time in dict.fromkeys(each.close_time for each in self._bars):
            found = [(self.instruments.index(each.instrument), each) for each in self._bars if each.close_time == close_time]
            if close_time > after:
                yield Slice(close_time, tuple(found))

    def past(self, instrument: Instrument, start: int, end: int, seconds: int) -> list[Bar]:
        return [b for b in self._bars if b.instrument == instrument and b.open_time >= start and b.close_time <= end]


def words(event: Event) -> str:
    """An order event in short."""
    if isinstance(event, OrderFill):
        return f"{event.client_order_id} {event.side.value} {event.quantity_raw} @ {Decimal(event.price_raw) / 10_000:.2f}"
    if isinstance(event, OrderReplaced):
        return f"{event.client_order_id} replaced by {event.new_client_order_id}"
    names = {OrderAccepted: "accepted", OrderCancel: "cancelled", OrderExpired: "expired", OrderTriggered: "triggered"}
    assert isinstance(event, OrderAccepted | OrderCancel | OrderExpired | OrderTriggered)
    return f"{event.client_order_id} {names[type(event)]}"


def status_words(status: OrderStatus) -> str:
    """The status of an order in short."""
    extra = f" -> {status.replaced_by}" if status.replaced_by else ""
    average = f" @ {Decimal(status.average_raw) / 10_000:.2f}" if status.filled_raw else ""
    return f"{status.client_order_id} {status.filled_raw}/{status.quantity_raw}{average} {status.state.value}{extra}"


class Desk:
    """One client of one exchange, under virtual time from the open on."""

    def __init__(
        self,
        bars: Sequence[Bar],
        *,
        capabilities: VenueCapabilities = GENERIC,
        settings: SimulationSettings | None = None,
        latency: Latency | None = None,
        timing: PaperTiming | None = None,
        faults: Faults | None = None,
        instruments: Sequence[Instrument] = (AAPL,),
    ) -> None:
        self.clock = LoopClock(OPEN, asyncio.get_running_loop())
        self.exchange = PaperExchange(
            self.clock,
            ScriptedMarket(bars, instruments),
            CAPITAL,
            capabilities=capabilities,
            settings=settings or SimulationSettings.ideal(),
            timing=timing,
            faults=faults,
        )
        self.broker = PaperBroker(self.exchange, latency=latency)
        self.feed = PaperFeed(self.exchange, latency=latency)
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.heard: list[Event] = []
        self.opened: list[int] = []
        self.listening: asyncio.Task[None] | None = None

    async def open(self) -> Desk:
        """Start the exchange, connect and listen."""
        self.exchange.start()
        await self.broker.connect()
        await self.feed.connect()
        self.listen()
        return self

    def listen(self) -> None:
        """Open a stream of order events."""
        stream = self.broker.events()

        async def hear() -> None:
            try:
                async for event in stream:
                    if isinstance(event, ConnectionChanged):
                        self.opened.append(event.time)
                    else:
                        self.heard.append(event)
            except StreamClosed:
                return

        self.listening = asyncio.create_task(hear())

    async def at(self, number: float) -> None:
        """Wait for a minute."""
        await self.clock.sleep_until(minute(number))

    async def send(self, text: str, symbol: str = "AAPL", **extra: object) -> OrderStatus:
        """Send an order, written as for the simulated venue's desk."""
        return await self.broker.submit(submit(text, self.instruments[symbol], **extra))

    async def replace(self, old: str, new: str, quantity: int, limit: str = "", stop: str = "") -> OrderStatus:
        """Ask for a change."""
        return await self.broker.replace(ReplaceOrder(old, "AAPL", new, quantity, raw(limit), raw(stop)))

    @property
    def said(self) -> list[str]:
        """What was heard, in words."""
        return [words(event) for event in self.heard]

    @property
    def timed(self) -> list[str]:
        """What was heard, each with the second at which it arrived."""
        return [f"{(event.time - OPEN) / NS_PER_SECOND:g} {words(event)}" for event in self.heard]

    async def known(self) -> list[str]:
        """Every order the venue knows, in words."""
        return [status_words(status) for status in await self.broker.recent_orders(0)]


async def refusal(asked: Awaitable[object]) -> str:
    """The code with which something is refused."""
    try:
        await asked
    except Refused as no:
        return no.code
    return "not refused"


def at_desk(script: Callable[[Desk], Awaitable[T]], bars: Sequence[Bar], **settings: object) -> T:
    """Run a script at a desk that is open, under virtual time."""

    async def run() -> T:
        desk = Desk(bars, **settings)  # type: ignore[arg-type]
        return await script(await desk.open())

    return run_virtually(run())


__all__ = ["AAPL", "Desk", "at_desk", "bar", "minute", "parse", "raw", "refusal", "status_words", "submit", "words"]
