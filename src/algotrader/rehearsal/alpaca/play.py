"""One rehearsal at Alpaca's server: a real session on real sockets for part of a trading day, while a seeded plan goes wrong."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

from algotrader.config.schema import Config
from algotrader.core.instruments import equity
from algotrader.core.orders import Order
from algotrader.core.scaled import money
from algotrader.errors import UserError
from algotrader.history.calendars import session_of_day
from algotrader.live.clock import NS_PER_SECOND, FastClock
from algotrader.live.control import RUNNING, Control
from algotrader.live.launch import launch
from algotrader.live.launch_settings import ALPACA_VENUE, LaunchSettings, StrategyChoice
from algotrader.live.paper.exchange import PaperExchange, PaperTiming
from algotrader.live.paper.market import GeneratedMarket
from algotrader.live.session import Session
from algotrader.rehearsal.alpaca.account import AccountRules
from algotrader.rehearsal.alpaca.data_routes import DataRoutes
from algotrader.rehearsal.alpaca.exchange import CAPABILITIES
from algotrader.rehearsal.alpaca.faults import DATA, ORDERS, FaultPlan
from algotrader.rehearsal.alpaca.http import HOST
from algotrader.rehearsal.alpaca.judge import judge
from algotrader.rehearsal.alpaca.keys import Keys
from algotrader.rehearsal.alpaca.past import open_log
from algotrader.rehearsal.alpaca.plans import FAULT_KINDS, kinds_of, plan_of
from algotrader.rehearsal.alpaca.reconnects import Reconnects
from algotrader.rehearsal.alpaca.server import AlpacaServer, ServerSettings
from algotrader.rehearsal.invariants import ALIVE
from algotrader.rehearsal.outcome import Outcome, Violation
from algotrader.storage.records import StoreBusy, StoreFailed
from algotrader.venues.protocols import VenueError

KEY: Final = "rehearsal"
VENUE: Final = "alpaca"

RECONNECT_SECONDS: Final = 60.0
"""Of life: a stream that takes longer to come back breaks a rule."""

RECONNECTED: Final = f"a stream that broke is back within {RECONNECT_SECONDS:.0f} s"

_DAYS: Final = (date(2024, 3, 5), date(2024, 4, 16), date(2024, 6, 12), date(2024, 7, 3), date(2024, 11, 4))
_PAST_DAYS: Final = 4
_ONE_IN: Final = 4
"""One run in so many trades fractions of shares."""

_LOOK: Final = 0.01
_QUIET: Final = 0.5
"""Seconds of life without anything under way that count as quiet."""


@dataclass(frozen=True, slots=True)
class AlpacaOptions:
    """What all rehearsals at Alpaca's server have in common.

    Attributes:
        strategies: what trades.
        faults: kinds as in ``plans.FAULT_KINDS``; none for a quiet run.
        minutes: of the market that a run takes.
        speed: seconds of the market in a second of life.
        capital: of the account.
        timeout: seconds of life that a request may take.
        every: every run has all of ``faults``, not those of its seed.
        fractional: trade fractions of shares; None to let the seed decide.
    """

    strategies: tuple[StrategyChoice, ...]
    faults: tuple[str, ...] = FAULT_KINDS
    minutes: float = 20.0
    speed: float = 240.0
    capital: Decimal = Decimal(100_000)
    timeout: float = 1.0
    every: bool = False
    fractional: bool | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is traded."""
        return tuple(dict.fromkeys(symbol for choice in self.strategies for symbol in choice.symbols))


@dataclass(slots=True)
class AlpacaOutcome(Outcome):
    """What came of a rehearsal at Alpaca's server.

    Attributes:
        kinds: of faults that were planned.
        reconnects: seconds of life that each break of a stream took, by stream and kind.
        told: how often the engine reported each kind of thing.
    """

    kinds: tuple[str, ...] = ()
    reconnects: dict[str, list[float]] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)


