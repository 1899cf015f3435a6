"""Whole backtests for tests: small catalogues written by hand, runs whose engine and venue can be looked into, and a second loop
that hands the engine one event at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from algotrader.assembly import plan_routes
from algotrader.core.commands import Command
from algotrader.core.engine import Engine
from algotrader.core.events import CashMovement, Event, MarketData, OrderFill, ScheduledTrigger, SliceClosed
from algotrader.core.instruments import Instrument, crypto, equity
from algotrader.core.market import NS_PER_MINUTE, Bar, BarColumns, nanoseconds
from algotrader.core.reports import Report
from algotrader.core.risk import RiskPolicy
from algotrader.core.scaled import money
from algotrader.history.calendars import sessions
from algotrader.history.catalogue import Catalogue
from algotrader.history.generator import generate
from algotrader.research.backtest import BacktestOptions, resolve_period
from algotrader.research.schedule import build_schedule
from algotrader.research.setup import choose_base, run_setup
from algotrader.simulation.loop import BacktestLoop, Scheduled
from algotrader.simulation.venue import SimulatedVenue
from algotrader.strategies.registry import StrategyType
from algotrader.strategies.scanners import Route, StaticScanner

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FIRST_DAY = date(2024, 1, 2)
OPEN_POLICY = RiskPolicy(
    max_position=Decimal(1),
    max_risk_per_trade_abs=Decimal(1_000_000),
    max_open_positions=20,
    consecutive_loss_pause=1000,
    max_daily_loss=Decimal(1),
)
"""Caps opened, so that a test of something else need not think of them."""

Row = Sequence[float | int | str]
"""Open, high, low, close and, if wanted, volume."""


def instrument_of(symbol: str) -> Instrument:
    """An equity, or a pair where the symbol has a slash."""
    return crypto(symbol) if "/" in symbol else equity(symbol)


def minutes_of_sessions(calendar: str, count: int, first_day: date = FIRST_DAY) -> list[int]:
    """Open times of the first ``count`` minutes of regular sessions from a day on."""
    start = nanoseconds(datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC))
    found: list[int] = []
    for session in sessions(calendar, start, start + 400 * 1440 * NS_PER_MINUTE):
        if session.open_time >= start:
            found.extend(range(session.open_time, session.close_time, NS_PER_MINUTE))
        if len(found) >= count:
            return found[:count]
    raise ValueError("more minutes than the sessions of a year have")


def frame_of(instrument: Instrument, rows: Sequence[Row], opens: Sequence[int], minutes: int = 1) -> pl.DataFrame:
    """Bars as the catalogue stores them; volume is a million where none is given."""
    columns: dict[str, list[int]] = {name: [] for name in ("open_time", "close_time", "open", "high", "low", "close", "volume")}
    for row, open_time in zip(rows, opens, strict=True):
        prices = [instrument.price_raw(Decimal(str(price))) for price in row[:4]]
        volume = instrument.quantity_raw(Decimal(str(row[4]))) if len(row) > 4 else instrument.quantity_raw(Decimal(1_000_000))
        values = (open_time, open_time + minutes * NS_PER_MINUTE, *prices, volume)
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    return pl.DataFrame(columns)


def catalogue_of(path: Path, bars: Mapping[str, Sequence[Row]], first_day: date = FIRST_DAY) -> Catalogue:
    """A catalogue of minute bars, one after the other through the regular sessions from a day on."""
    catalogue = Catalogue(path)
    for symbol, rows in bars.items():
        instrument = instrument_of(symbol)
        opens = minutes_of_sessions(instrument.calendar, len(rows), first_day)
        catalogue.write_bars(instrument, "1m", frame_of(instrument, rows, opens))
    return catalogue


def made_up(path: Path, symbols: Sequence[str], start: date, end: date, seed: int = 1, missing: float = 0.0) -> Catalogue:
    """A catalogue of generated minute bars."""
    catalogue = Catalogue(path)
    for symbol in symbols:
        instrument = instrument_of(symbol)
        catalogue.write_bars(instrument, "1m", generate(instrument, start, end, seed, missing=missing))
    return catalogue


def ideal(**changes: Any) -> BacktestOptions:
    """No costs, no volume limit, caps opened and much capital, with changes."""
    return replace(BacktestOptions(capital=Decimal(10_000_000), policy=OPEN_POLICY, ideal=True), **changes)


def fill_rows(fills: Sequence[Any]) -> list[tuple[int, str, str, Decimal, Decimal]]:
    """Fills as (time, symbol, side, quantity, price)."""
    return [(fill.time, fill.symbol, fill.side, fill.quantity, fill.price) for fill in fills]


class Run:
    """A backtest taken apart: the same parts as ``backtest`` puts together, for tests that look at engine and venue.

    Attributes:
        commands: every command in order; only ``by_events`` collects them, and the two that follow.
        fill_slices: for each fill the close time of the bar on which it happened.
        curve: (close time, the engine's equity as money) after every slice.
    """

    def __init__(
        self,
        strategy: str | StrategyType,
        symbols: Sequence[str],
        catalogue: Catalogue,
        options: BacktestOptions,
        *,
        parameters: Mapping[str, object] | None = None,
        interval: str | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.symbols = list(symbols)
        plans = plan_routes([Route(StaticScanner(), strategy, dict(parameters or {}))], symbols, interval)
        self.base = choose_base(catalogue, self.symbols, plans)
        self.instruments = [catalogue.instrument(symbol) for symbol in symbols]
        self.setup = run_setup(self.instruments, plans, self.base, options)
        self.engine: Engine = self.setup.engine
        self.start, self.end = resolve_period(catalogue, self.symbols, self.base, None, None)
        self.venue = SimulatedVenue(self.instruments, options.capabilities, options.settings(self.setup.models))
        currency = self.instruments[0].currency
        self.engine.handle(CashMovement(self.start, "deposit", currency, money(options.capital)))
        self.venue.deposit(currency, money(options.capital))
        self.schedule = build_schedule(self.instruments, [], self.start, self.end)
        self.fills: list[OrderFill] = []
        self.reports: list[Report] = []
        self.commands: list[Command] = []
        self.fill_slices: list[int] = []
        self.curve: list[tuple[int, int]] = []

    def chunks(self) -> list[BarColumns]:
        """All bars of the run."""
        regular = not self.setup.wants_extended
        return list(self.catalogue.columns(self.symbols, self.base, self.start, self.end, regular_only=regular))

    def in_batches(self) -> Run:
        """Run through the loop of the package."""
        loop = BacktestLoop(self.engine, self.venue, self.schedule)
        for columns in self.chunks():
            loop.run(columns)
        loop.finish(self.end)
        self.fills = loop.fills
        self.reports = self.engine.take_reports()
        return self

    def by_events(self) -> Run:
        """Run with a loop of our own that hands the engine each bar as an event of its own."""
        loop = EventLoop(self.engine, self.venue, self.schedule)
        for columns in self.chunks():
            loop.run(columns, self.instruments)
        loop.catch_up(self.end + 1)
        self.fills, self.commands, self.fill_slices, self.curve = loop.fills, loop.commands, loop.fill_slices, loop.curve
        self.reports = self.engine.take_reports()
        return self

    def told(self, kind: str) -> list[Report]:
        """Reports of one kind."""
        return [report for report in self.reports if report.kind == kind]


class EventLoop:
    """The meaning of a backtest, one event after the other: timers and phases, what bars do to orders, then the bars."""

    def __init__(self, engine: Engine, venue: SimulatedVenue, schedule: Sequence[Scheduled]) -> None:
        self.engine = engine
        self.venue = venue
        self.schedule = list(schedule)
        self.fills: list[OrderFill] = []
        self.commands: list[Command] = []
        self.fill_slices: list[int] = []
        self.curve: list[tuple[int, int]] = []
        self.now = 0

    def run(self, columns: BarColumns, instruments: Sequence[Instrument]) -> None:
        """Hand over one chunk, slice by slice."""
        row = 0
        while row < len(columns):
            close_time = columns.close_time[row]
            end = row
            while end < len(columns) and columns.close_time[end] == close_time:
                end += 1
            self.now = close_time
            self.catch_up(close_time)
            for each in range(row, end):
                self._match(columns, each)
            for each in range(row, end):
                self.engine.handle(MarketData(close_time, bar_of(columns, each, instruments)))
            self.engine.handle(SliceClosed(close_time))
            self._exchange()
            self.curve.append((close_time, self.engine.state.equity()))
            row = end

    def _match(self, columns: BarColumns, row: int) -> None:
        regular = not columns.regular or columns.regular[row] != 0
        prices = (columns.open[row], columns.high[row], columns.low[row], columns.close[row], columns.volume[row])
        index = columns.instrument[row]
        self.venue.match_bar(index, columns.open_time[row], columns.close_time[row], *prices, regular)
        while self.venue.events:
            self._exchange()
            self.venue.match_again(index)

    def catch_up(self, close_time: int) -> None:
        """Bring everything that is due before the bars that close at a time."""
        while True:
            item = self.schedule[0] if self.schedule else None
            if item is not None and (item.time > close_time or (item.time == close_time and item.after)):
                item = None
            due = self.engine.next_deadline()
            if due and due <= close_time and (item is None or due <= item.time):
                self._arrive(due)
                self._hand(ScheduledTrigger(due, "timer", due))
            elif item is not None:
                del self.schedule[0]
                self._arrive(item.time)
                self._phase(item.event)
            else:
                break
        self._arrive(close_time)

    def _arrive(self, time: int) -> None:
        while self.venue.in_flight:
            self.venue.advance(time)
            if not self.venue.events:
                return
            self._exchange()

    def _phase(self, event: Event) -> None:
        assert isinstance(event, ScheduledTrigger)
        session = event.session
        assert session is not None
        if event.trigger_type == "session_open":
            self.venue.open_session(session.calendar, session)
        elif event.trigger_type == "session_close":
            self.venue.close_session(session.calendar, session)
            self._exchange()
        elif event.trigger_type == "session_ending":
            event = ScheduledTrigger(**{**event.values(), "time": max(self.engine.state.now, session.open_time)})
        self._hand(event)

    def _hand(self, event: Event) -> None:
        self.engine.handle(event)
        self._exchange()

    def _exchange(self) -> None:
        state = self.engine.state
        while state.commands or self.venue.events:
            for command in self.engine.take_commands():
                self.commands.append(command)
                track = state.by_symbol[state.orders[command.client_order_id].symbol]
                self.venue.mark(track.index, track.last_raw)
                self.venue.execute(command, state.now)
            for event in self.venue.take_events():
                self.engine.handle(event)
                if isinstance(event, OrderFill):
                    self.fills.append(event)
                    self.fill_slices.append(self.now)


def bar_of(columns: BarColumns, row: int, instruments: Sequence[Instrument]) -> Bar:
    """One row as a bar."""
    prices = (columns.open[row], columns.high[row], columns.low[row], columns.close[row], columns.volume[row])
    return Bar(instruments[columns.instrument[row]], columns.open_time[row], columns.close_time[row], *prices)


def digest(lines: Sequence[object]) -> str:
    """A fingerprint of lines of text."""
    return hashlib.sha256("\n".join(str(line) for line in lines).encode()).hexdigest()
