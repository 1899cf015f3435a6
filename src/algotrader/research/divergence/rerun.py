"""The backtest of a day that begins with the very state that the session had: books, working orders, indicators and all."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

import numpy as np

from algotrader.assembly import Assembly
from algotrader.core.columns import int_column
from algotrader.core.engine import Engine
from algotrader.core.events import ConnectionChanged, EntryGate, OperatorCommand
from algotrader.core.instruments import Instrument
from algotrader.core.market import Bar, BarColumns
from algotrader.history.calendars import regular_mask
from algotrader.history.catalogue import Catalogue
from algotrader.research.divergence.traces import Watch
from algotrader.research.options import BacktestError
from algotrader.research.schedule import phases
from algotrader.simulation.loop import BacktestLoop, Scheduled, by_time
from algotrader.simulation.settings import SimulationSettings
from algotrader.simulation.venue import SimulatedVenue
from algotrader.storage.snapshots import restore

_WHO: Final = "backtest"


@dataclass(frozen=True, slots=True)
class Beginning:
    """The moment from which both sides run: the session's state as bytes, and the newest bar that it knew of each symbol."""

    time: int
    frozen: bytes
    last: dict[str, int]


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """A bar to be fed, in the order in which bars are fed."""

    close_time: int
    index: int
    open_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    regular: bool = True


class RunWatch(Watch):
    """A watch on a backtest, which handles many bars at once: what happened when is told by the times of the reports."""

    def __init__(self, engine: Engine, since: int) -> None:
        super().__init__(engine, since)
        self.closes: Final[list[int]] = [since]

    def bar_of(self, symbol: str, time: int) -> int:
        """Close time of the newest bars when something of this time happened."""
        return self.closes[max(bisect_right(self.closes, time) - 1, 0)]


def rows_of(bars: Iterable[Bar], instruments: Sequence[Instrument], beginning: Beginning, extended: bool) -> list[Row]:
    """Bars that the session has not seen before, each once, in order.

    Args:
        bars: in any order.
        instruments: the place in here is a bar's number.
        beginning: of the day.
        extended: keep bars outside the regular session too.
    """
    numbers = {instrument.symbol: number for number, instrument in enumerate(instruments)}
    found: dict[tuple[int, int], Row] = {}
    for bar in bars:
        number = numbers[bar.instrument.symbol]
        if bar.close_time > beginning.last.get(bar.instrument.symbol, 0):
            prices = (bar.open_raw, bar.high_raw, bar.low_raw, bar.close_raw, bar.volume_raw)
            found.setdefault((bar.close_time, number), Row(bar.close_time, number, bar.open_time, *prices))
    return _regular(sorted(found.values()), instruments, extended)


