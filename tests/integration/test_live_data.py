"""Feed, phases, warm-up and inbox around a real engine: what comes late or from the past starts no entry, what is fresh does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from engine_rig import Script as Strategy
from engine_rig import settings
from scripted_feed import AAPL, MINUTE, MSFT, ScriptedFeed, at, clock_text, minute_bar

from algotrader.core.commands import SubmitOrder
from algotrader.core.engine import Engine
from algotrader.core.events import CashMovement
from algotrader.core.inbox_order import EventQueue
from algotrader.core.scaled import money
from algotrader.live.clock import LoopClock
from algotrader.live.feed import Feed, FeedSettings
from algotrader.live.inbox import Inbox
from algotrader.live.phases import Phases
from algotrader.live.warmup import WarmUp
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.venues.protocols import StreamClosed

DAY = "2024-03-05"
OPEN = at(f"{DAY} 14:30")


class Desk:
    """A session without a venue: data come in, the orders that the engine wants are noted with our time."""

    def __init__(self, start: str, **changes: object) -> None:
        self.clock = LoopClock(at(start), asyncio.get_running_loop())
        self.source = ScriptedFeed()
        self.engine = Engine([AAPL, MSFT])
        self.strategies = {symbol: Strategy() for symbol in ("AAPL", "MSFT")}
        for symbol, strategy in self.strategies.items():
            self.engine.add_signal_strategy(symbol, strategy, settings(required_history=5, **changes), {}, symbol)
        self.engine.handle(CashMovement(at(start), "deposit", "USD", money(Decimal(1_000_000))))
        self.inbox = Inbox(self.clock, EventQueue())
        self.orders: list[str] = []
        self.phases: list[str] = []
        self.stop = asyncio.Event()
        self.feed = Feed(self.source, self.clock, self.inbox.put, (AAPL, MSFT), settings=FeedSettings(jitter=0))

    def tell(self, kind: str, level: str, subject: str, message: str) -> None:
        """Note the phases that come live."""
        self.phases.append(message.split(",")[0])

    def wish(self, symbol: str) -> None:
        """Let a strategy want to enter on its next bar."""
        strategy = self.strategies[symbol]
        strategy.entry, strategy.size, strategy.stop = "long", 10, 98

    async def consume(self) -> None:
        """Do as the session's consumer does."""
        while True:
            await self.inbox.wait()
            while (stamped := self.inbox.take()) is not None:
                self.engine.handle(stamped.event)
                for command in self.engine.take_commands():
                    if isinstance(command, SubmitOrder):
                        self.orders.append(f"{clock_text(self.clock.now())} {command.request.symbol}")

    async def run(self, script: Callable[[Desk], Awaitable[None]]) -> None:
        """Warm up, then let data flow while a script plays."""
        consumer = asyncio.create_task(self.consume())
        warm_up = WarmUp(self.source, self.clock, self.inbox.put, self.engine, self.inbox.drained)
        phases = Phases(
            self.clock, self.inbox.put, ("XNYS",), delivered=lambda: warm_up.delivered, settled=self.feed.settled, tell=self.tell
        )
        await warm_up.run(self.stop)
        self.feed.resume_from(self.engine)
        tasks = [asyncio.create_task(part.run(self.stop)) for part in (self.feed, phases)]
        await script(self)
        self.stop.set()
        await asyncio.gather(*tasks)
        consumer.cancel()
        await asyncio.gather(consumer, return_exceptions=True)

    async def bars(self, minute: int, *symbols: str, late: float = 0.5) -> None:
        """The bars of a minute come."""
        await self.clock.sleep_until(OPEN + minute * MINUTE + int(late * 1e9))
        for symbol in symbols:
            self.source.queue.put_nowait(minute_bar(AAPL if symbol == "AAPL" else MSFT, OPEN + (minute - 1) * MINUTE))
        await asyncio.sleep(0.01)


