"""Paper days at speed into which differences from a backtest are planted: late and lost bars, halts, deaths, other costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from backtest_kit import OPEN_POLICY, made_up

from algotrader.cli.divergence_day import compare_day, read_day, rows_for
from algotrader.core.events import Event, OperatorCommand
from algotrader.core.market import NS_PER_MINUTE, NS_PER_SECOND, Bar, Quote
from algotrader.core.market import Session as Hours
from algotrader.core.scaled import money
from algotrader.history.calendars import session_of_day
from algotrader.history.catalogue import Catalogue
from algotrader.live.clock import Clock, LoopClock
from algotrader.live.launch_settings import StrategyChoice
from algotrader.live.paper.broker import Latency, PaperBroker
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.faults import Faults
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import CatalogueMarket
from algotrader.live.parts import PAPER, Parts
from algotrader.live.replaying import Replay
from algotrader.live.rows import AccountRows
from algotrader.live.session import Session
from algotrader.live.setup import SessionSetup, remember
from algotrader.live.writer import InlineWriter
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.research.divergence.comparison import Divergence
from algotrader.research.options import BacktestOptions
from algotrader.storage.sql_store import SqlStore, open_store
from algotrader.venues.protocols import AccountInfo, NotSent

DAY = date(2024, 3, 4)
SYMBOLS = ("AAPL", "TSLA", "AMD")
CROSSING = StrategyChoice("sma_cross", SYMBOLS, (("fast", 5), ("slow", 20)), "1m")
VELEZ = StrategyChoice("velez", SYMBOLS, (("candle_interval_minutes", 1), ("sma_slow", 100)), "1m")
OPTIONS = replace(BacktestOptions(capital=Decimal(100_000)), policy=OPEN_POLICY)
BUILD = "test"
ORDERS, BARS = "orders", "bars"


def hours() -> Hours:
    """The regular session of the day."""
    found = session_of_day("XNYS", DAY)
    assert found is not None
    return found


def minute(number: int) -> int:
    """Close time of the bar of this number, from 1."""
    return hours().open_time + number * NS_PER_MINUTE


@dataclass(frozen=True)
class Planted:
    """What goes otherwise than in a backtest. Bars are named by symbol and number; times are numbers of minutes.

    Attributes:
        late: seconds by which a bar comes late.
        dropped: bars that never come.
        thin: bars of which there is only such a part of the volume.
        halts: a person halts trading, and resumes it.
        closes: a person closes a position.
        deaths: when the process dies, and seconds until it is started again.
        losses: which stream breaks when, and for how many seconds.
        costs: what the venue assumes otherwise than the backtest.
        power: all the buying power that the venue tells of.
        begins: when the session is started.
        ends: when it is stopped.
    """

    late: dict[tuple[str, int], float] = field(default_factory=dict)
    dropped: frozenset[tuple[str, int]] = frozenset()
    thin: dict[tuple[str, int], float] = field(default_factory=dict)
    halts: tuple[tuple[int, int], ...] = ()
    closes: tuple[tuple[int, str], ...] = ()
    deaths: tuple[tuple[int, float], ...] = ()
    losses: tuple[tuple[str, int, float], ...] = ()
    costs: dict[str, object] = field(default_factory=dict)
    power: Decimal | None = None
    begins: int = -3
    ends: int = 392


class PlantedFaults(Faults):
    """Does to bars, volumes and connections what is planted."""

    def __init__(self, planted: Planted) -> None:
        self._late = {(symbol, minute(number)): seconds for (symbol, number), seconds in planted.late.items()}
        self._dropped = {(symbol, minute(number)) for symbol, number in planted.dropped}
        self._thin = {(symbol, minute(number)): part for (symbol, number), part in planted.thin.items()}

    async def market_data(self, item: Bar | Quote) -> Sequence[tuple[float, Bar | Quote]]:
        assert isinstance(item, Bar)
        key = (item.instrument.symbol, item.close_time)
        return [] if key in self._dropped else [(self._late.get(key, 0.0), item)]

    async def volume(self, bar: Bar) -> int:
        part = self._thin.get((bar.instrument.symbol, bar.close_time), 1.0)
        return int(bar.volume_raw * part)


class CutBroker(PaperBroker):
    """A broker that cannot be reached for a while, and one that lends little."""

    blocked = False
    power: int | None = None

    async def account(self) -> AccountInfo:
        told = await super().account()
        return told if self.power is None else replace(told, buying_power=self.power)

    async def connect(self) -> None:
        if self.blocked:
            raise NotSent("the network is down")
        await super().connect()


class CutFeed(PaperFeed):
    """A feed that cannot be reached for a while."""

    blocked = False

    async def connect(self) -> None:
        if self.blocked:
            raise NotSent("the network is down")
        await super().connect()


@dataclass
class PlantedDay:
    """A session day with its catalogue and its database."""

    planted: Planted
    folder: Path
    choice: StrategyChoice = CROSSING
    options: BacktestOptions = OPTIONS
    seed: int = 4
    last: date = DAY

    def __post_init__(self) -> None:
        self.catalogue: Catalogue = made_up(self.folder / "bars", SYMBOLS, DAY, self.last, seed=self.seed)
        self.market = CatalogueMarket(self.catalogue, list(SYMBOLS), hours().open_time - 10 * NS_PER_MINUTE)
        self.url = f"sqlite:///{self.folder / 'paper.db'}"

    def trade(self) -> PlantedDay:
        """Trade the day; the database has it all afterwards."""
        run_virtually(self._day())
        return self

    def compared(self, *, catalogue: bool = True, day: date | None = None) -> Divergence:
        """The comparison with a backtest, by default over the bars of the catalogue."""
        store = self.opened()
        try:
            return compare_day(store, day, self.catalogue if catalogue else None, self.options)[0]
        finally:
            store.close()

    def compared_with(self, choice: StrategyChoice) -> Divergence:
        """The comparison with a backtest of something else than what was traded."""
        store = self.opened()
        try:
            day, setup = read_day(store, None)
            assembly = replace(setup, strategies=(choice,)).assemble()
            return day.compare(assembly, rows_for(day, assembly, None), self.options.settings(assembly.models))
        finally:
            store.close()

    def opened(self) -> SqlStore:
        """The database."""
        return open_store(self.url, durable=False)

    def final_equity(self) -> int:
        """What the account is worth by the engine's own books at the end, money."""
        store = self.opened()
        try:
            replay = Replay(store)
            for step in replay.steps():
                assert step.difference is None
            assert replay.assembly is not None
            return replay.assembly.engine.state.equity()
        finally:
            store.close()

    async def _day(self) -> None:
        clock = LoopClock(minute(self.planted.begins), asyncio.get_running_loop())
        faults = PlantedFaults(self.planted)
        assembly = self.setup().assemble()
        exchange = PaperExchange(
            clock,
            self.market,
            money(self.options.capital),
            capabilities=self.options.capabilities,
            settings=replace(self.options, **self.planted.costs).settings(assembly.models),  # type: ignore[arg-type]
            faults=faults,
        )
        exchange.start()
        ends = [*sorted(self.planted.deaths), (self.planted.ends, 0.0)]
        for number, (at, down) in enumerate(ends):
            await self._live(clock, exchange, minute(at), dies=number < len(ends) - 1)
            await clock.sleep(down)
        await exchange.stop()

    async def _live(self, clock: Clock, exchange: PaperExchange, end: int, *, dies: bool) -> None:
        store = open_store(self.url, durable=False)
        setup = self.setup()
        assembly = setup.assemble()
        broker, feed = CutBroker(exchange, clock, Latency()), CutFeed(exchange, clock, Latency())
        broker.power = None if self.planted.power is None else money(self.planted.power)
        session = Session(
            Parts(
                mode=PAPER,
                clock=clock,
                engine=assembly.engine,
                instruments={instrument.symbol: instrument for instrument in setup.instruments},
                store=store,
                writer=InlineWriter(store, clock, _nobody),
                broker=broker,
                source=feed,
                rows=AccountRows,
                told=lambda reported: None,
                build=BUILD,
                snapshot_seconds=1_800.0,
            )
        )
        remember(store, setup, BUILD)
        running = asyncio.create_task(session.run())
        acting = [asyncio.create_task(each) for each in self._acts(clock, session, broker, feed)]
        await clock.sleep_until(end)
        for task in acting:
            task.cancel()
        if dies:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await session.kill()
            broker.drop()
            feed.drop()
        else:
            session.request_shutdown("the day is over")
            await running
        store.close()

    def _acts(self, clock: Clock, session: Session, broker: CutBroker, feed: CutFeed) -> list[Coroutine[Any, Any, None]]:
        def person(action: str, symbol: str = "") -> Callable[[], Event]:
            return lambda: OperatorCommand(clock.now(), action, "ann", "looks odd", symbol)

        acts: list[Coroutine[Any, Any, None]] = []
        for start, end in self.planted.halts:
            acts += [_put(clock, session, start, person("halt")), _put(clock, session, end, person("resume"))]
        acts += [_put(clock, session, at, person("close", symbol)) for at, symbol in self.planted.closes]
        for stream, at, seconds in self.planted.losses:
            acts.append(_lose(clock, broker if stream == ORDERS else feed, at, seconds))
        return acts

    def setup(self) -> SessionSetup:
        """What the session's engine is made of."""
        options = self.options
        return SessionSetup((self.choice,), "", tuple(self.market.instruments), options.policy, options.capabilities, False, "t-")


async def _put(clock: Clock, session: Session, at: int, event: Callable[[], Event]) -> None:
    if clock.now() <= minute(at) + 10 * NS_PER_SECOND:
        await clock.sleep_until(minute(at) + 10 * NS_PER_SECOND)
        session.put(event())


async def _lose(clock: Clock, line: CutBroker | CutFeed, at: int, seconds: float) -> None:
    if clock.now() <= minute(at) + 10 * NS_PER_SECOND:
        await clock.sleep_until(minute(at) + 10 * NS_PER_SECOND)
        line.blocked = True
        line.drop()
        await clock.sleep(seconds)
        line.blocked = False


def _nobody(kind: str, level: str, subject: str, message: str) -> None:
    """Nobody listens."""