class Play:
    """One run.

    Args:
        options: of all of them.
        seed: of the market, the faults and their moments; sockets and the machine decide what comes before what.
        folder: for the database and the server's log.
    """

    def __init__(self, options: AlpacaOptions, seed: int, folder: Path) -> None:
        self.options: Final = options
        self.seed: Final = seed
        self.log: Final = folder / "venue.jsonl"
        self.database: Final = f"sqlite:///{folder / 'trading.db'}"
        self._dice: Final = Random(f"run {seed}")
        self._day: Final = self._dice.choice(_DAYS)
        self.kinds: Final = options.faults if options.every else kinds_of(seed, options.faults)
        self.outcome: Final = AlpacaOutcome(seed, VENUE, self._day.isoformat(), kinds=self.kinds)
        by_chance = Random(f"fractions {seed}").randrange(_ONE_IN) == 0
        self._fractional: Final = by_chance if options.fractional is None else options.fractional
        self._session: asyncio.Future[Session] | None = None

    async def play(self) -> AlpacaOutcome:
        """From start to shutdown, and the judgement."""
        exchange = self._exchange()
        self._session = asyncio.get_running_loop().create_future()
        with open_log(self.log) as log:
            keys = Keys(KEY, KEY)
            routes = DataRoutes(exchange.market, exchange.clock.now, is_key=keys.fit, per_minute=0, sip=True)
            settings = ServerSettings(speed=self.options.speed)
            server = AlpacaServer(
                exchange,
                keys,
                rules=AccountRules(rate_limit=0),
                settings=settings,
                plan=FaultPlan(self.seed),
                data_routes=routes.routes(),
                log=log,
                seed=self.seed,
            )
            async with server:
                exchange.start()
                await self._trade(server)
            await exchange.stop()
        await asyncio.to_thread(self._judge)
        return self.outcome

    # ------------------------------------------------------------------ the run

    async def _trade(self, server: AlpacaServer) -> None:
        reconnects = Reconnects(server)
        running = asyncio.create_task(launch(self._settings(server), self._ready), name="session")
        driving = asyncio.create_task(self._drive(server, reconnects), name="faults")
        await asyncio.wait((running, driving), return_when=asyncio.FIRST_COMPLETED)
        if not driving.done():
            driving.cancel()
        await asyncio.wait((driving,))
        await asyncio.wait((running,))
        if not driving.cancelled():
            driving.result()
        self.outcome.reconnects = dict(reconnects.took)
        for kind, _ in server.plan.struck:
            self.outcome.faults[kind] = self.outcome.faults.get(kind, 0) + 1
        try:
            running.result()
        except (VenueError, StoreFailed, StoreBusy, UserError) as error:
            self._broken(ALIVE, f"the session ended with {type(error).__name__}: {error}")
        else:
            if driving.cancelled():
                self._broken(ALIVE, "the session ended by itself")

    def _ready(self, control: Control) -> None:
        assert self._session is not None
        assert isinstance(control, Session)
        self._session.set_result(control)

    async def _drive(self, server: AlpacaServer, reconnects: Reconnects) -> None:
        """Let things go wrong at their moments, then wait for quiet, then end the session."""
        assert self._session is not None
        session = await self._session
        while session.state != RUNNING:
            await asyncio.sleep(_LOOK)
        seconds = self.options.minutes * 60 / self.options.speed
        start, waiting = time.monotonic(), plan_of(self.seed, self.kinds)
        known = 0
        while (passed := time.monotonic() - start) < seconds:
            while waiting and waiting[0].at * seconds <= passed:
                planned = waiting.pop(0)
                fault = planned.fault
                if planned.at_once:
                    server.strike(fault.kind, fault.where, fault.seconds)
                    reconnects.broke(fault.where, fault.kind)
                    known = len(server.plan.struck)
                else:
                    server.plan.add(fault)
            known = _note(server, reconnects, known)
            reconnects.look()
            await asyncio.sleep(_LOOK)
        server.plan.clear()
        await self._until_quiet(session, reconnects)
        await session.settle_accounts()
        # What stays open would go on being traded at the venue after our last word.
        session.request_shutdown("the rehearsal is over", flatten=True)

    async def _until_quiet(self, session: Session, reconnects: Reconnects) -> None:
        end = time.monotonic() + RECONNECT_SECONDS
        quiet_since = 0.0
        while time.monotonic() < end:
            reconnects.look()
            state = session.engine.state
            asked = any(_in_doubt(order) for order in state.live_orders.values())
            if reconnects.missing or asked or not state.connected or not state.gate_open:
                quiet_since = 0.0
            elif not quiet_since:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > _QUIET:
                return
            await asyncio.sleep(_LOOK)
        for where in reconnects.missing:
            self._broken(RECONNECTED, f"{where} is still broken")
        if not reconnects.missing:
            self._broken(ALIVE, "something is still under way a minute after the last fault")

    # ------------------------------------------------------------------ what it is made of

    def _exchange(self) -> PaperExchange:
        hours = session_of_day("XNYS", self._day)
        assert hours is not None
        # Some begin before the open, most within the day.
        begin = hours.open_time + self._dice.randint(-5, 90) * 60 * NS_PER_SECOND
        instruments = [equity(symbol, fractional=self._fractional) for symbol in self.options.symbols]
        market = GeneratedMarket(instruments, self._day - timedelta(days=_PAST_DAYS), self._day, seed=self.seed + 1)
        next(market.slices(begin), None)
        speed = self.options.speed
        return PaperExchange(
            FastClock(begin, speed),
            market,
            money(self.options.capital),
            start=begin,
            capabilities=CAPABILITIES,
            timing=PaperTiming.at_speed(speed),
        )

    def _settings(self, server: AlpacaServer) -> LaunchSettings:
        config = Config.model_validate(
            {
                "broker": {"api_key": KEY, "secret_key": KEY, "timeout": self.options.timeout, "fractional": self._fractional},
                "app": {"log_file": str(self.log.with_name("session.jsonl")), "log_level": "WARNING"},
                "risk": {"max_open_positions": 20, "consecutive_loss_pause": 10, "max_daily_loss_pct": "0.1"},
            }
        )
        return LaunchSettings(
            strategies=self.options.strategies,
            database=self.database,
            venue=ALPACA_VENUE,
            venue_address=f"{HOST}:{server.port}",
            capital=self.options.capital,
            seed=self.seed,
            log_to_terminal=False,
            config=config,
        )

    # ------------------------------------------------------------------ judgement

    def _broken(self, rule: str, message: str) -> None:
        self.outcome.violations.append(Violation(0, rule, message))

    def _judge(self) -> None:
        found = judge(self.log, self.database)
        self.outcome.violations += found.violations
        self.outcome.events = found.events
        self.outcome.told = found.told
        for kind, every in self.outcome.reconnects.items():
            if max(every) > RECONNECT_SECONDS:
                self._broken(RECONNECTED, f"{kind} took {max(every):.1f} s")
        if found.engine is not None:
            state = found.engine.state
            orders = {order.client_order_id: order for order in state.orders.values()}
            self.outcome.orders = len(orders)
            self.outcome.fills = sum(len(order.fills) for order in orders.values())
            self.outcome.round_trips = len(state.ledger.trips)


def _in_doubt(order: Order) -> bool:
    """Attached stops wait for their entry, however long that takes."""
    return order.is_unknown or (order.request_in_flight and not order.attached)


def _note(server: AlpacaServer, reconnects: Reconnects, known: int) -> int:
    """Tell what has struck by itself since the last look."""
    for kind, name in server.plan.struck[known:]:
        # Requests and new connections have paths, trade updates have names, records of market data have letters.
        where = "" if "/" in name else DATA if all(len(each) == 1 for each in name.split(",")) else ORDERS
        reconnects.broke(where, kind)
    return len(server.plan.struck)