def play(start: str, script: Callable[[Desk], Awaitable[None]], past: int = 0, **changes: object) -> Desk:
    """Run a script on a desk; the past has so many minutes of the session."""

    async def main() -> Desk:
        desk = Desk(start, **changes)
        desk.source.stored = [minute_bar(symbol, OPEN + number * MINUTE) for symbol in (AAPL, MSFT) for number in range(past)]
        await desk.run(script)
        return desk

    return run_virtually(main())


@pytest.mark.covers("A67", "C10")
def test_a_fresh_bar_after_warming_up_in_mid_session_may_start_an_entry() -> None:
    async def script(desk: Desk) -> None:
        desk.wish("AAPL")
        await desk.bars(11, "AAPL", "MSFT")

    desk = play(f"{DAY} 14:40", script, past=10)
    assert desk.orders == ["14:41:00 AAPL"]
    # The day's open came with the past: once, and the daily breaker counts from it.
    assert desk.phases == []
    assert desk.engine.state.breaker.start_equity == money(Decimal(1_000_000))


def test_an_entry_waits_for_the_slice_and_a_late_bar_starts_none() -> None:
    async def script(desk: Desk) -> None:
        desk.wish("AAPL")
        desk.wish("MSFT")
        await desk.bars(11, "AAPL")
        await desk.bars(11, "MSFT", late=4)
        await desk.bars(12, "AAPL", "MSFT")

    assert play(f"{DAY} 14:40", script, past=10).orders == ["14:41:02 AAPL"]


@pytest.mark.covers("C11")
def test_bars_of_a_gap_start_no_entry_and_the_first_fresh_one_may() -> None:
    async def script(desk: Desk) -> None:
        await desk.bars(11, "AAPL", "MSFT")
        desk.source.queue.put_nowait(StreamClosed("cut"))
        desk.source.refusals = [StreamClosed("still cut")] * 7
        desk.source.stored += [minute_bar(symbol, OPEN + number * MINUTE) for symbol in (AAPL, MSFT) for number in range(11, 13)]
        desk.wish("AAPL")
        await desk.clock.sleep_until(OPEN + 14 * MINUTE)
        assert desk.engine.state.by_symbol["AAPL"].bars_seen == 13
        assert desk.orders == []
        desk.wish("MSFT")
        await desk.bars(14, "AAPL", "MSFT")

    assert play(f"{DAY} 14:40", script, past=10).orders == ["14:44:00 MSFT"]


def test_a_fresh_bar_that_comes_right_behind_old_ones_may_start_an_entry() -> None:
    async def script(desk: Desk) -> None:
        await desk.bars(11, "AAPL", "MSFT")
        await desk.clock.sleep_until(OPEN + 12 * MINUTE)
        desk.source.queue.put_nowait(StreamClosed("cut"))
        desk.source.refusals = [StreamClosed("still cut")] * 5
        desk.source.stored += [minute_bar(AAPL, OPEN + number * MINUTE) for number in (11, 12)]
        desk.source.stored.append(minute_bar(MSFT, OPEN + 12 * MINUTE))
        desk.wish("MSFT")
        await desk.clock.sleep_until(OPEN + 13 * MINUTE + 10 * 10**9)

    assert play(f"{DAY} 14:40", script, past=10).orders == ["14:43:01 MSFT"]


@pytest.mark.covers("A61", "A178")
def test_five_minute_bars_end_with_the_session_and_begin_anew_on_the_next_day() -> None:
    async def script(desk: Desk) -> None:
        for minute in range(387, 390):
            await desk.bars(minute, "AAPL", "MSFT")
        await desk.clock.sleep_until(OPEN + 391 * MINUTE)
        stream = desk.engine.streams.of[0][0]
        assert stream.aggregator is not None
        assert (stream.signal_slots[0].bars, stream.incomplete, stream.aggregator.parts) == (78, 1, 0)

    play(f"{DAY} 20:56", script, past=386, interval_minutes=5)
