"""The session's side of a comparison, from the events of its journal as a replay hands them out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from algotrader.assembly import Assembly
from algotrader.core.engine import Engine
from algotrader.core.events import Dividend, Event, MarketData, OrderEvent, ScheduledTrigger, SliceClosed, Split
from algotrader.core.market import Bar
from algotrader.core.reports import Report
from algotrader.research.divergence.comparison import Divergence, compare
from algotrader.research.divergence.conditions import Conditions
from algotrader.research.divergence.rerun import Beginning, Row, rerun, rows_of
from algotrader.research.divergence.traces import Watch
from algotrader.simulation.loop import Scheduled
from algotrader.simulation.settings import SimulationSettings
from algotrader.storage.snapshots import freeze


class SessionDay:
    """One day of a session. It begins when the session first is ready to trade in it.

    Args:
        start: when the day begins, nanoseconds UTC.
        end: when it ends.

    Attributes:
        beginning: where both sides start; None as long as the session was not ready.
        last_time: of the last event of the day so far.
        assumptions: of the backtest, in words, once it has been run.
    """

    def __init__(self, start: int, end: int) -> None:
        self.start: Final = start
        self.end: Final = end
        self.beginning: Beginning | None = None
        self._watch: Watch | None = None
        self._conditions: Conditions | None = None
        self._bars: Final[list[Bar]] = []
        self._owed: Final[list[Scheduled]] = []
        self._closed_until = 0
        self.last_time = start
        self.assumptions: dict[str, str] = {}

    def take(self, event: Event, time: int, reported: list[Report], engine: Engine) -> None:
        """Take an event that an engine has just handled; ``time`` is the engine's time then."""
        watch, conditions = self._watch, self._conditions
        if watch is None or conditions is None:
            if time >= self.start and engine.state.gate_open and not engine.state.warming and engine.state.ledger.cash:
                self._begin(engine, time)
            return
        if time > self.end:
            return
        self.last_time = time
        if watch.engine is not engine:
            watch.use(engine)
        if isinstance(event, MarketData):
            self._market_data(event, watch, engine)
        elif isinstance(event, SliceClosed):
            self._closed_until = max(self._closed_until, event.close_time or event.time)
        elif not isinstance(event, OrderEvent):
            conditions.take(event, time, engine)
            self._keep_schedule(event)
        conditions.passed(time)
        watch.told(reported, time)
        if isinstance(event, SliceClosed):
            close_time = event.close_time or event.time
            watch.note_power(close_time)
            watch.knows(close_time, [symbol for symbol, close in watch.latest() if close == close_time])

    def _begin(self, engine: Engine, time: int) -> None:
        tracks = engine.state.tracks
        last = {track.instrument.symbol: track.last_time for track in tracks}
        self.beginning = Beginning(time, freeze(engine), last)
        self._watch = Watch(engine, time)
        self._conditions = Conditions(engine, time)

    def _market_data(self, event: MarketData, watch: Watch, engine: Engine) -> None:
        bar = event.bar
        if bar is None:
            return
        self._bars.append(bar)
        late = bar.close_time <= self._closed_until
        watch.saw(bar, event.time, late=late, past=engine.state.warming)
        watch.knows(bar.close_time, [bar.instrument.symbol])

    def _keep_schedule(self, event: Event) -> None:
        """Corporate actions, and phases that were due before the beginning and came after it."""
        assert self.beginning is not None
        if isinstance(event, Split | Dividend):
            self._owed.append(Scheduled(event.time, False, 0, event))
        elif isinstance(event, ScheduledTrigger) and event.session is not None and event.scheduled_time <= self.beginning.time:
            self._owed.append(Scheduled(self.beginning.time, False, 1, event))

    @property
    def has_bars(self) -> bool:
        """Whether the session had any bar in the day."""
        return bool(self._bars)

    def rows(self, assembly: Assembly) -> list[Row]:
        """The bars that the session had, for a backtest over the same."""
        assert self.beginning is not None
        return rows_of(self._bars, assembly.instruments, self.beginning, assembly.wants_extended)

    def compare(self, assembly: Assembly, rows: Iterable[Row], settings: SimulationSettings) -> Divergence:
        """Run the backtest and compare.

        Args:
            assembly: a fresh engine of the session's set-up.
            rows: the bars of the backtest.
            settings: its assumptions.

        Raises:
            CannotRestore: the state of the session does not fit the engine.
        """
        assert self.beginning is not None
        assert self._watch is not None
        assert self._conditions is not None
        self.assumptions = settings.assumptions()
        tested = rerun(assembly, self.beginning, list(rows), self._owed, self.end, settings)
        return compare(self._watch, tested, self._conditions)
