"""One rehearsal: a trading day under virtual time, at a venue that goes on whatever becomes of us, with session after session
until the day is over, and a judgement at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from algotrader.assembly import Assembly, plan_routes
from algotrader.core.engine import Engine
from algotrader.core.instruments import Instrument
from algotrader.core.market import NS_PER_DAY, NS_PER_MINUTE
from algotrader.core.orders import OrderRequest, OrderType, Side, TimeInForce
from algotrader.core.scaled import money
from algotrader.history.calendars import day_start, sessions
from algotrader.live.clock import NS_PER_SECOND, Clock, LoopClock
from algotrader.live.consumer import BEFORE_COMMIT
from algotrader.live.paper.broker import Latency, PaperBroker
from algotrader.live.paper.exchange import PaperExchange
from algotrader.live.paper.feed import PaperFeed
from algotrader.live.paper.market import GeneratedMarket
from algotrader.live.parts import PAPER, Parts
from algotrader.live.recovery import replay
from algotrader.live.rows import AccountRows
from algotrader.live.session import Session
from algotrader.live.writer import InlineWriter
from algotrader.rehearsal.faults import SeededFaults
from algotrader.rehearsal.invariants import ALIVE, PERSON, REPLAY, RESTART, Invariants
from algotrader.rehearsal.options import RehearsalOptions
from algotrader.rehearsal.outcome import Outcome
from algotrader.rehearsal.planted import PLANTED
from algotrader.rehearsal.stores import BusyStore
from algotrader.simulation.settings import SimulationSettings
from algotrader.storage.snapshots import freeze
from algotrader.storage.sql_store import open_store
from algotrader.venues.protocols import OrderStatus

FIRST_DAY: Final = date(2024, 1, 3)
DAYS: Final = 240
BEFORE_OPEN_NS: Final = 3 * NS_PER_MINUTE
AFTER_CLOSE_NS: Final = 4 * NS_PER_MINUTE
PAST_DAYS: Final = 4
LOOK_SECONDS: Final = 1.0
ACCOUNT_SECONDS: Final = 240.0
SETTLING_SECONDS: Final = 120.0
BUILD: Final = "rehearsal"
PERSON_QUANTITY: Final = 7


class SkewedClock(Clock):
    """A clock that is off by so many nanoseconds."""

    def __init__(self, clock: Clock, skew: int) -> None:
        self._clock: Final = clock
        self._skew: Final = skew

    def now(self) -> int:
        return self._clock.now() + self._skew

    def seconds(self, seconds: float) -> float:
        return self._clock.seconds(seconds)


class WatchedExchange(PaperExchange):
    """A venue that shows every new order that comes to its door, also those that it refuses."""

    arriving: Callable[[OrderRequest], None] = staticmethod(lambda request: None)

    def submit(self, request: OrderRequest) -> OrderStatus:
        self.arriving(request)
        return super().submit(request)


class Stage:
    """Everything of one rehearsal but the sessions, which come and go.

    Args:
        options: what is rehearsed.
        seed: of the day, the prices and the faults.
        folder: for the database.
    """

    def __init__(self, options: RehearsalOptions, seed: int, folder: Path) -> None:
        self.options: Final = options
        self.seed: Final = seed
        self._url: Final = f"sqlite:///{folder / f'rehearsal-{seed}.db'}"
        self._capabilities: Final = options.capabilities(seed)
        calendar = options.instruments[0].calendar
        every = sessions(calendar, day_start(calendar, FIRST_DAY), day_start(calendar, FIRST_DAY) + 365 * NS_PER_DAY)
        self._session: Final = every[seed % min(DAYS, len(every))]
        self._dying: Final = asyncio.Event()
        self._point: str = ""
        self._broker: PaperBroker | None = None
        loop = asyncio.get_running_loop()
        self._clock: Final = LoopClock(self._session.open_time - BEFORE_OPEN_NS, loop)
        self._faults: Final = SeededFaults(seed, options.faults, self._clock, self._drop, options.rates)
        day = date.fromisoformat(self._session.label)
        market = GeneratedMarket(options.instruments, date.fromordinal(day.toordinal() - PAST_DAYS), day, seed=seed)
        self._exchange: Final = WatchedExchange(
            self._clock,
            market,
            money(options.capital),
            capabilities=self._capabilities,
            settings=SimulationSettings(),
            faults=self._faults,
        )
        self._invariants: Final = Invariants(self._clock, self._exchange, self._faults)
        self._exchange.arriving = self._invariants.arriving
        skew = self._faults.draw_skew()
        self._own_clock: Final[Clock] = SkewedClock(self._clock, skew) if skew else self._clock
        self._outcome: Final = Outcome(seed, self._capabilities.name, self._session.label)

    def _drop(self) -> None:
        if self._broker is not None:
            self._broker.drop()

    # ------------------------------------------------------------------ the day

    async def play(self) -> Outcome:
        """From before the open to after the close; gives what came of it."""
        self._exchange.start()
        end = self._session.close_time + AFTER_CLOSE_NS
        engine = self._assemble().engine
        person = asyncio.create_task(self._person(), name="person")
        while self._clock.now() < end:
            engine = await self._live(end)
        person.cancel()
        await asyncio.wait((person,))
        await self._exchange.stop()
        self._judge_end(engine)
        self._judge_replay()
        return self._sum_up(engine)

    async def _live(self, end: int) -> Engine:
        """One session, until it dies or the day is over; gives its engine."""
        store = BusyStore(open_store(self._url, durable=False), self._faults)
        assembly = self._assemble()
        parts = self._parts(assembly, store)
        session = Session(parts)
        if self.options.planted:
            PLANTED[self.options.planted](session)
        self._judge_restart(session.engine)
        self._invariants.engine = session.engine
        self._dying.clear()
        running = asyncio.create_task(session.run(), name="session")
        looking = asyncio.create_task(self._look(session), name="look")
        dying = asyncio.create_task(self._dying.wait())
        closing = asyncio.create_task(self._clock.sleep_until(end))
        await asyncio.wait((running, dying, closing), return_when=asyncio.FIRST_COMPLETED)
        if self._dying.is_set():
            # Nobody protects anything while there is no process.
            looking.cancel()
            await self._die(session, running)
        elif not running.done():
            self._faults.quiet = True
            # Nothing goes wrong any more: what is still open about the day is settled within two minutes.
            await self._clock.sleep(SETTLING_SECONDS)
            await session.settle_accounts()
            session.request_shutdown("the day is over")
            await asyncio.wait((running,))
        for task in (looking, dying, closing):
            task.cancel()
        await asyncio.gather(looking, dying, closing, return_exceptions=True)
        if running.done() and not running.cancelled() and (error := running.exception()) is not None:
            self._invariants.violated(ALIVE, f"the session ended with {type(error).__name__}: {error}")
            await self._clock.sleep(5)
        store.close()
        return session.engine

    async def _die(self, session: Session, running: asyncio.Task[None]) -> None:
        """The process is gone; what is on its way still arrives. After a while somebody starts it again."""
        self._outcome.deaths += 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await session.kill()
        if self._broker is not None:
            self._broker.drop()
        self._before_death = freeze(session.engine) if session.is_durable and self._point != BEFORE_COMMIT else b""
        await self._clock.sleep(0.5 + self._faults.wait(30.0))

    _before_death: bytes = b""

    async def _at(self, point: str) -> None:
        if self._faults.strikes("death"):
            self._point = point
            self._dying.set()
            # Nothing more happens in this process.
            await asyncio.Event().wait()

    async def _look(self, session: Session) -> None:
        while True:
            await self._invariants.changed.wait()
            self._invariants.look(session)
            await self._clock.sleep(LOOK_SECONDS)

    async def _person(self) -> None:
        """Somebody buys for themselves in the same account, whichever session of ours is alive."""
        if not self._faults.draws_person():
            return
        await self._clock.sleep_until(self._session.open_time + int(self._faults.wait(9_000.0) * NS_PER_SECOND))
        request = OrderRequest(PERSON, self.options.instruments[-1], Side.BUY, OrderType.MARKET, PERSON_QUANTITY, TimeInForce.DAY)
        self._exchange.person_order(request)

    # ------------------------------------------------------------------ a session

    def _assemble(self) -> Assembly:
        names = [instrument.symbol for instrument in self.options.instruments]
        plans = plan_routes(self.options.routes, names, None)
        return Assembly(
            list(self.options.instruments), plans, "1m", self.options.policy, self._capabilities, id_prefix=f"r{self.seed}-"
        )

    def _parts(self, assembly: Assembly, store: BusyStore) -> Parts:
        latency = Latency(seed=self.seed)
        self._broker = PaperBroker(self._exchange, self._own_clock, latency)
        engine = assembly.engine
        return Parts(
            mode=PAPER,
            clock=self._own_clock,
            engine=engine,
            instruments={instrument.symbol: instrument for instrument in self.options.instruments},
            store=store,
            writer=InlineWriter(store, self._own_clock, self._tell),
            broker=self._broker,
            source=PaperFeed(self._exchange, self._own_clock, latency),
            rows=AccountRows,
            told=self._invariants.reported,
            build=BUILD,
            tell=self._tell,
            snapshot_seconds=self.options.snapshot_seconds,
            account_seconds=ACCOUNT_SECONDS,
            seed=self.seed,
            at=self._at,
            sending=lambda outgoing: self._invariants.sending(engine, outgoing),
        )

    def _tell(self, kind: str, level: str, subject: str, message: str) -> None:
        """Nobody reads a rehearsal's log, unless it is asked for."""

    # ------------------------------------------------------------------ judgement

    def _judge_restart(self, engine: Engine) -> None:
        before, self._before_death = self._before_death, b""
        if before and freeze(engine) != before:
            self._invariants.violated(RESTART, f"after death {self._outcome.deaths} ({self._point}) the state is another one")

    def _judge_end(self, engine: Engine) -> None:
        store = open_store(self._url, durable=False)
        self._invariants.finish(engine, store.unanswered())
        store.close()

    def _judge_replay(self) -> None:
        store = open_store(self._url, durable=False)
        instruments: dict[str, Instrument] = {instrument.symbol: instrument for instrument in self.options.instruments}
        digest = hashlib.sha256()
        for step in replay(self._assemble().engine, store, 0, instruments):
            digest.update(f"{step.entry.sequence} {step.entry.time} {step.entry.kind} ".encode() + step.entry.payload)
            self._outcome.events += 1
            if step.difference is not None:
                self._invariants.violated(REPLAY, str(step.difference))
                break
        self._outcome.digest = digest.hexdigest()
        store.close()

    def _sum_up(self, engine: Engine) -> Outcome:
        found = self._outcome
        found.violations = list(self._invariants.violations)
        found.faults = dict(sorted(self._faults.counts.items()))
        found.orders = len(engine.state.orders)
        found.fills = len(self._exchange.fills(0))
        found.round_trips = len(engine.state.ledger.trips)
        return found
