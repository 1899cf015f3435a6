"""A paper session over a market of bars under virtual time, from before the first open to after the last close."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from algotrader.core.instruments import VenueCapabilities
from algotrader.core.market import NS_PER_MINUTE
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.history.hours import Hours
from algotrader.live.clock import Clock, LoopClock
from algotrader.live.launch_settings import StrategyChoice
from algotrader.live.paper.broker import Latency, PaperBroker
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import Market
from algotrader.live.paper.resume import resume
from algotrader.live.parts import PAPER, Parts
from algotrader.live.replaying import Replay, Verdict
from algotrader.live.rows import AccountRows
from algotrader.live.session import Session
from algotrader.live.setup import SessionSetup, remember
from algotrader.live.writer import InlineWriter
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.research.journalled import SessionRecord
from algotrader.research.options import BacktestOptions
from algotrader.research.result import BacktestResult
from algotrader.storage.records import Batch, Store
from algotrader.storage.sql_store import open_store

BUILD = "test"


class SlowWriter(InlineWriter):
    """Takes so many seconds for a commit in the first half hour."""

    def __init__(self, store: Store, clock: Clock, seconds: float) -> None:
        super().__init__(store, clock, _nobody)
        self.seconds = seconds
        self.until = clock.now() + 30 * NS_PER_MINUTE

    async def _commit(self, batch: Batch) -> None:
        if self.seconds and self._clock.now() < self.until:
            await self._clock.sleep(self.seconds)
        await super()._commit(batch)


@dataclass(frozen=True)
class PaperDay:
    """What is traded, and under which assumptions."""

    choice: StrategyChoice
    market: Market
    start: int
    end: int
    options: BacktestOptions
    url: str
    commit_seconds: float = 0.0

    def trade(self) -> None:
        """Trade until the end; the database has it all afterwards."""
        run_virtually(self._session())

    async def _session(self) -> None:
        clock = LoopClock(self.start, asyncio.get_running_loop())
        store = open_store(self.url, durable=False)
        setup = self.setup()
        assembly = setup.assemble()
        exchange = PaperExchange(
            clock,
            self.market,
            money(self.options.capital),
            capabilities=setup.capabilities,
            settings=self.options.settings(assembly.models),
        )
        session = Session(
            Parts(
                mode=PAPER,
                clock=clock,
                engine=assembly.engine,
                instruments={instrument.symbol: instrument for instrument in setup.instruments},
                store=store,
                writer=SlowWriter(store, clock, self.commit_seconds),
                broker=PaperBroker(exchange, clock, Latency()),
                source=PaperFeed(exchange, clock, Latency()),
                rows=AccountRows,
                told=lambda reported: None,
                build=BUILD,
                snapshot_seconds=1_800.0,
            )
        )
        remember(store, setup, BUILD)
        resume(exchange, session.engine, self.start)
        exchange.start()
        running = asyncio.create_task(session.run())
        await clock.sleep_until(self.end)
        session.request_shutdown("the day is over")
        await running
        await exchange.stop()
        store.close()

    def setup(self) -> SessionSetup:
        policy: RiskPolicy = self.options.policy
        rules: VenueCapabilities = self.options.capabilities
        return SessionSetup((self.choice,), "", tuple(self.market.instruments), policy, rules, False, "t-")

    def replayed(self) -> tuple[Verdict, BacktestResult]:
        """The journal once more: whether it gives the same commands, and the session as a result."""
        store = open_store(self.url, durable=False)
        try:
            replay = Replay(store)
            record: SessionRecord | None = None
            for step in replay.steps():
                assert replay.assembly is not None
                record = record or SessionRecord(replay.assembly)
                record.take(step.event, step.reports)
            assert record is not None
            return replay.verdict, record.result(self.options.capital, {})
        finally:
            store.close()


def paper_day(choice: StrategyChoice, market: Market, day: int, options: BacktestOptions, folder: Path) -> PaperDay:
    """The session day in which a moment lies, or the next one after it."""
    hours = Hours(market.instruments[0].calendar)
    session = hours.session_at(day) or hours.next_session(day)
    assert session is not None
    url = f"sqlite:///{folder / 'paper.db'}"
    return PaperDay(choice, market, session.open_time - 3 * NS_PER_MINUTE, session.close_time + 2 * NS_PER_MINUTE, options, url)


def _nobody(kind: str, level: str, subject: str, message: str) -> None:
    """Nobody listens."""
