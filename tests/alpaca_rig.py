"""The server that speaks as Alpaca does, at the hand of a test: time stands still until the test lets a bar pass."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from typing import Any, TextIO, TypeVar

from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.market import NS_PER_SECOND, Bar
from algotrader.core.scaled import money
from algotrader.history.calendars import sessions
from algotrader.live.clock import Clock
from algotrader.live.paper.exchange import PaperExchange, PaperTiming, Phase
from algotrader.live.paper.market import Market, Slice
from algotrader.rehearsal.alpaca.account import AccountRules
from algotrader.rehearsal.alpaca.exchange import CAPABILITIES, AlpacaVenue
from algotrader.rehearsal.alpaca.faults import FaultPlan
from algotrader.rehearsal.alpaca.keys import Keys
from algotrader.rehearsal.alpaca.past import Past
from algotrader.rehearsal.alpaca.server import AlpacaServer, ServerSettings
from algotrader.simulation.settings import SimulationSettings

T = TypeVar("T")

KEY, SECRET = "PKREHEARSAL", "not-a-real-secret"
OPEN = 1_709_649_000 * NS_PER_SECOND
"""The open of 5 March 2024 in New York, 14:30 UTC."""
MINUTE = 60 * NS_PER_SECOND
HOUR = 60 * MINUTE


class StepClock(Clock):
    """Shows what it was set to; whoever waits for a moment sets it on."""

    def __init__(self, time: int) -> None:
        self.time = time

    def now(self) -> int:
        return self.time

    def seconds(self, seconds: float) -> float:
        return seconds

    async def sleep_until(self, moment: int) -> None:
        self.time = max(self.time, moment)


class NoMarket(Market):
    """Has instruments and no bars of its own."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.instruments = list(instruments)
        self.seconds, self.start, self.end = 60, 0, 0

    def slices(self, after: int) -> Iterator[Slice]:
        return iter(())

    def past(self, instrument: Instrument, start: int, end: int, seconds: int) -> list[Bar]:
        return []


class Stage:
    """An exchange with an account at Alpaca, in the middle of a session unless told otherwise."""

    def __init__(
        self,
        instruments: Sequence[Instrument] = (),
        capital: int = 100_000,
        start: int = OPEN + HOUR,
        settings: SimulationSettings | None = None,
        cash: int = 0,
        market: Market | None = None,
        **rules: Any,
    ) -> None:
        chosen = list(instruments) or [equity("AAPL"), equity("TSLA"), crypto("BTC/USD")]
        market = market or NoMarket(chosen)
        self.instruments = market.instruments
        self.clock = StepClock(start)
        timing = PaperTiming(bar_delay=0.5, grace=1.5)
        self.exchange = PaperExchange(
            self.clock,
            market,
            cash or money(Decimal(capital)),
            start=start,
            capabilities=CAPABILITIES,
            settings=settings or SimulationSettings.ideal(),
            timing=timing,
        )
        self.rules = AccountRules(**rules)
        self.updates: list[dict[str, Any]] = []
        self._begin()

    @cached_property
    def venue(self) -> AlpacaVenue:
        """The account, without a server."""
        return self.listen(AlpacaVenue(self.exchange, self.rules, seed=7))

    def listen(self, venue: AlpacaVenue) -> AlpacaVenue:
        """Hear what is told of an account's orders."""
        venue.book.updates.listeners.append(self.updates.append)
        return venue

    def _begin(self) -> None:
        """The sessions that are under way at the start."""
        for calendar in dict.fromkeys(instrument.calendar for instrument in self.instruments):
            for session in sessions(calendar, self.clock.now(), self.clock.now() + 1):
                self.exchange.enter(Phase(self.clock.now(), True, session))

    def phase(self, *, opens: bool, time: int, calendar: str = "XNYS") -> None:
        """Let the session that is under way at a moment, or ends there, open or close."""
        self.clock.time = max(self.clock.time, time)
        [session] = sessions(calendar, time - MINUTE, time) if not opens else sessions(calendar, time, time + 1)
        self.exchange.enter(Phase(time, opens, session))

    async def bar(self, symbol: str, open: str, high: str = "", low: str = "", close: str = "", volume: int = 100_000) -> None:
        """Let the minute that has begun pass with a bar."""
        index = next(number for number, made in enumerate(self.instruments) if made.symbol == symbol)
        made, now = self.instruments[index], self.clock.now()
        start = now - now % MINUTE
        first, top, bottom, last = (made.price_raw(Decimal(price or open)) for price in (open, high, low, close))
        bar = Bar(made, start, start + MINUTE, first, top, bottom, last, made.quantity_raw(Decimal(volume)))
        await self.exchange.trade(Slice(bar.close_time, ((index, bar),)))

    def events(self) -> list[tuple[str, str]]:
        """What was told so far: events, each with its order's status."""
        return [(update["event"], update["order"]["status"]) for update in self.updates]


class Served:
    """A stage behind a server, in a thread and an event loop of their own."""

    def __init__(self, stage: Stage, server: AlpacaServer, loop: asyncio.AbstractEventLoop) -> None:
        self.stage, self.server, self.loop = stage, server, loop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def call(self, act: Callable[[], T]) -> T:
        """Call something in the server's loop."""

        async def run() -> T:
            return act()

        return self.run(run())

    def bar(self, symbol: str, open: str, high: str = "", low: str = "", close: str = "") -> None:
        """Let a minute pass with a bar."""
        self.run(self.stage.bar(symbol, open, high, low, close))


def make_server(stage: Stage, log: TextIO | None = None, past: Past | None = None, **settings: Any) -> AlpacaServer:
    """A server for a stage; its account becomes the stage's."""
    server = AlpacaServer(
        stage.exchange,
        Keys(KEY, SECRET),
        rules=stage.rules,
        settings=ServerSettings(**settings),
        plan=FaultPlan(3),
        log=log,
        seed=7,
        past=past,
    )
    stage.venue = stage.listen(server.venue)
    return server


@contextmanager
def served(stage: Stage | None = None, **settings: Any) -> Iterator[Served]:
    """A stage behind a server on a real socket."""
    chosen = stage or Stage(rate_limit=0)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="alpaca server", daemon=True)
    thread.start()
    server = make_server(chosen, **settings)
    made = Served(chosen, server, loop)
    made.run(server.open())
    try:
        yield made
    finally:
        made.run(server.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
