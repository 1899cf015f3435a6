"""A whole session at a paper venue under virtual time, with bars written by hand and strategies that do as they are told.

Bar ``k`` closes at minute ``k + 1`` after the open. A session begins three minutes before it, unless a test says otherwise, and the
next one of the same life goes on where it ended, at the same venue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine_rig import WIDE, Script
from engine_rig import settings as slot_settings
from paper_rig import CAPITAL, NO_LATENCY, OPEN, Prices, ScriptedMarket, bar, minute

from algotrader.core.engine import Engine
from algotrader.core.events import Event
from algotrader.core.instruments import GENERIC, Instrument, VenueCapabilities, equity
from algotrader.core.market import NS_PER_SECOND, Bar
from algotrader.core.reports import Report
from algotrader.core.risk import RiskPolicy
from algotrader.live.clock import LoopClock
from algotrader.live.paper.broker import PaperBroker
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.faults import Faults
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.parts import PAPER, Parts
from algotrader.live.rows import AccountRows
from algotrader.live.session import Session
from algotrader.live.writer import InlineWriter
from algotrader.rehearsal.virtual_time import run_virtually
from algotrader.simulation.settings import SimulationSettings
from algotrader.storage.codec import decode_event
from algotrader.storage.records import JournalEntry
from algotrader.storage.sql_store import SqlStore, open_store

AAPL, MSFT = equity("AAPL"), equity("MSFT")
BEFORE = minute(-3)


def level(count: int, *instruments: Instrument, first: int = 0, prices: Prices | None = None) -> list[Bar]:
    """So many minutes at one price."""
    given = prices or ("100", "100", "100", "100")
    return [bar(first + number, given, instrument=instrument) for number in range(count) for instrument in instruments or (AAPL,)]


class Noting(Faults):
    """Notes every request on its way to the venue; may refuse or swallow those that a test names."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refuse: Callable[[str, str], Exception | None] = lambda name, order_id: None

    async def before_request(self, name: str, order_id: str) -> None:
        self.asked.append(f"{name} {order_id}".strip())
        error = self.refuse(name, order_id)
        if error is not None:
            raise error


