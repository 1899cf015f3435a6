"""How long a live session takes from an event to the command that follows, and how many events a second it bears.

A real session (inbox, engine, SQLite with ``synchronous=FULL``, executor, reconciliation, snapshots) is fed with bars at a fixed
rate. An event counts as received at the moment at which it was due, so that a session that falls behind shows it. A command counts
as handed over when the executor takes it, after the commit.

Run as ``python -m benchmarks.live_latency``; ``--help`` tells the options.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from algotrader.core import market
from algotrader.core.events import MarketData, SliceClosed
from algotrader.core.instruments import Instrument, crypto
from algotrader.core.market import Bar
from algotrader.live.clock import NS_PER_SECOND, SystemClock
from algotrader.live.control import RUNNING
from algotrader.live.kernel import Outgoing
from algotrader.live.session import Session
from algotrader.storage.sql_store import open_store
from benchmarks.live_kit import HandFeed, InstantBroker, folder_size, make_session, routes

TICK_SECONDS: Final = 0.001
BACKLOG_SECONDS: Final = 0.5
"""A rate is borne when never more events wait than come in this time."""


@dataclass(slots=True)
class Measured:
    """One run; times are nanoseconds."""

    rate: int
    seconds: float
    events: int = 0
    handled: int = 0
    backlog: int = 0
    latencies: list[int] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    lag: list[int] = field(default_factory=list)
    cpu: float = 0.0
    megabytes: float = 0.0
    trades: int = 0

    @property
    def borne(self) -> bool:
        """Whether the session kept up."""
        return self.backlog <= max(self.rate * BACKLOG_SECONDS, 50)


def quantile(values: Sequence[int], part: float) -> float:
    """A quantile in milliseconds."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] / 1e6


async def measure(rate: int, seconds: float, symbols: int, strategies: int, every: int, folder: Path) -> Measured:
    """Feed a session for some seconds.

    Args:
        rate: bars a second; one of so many as there are symbols closes the slice, which is an event of its own.
        seconds: how long.
        symbols: instruments.
        strategies: spread evenly over the instruments.
        every: each strategy enters and leaves on every so many bars; 0 for never.
        folder: for the database.
    """
    clock = SystemClock()
    instruments = [crypto(f"S{number:03d}/USD", price_scale=2, quantity_scale=0) for number in range(symbols)]
    prices = {instrument.symbol: 10_000 for instrument in instruments}
    store = open_store(f"sqlite:///{folder / 'latency.db'}")
    found = Measured(rate, seconds)

    def sending(outgoing: Outgoing) -> None:
        took = clock.now() - outgoing.arrived
        (found.latencies if outgoing.from_candle else found.orders).append(took)

    names = [instrument.symbol for instrument in instruments]
    wanted = [(route, [names[number % symbols]]) for number, route in enumerate(routes(strategies, every))]
    broker = InstantBroker(clock, prices)
    session = make_session(
        instruments, wanted, store, clock, broker, HandFeed(), sending=sending, measure=lambda took: found.commits.append(took)
    )
    running = asyncio.create_task(session.run())
    while session.state != RUNNING:
        await asyncio.sleep(0.01)
        if running.done():
            running.result()
    found.latencies.clear()
    found.orders.clear()
    found.commits.clear()
    gc.collect()
    handled, used = session.vitals.events, time.process_time()
    await feed_bars(session, instruments, prices, found)
    found.cpu = (time.process_time() - used) / seconds
    found.handled = session.vitals.events - handled
    session.request_shutdown("measured")
    await running
    store.close()
    found.megabytes = folder_size(folder)
    found.trades = broker.orders
    return found