def catalogue_rows(
    catalogue: Catalogue, interval: str, instruments: Sequence[Instrument], beginning: Beginning, end: int, extended: bool
) -> list[Row]:
    """The bars of a catalogue from the beginning of the day to its end.

    Raises:
        BacktestError: the catalogue counts prices or quantities of an instrument otherwise than the session did.
        UserError: an instrument or its bars are not there.
    """
    for instrument in instruments:
        stored = catalogue.instrument(instrument.symbol)
        if (stored.price_scale, stored.quantity_scale) != (instrument.price_scale, instrument.quantity_scale):
            raise BacktestError(
                f"{instrument.symbol} has other decimal places in the catalogue than in the session",
                "leave --catalogue out: the session's own bars are used then",
            )
    symbols = [instrument.symbol for instrument in instruments]
    start = min([beginning.time, *beginning.last.values()])
    rows: list[Row] = []
    for chunk in catalogue.columns(symbols, interval, start, end, regular_only=False):
        columns = (
            chunk.close_time,
            chunk.instrument,
            chunk.open_time,
            chunk.open,
            chunk.high,
            chunk.low,
            chunk.close,
            chunk.volume,
        )
        rows += [Row(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]
    known = [beginning.last.get(symbol, 0) for symbol in symbols]
    return _regular([row for row in rows if row.close_time > known[row.index]], instruments, extended)


def _regular(rows: list[Row], instruments: Sequence[Instrument], extended: bool) -> list[Row]:
    """Rows with the word whether they lie in the regular session; without those that do not, where nobody wants them."""
    times = np.array([row.open_time for row in rows], dtype=np.int64)
    inside = np.zeros(len(rows), dtype=np.bool_)
    numbers = np.array([row.index for row in rows], dtype=np.int64)
    for number, instrument in enumerate(instruments):
        own = numbers == number
        inside[own] = regular_mask(instrument.calendar, times[own])
    marked = zip(rows, inside.tolist(), strict=True)
    if not extended:
        return [row for row, regular in marked if regular]
    return [replace(row, regular=regular) for row, regular in marked]


def rerun(
    assembly: Assembly,
    beginning: Beginning,
    rows: Sequence[Row],
    extra: Iterable[Scheduled],
    end: int,
    settings: SimulationSettings,
) -> RunWatch:
    """Run the backtest.

    Args:
        assembly: a fresh engine of the session's set-up.
        beginning: where it starts.
        rows: bars, sorted.
        extra: what else is due besides the phases of the trading day after the beginning.
        end: of the day.
        settings: of the simulated venue.

    Raises:
        CannotRestore: the state does not fit the engine.
    """
    engine, instruments = assembly.engine, assembly.instruments
    restore(engine, beginning.frozen)
    venue = SimulatedVenue(instruments, assembly.engine.state.capabilities, settings)
    _prime(venue, engine, beginning.time)
    _free(engine, beginning.time)
    engine.take_commands()
    engine.take_reports()
    watch = RunWatch(engine, beginning.time)
    schedule = [*extra]
    for calendar in sorted({instrument.calendar for instrument in instruments}):
        schedule += [item for item in phases(calendar, beginning.time, end) if beginning.time < item.time <= end]
    loop = BacktestLoop(engine, venue, sorted(schedule, key=by_time))
    for close_time, group in groupby(rows, key=lambda row: row.close_time):
        slice_rows = list(group)
        loop.run(_columns(slice_rows))
        watch.closes.append(close_time)
        watch.told(engine.take_reports(), close_time)
        for row in slice_rows:
            watch.saw(_bar(row, instruments), close_time)
        watch.knows(close_time, [instruments[row.index].symbol for row in slice_rows])
    loop.finish(end)
    watch.told(engine.take_reports(), end)
    return watch


def _columns(rows: Sequence[Row]) -> BarColumns:
    return BarColumns(
        int_column(row.index for row in rows),
        int_column(row.open_time for row in rows),
        int_column(row.close_time for row in rows),
        int_column(row.open for row in rows),
        int_column(row.high for row in rows),
        int_column(row.low for row in rows),
        int_column(row.close for row in rows),
        int_column(row.volume for row in rows),
        bytes(row.regular for row in rows),
    )


def _bar(row: Row, instruments: Sequence[Instrument]) -> Bar:
    return Bar(instruments[row.index], row.open_time, row.close_time, row.open, row.high, row.low, row.close, row.volume)


def _free(engine: Engine, now: int) -> None:
    """Take away what held the session up: a backtest is never halted, shut out or cut off."""
    state = engine.state
    state.account = None
    # The simulated venue counts its executions from one, as the session's may have.
    state.ledger.booked = {}
    state.ledger.busted.clear()
    if not state.connected:
        engine.handle(ConnectionChanged(now, _WHO, connected=True))
    if not state.gate_open:
        engine.handle(EntryGate(now, open=True, reason=_WHO))
    if state.trading_state != "active":
        engine.handle(OperatorCommand(now, "resume", _WHO, "a backtest is not halted"))


def _prime(venue: SimulatedVenue, engine: Engine, now: int) -> None:
    """Give the simulated venue the money, positions and working orders that the engine knows of."""
    state = engine.state
    for (_, currency), amount in state.ledger.cash.items():
        venue.deposit(currency, amount)
    for track in state.tracks:
        venue.positions[track.index] = state.ledger.net_quantity(track.instrument.symbol)
        if track.last_raw:
            venue.mark(track.index, track.last_raw)
        if track.session is not None:
            venue.open_session(track.session.calendar, track.session)
    for order in state.live_orders.values():
        leg = order.working_leg
        if order.acknowledged and not order.attached and not leg.gone:
            venue.place(order.remainder(), now)
    # The engine has had the answers to these.
    venue.take_events()
