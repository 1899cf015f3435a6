"""Wire to wire at Alpaca, on this machine: from a bar's frame on the websocket to the order's request at the server.

Three processes get bars in turns, each alone: a whole session of ours (both streams, inbox, engine, SQLite with
``synchronous=FULL``, executor, alpaca-py, its log), a script of forty lines that has no engine, and that script with one commit in
between. Every bar makes everybody buy.

Run as ``python -m benchmarks.alpaca_latency``; ``--help`` tells the options.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from algotrader.core import market
from algotrader.core.instruments import crypto
from algotrader.live.clock import NS_PER_SECOND, FastClock
from algotrader.live.control import RUNNING
from algotrader.live.interpreter import SetAside, trading_pace
from algotrader.live.log_observer import LogObserver
from algotrader.live.observers import REQUESTS_FIRST, Observers
from algotrader.live.session import Session
from algotrader.monitoring.latency import Latencies
from algotrader.monitoring.logs import Log, LogSettings
from algotrader.storage.sql_store import open_store
from benchmarks.alpaca_stand_in import NS_PER_MINUTE, SYMBOL, StandIn, bar_frame
from benchmarks.live_kit import make_session, routes
from benchmarks.live_latency import quantile

SESSION: Final = "session"
BY_HAND: Final = "by hand"
WITH_COMMIT: Final = "by hand, one commit"
KINDS: Final = (SESSION, BY_HAND, WITH_COMMIT)

WARM_UP: Final = 30
"""Bars before the ones that count."""


EVENING: Final = 1_767_649_800 * NS_PER_SECOND
"""2026-01-05 21:50 UTC: every run is at that time, so that all its bars are of one day and none is of the day's last minutes."""


class PatientClock(FastClock):
    """A clock for a session whose bars are hours old: it takes them for fresh."""

    def patience(self, seconds: float) -> float:
        """A week more."""
        return seconds + 7 * 86_400


async def run_session(rest: str, streams: str, folder: Path) -> None:
    """Our side: a session as ``algo-trader start`` makes one, until the process is ended."""
    from algotrader.venues.alpaca.broker import AlpacaBroker
    from algotrader.venues.alpaca.feed import AlpacaFeed
    from algotrader.venues.alpaca.settings import AlpacaSettings

    clock = PatientClock(EVENING)
    instruments = [crypto(SYMBOL, price_scale=2, quantity_scale=4)]
    settings = AlpacaSettings(
        SESSION, "secret", trading_url=rest, stream_url=f"{streams}/stream", data_url=rest, data_stream_url=streams
    )
    broker = AlpacaBroker(settings, instruments, clock.now)
    feed = AlpacaFeed(settings, instruments, clock.now)
    store = open_store(f"sqlite:///{folder / 'session.db'}")
    observers = Observers(clock, REQUESTS_FIRST)
    session = make_session(
        instruments,
        [(route, [SYMBOL]) for route in routes(1, 1)],
        store,
        clock,
        broker,
        feed,
        sending=observers.sending,
        measure=observers.committed,
        tell=observers.tell,
        told=observers.reports,
    )
    log = Log(LogSettings(file=folder / "session.log"), None)
    observers.add("log", LogObserver(log, session.engine, Latencies()))
    observers.add("interpreter", SetAside())
    with trading_pace():
        await _trade(session)


async def _trade(session: Session) -> None:
    running = asyncio.create_task(session.run())
    while session.state != RUNNING:
        await asyncio.sleep(0.01)
        if running.done():
            running.result()
    print("ready", flush=True)
    await running


async def measure(count: int, gap: float, folder: Path) -> dict[str, list[int]]:
    """Latencies of each kind, nanoseconds."""
    server = StandIn()
    rest, streams = await server.start()
    places = f"http://127.0.0.1:{rest}", f"ws://127.0.0.1:{streams}"
    clients = [await _start(kind, *places, folder) for kind in KINDS]
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    first = EVENING // NS_PER_MINUTE - (WARM_UP + count) - 2
    try:
        for number in range(WARM_UP + count):
            frame = bar_frame((first + number) * NS_PER_MINUTE)
            for kind in KINDS:
                took = await server.order_after(kind, frame)
                if number >= WARM_UP:
                    found[kind].append(took)
                await asyncio.sleep(gap)
    finally:
        for client in clients:
            if client.returncode is None:
                client.kill()
            await client.wait()
    return found


async def _start(kind: str, rest: str, streams: str, folder: Path) -> Process:
    stream = f"{streams}/v1beta3/crypto/us"
    if kind == SESSION:
        given = ["benchmarks.alpaca_latency", "--session", rest, streams, str(folder)]
    else:
        given = ["benchmarks.alpaca_by_hand", rest, stream, kind, str(folder / "by_hand.db") if kind == WITH_COMMIT else ""]
    client = await asyncio.create_subprocess_exec(sys.executable, "-m", *given, stdout=PIPE)
    assert client.stdout is not None
    async with asyncio.timeout(60):
        if await client.stdout.readline() != b"ready\n":
            raise SystemExit(f"{kind} did not start")
    return client


def show(found: dict[str, list[int]]) -> None:
    """Print the table, as it stands in the documentation."""
    print("| | p50 ms | p99 ms | p50 ÷ one commit | p99 ÷ one commit |")
    print("|---|--:|--:|--:|--:|")
    for kind, values in found.items():
        cells = []
        for part in (0.5, 0.99):
            cells.append((quantile(values, part), quantile(values, part) / quantile(found[WITH_COMMIT], part)))
        print(f"| {kind} | {cells[0][0]:.2f} | {cells[1][0]:.2f} | {cells[0][1]:.2f} × | {cells[1][1]:.2f} × |")


def main(given: Sequence[str] | None = None) -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="alpaca_latency", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000, help="of each kind")
    parser.add_argument("--gap", type=float, default=0.06, help="seconds between an order and the next bar")
    parser.add_argument("--session", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.session:
        rest, streams, folder = options.session
        asyncio.run(run_session(rest, streams, Path(folder)))
        return
    kind = "interpreted" if market.__file__.endswith(".py") else "compiled"
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(options.orders, options.gap, Path(folder)))
    print(f"engine {kind}; {options.orders} orders of each kind; load {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    show(found)


if __name__ == "__main__":
    main()
