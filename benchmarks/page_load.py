"""What open pages cost a session: its latency with and without them, and how late they hear.

A real session behind its real server handles events at a fixed rate, as in ``live_latency``. In every second run a process of its
own holds WebSocket clients to it, some of which read slowly and some not at all; it runs at the lowest priority, for in life those
who look on sit at other machines. The runs alternate; medians are compared.

Run as ``python -m benchmarks.page_load``; ``--help`` tells the options.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from algotrader.core import market
from algotrader.core.instruments import crypto
from algotrader.live.clock import SystemClock
from algotrader.live.control import RUNNING
from algotrader.live.interpreter import SetAside, trading_pace
from algotrader.live.kernel import Outgoing
from algotrader.live.log_observer import LogObserver
from algotrader.live.observers import REQUESTS_FIRST, Observers
from algotrader.monitoring.latency import Latencies
from algotrader.monitoring.logs import Log, LogSettings
from algotrader.server.files import session_files
from algotrader.server.runner import LocalServer
from algotrader.storage.sql_store import open_store
from benchmarks.live_kit import HandFeed, InstantBroker, make_session, routes
from benchmarks.live_latency import Measured, feed_bars, quantile

SYMBOLS: Final = 5
SLOW_SECONDS: Final = 0.5
"""A slow page reads a message in so many seconds; every second one of them reads nothing at all."""

ALLOWED_MS: Final = 0.5
ALLOWED_SHARE: Final = 0.10


@dataclass(slots=True)
class Round:
    """One run. Times are milliseconds; ``heard`` is what the pages say of themselves."""

    p50: float
    p99: float
    lag_p99: float
    events_per_second: float
    cpu: float
    borne: bool
    heard: dict[str, Any] = field(default_factory=dict)


async def measure(rate: int, seconds: float, every: int, pages: int, slow: int, batch: bool, folder: Path) -> Round:
    """Feed a session for some seconds, with so many pages open."""
    clock = SystemClock()
    instruments = [crypto(f"S{number:03d}/USD", price_scale=2, quantity_scale=0) for number in range(SYMBOLS)]
    prices = {instrument.symbol: 10_000 for instrument in instruments}
    url = f"sqlite:///{folder / 'pages.db'}"
    store, observers, found = open_store(url), Observers(clock, REQUESTS_FIRST), Measured(rate, seconds)

    def sending(outgoing: Outgoing) -> None:
        took = clock.now() - outgoing.arrived
        (found.latencies if outgoing.from_candle else found.orders).append(took)

    names = [instrument.symbol for instrument in instruments]
    wanted = [(route, [names[number % SYMBOLS]]) for number, route in enumerate(routes(SYMBOLS, every))]
    session = make_session(
        instruments,
        wanted,
        store,
        clock,
        InstantBroker(clock, prices),
        HandFeed(),
        sending=sending,
        tell=observers.tell,
        told=observers.reports,
        observers=observers,
    )
    log = Log(LogSettings(file=folder / "session.log"), None)
    observers.add("log", LogObserver(log, session.engine, Latencies()))
    observers.add("interpreter", SetAside())
    server = LocalServer("127.0.0.1", 0, session_files(url, folder))
    server.watch(session)
    running = asyncio.create_task(session.run())
    await server.start(session)
    while session.state != RUNNING:
        await asyncio.sleep(0.01)
        if running.done():
            running.result()
    listeners = await _open_pages(server.url, pages, slow, batch) if pages else None
    found.latencies.clear()
    found.orders.clear()
    gc.collect()
    handled, used = session.vitals.events, time.process_time()
    await feed_bars(session, instruments, prices, found)
    found.cpu = (time.process_time() - used) / seconds
    handled = session.vitals.events - handled
    heard = await _close_pages(listeners) if listeners is not None else {}
    session.request_shutdown("measured")
    await running
    await server.stop()
    log.close()
    store.close()
    took = [*found.latencies, *found.orders]
    return Round(
        quantile(took, 0.5), quantile(took, 0.99), quantile(found.lag, 0.99), handled / seconds, found.cpu, found.borne, heard
    )


async def _open_pages(url: str, pages: int, slow: int, batch: bool) -> asyncio.subprocess.Process:
    """Open the pages in a process of their own; it says when all of them have their snapshot."""
    arguments = ["-m", "benchmarks.page_load", "--listen", url, "--pages", str(pages), "--slow", str(slow)]
    arguments += ["--batch"] if batch else []
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    if (await process.stdout.readline()).strip() != b"ready":
        raise RuntimeError("the pages did not open")
    return process


async def _close_pages(process: asyncio.subprocess.Process) -> dict[str, Any]:
    # Its standard input ends with that: the pages close and say what they heard.
    out, _ = await process.communicate(b"")
    heard: dict[str, Any] = json.loads(out)
    return heard


# ---------------------------------------------------------------------- the pages' own process


@dataclass(slots=True)
class Heard:
    """What the pages together have heard; ``late`` is from a message's time stamp to its arrival, milliseconds."""

    ready: int = 0
    messages: int = 0
    late: list[float] = field(default_factory=list)
    closed: int = 0


