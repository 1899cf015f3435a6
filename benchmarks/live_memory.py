"""What a live session's memory does over many hours: resident size over session time, its slope and its peak.

A whole session on the built-in market and the paper venue, its database on disk, under virtual time, so that a day passes in
minutes. Run as ``python -m benchmarks.live_memory``; ``--help`` tells the options.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from algotrader.core import market
from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.live.clock import NS_PER_SECOND, LoopClock
from algotrader.live.control import RUNNING
from algotrader.live.log_observer import LogObserver
from algotrader.live.observers import Observers
from algotrader.live.paper.broker import PaperBroker
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import GeneratedMarket
from algotrader.live.session import Session
from algotrader.live.writer import InlineWriter
from algotrader.monitoring.latency import Latencies
from algotrader.monitoring.logs import Log, LogSettings
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.storage.snapshots import freeze
from algotrader.storage.sql_store import open_store
from algotrader.strategies.scanners import Route, StaticScanner
from benchmarks.live_kit import CAPITAL, Busy, folder_size, make_session

DAY: Final = date(2024, 3, 5)
PAGE: Final = 4096
LOOK_MINUTES: Final = 5
KEPT: Final = 0.8
"""The part of the time, its end, over which the slope is taken."""


@dataclass(slots=True)
class Curve:
    """Resident size in megabytes over hours of the session."""

    hours: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)

    def look(self, hours: float) -> None:
        """Measure now."""
        self.hours.append(hours)
        self.sizes.append(resident())

    @property
    def slope(self) -> float:
        """Megabytes an hour over the last part, by least squares."""
        first = self.hours[-1] * (1 - KEPT)
        points = [(x, y) for x, y in zip(self.hours, self.sizes, strict=True) if x >= first]
        middle, level = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
        spread = sum((x - middle) ** 2 for x, _ in points)
        return sum((x - middle) * (y - level) for x, y in points) / spread


def resident() -> float:
    """Resident size of this process, megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def plans(number: int, symbols: list[str]) -> list[tuple[Route, list[str]]]:
    """So many strategies over the symbols: averages of many lengths, and every fifth one that trades all the time with stops."""
    found: list[tuple[Route, list[str]]] = []
    for place in range(number):
        if place % 5 == 4:
            route = Route(StaticScanner(), Busy, {"every": 60, "offset": place})
        else:
            fast = 5 + place % 7
            route = Route(StaticScanner(), "sma_cross", {"fast": fast, "slow": fast * 3 + place % 11, "quantity": "1"})
        found.append((route, [symbols[place % len(symbols)]]))
    return found


async def live(instruments: list[Instrument], strategies: int, hours: float, folder: Path, curve: Curve, trace: bool) -> Session:
    """Let a session live for so many hours."""
    symbols = [instrument.symbol for instrument in instruments]
    start = datetime(DAY.year, DAY.month, DAY.day, 0 if "/" in symbols[0] else 14, 28, tzinfo=UTC)
    clock = LoopClock(int(start.timestamp()) * NS_PER_SECOND, asyncio.get_running_loop())
    exchange = PaperExchange(clock, GeneratedMarket(instruments, DAY - timedelta(days=4), seed=1), CAPITAL)
    exchange.start()
    store = open_store(f"sqlite:///{folder / 'memory.db'}", durable=False)
    observers = Observers(clock)
    log = Log(LogSettings(stream_level="critical"), sys.stderr)
    session = make_session(
        instruments,
        plans(strategies, symbols),
        store,
        clock,
        PaperBroker(exchange, clock),
        PaperFeed(exchange, clock),
        sending=observers.sending,
        writer=InlineWriter(store, clock, observers.tell),
        measure=observers.committed,
        tell=observers.tell,
        told=observers.reports,
    )
    observers.add("log", LogObserver(log, session.engine, Latencies()))
    running = asyncio.create_task(session.run())
    while session.state != RUNNING:
        await clock.sleep(1)
    begun = clock.now()
    while (now := clock.now()) < begun + int(hours * 3600 * NS_PER_SECOND):
        curve.look((now - begun) / 3600 / NS_PER_SECOND)
        if trace and not tracemalloc.is_tracing() and now - begun > hours * 3600 * NS_PER_SECOND * 0.3:
            gc.collect()
            tracemalloc.start(8)
            before = tracemalloc.take_snapshot()
        await clock.sleep(LOOK_MINUTES * 60)
    if trace:
        gc.collect()
        for line in tracemalloc.take_snapshot().compare_to(before, "lineno")[:30]:
            print(f"    {line}")
    session.request_shutdown("measured")
    await running
    await exchange.stop()
    store.close()
    log.close()
    return session


def run(title: str, instruments: list[Instrument], strategies: int, hours: float, trace: bool) -> None:
    """One session, and what became of its memory."""
    curve, began = Curve(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        session = run_virtually(live(instruments, strategies, hours, Path(folder), curve, trace))
        size = folder_size(Path(folder))
    state = session.engine.state
    began_freezing = time.perf_counter()
    payload = freeze(session.engine)
    freezing = time.perf_counter() - began_freezing
    step = max(len(curve.hours) // 12, 1)
    print(
        f"{title}: {hours:g} h, {len(instruments)} instruments, {strategies} strategies: {session.vitals.events:,} events, "
        f"{state.order_count:,} orders, {len(state.ledger.trips):,} round trips in memory, in {time.perf_counter() - began:.0f} s; "
        f"database {size:.0f} MB"
    )
    print(f"    slope over the last {KEPT:.0%}: {curve.slope:.3f} MB an hour; peak {max(curve.sizes):.0f} MB")
    print(f"    the last snapshot: {len(payload) / 1e3:.0f} kB, made in {freezing * 1e3:.0f} ms")
    shown = list(zip(curve.hours, curve.sizes, strict=True))
    print("    " + "  ".join(f"{hour:.1f} h {size:.1f}" for hour, size in [*shown[::step], shown[-1]]))


def main(given: Sequence[str] | None = None) -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="live_memory", description=__doc__)
    parser.add_argument("--only", default="", help="day (6 h, 5 instruments) or hundred (24 h, 100 strategies)")
    parser.add_argument("--hours", type=float, help="other than the goal's")
    parser.add_argument("--trace", action="store_true", help="tell which lines keep more and more; slow")
    options = parser.parse_args(given)
    print(f"engine {'interpreted' if market.__file__.endswith('.py') else 'compiled'}; {resident():.0f} MB before anything runs")
    if options.only in ("", "day"):
        stocks = [equity(symbol) for symbol in ("AAPL", "AMD", "META", "NVDA", "TSLA")]
        run("day", stocks, 5, options.hours or 6, options.trace)
    if options.only in ("", "hundred"):
        pairs = [crypto(f"C{number:02d}/USD", price_scale=2) for number in range(20)]
        run("hundred", pairs, 100, options.hours or 24, options.trace)


if __name__ == "__main__":
    main()
