"""A market-data feed that does what a test has written down, under virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from algotrader.core.events import Event, MarketData, ScheduledTrigger, SliceClosed
from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar, Quote, nanoseconds, utc
from algotrader.live.clock import NS_PER_SECOND, LoopClock
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.venues.protocols import MarketFeed, StreamClosed

AAPL = Instrument("AAPL")
MSFT = Instrument("MSFT")
MINUTE = 60 * NS_PER_SECOND


def at(text: str) -> int:
    """A moment written ``2024-03-05 14:30`` (UTC) as nanoseconds."""
    return nanoseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


def clock_text(moment: int) -> str:
    """A moment as the time of its day."""
    return f"{utc(moment):%H:%M:%S}"


def minute_bar(instrument: Instrument, opens: int, close: int = 1_000_000, **changes: Any) -> Bar:
    """A bar of one minute; prices are scaled by 10,000 (100 dollars)."""
    values = {"high": close + 100, "low": close - 100, "volume": 1_000, "seconds": 60} | changes
    closes = opens + values["seconds"] * NS_PER_SECOND
    return Bar(instrument, opens, closes, close, values["high"], values["low"], close, values["volume"])


class ScriptedFeed(MarketFeed):
    """Gives what is put into its queue; an exception in the queue ends the stream. ``stored`` is what ``history`` knows."""

    name = "script"

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.calls: list[str] = []
        self.stored: list[Bar] = []
        self.asked: list[tuple[str, str, str]] = []
        self.refusals: list[Exception] = []
        self.history_refusals: list[Exception] = []
        self.history_delay = 0.0
        self.under_way = 0
        self.most_under_way = 0

    async def connect(self) -> None:
        self.calls.append("connect")
        if self.refusals:
            raise self.refusals.pop(0)

    async def disconnect(self) -> None:
        self.calls.append("disconnect")

    async def subscribe(self, symbols: Sequence[str]) -> None:
        self.calls.append("+" + ",".join(symbols))

    async def unsubscribe(self, symbols: Sequence[str]) -> None:
        self.calls.append("-" + ",".join(symbols))

    async def stream(self) -> AsyncIterator[Bar | Quote]:
        while True:
            item = await self.queue.get()
            if isinstance(item, Exception):
                raise item
            yield item

    async def history(self, instrument: Instrument, start: int, end: int, seconds: int) -> Sequence[Bar]:
        self.asked.append((instrument.symbol, clock_text(start), clock_text(end)))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.history_delay)
        finally:
            self.under_way -= 1
        if self.history_refusals:
            raise self.history_refusals.pop(0)
        return [bar for bar in self.stored if bar.symbol == instrument.symbol and start <= bar.open_time and bar.close_time <= end]

    async def latest_quote(self, instrument: Instrument) -> Quote | None:
        return None


class Scene:
    """A moment, a clock that starts there, a feed, and what came of it."""

    def __init__(self, start: int) -> None:
        self.clock = LoopClock(start, asyncio.get_running_loop())
        self.source = ScriptedFeed()
        self.stop = asyncio.Event()
        self.events: list[Event] = []
        self.told: list[tuple[str, str, str, str]] = []

    def put(self, event: Event) -> None:
        self.events.append(event)

    def tell(self, kind: str, level: str, subject: str, message: str) -> None:
        self.told.append((kind, level, subject, message))

    async def until(self, moment: int) -> None:
        """Let time pass."""
        await self.clock.sleep_until(moment)

    def send(self, *items: Any) -> None:
        """Let the stream bring something."""
        for item in items:
            self.source.queue.put_nowait(item)

    def break_stream(self) -> None:
        """Let the stream break."""
        self.send(StreamClosed("cut"))

    def lines(self) -> list[str]:
        """The events as lines: when, what, and of which close time."""
        return [line(event) for event in self.events]

    def kinds(self, level: str) -> list[str]:
        """What was told at a level."""
        return [told[0] for told in self.told if told[1] == level]


def line(event: Event) -> str:
    """An event in a few words."""
    when = clock_text(event.time)
    if isinstance(event, MarketData) and event.bar is not None:
        return f"{when} {event.bar.symbol} {utc(event.bar.close_time):%H:%M}"
    if isinstance(event, SliceClosed):
        return f"{when} slice {utc(event.close_time):%H:%M}"
    if isinstance(event, ScheduledTrigger):
        label = event.name if event.session is None else event.session.label
        return f"{when} {event.trigger_type} {label}"
    return f"{when} {type(event).__name__} {getattr(event, 'on', '')}".rstrip()


def play(start: str, script: Callable[[Scene], Awaitable[None]]) -> Scene:
    """Run a script under virtual time from a moment on."""

    async def main() -> Scene:
        scene = Scene(at(start))
        await script(scene)
        return scene

    return run_virtually(main())