async def listen(url: str, pages: int, slow: int, batch: bool) -> None:
    """Keep pages open until standard input ends, then say what they heard."""
    os.nice(19)
    heard = Heard()
    address = f"ws{url.removeprefix('http')}/ws{'?batch=1' if batch else ''}"
    tasks = [asyncio.create_task(_page(address, number < slow, number % 2 == 0, heard)) for number in range(pages)]
    while heard.ready < pages:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    late = sorted(heard.late)
    print(
        json.dumps(
            {
                "messages": heard.messages,
                "dropped": heard.closed,
                "late_p50_ms": round(statistics.median(late), 3) if late else None,
                "late_p99_ms": round(late[int(len(late) * 0.99)], 3) if late else None,
            }
        )
    )


async def _page(address: str, slow: bool, deaf: bool, heard: Heard) -> None:
    async with connect(address, max_queue=1 if slow else 1_000, max_size=None, compression=None) as socket:
        await socket.recv()
        heard.ready += 1
        try:
            if slow:
                while not deaf:
                    await socket.recv()
                    await asyncio.sleep(SLOW_SECONDS)
                await asyncio.Event().wait()
            async for text in socket:
                heard.messages += 1
                if heard.messages % 20 == 0:
                    found = json.loads(text)
                    sent = datetime.fromisoformat((found[-1] if isinstance(found, list) else found)["timestamp"])
                    heard.late.append((time.time() - sent.timestamp()) * 1_000)
        except ConnectionClosed:
            heard.closed += 1


# ---------------------------------------------------------------------- comparison


def median(rounds: Sequence[Round], name: str) -> float:
    """A figure's median over runs."""
    return statistics.median([float(getattr(each, name)) for each in rounds])


def show(title: str, rounds: Sequence[Round]) -> None:
    """Print the medians of some runs."""
    figures = {name: median(rounds, name) for name in ("p50", "p99", "lag_p99", "events_per_second", "cpu")}
    print(
        f"{title:<10} event to command p50 {figures['p50']:7.3f}   p99 {figures['p99']:7.3f} ms   "
        f"loop late p99 {figures['lag_p99']:7.3f} ms   {figures['events_per_second']:,.0f} events/s   "
        f"processor {figures['cpu']:.0%}{'' if all(each.borne for each in rounds) else '   NOT BORNE'}"
    )
    heard = [each.heard for each in rounds if each.heard]
    if heard:
        print(f"           pages: {json.dumps(heard[len(heard) // 2])}")


def main(given: Sequence[str] | None = None) -> int:
    """Run as a program; gives 1 where pages cost more than is allowed."""
    parser = argparse.ArgumentParser(prog="page_load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--rate", type=int, default=650, help="bars a second; with slices and orders about a thousand events")
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--slow", type=int, default=10)
    parser.add_argument("--every", type=int, default=40, help="each strategy enters and leaves on every so many bars")
    parser.add_argument("--batch", action="store_true", help="pages take the messages of a beat in one frame, as ours does")
    parser.add_argument("--listen", default="", help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.listen:
        asyncio.run(listen(options.listen, options.pages, options.slow, options.batch))
        return 0
    print(f"engine {'interpreted' if market.__file__.endswith('.py') else 'compiled'}; {options.pages} pages, {options.slow} slow")
    alone: list[Round] = []
    watched: list[Round] = []
    for _ in range(options.rounds):
        for rounds, pages in ((alone, 0), (watched, options.pages)):
            with tempfile.TemporaryDirectory() as folder, trading_pace():
                rounds.append(
                    asyncio.run(
                        measure(options.rate, options.seconds, options.every, pages, options.slow, options.batch, Path(folder))
                    )
                )
    show("no page", alone)
    show("pages", watched)
    before, after = median(alone, "p99"), median(watched, "p99")
    within = after - before <= max(ALLOWED_MS, before * ALLOWED_SHARE)
    share = (after / before - 1) * 100 if before else 0.0
    print(f"p99 changes by {after - before:+.3f} ms ({share:+.1f} %): {'within' if within else 'BEYOND'} what is allowed")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
