"""Before live data: the past that strategies need, through the engine in order of time, without any order coming of it.

After a restart only what the engine has not seen yet is fetched. The sessions that the bars lie in are told to the engine too, for
larger bars and figures that begin with the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from algotrader.core import reports
from algotrader.core.engine import Engine
from algotrader.core.events import Event, MarketData, Warmup
from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar
from algotrader.history.hours import Hours
from algotrader.history.phases import session_phases
from algotrader.live import telling
from algotrader.live.clock import NS_PER_SECOND, Clock
from algotrader.live.feed import FETCHES
from algotrader.live.lines import fault_in_bar
from algotrader.live.needs import ALGORITHM_BARS, Need, needs_of, serves, start_of
from algotrader.live.phases import delivered_by
from algotrader.live.retries import HISTORY, Retries
from algotrader.live.telling import Tell
from algotrader.live.waiting import race
from algotrader.venues.protocols import MarketFeed, VenueError

ROUNDS: Final = 4
"""How often more of the past is asked for when an instrument trades so rarely that the calendar's minutes are not enough."""

FETCH_SECONDS: Final = 60


@dataclass(slots=True)
class WarmUpResult:
    """What a warm-up brought.

    Attributes:
        bars: their number, by symbol; a symbol that failed is not there.
        failed: why there are none, by symbol.
        delivered: for each calendar, when the last phase was due that the engine has had; ``Phases`` goes on from there.
        completed: whether it came to its end; False when a stop was asked for.
    """

    bars: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    delivered: dict[str, int] = field(default_factory=dict)
    completed: bool = False