class Life:
    """One session after the other on one account; ``script`` is the strategy of the session that runs."""

    def __init__(
        self,
        folder: Path,
        bars: Sequence[Bar],
        *,
        start: int = BEFORE,
        capabilities: VenueCapabilities = GENERIC,
        policy: RiskPolicy = WIDE,
        instruments: Sequence[Instrument] = (AAPL, MSFT),
        mode: str = PAPER,
        build: str = "test",
        parts: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        self.clock = LoopClock(start, asyncio.get_running_loop())
        self.faults = Noting()
        self.instruments = list(instruments)
        market = ScriptedMarket(bars, instruments)
        settings = SimulationSettings.ideal()
        self.exchange = PaperExchange(
            self.clock, market, CAPITAL, capabilities=capabilities, settings=settings, faults=self.faults, start=start
        )
        self.capabilities, self.policy, self.mode, self.build, self.changes = capabilities, policy, mode, build, changes
        self.url = f"sqlite:///{folder / 'life.db'}"
        self.parts = parts or {}
        self.make_script: type[Script] = Script
        self.told: list[tuple[str, str, str, str]] = []
        self.reports: list[Report] = []
        self.broker: PaperBroker
        self.feed: PaperFeed
        self.script: Script
        self.session: Session
        self.store: SqlStore
        self._running: asyncio.Task[None] | None = None
        self.exchange.start()

    # ------------------------------------------------------------------ sessions

    def begin(self) -> Session:
        """Put a session together and let it run."""
        self.store = open_store(self.url, durable=False)
        engine = Engine(self.instruments, 60, self.policy, self.capabilities)
        self.script = self.make_script()
        engine.add_signal_strategy("s", self.script, slot_settings(**self.changes), {}, self.instruments[0].symbol)
        self.broker = PaperBroker(self.exchange, self.clock, NO_LATENCY)
        self.feed = PaperFeed(self.exchange, self.clock, NO_LATENCY)
        self.session = Session(
            Parts(
                mode=self.mode,
                clock=self.clock,
                engine=engine,
                instruments={instrument.symbol: instrument for instrument in self.instruments},
                store=self.store,
                writer=InlineWriter(self.store, self.clock, self.tell),
                broker=self.broker,
                source=self.feed,
                rows=AccountRows,
                told=self.reports.extend,
                build=self.build,
                tell=self.tell,
                **self.parts,
            )
        )
        self._running = asyncio.create_task(self.session.run())
        return self.session

    async def running(self) -> Session:
        """Begin a session and wait until it trades."""
        session = self.begin()
        await self.until(lambda: session.state == "running")
        return session

    async def end(self, reason: str = "enough", *, flatten: bool = False) -> None:
        """End the session in order."""
        self.session.request_shutdown(reason, flatten=flatten)
        await self.ended()

    async def ended(self) -> None:
        """Wait for the session's end; raises what it died of."""
        assert self._running is not None
        try:
            async with asyncio.timeout(self.clock.seconds(3600)):
                await self._running
        finally:
            self.store.close()

    async def die(self) -> None:
        """The process is gone, at once."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self.session.kill()
        self.broker.drop()
        self.store.close()

    # ------------------------------------------------------------------ what a test does

    def tell(self, kind: str, level: str, subject: str, message: str) -> None:
        """Hear what happens to the session itself."""
        self.told.append((kind, level, subject, message))

    async def at(self, number: float) -> None:
        """Wait for a minute after the open."""
        await self.clock.sleep_until(minute(number))

    async def until(self, reached: Callable[[], bool], seconds: float = 120) -> None:
        """Wait until something is so."""
        end = self.clock.now() + int(seconds * NS_PER_SECOND)
        while not reached():
            assert self.clock.now() < end, "it did not come to that"
            await self.clock.sleep(0.05)

    def want(self, quantity: int = 100, stop: str = "98", price: str = "") -> None:
        """Let the strategy enter on its next bar: at market, or at a price."""
        self.script.entry, self.script.size, self.script.stop = "long", quantity, Decimal(stop)
        self.script.price = Decimal(price) if price else None

    # ------------------------------------------------------------------ what a test looks at

    @property
    def states(self) -> list[str]:
        """The states that the sessions went through."""
        return [message for kind, _, _, message in self.told if kind == "engine_state"]

    def kinds(self) -> list[str]:
        """The kinds of everything that the engine reported."""
        return [report.kind for report in self.reports]

    def messages(self, kind: str) -> list[str]:
        """What was told or reported of one kind."""
        return [text for each, _, _, text in self.told if each == kind] + [r.message for r in self.reports if r.kind == kind]

    def held(self) -> int:
        """What the venue holds of the first instrument."""
        return sum(p.quantity_raw for p in self.exchange.positions() if p.symbol == self.instruments[0].symbol)

    def working(self) -> list[str]:
        """What works at the venue, as words."""
        return [
            f"{o.side.value} {o.quantity_raw - o.filled_raw}" + (f" stop {o.stop_raw / 10_000:.2f}" if o.stop_raw else "")
            for o in self.exchange.open_orders()
        ]

    def journal(self) -> list[tuple[JournalEntry, Event]]:
        """Every event of the account so far, from the database."""
        store = open_store(self.url, durable=False)
        known = {instrument.symbol: instrument for instrument in self.instruments}
        found = [(entry, decode_event(entry.kind, entry.payload, known)) for entry in store.journal(0)]
        store.close()
        return found


def live(story: Callable[[Life], Awaitable[None]], folder: Path, bars: Sequence[Bar], **settings: Any) -> Life:
    """Play a story under virtual time."""

    async def play() -> Life:
        life = Life(folder, bars, **settings)
        await story(life)
        await life.exchange.stop()
        return life

    return run_virtually(play())


__all__ = ["AAPL", "MSFT", "OPEN", "Life", "Noting", "level", "live", "minute"]
