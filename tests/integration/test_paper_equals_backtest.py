"""A day at the paper venue against the same day as a backtest: one engine, one simulated venue, and the same fills."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest
from backtest_kit import Run, ideal, made_up
from dice import Dice

from algotrader.core.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from algotrader.core.events import (
    CancelRejected,
    Event,
    MarketData,
    OrderFill,
    OrderReject,
    ReplaceRejected,
    ScheduledTrigger,
    SliceClosed,
)
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, nanoseconds
from algotrader.core.scaled import money
from algotrader.history.catalogue import Catalogue
from algotrader.live.clock import LoopClock
from algotrader.live.paper.broker import Latency, PaperBroker
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import CatalogueMarket
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.research.options import BacktestOptions
from algotrader.simulation.loop import Scheduled
from algotrader.strategies.registry import StrategyType
from algotrader.venues.protocols import Refused, VenueFill

SYMBOLS = ["AAPL", "TSLA", "AMD"]
FIRST, LAST = date(2024, 3, 4), date(2024, 3, 8)
CLOSE = nanoseconds(datetime(2024, 3, 4, 21, 0, tzinfo=UTC))
NO_LATENCY = Latency(0, 0, 0)
AS_LIVE = Latency()

FillRow = tuple[int, str, str, int, int, str]
"""Close time of the bar on which it happened, symbol, side, quantity, price, order."""


class Client:
    """The least that trades: one queue of events, one engine, and its commands sent in order."""

    def __init__(self, run: Run, options: BacktestOptions, latency: Latency, *, by_clock: bool = False) -> None:
        self.run = run
        self.by_clock = by_clock
        self.engine = run.engine
        self.clock = LoopClock(run.start, asyncio.get_running_loop())
        market = CatalogueMarket(run.catalogue, run.symbols, run.start, run.end)
        self.exchange = PaperExchange(
            self.clock,
            market,
            money(options.capital),
            start=run.start,
            capabilities=options.capabilities,
            settings=options.settings(run.setup.models),
        )
        self.broker = PaperBroker(self.exchange, latency=latency)
        self.feed = PaperFeed(self.exchange, latency=latency)
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.sends: list[asyncio.Task[None]] = []

    async def trade(self, end: int) -> None:
        """Trade until a moment."""
        self.exchange.start()
        await self.broker.connect()
        await self.feed.connect()
        await self.feed.subscribe(self.run.symbols)
        tasks = [asyncio.create_task(work) for work in (self.hear(), self.watch(), self.schedule(), self.consume())]
        await self.clock.sleep_until(end)
        for task in tasks:
            task.cancel()
            assert not task.done() or task.exception() is None
        await self.exchange.stop()

    async def hear(self) -> None:
        async for event in self.broker.events():
            self.events.put_nowait(event)

    async def watch(self) -> None:
        async for bar in self.feed.stream():
            self.events.put_nowait(MarketData(self.clock.now(), bar))  # type: ignore[arg-type]
            if bar.instrument.symbol == self.run.symbols[-1]:
                self.events.put_nowait(SliceClosed(self.clock.now()))

    async def schedule(self) -> None:
        """Phases of the session; what comes after the bars of its moment waits until these are told."""
        for item in self.run.schedule:
            await self.clock.sleep_until(item.time if self.by_clock and not _closes(item) else _when(item))
            self.events.put_nowait(item.event)

    async def consume(self) -> None:
        while True:
            deadline = self.engine.next_deadline()
            left = (deadline - self.clock.now()) / NS_PER_SECOND if deadline else 1e9
            try:
                async with asyncio.timeout(max(left, 0)):
                    event = await self.events.get()
            except TimeoutError:
                event = ScheduledTrigger(self.clock.now(), "timer", deadline)
            self.engine.handle(event)
            for command in self.engine.take_commands():
                self.sends.append(asyncio.create_task(self.send(command)))

    async def send(self, command: Command) -> None:
        try:
            if isinstance(command, SubmitOrder):
                await self.broker.submit(command)
            elif isinstance(command, CancelOrder):
                await self.broker.cancel(command.client_order_id, command.venue_order_id, command.symbol)
            elif isinstance(command, ReplaceOrder):
                await self.broker.replace(command)
        except Refused as no:
            self.events.put_nowait(_refused(command, str(no), no.code, self.clock.now()))


def _closes(item: Scheduled) -> bool:
    return isinstance(item.event, ScheduledTrigger) and item.event.trigger_type == "session_close"


def _when(item: Scheduled) -> int:
    if isinstance(item.event, ScheduledTrigger) and item.event.trigger_type == "session_ending":
        # As in the backtest: with bars, the last close before it is the moment at which it acts.
        return item.time // NS_PER_MINUTE * NS_PER_MINUTE + NS_PER_SECOND
    return item.time + (NS_PER_SECOND if item.after else 0)


def _refused(command: Command, reason: str, code: str, now: int) -> Event:
    if isinstance(command, CancelOrder):
        return CancelRejected(now, command.client_order_id, reason)
    if isinstance(command, ReplaceOrder):
        return ReplaceRejected(now, command.new_client_order_id, reason, code)
    return OrderReject(now, command.client_order_id, reason, code)


def row(time: int, fill: OrderFill | VenueFill) -> FillRow:
    """A fill with the time of its bar; what the bar's moment of grace brought is the bar's."""
    moment = time // NS_PER_MINUTE * NS_PER_MINUTE
    return (moment, fill.symbol, fill.side.value, fill.quantity_raw, fill.price_raw, fill.client_order_id)


def paper_fills(
    strategy: str | StrategyType, catalogue: Catalogue, options: BacktestOptions, latency: Latency, *, by_clock: bool = False
) -> list[FillRow]:
    """The fills of a paper run over all the data of a catalogue."""

    async def run() -> list[FillRow]:
        client = Client(Run(strategy, SYMBOLS, catalogue, options), options, latency, by_clock=by_clock)
        await client.trade(client.run.end + 10 * NS_PER_SECOND)
        assert client.engine.state.total_cash() == client.exchange.account().cash
        return [row(fill.time, fill) for fill in client.exchange.fills(0)]

    return run_virtually(run())


def backtest_fills(strategy: str | StrategyType, catalogue: Catalogue, options: BacktestOptions) -> list[FillRow]:
    """The fills of a backtest over the same."""
    run = Run(strategy, SYMBOLS, catalogue, options).by_events()
    return [row(time, fill) for time, fill in zip(run.fill_slices, run.fills, strict=True)]


RUNS = [
    *product(("velez", "sma_cross", "momentum"), ("generic", "alpaca-like"), ("at once", "100 ms")),
    (Dice, "generic", "at once"),
]
"""Left out are runs of the dice in which time counts: chains of requests that take longer than the moment before a bar is told, and
the two seconds after which the rest of a partly filled entry is cancelled, which a backtest counts from the open of the bar."""


@pytest.mark.covers("A51", "B29", "B190", "C10", "B163", "B176")
@pytest.mark.parametrize(("strategy", "venue", "way"), RUNS)
def test_paper_days_have_the_fills_of_the_backtest(tmp_path: Path, strategy: str | StrategyType, venue: str, way: str) -> None:
    # Within a bar the order differs: a backtest works through the bar of one instrument after the other, the paper venue through
    # all of them before it tests the stops of new entries.
    catalogue = made_up(tmp_path, SYMBOLS, FIRST, LAST, seed=4)
    options = replace(ideal(), ideal=False, venue=venue, capital=Decimal(1_000_000))
    expected = backtest_fills(strategy, catalogue, options)
    assert len(expected) > 20
    found = paper_fills(strategy, catalogue, options, NO_LATENCY if way == "at once" else AS_LIVE)
    assert sorted(found) == sorted(expected)


def test_a_session_that_ends_by_the_clock_differs_in_its_last_bar_only(tmp_path: Path) -> None:
    """Half a minute before the close is the middle of the last bar: what leaves then fills at its close, not at its open."""
    catalogue = made_up(tmp_path, SYMBOLS, FIRST, FIRST, seed=4)
    options = replace(ideal(), ideal=False, capital=Decimal(1_000_000))
    expected = backtest_fills(Dice, catalogue, options)
    found = paper_fills(Dice, catalogue, options, NO_LATENCY, by_clock=True)
    differing = set(found) ^ set(expected)
    assert differing
    assert {time for time, *_ in differing} == {CLOSE}