class WarmUp:
    """Brings an engine up to date.

    Args:
        source: where the past comes from.
        clock: of the session.
        put: takes the events.
        engine: with its strategies, brought to where the journal ends.
        drained: waits until everything put so far has been handled: phases and bars take different lanes of the inbox.
        tell: hears what is worth telling.
        algorithm_bars: how many bars an algorithm gets.
    """

    def __init__(
        self,
        source: MarketFeed,
        clock: Clock,
        put: Callable[[Event], None],
        engine: Engine,
        drained: Callable[[], Awaitable[None]],
        *,
        tell: Tell = telling.nobody,
        algorithm_bars: int = ALGORITHM_BARS,
    ) -> None:
        self._source: Final = source
        self._clock: Final = clock
        self._put: Final = put
        self._engine: Final = engine
        self._drained: Final = drained
        self._tell: Final = tell
        self._algorithm_bars: Final = algorithm_bars
        self._hours: Final[dict[str, Hours]] = {}
        self._seconds: Final = engine.base_seconds
        self._phases: dict[str, int] = {}

    @property
    def delivered(self) -> dict[str, int]:
        """For each calendar, when the last phase was due that the engine has had; ``Phases`` goes on from there."""
        return self._phases or delivered_by(self._engine)

    async def run(self, stop: asyncio.Event | None = None) -> WarmUpResult:
        """Fetch and hand over what is missing; ends early, with everything that was begun left out, when ``stop`` is set."""
        stop = stop or asyncio.Event()
        result = WarmUpResult(delivered=delivered_by(self._engine))
        self._phases = {}
        began = self._clock.now()
        tracks = self._engine.state.tracks
        wanted = [(track.instrument, needs_of(self._engine, track.instrument.symbol, self._algorithm_bars)) for track in tracks]
        found = await self._fetch_all([pair for pair in wanted if pair[1]], stop, result)
        if stop.is_set():
            return result
        if result.failed and not result.bars:
            self._tell(telling.WARM_UP, reports.CRITICAL, "", "no instrument has a past: strategies warm up with live bars only")
        self._put(Warmup(self._clock.now(), True))
        await self._drained()
        result.completed = await self._hand_over(found, began, stop, result)
        self._phases = dict(result.delivered) if result.completed else {}
        self._put(Warmup(self._clock.now(), False))
        await self._drained()
        took = (self._clock.now() - began) / NS_PER_SECOND
        text = f"{sum(result.bars.values())} bars of {len(result.bars)} instruments in {took:.2f} s"
        self._tell(telling.WARM_UP, reports.INFO, "", text)
        return result

    # ------------------------------------------------------------------ fetching

    async def _fetch_all(
        self, wanted: list[tuple[Instrument, list[Need]]], stop: asyncio.Event, result: WarmUpResult
    ) -> list[list[Bar]]:
        """Ask for the past of every instrument, some at a time; those that wait are not begun once ``stop`` is set."""
        slots = asyncio.Semaphore(FETCHES)
        tasks = [asyncio.create_task(self._fetch(instrument, needs, slots, stop, result)) for instrument, needs in wanted]
        try:
            await race(_all(tasks), stop.wait())
            return [] if stop.is_set() else [task.result() for task in tasks]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(
        self, instrument: Instrument, needs: list[Need], slots: asyncio.Semaphore, stop: asyncio.Event, result: WarmUpResult
    ) -> list[Bar]:
        async with slots:
            if stop.is_set():
                return []
            began = self._clock.now()
            try:
                async with self._clock.timeout(FETCH_SECONDS):
                    bars = await self._past(instrument, needs, began)
            except (VenueError, TimeoutError) as error:
                why = str(error) or type(error).__name__
                result.failed[instrument.symbol] = why
                self._tell(
                    telling.WARM_UP, reports.WARNING, instrument.symbol, f"no past could be fetched, it warms up live: {why}"
                )
                return []
            result.bars[instrument.symbol] = len(bars)
            took = (self._clock.now() - began) / NS_PER_SECOND
            self._tell(telling.WARM_UP, reports.INFO, instrument.symbol, f"{len(bars)} bars in {took:.2f} s")
            return bars

    async def _past(self, instrument: Instrument, needs: list[Need], now: int) -> list[Bar]:
        """The bars of an instrument that the engine lacks, oldest first."""
        hours = self._hours.setdefault(instrument.calendar, Hours(instrument.calendar))
        track = self._engine.state.by_symbol[instrument.symbol]
        start = start_of(needs, hours, now)
        if track.last_time:
            return await self._ask(instrument, max(track.last_time, start), now)
        bars = await self._ask(instrument, start, now)
        for part in range(1, ROUNDS):
            if serves(needs, hours, bars):
                break
            end, more = start, [Need(need.minutes, need.bars * 4**part) for need in needs]
            start = start_of(more, hours, now)
            bars = await self._ask(instrument, start, end) + bars
        else:
            self._tell(telling.WARM_UP, reports.WARNING, instrument.symbol, f"there are only {len(bars)} bars of the past")
        return bars

    async def _ask(self, instrument: Instrument, start: int, end: int) -> list[Bar]:
        kept: list[Bar] = []
        now, last = self._clock.now(), self._engine.state.by_symbol[instrument.symbol].last_open_time
        for bar in sorted(await self._history(instrument, start, end), key=lambda bar: bar.open_time):
            fault = fault_in_bar(bar, now, self._seconds)
            if fault or bar.symbol != instrument.symbol:
                self._tell(telling.BAR_DROPPED, reports.WARNING, instrument.symbol, f"{bar!r}: {fault or 'another symbol'}")
            elif bar.open_time > last:
                kept.append(bar)
                last = bar.open_time
        return kept

    async def _history(self, instrument: Instrument, start: int, end: int) -> Sequence[Bar]:
        """Past bars, asked for again where that may help."""
        count = Retries(HISTORY, Random(0))
        while True:
            try:
                return await self._source.history(instrument, start, end, self._seconds)
            except VenueError as error:
                wait = count.after(error)
                if wait is None:
                    raise
                await self._clock.sleep(wait)

    # ------------------------------------------------------------------ handing over

    async def _hand_over(self, found: list[list[Bar]], now: int, stop: asyncio.Event, result: WarmUpResult) -> bool:
        """Put everything in order of time. Phases overtake bars in the inbox, so each waits until those before are handled."""
        lane = -1
        for event in self._in_order(found, now, result):
            if stop.is_set():
                return False
            if event.lane != lane:
                await self._drained()
                lane = event.lane
            self._put(event)
        await self._drained()
        return True

    def _in_order(self, found: list[list[Bar]], now: int, result: WarmUpResult) -> list[Event]:
        """Bars and the sessions around them: at equal times, what begins, then bars by registration, then what ends."""
        keyed: list[tuple[tuple[int, int, int], Event]] = []
        for place, bars in enumerate(found):
            keyed += [((bar.close_time, 1, place), MarketData(bar.close_time, bar)) for bar in bars]
        firsts = [bars[0].open_time for bars in found if bars]
        for calendar in sorted({track.instrument.calendar for track in self._engine.state.tracks}):
            delivered = result.delivered.get(calendar, 0)
            start = delivered or min(firsts, default=now)
            for phase in session_phases(calendar, start, now, frozenset({"pre_open", "session_ending"})):
                if delivered < phase.time <= now:
                    keyed.append(((phase.time, 2 if phase.after else 0, phase.rank), phase.event))
                    result.delivered[calendar] = max(phase.time, result.delivered.get(calendar, 0))
        return [event for _, event in sorted(keyed, key=lambda pair: pair[0])]


async def _all(tasks: list[asyncio.Task[list[Bar]]]) -> None:
    if tasks:
        await asyncio.wait(tasks)