async def feed_bars(session: Session, instruments: list[Instrument], prices: dict[str, int], found: Measured) -> None:
    """Put bars into the inbox, each at the moment at which it is due."""
    dice = random.Random(1)
    clock, inbox, count = session.clock, session._wired.inbox, len(instruments)
    begun = clock.now()
    previous = [begun - NS_PER_SECOND] * count
    gap = NS_PER_SECOND / found.rate
    number, total = 0, int(found.rate * found.seconds)
    while number < total:
        now = clock.now()
        due = min(int((now - begun) / gap) + 1, total)
        if due == number:
            await asyncio.sleep(TICK_SECONDS)
            continue
        found.lag.append(now - begun - int(number * gap))
        for step in range(number, due):
            moment, place = begun + int(step * gap), step % count
            instrument = instruments[place]
            price = prices[instrument.symbol] = max(prices[instrument.symbol] + dice.randrange(-20, 21), 1000)
            inbox.put(MarketData(moment, Bar(instrument, previous[place], moment, price, price + 5, price - 5, price, 1000)))
            previous[place] = moment
            if place == count - 1:
                # As the feed does it: the last bar of a close time closes the slice.
                inbox.put(SliceClosed(moment, moment))
        number = due
        found.events = number
        found.backlog = max(found.backlog, len(inbox))
        await asyncio.sleep(0)


def show(title: str, found: Measured) -> None:
    """Print one run as lines."""
    every = [*found.latencies, *found.orders]
    print(
        f"{title}: {found.rate:,} bars/s for {found.seconds:g} s: {found.handled:,} events handled "
        f"({found.handled / found.seconds:,.0f}/s), {len(every):,} commands, {found.trades:,} orders, "
        f"{len(found.commits):,} commits; {'borne' if found.borne else 'NOT BORNE'}: at most {found.backlog:,} waited; "
        f"processor {found.cpu:.0%}; database {found.megabytes:.0f} MB"
    )
    for name, values in (
        ("event to command", every),
        ("  of these after bars", found.latencies),
        ("commit", found.commits),
        ("event loop late", found.lag),
    ):
        if values:
            mean = statistics.fmean(values) / 1e6
            print(
                f"    {name:<22} p50 {quantile(values, 0.5):8.3f}   p99 {quantile(values, 0.99):8.3f}   "
                f"max {max(values) / 1e6:8.3f}   mean {mean:8.3f} ms"
            )


def run(title: str, rate: int, seconds: float, symbols: int, strategies: int, every: int) -> Measured:
    """One run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(rate, seconds, symbols, strategies, every, Path(folder)))
    show(title, found)
    return found


def highest(title: str, seconds: float, symbols: int, strategies: int, every: int, first: int) -> None:
    """Find the highest rate that is borne, in short runs, and measure it for the whole time."""
    low, high = first, first
    while run(f"{title}, looking", high, 4, symbols, strategies, every).borne:
        low, high = high, high * 2
    for _ in range(3):
        middle = (low + high) // 2
        low, high = (middle, high) if run(f"{title}, looking", middle, 4, symbols, strategies, every).borne else (low, middle)
    run(f"{title}, highest", low * 9 // 10, seconds, symbols, strategies, every)


def main(given: Sequence[str] | None = None) -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="live_latency", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", default="", help="one of latency, mix, market, hundred, highest, highest-mix")
    parser.add_argument("--rate", type=int, help="another rate than the one of the goal")
    options = parser.parse_args(given)
    kind = "interpreted" if market.__file__.endswith(".py") else "compiled"
    print(f"engine {kind}; SQLite, synchronous=FULL")
    cases = {
        "latency": (100, 5, 5, 20),
        "mix": (1000, 5, 5, 40),
        "market": (1000, 5, 5, 0),
        "hundred": (1000, 20, 100, 100),
    }
    for name, (rate, symbols, strategies, every) in cases.items():
        if options.only in ("", name):
            run(name, options.rate or rate, options.seconds, symbols, strategies, every)
    if options.only in ("", "highest"):
        highest("market data", options.seconds, 5, 5, 0, 2000)
    if options.only in ("", "highest-mix"):
        highest("with orders", options.seconds, 5, 5, 40, 500)


if __name__ == "__main__":
    main()
