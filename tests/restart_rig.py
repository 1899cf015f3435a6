"""One account at a venue that outlives our sessions, under virtual time, and sessions that end or die and start again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from algotrader.assembly import Assembly, plan_routes
from algotrader.core.instruments import ALPACA_LIKE, GENERIC, VenueCapabilities, equity
from algotrader.core.market import NS_PER_MINUTE, nanoseconds
from algotrader.core.orders import Side
from algotrader.core.reports import Report
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.live.clock import LoopClock
from algotrader.live.paper.broker import Latency, PaperBroker
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import GeneratedMarket
from algotrader.live.parts import PAPER, Parts
from algotrader.live.rows import AccountRows
from algotrader.live.session import Session
from algotrader.live.writer import InlineWriter
from algotrader.rehearsal.restless import Restless
from algotrader.storage.sql_store import SqlStore, open_store
from algotrader.strategies.scanners import Route, StaticScanner

OPEN = nanoseconds(datetime(2024, 1, 10, 14, 30, tzinfo=UTC))
SYMBOLS = ("AAPL", "TSLA", "AMD")
PATIENT = RiskPolicy(consecutive_loss_pause=1_000, max_daily_loss=Decimal("0.5"))
VENUES = {"generic": GENERIC, "alpaca-like": ALPACA_LIKE}


class Account:
    """The venue, the database, and one session after the other."""

    def __init__(self, folder: Path, capabilities: VenueCapabilities = GENERIC, symbols: Sequence[str] = SYMBOLS) -> None:
        self.url = f"sqlite:///{folder / 'account.db'}"
        self.capabilities = capabilities
        self.instruments = [equity(symbol) for symbol in symbols]
        self.clock = LoopClock(OPEN - 2 * NS_PER_MINUTE, asyncio.get_running_loop())
        market = GeneratedMarket(self.instruments, date(2024, 1, 5), date(2024, 1, 11), seed=3)
        self.exchange = PaperExchange(self.clock, market, money(Decimal(100_000)), capabilities=capabilities)
        self.exchange.start()
        self.told: list[tuple[str, str, str]] = []
        self.reports: list[Report] = []
        self.sent: list[Any] = []
        self.store: SqlStore | None = None
        self.broker: PaperBroker | None = None
        self.running: asyncio.Task[None] | None = None

    def session(
        self,
        build: str,
        symbols: Sequence[str] = SYMBOLS,
        *,
        kind: Any = Restless,
        snapshot_seconds: float = 1_800.0,
        policy: RiskPolicy = PATIENT,
        **parameters: object,
    ) -> Session:
        """A new process with the same database."""
        plans = plan_routes([Route(StaticScanner(), kind, parameters)], list(symbols), None)
        assembly = Assembly(self.instruments, plans, "1m", policy, self.capabilities, id_prefix="r-")
        self.store = open_store(self.url, durable=False)
        latency = Latency(seed=1)
        self.broker = PaperBroker(self.exchange, self.clock, latency)
        parts = Parts(
            mode=PAPER,
            clock=self.clock,
            engine=assembly.engine,
            instruments={each.symbol: each for each in self.instruments},
            store=self.store,
            writer=InlineWriter(self.store, self.clock, self._tell),
            broker=self.broker,
            source=PaperFeed(self.exchange, self.clock, latency),
            rows=AccountRows,
            told=self.reports.extend,
            build=build,
            tell=self._tell,
            snapshot_seconds=snapshot_seconds,
            sending=self.sent.append,
        )
        return Session(parts)

    def start(self, session: Session) -> None:
        self.running = asyncio.create_task(session.run())

    async def until(self, minutes: float) -> None:
        await self.clock.sleep_until(OPEN + round(minutes * NS_PER_MINUTE))

    async def end(self, session: Session) -> None:
        """Orderly, with positions kept."""
        assert self.running is not None
        assert self.store is not None
        session.request_shutdown("test")
        await self.running
        self.store.close()

    async def die(self, session: Session) -> None:
        """As a process that is killed."""
        assert self.running is not None
        assert self.store is not None
        assert self.broker is not None
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        await session.kill()
        self.broker.drop()
        self.store.close()

    def working_stops(self, symbol: str) -> int:
        """Quantity (scaled) of working stop orders at the venue."""
        return sum(
            status.quantity_raw - status.filled_raw
            for status in self.exchange.open_orders()
            if status.symbol == symbol and status.stop_raw and status.side is Side.SELL
        )

    def _tell(self, kind: str, level: str, subject: str, message: str) -> None:
        self.told.append((kind, level, message))
